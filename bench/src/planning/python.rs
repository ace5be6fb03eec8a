//! Peers in Python, where they are installed.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde::Deserialize;

/// What a peer measured.
#[derive(Debug, Deserialize)]
pub(crate) struct Found {
    /// Its name and version.
    pub(crate) library: String,
    /// What each round took.
    pub(crate) seconds: Vec<f64>,
    /// Sums of what it found, where it tells them.
    #[serde(default)]
    pub(crate) sums: Vec<f64>,
}

/// Runs a script of `bench/planning` on one thread. Where Python or a library is missing it answers what is.
pub(crate) fn run(script: &str, folder: &Path, rounds: usize) -> anyhow::Result<Result<Found, String>> {
    let python = std::env::var("STOCKTRAIL_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("planning").join(script);
    let told = Command::new(&python)
        .arg(path)
        .arg(folder)
        .arg(rounds.to_string())
        .env("NUMBA_NUM_THREADS", "1")
        .env("OMP_NUM_THREADS", "1")
        .env("OPENBLAS_NUM_THREADS", "1")
        .output();
    let told = match told {
        Err(error) => return Ok(Err(format!("{python}: {error}"))),
        Ok(told) => told,
    };
    let errors = String::from_utf8_lossy(&told.stderr);
    if errors.contains("ModuleNotFoundError") {
        let missing = errors.lines().last().unwrap_or_default();
        return Ok(Err(format!("{missing} (see bench/planning/requirements.txt, STOCKTRAIL_BENCH_PYTHON)")));
    }
    anyhow::ensure!(told.status.success(), "{script}: {errors}");
    let found =
        serde_json::from_slice(&told.stdout).with_context(|| format!("{script} answered something else"))?;
    Ok(Ok(found))
}

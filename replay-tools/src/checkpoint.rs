//! `replay checkpoint`: where the log stands, signed, in a file that is kept elsewhere. Whoever rewrites the whole
//! chain cannot change that file, and without the key he cannot make another.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use chrono::{DateTime, Utc};
use event_log::archive::Archive;
use event_log::checkpoint::{SignedCheckpoint, tip_at};
use event_log::signing::{PublicKey, SigningKey};
use event_log::verify::Report;
use sqlx::PgPool;

use crate::cli::CheckpointArgs;
use crate::output::{Finding, instant};
use crate::verify::log_holds;

/// Verifies the log and writes a checkpoint of it; none of a log that does not hold.
pub(crate) async fn run(
    owner: &PgPool,
    archive: &Archive,
    data_dir: &Path,
    args: &CheckpointArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let key = args.signing.key(data_dir)?;
    let (finding, reports) = log_holds(owner, archive, &[], out).await?;
    if finding == Finding::Difference {
        writeln!(out, "NO CHECKPOINT of a log that does not hold")?;
        return Ok(finding);
    }
    let kept = sign(owner, &key, &reports).await?;
    write(&args.file, &kept.to_text()?)?;
    writeln!(out, "{}, {}", args.file.display(), describe(&kept, true))?;
    Ok(Finding::Agreement)
}

async fn sign(owner: &PgPool, key: &SigningKey, reports: &[Report]) -> anyhow::Result<SignedCheckpoint> {
    let mut conn = owner.acquire().await?;
    let mut tips = Vec::new();
    for report in reports {
        tips.push(tip_at(&mut conn, report.partition, &report.head).await?);
    }
    Ok(SignedCheckpoint::sign(key, now(owner).await?, tips))
}

/// Reads a checkpoint and checks its signature.
pub(crate) fn read(file: &Path, trusted: Option<&PublicKey>) -> anyhow::Result<SignedCheckpoint> {
    let about = || format!("the checkpoint {}", file.display());
    let text = fs::read_to_string(file).with_context(about)?;
    let kept = SignedCheckpoint::parse(&text).with_context(about)?;
    kept.check(trusted).with_context(about)?;
    Ok(kept)
}

/// When it was made, and who answers for it.
pub(crate) fn describe(kept: &SignedCheckpoint, is_trusted: bool) -> String {
    let (at, key) = (instant(kept.taken_at), kept.public_key());
    let note = if is_trusted { "" } else { " (is it yours? --public-key asks for one)" };
    format!("checkpoint of {at} signed with {key}{note}")
}

/// Writes a line over what the file held.
pub(crate) fn write(file: &Path, line: &str) -> anyhow::Result<()> {
    fs::write(file, format!("{line}\n")).with_context(|| format!("writing {}", file.display()))
}

/// The database's time.
pub(crate) async fn now(owner: &PgPool) -> Result<DateTime<Utc>, sqlx::Error> {
    sqlx::query_scalar("select clock_timestamp()").fetch_one(owner).await
}

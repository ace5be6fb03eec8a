//! Where the programs of PostgreSQL are installed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::DatabaseError;

/// Where Debian and its relatives put every major version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The folder with `postgres` and `initdb`: `STOCKTRAIL_PG_BIN`, then `PATH`, then the newest installed version. When
/// the cluster exists already, its major version is the only one that fits.
pub(crate) fn find(cluster: &Path) -> Result<PathBuf, DatabaseError> {
    let mut found = candidates().filter(|folder| complete(folder)).peekable();
    if found.peek().is_none() {
        return Err(DatabaseError::NotInstalled);
    }
    let Ok(needed) = fs::read_to_string(cluster.join("PG_VERSION")) else {
        return found.next().ok_or(DatabaseError::NotInstalled);
    };
    let needed = needed.trim().to_owned();
    let fits = found.find(|folder| major(folder).as_ref() == Some(&needed));
    fits.ok_or_else(|| DatabaseError::OtherMajor { home: cluster.to_owned(), needed })
}

fn candidates() -> impl Iterator<Item = PathBuf> {
    let told = std::env::var_os("STOCKTRAIL_PG_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    told.into_iter().chain(path).chain(installed_versions())
}

/// Newest first.
fn installed_versions() -> Vec<PathBuf> {
    let folders = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = folders
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_by(|left, right| right.cmp(left));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn complete(folder: &Path) -> bool {
    folder.join("postgres").is_file() && folder.join("initdb").is_file()
}

/// `postgres (PostgreSQL) 15.13 (Debian …)` is major `15`.
fn major(folder: &Path) -> Option<String> {
    let output = std::process::Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_whitespace().nth(2)?;
    Some(version.chars().take_while(char::is_ascii_digit).collect())
}

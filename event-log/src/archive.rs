//! Old ranges of the log, outside the database.
//!
//! A sealed range of positions is written to one file per partition ([`write()`]), read back and checked against the
//! chain ([`check`]), and only then taken out of the `events` table ([`detach`]); `log.archived` names what left, with
//! the hash of each file. [`Events`] reads across archived and live ranges. Nobody gets a part of the log for the
//! whole: a reader that needs what is archived, and does not know where, fails with [`LogError::Archived`].
//!
//! A file is gzip over lines of JSON: a header with the hash of the batch before, every event, and behind the last event
//! of each batch the batch with its hash. It can be checked without a database.

mod line;
mod read;
mod write;
mod check;
mod events;
mod detach;

use std::path::{Path, PathBuf};

use sqlx::{PgConnection, Row};

use crate::LogError;
use crate::append::hash_of;

pub use check::check;
pub use detach::{Blocked, Sealed, detach, oldest};
pub use events::Events;
pub(crate) use events::Files;
pub use write::{Manifest, write};

/// Where archived ranges lie; nowhere by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archive {
    folder: Option<PathBuf>,
}

impl Archive {
    /// The archive in a folder; none: a reader that needs it fails.
    pub fn at(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    fn file(&self, range: &Range) -> Result<PathBuf, LogError> {
        let folder = self.folder.as_deref();
        let archived = || LogError::Archived { partition: range.partition, until: range.last };
        Ok(folder.ok_or_else(archived)?.join(&range.file))
    }
}

/// Positions of a partition that were written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Partition.
    pub partition: i16,
    /// First position in the file.
    pub first: i64,
    /// Last position in the file, the last of a batch. The newest of them may still be in the database too.
    pub last: i64,
    /// Name of the file.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
}

/// What is archived of a partition, oldest first.
pub async fn ranges(conn: &mut PgConnection, partition: i16) -> Result<Vec<Range>, LogError> {
    let rows = sqlx::query(
        "select partition, first_position, last_position, file, sha256 from log.archived
         where partition = $1 order by first_position",
    )
    .bind(partition)
    .fetch_all(conn)
    .await?;
    let range = |row: &sqlx::postgres::PgRow| {
        Ok(Range {
            partition: row.try_get("partition")?,
            first: row.try_get("first_position")?,
            last: row.try_get("last_position")?,
            file: row.try_get("file")?,
            sha256: hash_of(row.try_get("sha256")?)?,
        })
    };
    rows.iter().map(range).collect()
}

/// Last position that is not in the database any more, but for events of the kinds that stay; 0 where all are there. The
/// same for every partition.
pub async fn gone_until(conn: &mut PgConnection) -> Result<i64, LogError> {
    let until: Option<i64> =
        sqlx::query_scalar("select max(gone_until) from log.archived").fetch_one(conn).await?;
    Ok(until.unwrap_or(0))
}

/// An error of a file, with its name.
fn in_file(path: &Path) -> impl Fn(std::io::Error) -> LogError {
    let file = path.display().to_string();
    move |source| LogError::ArchiveFile { file: file.clone(), source }
}

/// A file that is not what was written.
fn damaged(path: &Path, reason: &'static str) -> LogError {
    LogError::ArchiveDamaged { file: path.display().to_string(), reason }
}

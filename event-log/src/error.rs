//! What can go wrong with the log.

/// Failure of a read or write of the log. Nothing was appended unless a lost connection hid the answer; see
/// [`crate::append::is_in_log`].
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database refused or the connection was lost.
    #[error("the event log could not be reached")]
    Database(#[from] sqlx::Error),
    /// The partition has no head row: the log was created with fewer partitions.
    #[error("the log has no partition {0}")]
    UnknownPartition(i16),
    /// One batch claims the same key twice.
    #[error("key {0} is claimed twice in one batch")]
    KeyTwice(uuid::Uuid),
    /// An event is not where the gapless order says: deleted or hidden.
    #[error("partition {partition} has no event at position {position}")]
    Gap {
        /// Partition.
        partition: i16,
        /// First position without an event.
        position: i64,
    },
    /// The oldest events of a partition are in the archive, and the reader does not know where that is.
    #[error(
        "the events of partition {partition} up to position {until} are archived; name the archive's folder"
    )]
    Archived {
        /// Partition.
        partition: i16,
        /// Last position that is archived.
        until: i64,
    },
    /// A file of the archive could not be read or written.
    #[error("the archive's file {file} failed")]
    ArchiveFile {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of the archive is not what was written.
    #[error("the archive's file {file} is damaged: {reason}")]
    ArchiveDamaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A COPY ended before its last byte.
    #[error("a copy of the log ended early")]
    CutShort,
    /// Bytes that are not what the log's tables hold.
    #[error("the log answered something unreadable: {0}")]
    Unreadable(&'static str),
}

impl LogError {
    /// True when the connection was lost and a write may or may not have happened.
    pub fn is_lost_connection(&self) -> bool {
        matches!(self, Self::Database(error) if is_lost_connection(error))
    }
}

/// Whether an error tells that the database is away, or went away in the middle of a statement, rather than that it
/// refused one. A server that dies may break off in the middle of its answer.
pub fn is_lost_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // 57P01 admin_shutdown, 57P02 crash_shutdown, 57P03 cannot_connect_now; class 08 connection exception; 25P03
        // idle_in_transaction_session_timeout.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("57P") || code.starts_with("08") || code == "25P03"),
        _ => false,
    }
}

//! Why the database cannot be opened.

use std::path::PathBuf;

/// Failure to open, migrate or serve the database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No PostgreSQL server program is installed.
    #[error(
        "PostgreSQL is not installed: run `apt-get install postgresql`, or set STOCKTRAIL_PG_BIN to the folder of its \
         programs, or DATABASE_URL to a running server"
    )]
    NotInstalled,
    /// The data was made by another major version than the installed ones.
    #[error("the data in {home} needs PostgreSQL {needed}: run `apt-get install postgresql-{needed}`")]
    OtherMajor {
        /// Folder of the cluster.
        home: PathBuf,
        /// Major version of its data.
        needed: String,
    },
    /// Another process has the same data directory open.
    #[error("the data directory {0} is in use by another process")]
    InUse(PathBuf),
    /// The server does not run as root and no unprivileged user was found.
    #[error("PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody`")]
    NoUser,
    /// A folder that should be ours belongs to somebody else.
    #[error("the folder {0} belongs to another user")]
    NotOurs(PathBuf),
    /// The server ended at once or did not become ready.
    #[error("PostgreSQL did not start; the end of its log:\n{0}")]
    NotStarted(String),
    /// A file or process of the private server failed.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Cause.
        source: std::io::Error,
    },
    /// `DATABASE_URL` cannot be read.
    #[error("the database address cannot be read")]
    Address(#[source] sqlx::Error),
    /// The database refused or the connection was lost.
    #[error("the database could not be reached")]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error("the database could not be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The number of partitions is not between 1 and 1024.
    #[error("STOCKTRAIL_PARTITIONS must be a number from 1 to 1024, not {0}")]
    Partitions(String),
    /// A background task of the opening was cancelled.
    #[error("opening the database was interrupted")]
    Interrupted,
}

impl DatabaseError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> DatabaseError {
        let doing = doing.into();
        move |source| DatabaseError::Io { doing, source }
    }
}

//! What can go wrong between a decision and its append.

use domain::shared::event::DecodeError;
use event_log::LogError;

/// Why a batch was not appended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    /// The log refused it or could not be reached.
    #[error(transparent)]
    Log(#[from] LogError),
    /// No connection could be had.
    #[error("no connection to the log")]
    Connection(#[from] sqlx::Error),
    /// The log holds an event that this release cannot read.
    #[error("a stored event cannot be read")]
    Decode(#[from] DecodeError),
}

impl CommitError {
    /// Whether the database could not be reached, so that trying again makes sense.
    pub(crate) fn is_connection(&self) -> bool {
        match self {
            Self::Log(error) => error.is_lost_connection(),
            Self::Connection(_) => true,
            Self::Decode(_) => false,
        }
    }
}

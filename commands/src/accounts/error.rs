//! Why this room refused or failed. The edge turns each variant into one status.

use std::time::Duration;

/// A value that no state would allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {message}")]
pub struct Invalid {
    /// Name of the field in the request body.
    pub field: &'static str,
    /// Stable code.
    pub code: &'static str,
    /// What is wrong, without the value.
    pub message: &'static str,
}

/// Why a call of this room did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// E-mail address and password do not belong together, or nobody has that address.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// Too many failed logins.
    #[error("too many failed logins")]
    Throttled {
        /// Time until another attempt makes sense.
        retry_after: Duration,
    },
    /// Too many passwords wait to be checked at the moment.
    #[error("too many sign-ins at the moment")]
    Busy,
    /// The access token, refresh token or API key is not ours, altered, unknown or revoked.
    #[error("the token or key is not valid")]
    NotSignedIn,
    /// The access or refresh token was ours, but its time is over.
    #[error("the token has expired")]
    Expired,
    /// An old refresh token came back; its whole session is revoked now.
    #[error("the refresh token was used before, so the session was ended")]
    Reused,
    /// Another request is refreshing the same session at this moment; its answer holds the new tokens.
    #[error("the session is being refreshed by another request")]
    RefreshUnderWay,
    /// The caller is not a member of that company.
    #[error("not a member of that company")]
    NotAMember,
    /// The e-mail address has an account already.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The person belongs to the company already.
    #[error("the person belongs to the company already")]
    AlreadyMember,
    /// No such person, key or job in the company.
    #[error("not found")]
    NotFound,
    /// The caller would grant, change or take away a role above his own.
    #[error("that role lies above the caller's own")]
    AboveOwnRole,
    /// The company would be left without an owner.
    #[error("the company needs at least one owner")]
    LastOwner,
    /// The person belongs to other companies too, so that only he may change name and password.
    #[error("only the person may change this, because other companies know the person too")]
    NotYours,
    /// A value that no state would allow.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The idempotency key was used with another body.
    #[error("the idempotency key was used with another request")]
    KeyReuse,
    /// The job's present state forbids it.
    #[error("the job is {state}")]
    JobState {
        /// State of the job.
        state: String,
    },
    /// The database failed.
    #[error("the accounts tables cannot be reached")]
    Database(#[from] sqlx::Error),
    /// A stored value cannot be opened with today's key, or a token cannot be made.
    #[error("a sealed value cannot be used")]
    Sealed(#[from] crate::accounts::SecretsError),
    /// A stored value does not have the shape that this release writes.
    #[error("a stored value cannot be read")]
    Stored(#[from] serde_json::Error),
    /// The system failed in a way that has nothing to do with the request.
    #[error("internal failure: {0}")]
    Internal(&'static str),
}

/// Shorthand for a refusal of one field.
pub(crate) fn invalid(field: &'static str, code: &'static str, message: &'static str) -> AccountsError {
    AccountsError::Invalid(Invalid { field, code, message })
}

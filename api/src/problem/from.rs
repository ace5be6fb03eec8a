//! The errors of the other layers as problems.

use commands::accounts::{AccountsError, RegisterError};
use commands::{RefusalKind, Refused, SubmitError};
use event_log::{LogError, is_lost_connection};
use projections::positions::NotYet;
use projections::projection::ProjectionError;

use super::{FieldError, Problem, Status};

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let status = match refused.kind {
            RefusalKind::NotFound => Status::NotFound,
            RefusalKind::Conflict => Status::Conflict,
            RefusalKind::Stale => Status::Stale,
            RefusalKind::Invalid => Status::Invalid,
        };
        let mut problem = Self::new(status, refused.code.clone(), refused.message.clone());
        if let Some(pointer) = refused.pointer {
            problem = problem.field(pointer, refused.code, refused.message);
        }
        problem.0.members = refused.figures;
        problem
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Busy { retry_after_seconds } => {
                Self::new(Status::TooManyRequests, "busy", error.to_string())
                    .retry_after(retry_after_seconds.into())
            }
            SubmitError::KeyReused => Self::new(Status::Invalid, "idempotency_key_reused", error.to_string()),
            SubmitError::Unavailable => Self::unavailable(error.to_string(), 1),
            SubmitError::Rejected => Self::internal(&error),
        }
    }
}

impl From<NotYet> for Problem {
    fn from(error: NotYet) -> Self {
        Self::new(Status::Unavailable, "not_yet", error.to_string()).retry_after(1)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        let has_no_connection = matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed);
        if has_no_connection || is_lost_connection(&error) {
            tracing::warn!(%error, "the database cannot be reached");
            return Self::unavailable("the database cannot be reached at the moment", 1);
        }
        if is_being_built(&error) {
            return Self::new(Status::Unavailable, "read_model_building", "the read model is being built")
                .retry_after(5);
        }
        Self::internal(&error)
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Database(error) => Self::from(error),
            LogError::Archived { until, .. } => {
                Self::conflict("archived", error.to_string()).with("archived_until", until)
            }
            error => Self::internal(&error),
        }
    }
}

/// No table or no schema of that name: this release reads a version of a read model that is not complete yet.
fn is_being_built(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["42P01", "3F000"].contains(&code.as_ref()))
}

impl From<ProjectionError> for Problem {
    fn from(error: ProjectionError) -> Self {
        match error {
            ProjectionError::Database(error) => Self::from(error),
            ProjectionError::Unknown(_) => Self::not_found("projection"),
            error => Self::internal(&error),
        }
    }
}

impl From<RegisterError<Problem>> for Problem {
    fn from(error: RegisterError<Problem>) -> Self {
        match error {
            RegisterError::Accounts(error) => Self::from(error),
            RegisterError::Founding(problem) => problem,
        }
    }
}

impl From<AccountsError> for Problem {
    fn from(error: AccountsError) -> Self {
        use AccountsError as E;
        let detail = error.to_string();
        match error {
            E::WrongCredentials => Self::new(Status::NotSignedIn, "wrong_credentials", detail),
            E::NotSignedIn => Self::new(Status::NotSignedIn, "not_signed_in", detail),
            E::Expired => Self::new(Status::NotSignedIn, "token_expired", detail),
            E::Reused => Self::new(Status::NotSignedIn, "refresh_token_reused", detail),
            E::Throttled { retry_after } => {
                Self::new(Status::TooManyRequests, "too_many_failed_logins", detail)
                    .retry_after(retry_after.as_secs())
            }
            E::Busy => Self::new(Status::TooManyRequests, "busy", detail).retry_after(1),
            E::RefreshUnderWay => Self::conflict("refresh_under_way", detail),
            E::NotAMember => Self::new(Status::Forbidden, "not_a_member", detail),
            E::EmailTaken => Self::conflict("email_taken", detail),
            E::AlreadyMember => Self::conflict("already_member", detail),
            E::NotFound => Self::new(Status::NotFound, "not_found", detail),
            E::AboveOwnRole => Self::new(Status::Forbidden, "above_own_role", detail),
            E::LastOwner => Self::conflict("last_owner", detail),
            E::NotYours => Self::new(Status::Forbidden, "not_yours", detail),
            E::Invalid(invalid) => {
                Self::invalid(invalid.code, format!("/{}", invalid.field), invalid.message)
            }
            E::KeyReuse => Self::new(Status::Invalid, "idempotency_key_reused", detail),
            E::JobState { .. } => Self::conflict("job_state", detail),
            E::Database(error) => Self::from(error),
            E::Sealed(_) | E::Stored(_) | E::Internal(_) => Self::internal(&error),
        }
    }
}

/// A row of several that was refused, as an entry of `errors[]`; `index` counts from 0.
pub fn row_error(index: usize, refused: &Refused) -> FieldError {
    FieldError {
        pointer: format!("/{index}{}", refused.pointer.as_deref().unwrap_or_default()),
        code: refused.code.clone(),
        message: refused.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that dies may break off in the middle of a handshake.
    #[test]
    fn a_database_that_is_away_is_no_failure_of_ours() {
        let broken = sqlx::Error::Protocol("unexpected response from SSLRequest: 0x00".to_owned());
        let cut = sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        for error in [broken, cut, sqlx::Error::PoolTimedOut, sqlx::Error::WorkerCrashed] {
            assert_eq!(Problem::from(error).0.code, "unavailable");
        }
        assert_eq!(Problem::from(sqlx::Error::RowNotFound).0.code, "internal");
    }
}

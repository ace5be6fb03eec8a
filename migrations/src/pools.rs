//! Pools of the service roles.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgPool};

/// Who works with the database. Each has only the rights of its work; none owns a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Answers queries of one company at a time (row-level security).
    Api,
    /// Appends to the log.
    Committer,
    /// Folds the log into read models.
    Projector,
    /// Users, keys, sessions, jobs.
    Accounts,
}

/// Statements longer than this are worth a line.
const SLOW: Duration = Duration::from_secs(10);

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::Api, Role::Committer, Role::Projector, Role::Accounts];

    /// Name in PostgreSQL.
    pub fn name(self) -> &'static str {
        match self {
            Role::Api => "stocktrail_api",
            Role::Committer => "stocktrail_committer",
            Role::Projector => "stocktrail_projector",
            Role::Accounts => "stocktrail_accounts",
        }
    }

    /// How long one statement may run; 0 for ever. People do not wait longer, a projection may have to.
    fn statement_timeout(self) -> &'static str {
        match self {
            Role::Api | Role::Accounts => "20s",
            Role::Committer => "60s",
            Role::Projector => "0",
        }
    }

    /// When PostgreSQL plans. The committer's look-ups are planned each time, for the size that a table has then: a plan
    /// made for an empty table would stay until the table is next analysed.
    fn plan_cache_mode(self) -> &'static str {
        match self {
            Role::Committer => "force_custom_plan",
            Role::Api | Role::Projector | Role::Accounts => "auto",
        }
    }
}

/// A connection of `role`: every statement of it runs with the role's rights.
pub(crate) fn options_for(role: Role, options: &PgConnectOptions) -> PgConnectOptions {
    let options = options.clone().log_slow_statements(log::LevelFilter::Warn, SLOW);
    options.application_name(role.name()).options([
        ("role", role.name()),
        ("statement_timeout", role.statement_timeout()),
        ("idle_in_transaction_session_timeout", "60s"),
        ("plan_cache_mode", role.plan_cache_mode()),
        ("timezone", "UTC"),
    ])
}

/// A pool that connects when it is first asked. A connection that has rested is tried before it is handed out, so
/// that a restarted server costs no request; one that was just used is taken as it is.
pub(crate) fn pool(options: PgConnectOptions, max: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(max)
        .acquire_timeout(Duration::from_secs(15))
        .idle_timeout(Duration::from_mins(10))
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for < Duration::from_millis(500) {
                    return Ok(true);
                }
                Ok(connection.ping().await.is_ok())
            })
        })
        .connect_lazy_with(options)
}

//! Whether a session still stands and with which role, remembered for a few seconds.
//!
//! A change made by this process acts at once, one made by another process when the memory ends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use super::{AccountsError, Role};

const MOST: usize = 20_000;

/// A session of a person in a company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Session {
    /// The person.
    pub(super) user: Uuid,
    /// The company.
    pub(super) company: Uuid,
    /// The family of refresh tokens.
    pub(super) family: Uuid,
}

/// The memory.
pub(super) struct Standings {
    ttl: Duration,
    known: Mutex<HashMap<Session, (Instant, Option<Role>)>>,
}

impl Standings {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, known: Mutex::new(HashMap::new()) }
    }

    /// Role in which the session stands; `None` when it was revoked, or the person removed or disabled.
    pub(super) async fn role(
        &self,
        pool: &PgPool,
        session: Session,
        now: DateTime<Utc>,
    ) -> Result<Option<Role>, AccountsError> {
        let asked = Instant::now();
        if let Some((since, role)) = self.lock().get(&session).copied()
            && asked.duration_since(since) < self.ttl
        {
            return Ok(role);
        }
        let role = look_up(pool, session, now).await?;
        let mut known = self.lock();
        if known.len() >= MOST {
            known.retain(|_, (since, _)| asked.duration_since(*since) < self.ttl);
        }
        if known.len() < MOST {
            known.insert(session, (asked, role));
        }
        Ok(role)
    }

    /// Forgets what is remembered of a person.
    pub(super) fn forget(&self, user: Uuid) {
        self.lock().retain(|session, _| session.user != user);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Session, (Instant, Option<Role>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn look_up(pool: &PgPool, session: Session, now: DateTime<Utc>) -> Result<Option<Role>, AccountsError> {
    let role: Option<String> = sqlx::query_scalar(
        "select m.role
         from accounts.memberships m
         join accounts.users u on u.user_id = m.user_id
         where m.company_id = $1
           and m.user_id = $2
           and m.removed_at is null
           and u.disabled_at is null
           and exists (
               select 1
               from accounts.refresh_tokens t
               where t.family_id = $3
                 and t.user_id = $2
                 and t.company_id = $1
                 and t.revoked_at is null
                 and t.expires_at > $4)",
    )
    .bind(session.company)
    .bind(session.user)
    .bind(session.family)
    .bind(now)
    .fetch_optional(pool)
    .await?;
    Ok(role.as_deref().and_then(Role::from_name))
}

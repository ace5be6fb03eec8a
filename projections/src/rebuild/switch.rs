//! Lets one copy take the place of another: a rename of two schemas, in one short transaction.
//!
//! Readers are never held up. PostgreSQL finds a table by the schema's name when a statement is planned, and plans
//! every prepared statement anew once a schema was renamed; columns and types are the same, so nothing fails. Only the
//! folding stands still, for as long as the live copy's checkpoints are locked:
//!
//! 1. lock the checkpoints, or give up at once and try again;
//! 2. fold the last events into the other copy and commit, so that whoever looks from now on finds them;
//! 3. wait a moment for readers that began before: theirs would be an older view of the copy they then find;
//! 4. rename, and commit.
//!
//! The live checkpoints stay as they are, for both copies stand at the same events: whoever holds a lease goes on under
//! its epoch, in whichever process, and its next fold finds the new copy by the same name. A fold that was refused
//! before writes nothing into the new copy either, and what is left out is the same in both.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep};

use super::catch_up::{Goal, NEAR_EVENTS};
use super::copies::{Made, is_held};
use super::load::Loader;
use crate::checkpoint::{self, Copy};
use crate::projection::ProjectionError;

/// How often the switch is tried.
const TRIES: u32 = 40;
/// How long one lock may let us wait at the first try, in milliseconds.
const LOCK_TIMEOUT_MS: u32 = 40;
/// How much longer at each further try: where folds take longer than that, a short try would never succeed.
const MORE_MS: u32 = 10;
/// How long PostgreSQL lets a process that was stopped in the middle of a switch keep folding from going on.
const SILENCE: &str = "5s";
/// Pause after a try in vain, growing with their number.
const PAUSE: Duration = Duration::from_millis(25);
/// How long readers that began before are waited for.
const READERS: Duration = Duration::from_millis(100);

/// What came of one try.
enum Tried {
    Switched,
    /// A fold under way held a checkpoint.
    Held,
    /// More events had come than may be folded while folding stands still.
    Behind,
}

impl Loader {
    /// Puts the loader's copy, the next or the old one, in the place of the live one, which becomes the old one. Answers
    /// the longest time for which folding stood still.
    pub(super) async fn switch(
        &self,
        conn: &mut PgConnection,
        aside: &mut PgConnection,
    ) -> Result<Duration, ProjectionError> {
        let live = Made::of(self.projection.as_ref(), Copy::Live);
        let mut longest = Duration::ZERO;
        for tries in 1..=TRIES {
            self.follow(aside, Goal::Copy(live.key())).await?;
            let begun = Instant::now();
            let lock_timeout_ms = LOCK_TIMEOUT_MS + MORE_MS * (tries - 1);
            let tried = self.try_switch(conn, aside, &live, lock_timeout_ms).await?;
            longest = longest.max(begun.elapsed());
            match tried {
                Tried::Switched => return Ok(longest),
                Tried::Held => sleep(PAUSE * tries).await,
                Tried::Behind => {}
            }
        }
        Err(ProjectionError::NeverFree(live.name.to_owned()))
    }

    async fn try_switch(
        &self,
        conn: &mut PgConnection,
        aside: &mut PgConnection,
        live: &Made,
        lock_timeout_ms: u32,
    ) -> Result<Tried, ProjectionError> {
        let mut tx = conn.begin().await?;
        tx.execute(sqlx::raw_sql(&format!(
            "set local lock_timeout = {lock_timeout_ms}; set local idle_in_transaction_session_timeout = '{SILENCE}'"
        )))
        .await?;
        let positions = match checkpoint::all(&mut tx, live.key(), true).await {
            Err(error) if is_held(&error) => return Ok(Tried::Held),
            positions => positions?,
        };
        if self.behind(aside, &positions).await? > 2 * NEAR_EVENTS {
            return Ok(Tried::Behind);
        }
        self.catch_up(aside, &positions).await?;
        await_readers(aside).await?;
        rename(&mut tx, live, &self.made).await?;
        tx.commit().await?;
        Ok(Tried::Switched)
    }

    /// Makes the loader's copy live where no copy of its version is.
    pub(super) async fn come_alive(&self, conn: &mut PgConnection) -> Result<(), ProjectionError> {
        self.follow(conn, Goal::Log).await?;
        let live = Made::of(self.projection.as_ref(), Copy::Live);
        let mut tx = conn.begin().await?;
        take_checkpoints(&mut tx, &self.made, &live).await?;
        tx.execute(sqlx::raw_sql(&format!("alter schema {} rename to {}", self.made.schema, live.schema)))
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The live copy becomes the old one; the other one becomes live. Where the old copy comes back they change places.
async fn rename(conn: &mut PgConnection, live: &Made, other: &Made) -> Result<(), sqlx::Error> {
    let old = format!("{}__old", live.schema);
    let aside = format!("{}__aside", live.schema);
    let (live_schema, other_schema) = (&live.schema, &other.schema);
    conn.execute(sqlx::raw_sql(&format!(
        "alter schema {live_schema} rename to {aside};
         alter schema {other_schema} rename to {live_schema};
         alter schema {aside} rename to {old}"
    )))
    .await?;
    if other.copy != Copy::Old {
        let former = Made { copy: Copy::Old, ..live.clone() };
        take_checkpoints(conn, other, &former).await?;
    }
    Ok(())
}

/// The checkpoints of one copy become those of another, which has none. Rows of the live copy are made anew, as any
/// that begins is: what else they say belongs to whoever folds.
async fn take_checkpoints(conn: &mut PgConnection, from: &Made, to: &Made) -> Result<(), sqlx::Error> {
    checkpoint::remove(conn, to.key()).await?;
    sqlx::query(
        "insert into projections.checkpoints (name, version, copy, partition, position, moved_at)
         select name, version, $4, partition, position, clock_timestamp()
         from projections.checkpoints
         where name = $1 and version = $2 and copy = $3",
    )
    .bind(from.name)
    .bind(from.version)
    .bind(from.copy.name())
    .bind(to.copy.name())
    .execute(&mut *conn)
    .await?;
    checkpoint::remove(conn, from.key()).await
}

/// Waits for transactions of readers that are open now, but not for long ones: a download of minutes reads one table
/// and keeps it.
async fn await_readers(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let deadline = Instant::now() + READERS;
    let since: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut *conn).await?;
    loop {
        let open: bool = sqlx::query_scalar(
            "select exists (
                 select from pg_catalog.pg_stat_activity
                 where datname = current_database() and application_name = 'stocktrail_api' and xact_start <= $1
             )",
        )
        .bind(since)
        .fetch_one(&mut *conn)
        .await?;
        if !open || Instant::now() >= deadline {
            return Ok(());
        }
        sleep(Duration::from_millis(2)).await;
    }
}

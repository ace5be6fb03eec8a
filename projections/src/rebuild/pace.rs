//! How fast events may be folded: as fast as it goes while nobody else is there, slower while people are at work.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::{Instant, sleep, sleep_until};

/// Events a second while people are at work, unless a rate was said: two processors are then idle two thirds of the time.
const BESIDE_PEOPLE: u32 = 100_000;
/// How often it is looked whether people are at work.
const LOOK: Duration = Duration::from_millis(250);

/// Whether somebody has read or written for people a moment ago. Where we may not see what sessions do, those that are
/// there count.
const AT_WORK: &str = "
select exists (
    select from pg_catalog.pg_stat_activity
    where datname = current_database() and application_name in ('stocktrail_api', 'stocktrail_committer')
        and (state <> 'idle' or state_change > clock_timestamp() - interval '2 s') is not false)";

/// Holds a rate over all partitions together.
pub(super) struct Pace {
    max_rate: Option<u32>,
    at_work: AtomicBool,
    /// When all events that have asked may be folded.
    next: Mutex<Instant>,
}

impl Pace {
    /// At most so many events a second; none: as many as there are, fewer while people are at work.
    pub(super) fn new(max_rate: Option<u32>) -> Self {
        Self { max_rate, at_work: AtomicBool::new(false), next: Mutex::new(Instant::now()) }
    }

    /// Looks whether people are at work, until it is dropped.
    pub(super) async fn watch(&self, pool: &PgPool) {
        while self.max_rate.is_none() {
            if let Err(error) = self.look(pool).await {
                tracing::debug!(%error, "whether people are at work cannot be told");
            }
            sleep(LOOK).await;
        }
    }

    async fn look(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        self.at_work.store(sqlx::query_scalar(AT_WORK).fetch_one(pool).await?, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until so many events may be folded.
    pub(super) async fn wait(&self, events: usize) {
        let Some(rate) = self.rate() else { return };
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        let time = Duration::from_micros(events.saturating_mul(1_000_000) / u64::from(rate.max(1)));
        let due = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next = (*next).max(Instant::now()) + time;
            *next
        };
        sleep_until(due).await;
    }

    /// How many of so many connections may be busy at the same time: half of them beside people.
    pub(super) fn at_once(&self, connections: usize) -> usize {
        if self.makes_way() { (connections / 2).max(1) } else { connections }
    }

    fn rate(&self) -> Option<u32> {
        self.max_rate.or_else(|| self.makes_way().then_some(BESIDE_PEOPLE))
    }

    fn makes_way(&self) -> bool {
        self.at_work.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use migrations::testing::fresh_database;
    use sqlx::ConnectOptions;

    use super::*;

    #[tokio::test]
    async fn a_rebuild_makes_way_for_people_alone() {
        let database = fresh_database().await;
        let pace = Pace::new(None);
        pace.look(database.owner()).await.unwrap();
        assert_eq!((pace.rate(), pace.at_once(4)), (None, 4));

        let options = database.owner().connect_options().as_ref().clone();
        let mut folding = options.clone().application_name("stocktrail_projector").connect().await.unwrap();
        sqlx::query("select 1").execute(&mut folding).await.unwrap();
        pace.look(database.owner()).await.unwrap();
        assert_eq!(pace.rate(), None);

        let mut reading = options.application_name("stocktrail_api").connect().await.unwrap();
        sqlx::query("select 1").execute(&mut reading).await.unwrap();
        pace.look(database.owner()).await.unwrap();
        assert_eq!((pace.rate(), pace.at_once(4), pace.at_once(1)), (Some(BESIDE_PEOPLE), 2, 1));
    }
}

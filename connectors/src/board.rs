//! Where an outlet stands with each partition of the log: for people, for metrics, and for the next start.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::read;
use projections::heads::Heads;
use projections::outbound::{self, Outbound};
use sqlx::PgPool;

/// Pause between two reports.
pub(crate) const PACE: Duration = Duration::from_secs(1);

/// What is done with a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Another process has the partition, or nobody.
    Elsewhere,
    /// Finds out how far the other system has come.
    Opening,
    /// Hands events on as they come.
    Relaying,
    /// Cannot go on for the moment, and tries again.
    Waiting,
}

impl State {
    /// Its word in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Elsewhere => "elsewhere",
            Self::Opening => "opening",
            Self::Relaying => "relaying",
            Self::Waiting => "waiting",
        }
    }
}

/// Where one partition stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What is done.
    pub state: State,
    /// What is waited for.
    pub detail: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Every event up to here was handed on. None until that is known.
    pub position: Option<i64>,
    /// The last event of each part of the other system, for example of each Kafka partition.
    pub lasts: Vec<i64>,
}

/// Where the partitions of one outlet stand in this process. Cheap to clone.
#[derive(Clone)]
pub struct Board(Arc<Inner>);

struct Inner {
    name: String,
    now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    places: Vec<Mutex<Standing>>,
}

impl Board {
    pub(crate) fn new(
        name: String,
        partitions: i16,
        now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    ) -> Self {
        let since = now();
        let standing = || {
            let (state, detail) = (State::Elsewhere, None);
            Mutex::new(Standing { state, detail, since, position: None, lasts: Vec::new() })
        };
        Self(Arc::new(Inner { name, now, places: (0..partitions).map(|_| standing()).collect() }))
    }

    /// Where a partition stands; none for a partition that the log does not have.
    pub fn at(&self, partition: i16) -> Option<Standing> {
        self.place(partition).map(|standing| standing.clone())
    }

    pub(crate) fn is(&self, partition: i16, state: State, detail: Option<String>) {
        let Some(mut standing) = self.place(partition) else { return };
        if standing.state == state && standing.detail == detail {
            return;
        }
        if let Some(detail) = &detail {
            tracing::warn!(outlet = self.0.name, partition, detail, "handing events on waits");
        } else {
            tracing::debug!(outlet = self.0.name, partition, state = state.name(), "handing events on");
        }
        if standing.state != state {
            standing.since = (self.0.now)();
        }
        (standing.state, standing.detail) = (state, detail);
    }

    pub(crate) fn reached(&self, partition: i16, position: i64, lasts: &[i64]) {
        if let Some(mut standing) = self.place(partition) {
            standing.position = Some(position);
            standing.lasts.clear();
            standing.lasts.extend_from_slice(lasts);
        }
    }

    /// What is remembered of a partition; none while another process has it.
    pub(crate) fn to_remember(&self, partition: i16) -> Option<Outbound> {
        let standing = self.at(partition).filter(|standing| standing.state != State::Elsewhere)?;
        Some(Outbound {
            name: self.0.name.clone(),
            partition,
            position: standing.position,
            lasts: standing.lasts,
            state: standing.state.name().to_owned(),
            detail: standing.detail,
            since: standing.since,
        })
    }

    /// Writes down where a partition stands.
    pub(crate) async fn remember(&self, partition: i16, pool: &PgPool) {
        if let Some(standing) = self.to_remember(partition)
            && let Err(error) = outbound::tell(pool, &standing).await
        {
            tracing::debug!(%error, "where an outlet stands cannot be written down");
        }
    }

    /// The server's clock.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.0.now)()
    }

    fn place(&self, partition: i16) -> Option<MutexGuard<'_, Standing>> {
        let place = self.0.places.get(usize::try_from(partition).ok()?)?;
        Some(place.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn partitions(&self) -> i16 {
        i16::try_from(self.0.places.len()).unwrap_or(i16::MAX)
    }
}

/// Tells metrics and database again and again where the partitions stand.
pub(crate) async fn report(board: Board, pool: PgPool, heads: Heads) {
    let partitions = board.partitions();
    let gauges: Vec<_> = (0..partitions).map(|partition| Gauges::new(&board.0.name, partition)).collect();
    let mut told: Vec<Option<Outbound>> = (0..partitions).map(|_| None).collect();
    loop {
        tokio::time::sleep(PACE).await;
        for ((partition, gauges), told) in (0..partitions).zip(&gauges).zip(&mut told) {
            let standing = board.to_remember(partition);
            gauges.set(&board, &pool, heads.at(partition), standing.as_ref()).await;
            if standing == *told {
                continue;
            }
            let done = match &standing {
                Some(standing) => outbound::tell(&pool, standing).await,
                None => Ok(()),
            };
            match done {
                Ok(()) => *told = standing,
                Err(error) => tracing::debug!(%error, "where an outlet stands cannot be written down"),
            }
        }
    }
}

struct Gauges {
    partition: i16,
    events: metrics::Gauge,
    seconds: metrics::Gauge,
    waiting: metrics::Gauge,
}

impl Gauges {
    fn new(name: &str, partition: i16) -> Self {
        let outlet = name.split_once(':').map_or(name, |(kind, _)| kind).to_owned();
        let labels = [("outlet", outlet), ("partition", partition.to_string())];
        Self {
            partition,
            events: metrics::gauge!("stocktrail_relay_lag_events", &labels),
            seconds: metrics::gauge!("stocktrail_relay_lag_seconds", &labels),
            waiting: metrics::gauge!("stocktrail_relay_waiting", &labels),
        }
    }

    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a gauge is a float")]
    async fn set(&self, board: &Board, pool: &PgPool, head: i64, standing: Option<&Outbound>) {
        let waits = standing.is_some_and(|standing| standing.state == State::Waiting.name());
        self.waiting.set(f64::from(u8::from(waits)));
        let position = standing.and_then(|standing| standing.position).unwrap_or(head);
        let behind = (head - position).max(0);
        self.events.set(behind as f64);
        let seconds = if behind > 0 { self.age(board, pool, position + 1).await } else { Some(0.0) };
        if let Some(seconds) = seconds {
            self.seconds.set(seconds);
        }
    }

    /// How long ago the event at `position` was recorded, in seconds; none where the log cannot tell.
    async fn age(&self, board: &Board, pool: &PgPool, position: i64) -> Option<f64> {
        let mut conn = pool.acquire().await.ok()?;
        let event = read::at(&mut conn, self.partition, position).await.ok()??;
        Some((board.now() - event.recorded_at).as_seconds_f64().max(0.0))
    }
}

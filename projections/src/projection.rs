//! What a read model is.
//!
//! It has no side effects and knows no clock: the same events give the same tables on any day. Its SQL is unqualified;
//! the runner sets `search_path` to the copy that is folded, so that live, rebuilt and verified copies share the code.

use event_log::event::StoredEvent;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::bulk::Builder;

/// One read model.
pub trait Projection: Send + Sync + 'static {
    /// Name, for ever; also the first half of its schema's name.
    fn name(&self) -> &'static str;

    /// Version of its tables and of what `apply` makes of the events. Counted up, the tables are folded anew.
    fn version(&self) -> i32;

    /// Types of the streams that it folds; other events never reach [`Projection::apply`].
    fn stream_types(&self) -> &'static [&'static str];

    /// Whether it folds this event; other events cost it nothing. Narrower than the stream types where few of their
    /// events matter.
    fn folds(&self, event: &StoredEvent) -> bool {
        self.stream_types().contains(&event.stream_type.as_ref())
    }

    /// Creates its tables and indexes, names unqualified. Every table has a primary key that begins with `company_id`.
    /// Row-level security and grants are added by [`crate::install`]; a copy that is loaded by a [`Builder`] gets its
    /// keys and indexes after its rows.
    fn ddl(&self) -> &'static str;

    /// Folds a block of events of one partition, in position order, set-based. Runs in the runner's transaction.
    fn apply<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        block: &'a [StoredEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>>;

    /// Folds one partition in memory when a copy is made from zero. None where its events are few: large blocks then
    /// go through [`Projection::apply`].
    fn builder(&self) -> Option<Box<dyn Builder>> {
        None
    }

    /// Companies whose rows are to be summed up after a builder has brought them in.
    fn unsummed<'a>(
        &'a self,
        _conn: &'a mut PgConnection,
    ) -> BoxFuture<'a, Result<Vec<Uuid>, ProjectionError>> {
        std::future::ready(Ok(Vec::new())).boxed()
    }

    /// Sums up what a builder has brought in of a company, once keys and indexes are there. May be done twice, and for
    /// several companies at the same time.
    fn sum_up<'a>(
        &'a self,
        _conn: &'a mut PgConnection,
        _company_id: Uuid,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        std::future::ready(Ok(())).boxed()
    }

    /// Whether it gives way to everything else: after each block it rests for several times as long as that took, unless
    /// a reader waits, so that under load it folds more at once.
    fn gives_way(&self) -> bool {
        false
    }

    /// Whether its builder looks at the metadata of events; they are not read from the log otherwise.
    fn reads_metadata(&self) -> bool {
        true
    }
}

/// Rows of one statement where every event makes a row: few enough to stay in the processor's caches on their way.
pub(crate) const ROWS_AT_ONCE: usize = 4_000;

/// Schema of the live copy, for example `inventory_1`.
pub fn schema_of(projection: &dyn Projection) -> String {
    format!("{}_{}", projection.name(), projection.version())
}

/// Why a block could not be folded, or a read model not be read.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// PostgreSQL refused or could not be reached.
    #[error("the read model's database failed")]
    Database(#[from] sqlx::Error),
    /// The log could not be read.
    #[error("the log could not be read")]
    Log(#[from] event_log::LogError),
    /// A stored event that today's code cannot read.
    #[error("event {position} of partition {partition} cannot be read")]
    Event {
        /// Partition.
        partition: i16,
        /// Position.
        position: i64,
        /// What is wrong with it.
        #[source]
        source: domain::shared::event::DecodeError,
    },
    /// A value that the read model cannot hold.
    #[error("event {position} of partition {partition} cannot be folded: {reason}")]
    Unfoldable {
        /// Partition.
        partition: i16,
        /// Position.
        position: i64,
        /// Why.
        reason: String,
    },
    /// No projection has this name.
    #[error("there is no projection named {0}")]
    Unknown(String),
    /// Another process makes a copy of it at the moment.
    #[error("a copy of {0} is being made already")]
    UnderWay(String),
    /// The live copy was never free for long enough to be replaced; the new one is kept and a rebuild goes on with it.
    #[error("the live copy of {0} was never free for the switch; the new copy waits, rebuild again")]
    NeverFree(String),
    /// The threads of a rebuild could not be started, or failed.
    #[error("the rebuild's threads failed")]
    Threads(#[source] std::io::Error),
}

/// A stored event as `E`, decoded unless its meaning is known; the error names its place in the log.
pub fn decode<E: domain::shared::event::Event>(event: &StoredEvent) -> Result<E, ProjectionError> {
    if let Some(known) = event.meaning.get::<E>() {
        return Ok(known.clone());
    }
    E::decode(&event.event_type, event.schema_version, &event.payload).map_err(|source| {
        ProjectionError::Event { partition: event.partition, position: event.position, source }
    })
}

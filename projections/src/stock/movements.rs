//! Projection `movements`: one row per leg of every stock fact, daily sums, and checkpoints of stock.
//!
//! A row is written once and never changed, so its only costs are one insert and three index entries: the key and
//! `movements_time` grow at their right edge, only `movements_item` is written all over. Location, type, reference and
//! author are filtered on the way through one of these. Two more indexes hold few rows: statements of stock, and facts
//! that were late (`late`).
//!
//! Every [`FACTS_PER_CHECKPOINT`] facts of a company `checkpoints` sums its movements up, so that the stock of any
//! instant ([`super::past`]) is read from one checkpoint and what came after it.
//!
//! `daily` is kept up to date rather than summed up by query: without an item it holds a handful of rows a day, so a
//! block costs it a few updates whatever its size, while a year of a busy company is millions of movements. Sums of
//! one item are taken from its own few movements (`queries`).

use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::event::Event;
use domain::stock::StockEvent;
use event_log::event::StoredEvent;

use crate::bulk::{Builder, Rows};
use crate::projection::{Projection, ProjectionError, ROWS_AT_ONCE, decode};
use checkpoints::{Checkpoint, Counters};
use days::Days;
use late::Statements;
use legs::{Leg, Legs};

mod legs;
pub(crate) mod late;
mod days;
mod checkpoints;

/// Schema that the queries of this release read.
pub const SCHEMA: &str = "movements_2";

/// Facts of a company from one checkpoint to the next: what is read movement by movement, at most, for one instant.
pub const FACTS_PER_CHECKPOINT: i64 = 65_536;

/// The projection; see the module.
#[derive(Debug, Clone, Copy)]
pub struct Movements {
    facts_per_checkpoint: i64,
}

impl Default for Movements {
    fn default() -> Self {
        Self::checkpoints_every(FACTS_PER_CHECKPOINT)
    }
}

impl Movements {
    /// The projection with checkpoints at another distance, 1 or more.
    pub fn checkpoints_every(facts_per_checkpoint: i64) -> Self {
        Self { facts_per_checkpoint: facts_per_checkpoint.max(1) }
    }
}

impl Projection for Movements {
    fn name(&self) -> &'static str {
        "movements"
    }

    fn version(&self) -> i32 {
        2
    }

    fn stream_types(&self) -> &'static [&'static str] {
        &[StockEvent::STREAM_TYPE]
    }

    fn ddl(&self) -> &'static str {
        DDL
    }

    fn apply<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        block: &'a [StoredEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            let mut legs = Legs::default();
            let mut days = Days::default();
            let mut authors = Authors::default();
            let mut counters = Counters::read(conn, block.iter().map(|event| event.company_id)).await?;
            let mut due = Vec::new();
            for event in block {
                if counters.have(event.company_id, event.position) {
                    continue;
                }
                let number = fold(event, &mut counters, &mut authors, &mut days, |leg| legs.push(&leg))?;
                due.extend(Checkpoint::at(event, number, self.facts_per_checkpoint));
                if legs.len() >= ROWS_AT_ONCE {
                    std::mem::take(&mut legs).write(conn).await?;
                    checkpoints::take(conn, std::mem::take(&mut due)).await?;
                }
            }
            legs.write(conn).await?;
            checkpoints::take(conn, due).await?;
            days.write(conn).await.map_err(ProjectionError::from)
        }
        .boxed()
    }

    fn builder(&self) -> Option<Box<dyn Builder>> {
        Some(Box::<WholeHistory>::default())
    }

    fn unsummed<'a>(
        &'a self,
        conn: &'a mut PgConnection,
    ) -> BoxFuture<'a, Result<Vec<Uuid>, ProjectionError>> {
        checkpoints::missing(conn, self.facts_per_checkpoint).map_err(ProjectionError::from).boxed()
    }

    fn sum_up<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        company_id: Uuid,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        let taken = checkpoints::take_missing(conn, company_id, self.facts_per_checkpoint);
        taken.map_err(ProjectionError::from).boxed()
    }
}

const DDL: &str = "
create table movements (
    company_id uuid not null,
    position bigint not null,
    leg smallint not null,
    movement_id uuid not null,
    item_key text not null,
    location_id text not null,
    movement_type text not null,
    quantity bigint not null,
    effect bigint not null,
    balance_after bigint not null,
    anchored_at bigint,
    superseded_by uuid,
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    local_date date not null,
    reference_type text not null,
    reference_id text,
    reason text,
    notes text,
    created_by text not null,
    -- Which fact of the company it belongs to, from 1.
    number bigint not null,
    -- Instant of the next statement of stock, where that was known already: from then on it says nothing.
    counted_at timestamptz,
    primary key (company_id, position, leg)
);
create index movements_item on movements (company_id, item_key, effective_at, position);
create index movements_time on movements (company_id, effective_at, position);
create index movements_stated on movements (company_id, item_key, location_id, effective_at)
    where anchored_at is not null;
create index movements_counted on movements (company_id, counted_at) where counted_at is not null;

create table daily (
    company_id uuid not null,
    local_date date not null,
    location_id text not null,
    movement_type text not null,
    movements bigint not null,
    units_in bigint not null,
    units_out bigint not null,
    updated_position bigint not null,
    primary key (company_id, local_date, location_id, movement_type)
) with (fillfactor = 50);

-- See checkpoints.rs. Part 0 is everything up to the checkpoint, the others are what came since the one before.
create table checkpoints (
    company_id uuid not null,
    checkpoint bigint not null, -- number of the last fact
    part integer not null,
    last_position bigint not null,
    first_recorded_at timestamptz not null, -- of what came since the checkpoint before
    last_recorded_at timestamptz not null,
    first_at timestamptz not null, -- of the part
    last_at timestamptz not null,
    movements bigint not null,
    primary key (company_id, checkpoint, part)
);
create table checkpoint_sums (
    company_id uuid not null,
    checkpoint bigint not null,
    part integer not null,
    item_key text not null,
    location_id text not null,
    units bigint not null,
    movements bigint not null,
    effect bigint not null,
    last_moved_at timestamptz,
    primary key (company_id, checkpoint, part, item_key, location_id)
);
";

/// Makes the rows of a fact, and adds them to their days. Answers which fact of its company it is, if it moved
/// anything.
fn fold(
    event: &StoredEvent,
    counters: &mut Counters,
    authors: &mut Authors,
    days: &mut Days,
    mut add: impl FnMut(Leg<'_>),
) -> Result<Option<i64>, ProjectionError> {
    let fact: StockEvent = decode(event)?;
    if fact.entry().movements.is_empty() {
        return Ok(None);
    }
    let author = authors.of(event)?;
    let number = counters.next(event.company_id);
    legs::of(event, number, &fact, author).for_each(|leg| {
        days.add(&leg);
        add(leg);
    });
    Ok(Some(number))
}

/// The part of an event's metadata that history shows; empty where metadata that came from elsewhere does not say.
#[derive(Deserialize)]
struct Author {
    #[serde(default)]
    actor: String,
}

/// Reads authors out of metadata; the events of one command bear the same.
#[derive(Default)]
struct Authors {
    metadata: std::sync::Arc<str>,
    actor: String,
}

impl Authors {
    fn of(&mut self, event: &StoredEvent) -> Result<&str, ProjectionError> {
        if self.metadata != event.metadata {
            let author: Author =
                serde_json::from_str(&event.metadata).map_err(|error| ProjectionError::Unfoldable {
                    partition: event.partition,
                    position: event.position,
                    reason: format!("its metadata cannot be read: {error}"),
                })?;
            self.actor = legs::storable(&author.actor).into_owned();
            self.metadata = std::sync::Arc::clone(&event.metadata);
        }
        Ok(&self.actor)
    }
}

/// The history of a partition, folded from its first event: rows are ready at once, days at the end, checkpoints when
/// keys are there ([`Projection::sum_up`]).
#[derive(Default)]
struct WholeHistory {
    counters: Counters,
    authors: Authors,
    statements: Statements,
    days: Days,
}

impl Builder for WholeHistory {
    fn fold(&mut self, block: &[StoredEvent], rows: &mut Rows) -> Result<(), ProjectionError> {
        let Self { counters, authors, statements, days } = self;
        for event in block {
            fold(event, counters, authors, days, |leg| {
                let counted_at = statements.take(&leg);
                leg.put(counted_at, rows);
            })?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, conn: &mut PgConnection) -> BoxFuture<'_, Result<(), ProjectionError>> {
        let mut rows = Rows::default();
        self.days.put(&mut rows);
        async move { rows.write(conn).await.map_err(ProjectionError::from) }.boxed()
    }
}

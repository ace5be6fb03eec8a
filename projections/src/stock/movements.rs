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

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::event::Event;
use domain::stock::StockEvent;
use domain::stock::event::movement_id;
use event_log::event::StoredEvent;

use crate::projection::{Projection, ProjectionError, ROWS_AT_ONCE, decode};
use crate::stock::checkpoints::{self, Checkpoint, Counters};
use crate::stock::late::{Anchors, Place};
use crate::stock::words::{reason_name, reference_name, type_name};

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
            let mut days = Days::new();
            let mut authors = Authors::default();
            let mut counters = Counters::read(conn, block.iter().map(|event| event.company_id)).await?;
            let mut due = Vec::new();
            for event in block {
                if counters.have(event.company_id, event.position) {
                    continue;
                }
                let fact: StockEvent = decode(event)?;
                if fact.entry().movements.is_empty() {
                    continue;
                }
                let number = counters.next(event.company_id);
                fold(&mut legs, &mut days, (event, authors.of(event)?, &fact), number);
                due.extend(Checkpoint::at(event, number, self.facts_per_checkpoint));
                if legs.positions.len() >= ROWS_AT_ONCE {
                    std::mem::take(&mut legs).write(conn).await?;
                    checkpoints::take(conn, std::mem::take(&mut due)).await?;
                }
            }
            legs.write(conn).await?;
            checkpoints::take(conn, due).await?;
            write_days(conn, days).await.map_err(ProjectionError::from)
        }
        .boxed()
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

/// Rows of `movements`, column by column.
#[derive(Default)]
struct Legs<'a> {
    companies: Vec<Uuid>,
    positions: Vec<i64>,
    numbers: Vec<i16>,
    ids: Vec<Uuid>,
    items: Vec<&'a str>,
    locations: Vec<String>,
    types: Vec<&'static str>,
    quantities: Vec<i64>,
    effects: Vec<i64>,
    balances: Vec<i64>,
    anchors: Vec<Option<i64>>,
    superseded: Vec<Option<Uuid>>,
    effective: Vec<DateTime<Utc>>,
    recorded: Vec<DateTime<Utc>>,
    dates: Vec<NaiveDate>,
    reference_types: Vec<&'static str>,
    references: Vec<Option<String>>,
    reasons: Vec<Option<&'static str>>,
    notes: Vec<Option<String>>,
    authors: Vec<String>,
    facts: Vec<i64>,
}

/// Keyed by company, local day, location, type.
type Days = BTreeMap<(Uuid, NaiveDate, String, &'static str), Day>;

/// What a block did to one day.
#[derive(Default)]
struct Day {
    movements: i64,
    units_in: i64,
    units_out: i64,
    position: i64,
}

/// The part of an event's metadata that history shows; empty where metadata that came from elsewhere does not say.
#[derive(Deserialize)]
struct Author {
    #[serde(default)]
    actor: String,
}

/// Takes in one fact, the `number`th of its company.
fn fold<'a>(
    legs: &mut Legs<'a>,
    days: &mut Days,
    (event, author, fact): (&'a StoredEvent, &str, &StockEvent),
    number: i64,
) {
    let movement_type = type_name(fact.movement_type());
    let reference_type = reference_name(fact.reference_type());
    let reason = match fact {
        StockEvent::StockAdjusted(adjusted) => Some(reason_name(adjusted.reason)),
        _ => None,
    };
    let entry = fact.entry();
    for (leg, movement) in entry.movements.iter().enumerate() {
        let location = movement.location_id.as_str().to_owned();
        let key = (event.company_id, entry.local_date, location.clone(), movement_type);
        days.entry(key).or_default().add(movement.quantity, event.position);
        legs.companies.push(event.company_id);
        legs.positions.push(event.position);
        legs.numbers.push(i16::try_from(leg).unwrap_or(i16::MAX));
        legs.ids.push(movement_id(entry.movement_id, leg));
        legs.items.push(&event.stream_id);
        legs.locations.push(location);
        legs.types.push(movement_type);
        legs.quantities.push(movement.quantity);
        legs.effects.push(movement.effect);
        legs.balances.push(movement.balance_after);
        legs.anchors.push(movement.anchored_at);
        legs.superseded.push(movement.superseded_by);
        legs.effective.push(entry.effective_at);
        legs.recorded.push(event.recorded_at);
        legs.dates.push(entry.local_date);
        legs.reference_types.push(reference_type);
        legs.references.push(fact.reference_id().map(storable));
        legs.reasons.push(reason);
        legs.notes.push(fact.notes().map(storable));
        legs.authors.push(author.to_owned());
        legs.facts.push(number);
    }
}

/// Reads authors out of metadata; the events of one command bear the same.
#[derive(Default)]
struct Authors<'a> {
    metadata: &'a str,
    actor: String,
}

impl<'a> Authors<'a> {
    fn of(&mut self, event: &'a StoredEvent) -> Result<&str, ProjectionError> {
        if self.metadata != &*event.metadata {
            let author: Author =
                serde_json::from_str(&event.metadata).map_err(|error| ProjectionError::Unfoldable {
                    partition: event.partition,
                    position: event.position,
                    reason: format!("its metadata cannot be read: {error}"),
                })?;
            self.actor = storable(&author.actor);
            self.metadata = &event.metadata;
        }
        Ok(&self.actor)
    }
}

/// PostgreSQL's text cannot hold U+0000, and a fact must never stop a read model.
fn storable(text: &str) -> String {
    text.replace('\0', "")
}

impl Day {
    fn add(&mut self, quantity: i64, position: i64) {
        self.movements += 1;
        self.units_in = self.units_in.saturating_add(quantity.max(0));
        self.units_out = self.units_out.saturating_sub(quantity.min(0));
        self.position = position;
    }
}

impl Legs<'_> {
    /// Arrays in the select list advance together row by row; in a from clause they would first be written aside.
    async fn write(self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.positions.is_empty() {
            return Ok(());
        }
        let counted = self.counted(conn).await?;
        sqlx::query(INSERT)
            .bind(self.companies)
            .bind(self.positions)
            .bind(self.numbers)
            .bind(self.ids)
            .bind(self.items)
            .bind(self.locations)
            .bind(self.types)
            .bind(self.quantities)
            .bind(self.effects)
            .bind(self.balances)
            .bind(self.anchors)
            .bind(self.superseded)
            .bind(self.effective)
            .bind(self.recorded)
            .bind(self.dates)
            .bind(self.reference_types)
            .bind(self.references)
            .bind(self.reasons)
            .bind(self.notes)
            .bind(self.authors)
            .bind(self.facts)
            .bind(counted)
            .execute(conn)
            .await?;
        Ok(())
    }

    /// Instant of the next statement of stock behind each leg that came late, in the order of the legs.
    async fn counted(&self, conn: &mut PgConnection) -> Result<Vec<Option<DateTime<Utc>>>, sqlx::Error> {
        let mut anchors = Anchors::default();
        let legs = self.companies.iter().zip(&self.items).zip(&self.locations).zip(&self.effective);
        let kinds = self.anchors.iter().zip(&self.superseded);
        for ((((company_id, item_key), location_id), at), (stated, superseded)) in legs.zip(kinds) {
            let place = Place { company_id: *company_id, item_key, location_id };
            anchors.take(place, *at, stated.is_some(), superseded.is_some());
        }
        anchors.counted(conn).await
    }
}

const INSERT: &str = "
insert into movements
    (company_id, position, leg, movement_id, item_key, location_id, movement_type, quantity, effect, balance_after,
     anchored_at, superseded_by, effective_at, recorded_at, local_date, reference_type, reference_id, reason, notes,
     created_by, number, counted_at)
select unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::smallint[]), unnest($4::uuid[]), unnest($5::text[]),
       unnest($6::text[]), unnest($7::text[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::bigint[]),
       unnest($11::bigint[]), unnest($12::uuid[]), unnest($13::timestamptz[]), unnest($14::timestamptz[]),
       unnest($15::date[]), unnest($16::text[]), unnest($17::text[]), unnest($18::text[]), unnest($19::text[]),
       unnest($20::text[]), unnest($21::bigint[]), unnest($22::timestamptz[])";

async fn write_days(conn: &mut PgConnection, days: Days) -> Result<(), sqlx::Error> {
    if days.is_empty() {
        return Ok(());
    }
    let (keys, sums): (Vec<_>, Vec<_>) = days.into_iter().unzip();
    sqlx::query(UPSERT_DAYS)
        .bind(keys.iter().map(|key| key.0).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.1).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.2.as_str()).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.3).collect::<Vec<_>>())
        .bind(sums.iter().map(|day| day.movements).collect::<Vec<_>>())
        .bind(sums.iter().map(|day| day.units_in).collect::<Vec<_>>())
        .bind(sums.iter().map(|day| day.units_out).collect::<Vec<_>>())
        .bind(sums.iter().map(|day| day.position).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

const UPSERT_DAYS: &str = "
insert into daily as day
    (company_id, local_date, location_id, movement_type, movements, units_in, units_out, updated_position)
select company_id, local_date, location_id, movement_type, movements, units_in, units_out, position
from unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
     as change (company_id, local_date, location_id, movement_type, movements, units_in, units_out, position)
on conflict (company_id, local_date, location_id, movement_type) do update set
    movements = day.movements + excluded.movements,
    units_in = day.units_in + excluded.units_in,
    units_out = day.units_out + excluded.units_out,
    updated_position = excluded.updated_position
where day.updated_position < excluded.updated_position";

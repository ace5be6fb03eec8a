//! Projection `inventory`: on hand and reserved units per company, product and location.
//!
//! All facts of one block about one level are folded in memory and written as one upsert. On hand is the sum of
//! effects, so a level only ever adds; a row that has seen a block's last position skips that block. A rebuild folds a
//! whole partition as one such block, and its changes are the rows.
//! The index on `updated_position` is what [`super::board`] asks for changes; it costs one index entry per written row.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::event::Event;
use domain::shared::ids::LocationId;
use domain::stock::event::Discrepancy;
use domain::stock::{Entry, StockEvent};
use event_log::event::StoredEvent;

use crate::bulk::{Builder, Rows, Target};
use crate::projection::{Projection, ProjectionError, decode};
use crate::stock::reservations::Reservations;

/// Schema that the queries of this release read.
pub const SCHEMA: &str = "inventory_1";

/// The projection; see the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inventory;

impl Projection for Inventory {
    fn name(&self) -> &'static str {
        "inventory"
    }

    fn version(&self) -> i32 {
        1
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
            let mut facts = Vec::with_capacity(block.len());
            for event in block {
                facts.push((event, decode::<StockEvent>(event)?));
            }
            let mut reservations = Reservations::load(conn, &facts).await?;
            let mut changes = Changes::default();
            for (event, fact) in &facts {
                fold(&mut changes, &mut reservations, event, fact);
            }
            if changes.0.is_empty() {
                return Ok(());
            }
            reservations.save(conn).await?;
            write(conn, &changes).await.map_err(ProjectionError::from)
        }
        .boxed()
    }

    fn builder(&self) -> Option<Box<dyn Builder>> {
        Some(Box::<WholeStock>::default())
    }

    fn reads_metadata(&self) -> bool {
        false
    }
}

const DDL: &str = "
create table levels (
    company_id uuid not null,
    item_key text not null,
    location_id text not null,
    on_hand bigint not null,
    reserved bigint not null,
    discrepancy_since timestamptz,
    last_moved_at timestamptz,
    updated_position bigint not null,
    primary key (company_id, item_key, location_id)
) with (fillfactor = 80);
create index levels_updated on levels (company_id, updated_position);

create table reservations (
    company_id uuid not null,
    item_key text not null,
    channel text not null,
    line_id text not null,
    location_id text not null,
    quantity bigint not null,
    primary key (company_id, item_key, channel, line_id)
);
";

/// What a block did to levels, by company, item key and location.
#[derive(Debug, Default)]
struct Changes(HashMap<(Uuid, Arc<str>, LocationId), Change>);

/// What a block did to one level.
#[derive(Debug, Default)]
struct Change {
    effect: i64,
    reserved: i64,
    /// When on hand last fell below zero within the block, unless it came back within it.
    discrepancy_since: Option<DateTime<Utc>>,
    last_moved_at: Option<DateTime<Utc>>,
    position: i64,
}

impl Changes {
    /// The change of one level, which this event changes.
    fn level(&mut self, event: &StoredEvent, location_id: &LocationId) -> &mut Change {
        let key = (event.company_id, Arc::clone(&event.stream_id), location_id.clone());
        let change = self.0.entry(key).or_default();
        change.position = event.position;
        change
    }

    /// Every change in the order of its level's key, so that two writers never wait crosswise and neighbouring rows
    /// lie together.
    fn in_order(&self) -> Vec<((Uuid, &str, &str), &Change)> {
        let changes = self.0.iter();
        let mut ordered: Vec<_> = changes
            .map(|((company, item, location), change)| ((*company, &**item, location.as_str()), change))
            .collect();
        ordered.sort_unstable_by_key(|(key, _)| *key);
        ordered
    }
}

fn fold(changes: &mut Changes, reservations: &mut Reservations, event: &StoredEvent, fact: &StockEvent) {
    fold_movements(changes, event, fact.entry());
    for change in reservations.take_in(event, fact) {
        changes.level(event, &change.location_id).reserved += change.quantity;
    }
}

fn fold_movements(changes: &mut Changes, event: &StoredEvent, entry: &Entry) {
    for movement in &entry.movements {
        let change = changes.level(event, &movement.location_id);
        change.effect = change.effect.saturating_add(movement.effect);
        change.last_moved_at = change.last_moved_at.max(Some(entry.effective_at));
        match movement.discrepancy {
            Some(Discrepancy::Opened) => change.discrepancy_since = Some(entry.effective_at),
            Some(Discrepancy::Closed) => change.discrepancy_since = None,
            None => {}
        }
    }
}

async fn write(conn: &mut PgConnection, changes: &Changes) -> Result<(), sqlx::Error> {
    let changes = changes.in_order();
    sqlx::query(UPSERT)
        .bind(changes.iter().map(|(key, _)| key.0).collect::<Vec<_>>())
        .bind(changes.iter().map(|(key, _)| key.1).collect::<Vec<_>>())
        .bind(changes.iter().map(|(key, _)| key.2).collect::<Vec<_>>())
        .bind(changes.iter().map(|(_, change)| change.effect).collect::<Vec<_>>())
        .bind(changes.iter().map(|(_, change)| change.reserved).collect::<Vec<_>>())
        .bind(changes.iter().map(|(_, change)| change.discrepancy_since).collect::<Vec<_>>())
        .bind(changes.iter().map(|(_, change)| change.last_moved_at).collect::<Vec<_>>())
        .bind(changes.iter().map(|(_, change)| change.position).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

const UPSERT: &str = "
insert into levels as level
    (company_id, item_key, location_id, on_hand, reserved, discrepancy_since, last_moved_at, updated_position)
select company_id, item_key, location_id, effect, reserved, discrepancy_since, last_moved_at, position
from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::timestamptz[],
            $8::bigint[])
     as change (company_id, item_key, location_id, effect, reserved, discrepancy_since, last_moved_at, position)
on conflict (company_id, item_key, location_id) do update set
    on_hand = level.on_hand + excluded.on_hand,
    reserved = level.reserved + excluded.reserved,
    discrepancy_since = case
        when level.on_hand + excluded.on_hand < 0
        then coalesce(excluded.discrepancy_since, level.discrepancy_since)
    end,
    last_moved_at = greatest(level.last_moved_at, excluded.last_moved_at),
    updated_position = excluded.updated_position
where level.updated_position < excluded.updated_position";

/// All stock of a partition, folded from its first event.
#[derive(Default)]
struct WholeStock {
    changes: Changes,
    reservations: Reservations,
}

const LEVELS: Target = Target {
    table: "levels",
    columns: &[
        "company_id",
        "item_key",
        "location_id",
        "on_hand",
        "reserved",
        "discrepancy_since",
        "last_moved_at",
        "updated_position",
    ],
};

impl Builder for WholeStock {
    fn fold(&mut self, block: &[StoredEvent], _: &mut Rows) -> Result<(), ProjectionError> {
        for event in block {
            fold(&mut self.changes, &mut self.reservations, event, &decode::<StockEvent>(event)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, conn: &mut PgConnection) -> BoxFuture<'_, Result<(), ProjectionError>> {
        let mut rows = Rows::default();
        for ((company, item, location), change) in self.changes.in_order() {
            rows.row(&LEVELS)
                .put(company)
                .put(item)
                .put(location)
                .put(change.effect)
                .put(change.reserved)
                .put(change.discrepancy_since)
                .put(change.last_moved_at)
                .put(change.position);
        }
        self.reservations.put(&mut rows);
        async move { rows.write(conn).await.map_err(ProjectionError::from) }.boxed()
    }
}

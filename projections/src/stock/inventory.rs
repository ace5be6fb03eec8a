//! Projection `inventory`: on hand and reserved units per company, product and location.
//!
//! All facts of one block about one level are folded in memory and written as one upsert. On hand is the sum of
//! effects, so a level only ever adds; a row that has seen a block's last position skips that block.
//! The index on `updated_position` is what [`super::board`] asks for changes; it costs one index entry per written row.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::event::Event;
use domain::stock::event::Discrepancy;
use domain::stock::{Entry, StockEvent};
use event_log::event::StoredEvent;

use crate::projection::{Projection, ProjectionError, decode};
use crate::stock::reservations::{Open, Reservations};

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
            let mut changes = Changes::new();
            for (event, fact) in &facts {
                fold_movements(&mut changes, event, fact.entry());
                fold_promise(&mut changes, &mut reservations, event, fact);
            }
            if changes.is_empty() {
                return Ok(());
            }
            reservations.save(conn).await?;
            write(conn, changes).await.map_err(ProjectionError::from)
        }
        .boxed()
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

/// Keyed by company, item key, location.
type Changes<'a> = HashMap<(Uuid, &'a str, String), Change>;

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

fn fold_movements<'a>(changes: &mut Changes<'a>, event: &'a StoredEvent, entry: &Entry) {
    for movement in &entry.movements {
        let change = level(changes, event, movement.location_id.as_str());
        change.effect = change.effect.saturating_add(movement.effect);
        change.last_moved_at = change.last_moved_at.max(Some(entry.effective_at));
        match movement.discrepancy {
            Some(Discrepancy::Opened) => change.discrepancy_since = Some(entry.effective_at),
            Some(Discrepancy::Closed) => change.discrepancy_since = None,
            None => {}
        }
    }
}

fn fold_promise<'a>(
    changes: &mut Changes<'a>,
    reservations: &mut Reservations,
    event: &'a StoredEvent,
    fact: &StockEvent,
) {
    let freed = match fact {
        StockEvent::UnitsReserved(reserved) => {
            let location_id = reserved.location_id.as_str().to_owned();
            level(changes, event, &location_id).reserved += reserved.sale.quantity;
            let open = Open { location_id, quantity: reserved.sale.quantity };
            reservations.promise(event, &reserved.sale, open)
        }
        StockEvent::ReservedUnitsShipped(shipped) => {
            reservations.set_free(event, &shipped.sale, shipped.sale.quantity)
        }
        StockEvent::SaleCancelled(cancelled) if cancelled.released != 0 => {
            reservations.set_free(event, &cancelled.sale, cancelled.released)
        }
        _ => None,
    };
    if let Some(freed) = freed {
        level(changes, event, &freed.location_id).reserved -= freed.quantity;
    }
}

fn level<'c, 'a>(changes: &'c mut Changes<'a>, event: &'a StoredEvent, location_id: &str) -> &'c mut Change {
    let key = (event.company_id, &*event.stream_id, location_id.to_owned());
    let change = changes.entry(key).or_default();
    change.position = event.position;
    change
}

/// Writes in the order of the key, so that two writers never wait crosswise.
async fn write(conn: &mut PgConnection, changes: Changes<'_>) -> Result<(), sqlx::Error> {
    let mut companies = Vec::with_capacity(changes.len());
    let mut items = Vec::with_capacity(changes.len());
    let mut locations = Vec::with_capacity(changes.len());
    let mut effects = Vec::with_capacity(changes.len());
    let mut reserved = Vec::with_capacity(changes.len());
    let mut discrepancies = Vec::with_capacity(changes.len());
    let mut moved = Vec::with_capacity(changes.len());
    let mut positions = Vec::with_capacity(changes.len());
    let mut changes: Vec<_> = changes.into_iter().collect();
    changes.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    for ((company, item, location), change) in changes {
        companies.push(company);
        items.push(item);
        locations.push(location);
        effects.push(change.effect);
        reserved.push(change.reserved);
        discrepancies.push(change.discrepancy_since);
        moved.push(change.last_moved_at);
        positions.push(change.position);
    }
    sqlx::query(UPSERT)
        .bind(companies)
        .bind(items)
        .bind(locations)
        .bind(effects)
        .bind(reserved)
        .bind(discrepancies)
        .bind(moved)
        .bind(positions)
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

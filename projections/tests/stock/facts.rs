//! Random facts, decided by the domain and stored as the log stores them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::shared::event::Event;
use domain::shared::ids::{ChannelId, LocationId};
use domain::shared::moment::Stamp;
use domain::stock::command::Human;
use domain::stock::{
    AdjustKind, Confirm, Reason, SaleLine, StockCommand, StockEvent, StockFacts, StockIntent, StockItem,
    StockRefusal, StockRules,
};
use event_log::event::StoredEvent;
use migrations::testing::{TestDatabase, fresh_database};
use projections::projection::{Projection, schema_of};
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) const COMPANIES: [Uuid; 2] = [Uuid::from_u128(1), Uuid::from_u128(2)];
pub(crate) const LOCATIONS: [&str; 3] = ["MAIN", "SHOP", "MIRROR"];

/// The same numbers in every run (an xorshift generator).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    pub(crate) fn units(&mut self, bound: u64) -> i64 {
        i64::try_from(self.below(bound)).unwrap()
    }
}

/// A database with all read models, empty.
pub(crate) async fn read_models() -> (TestDatabase, PgPool) {
    let database = fresh_database().await;
    let owner = database.owner().clone();
    projections::install::install(&owner, &projections::registry::all()).await.unwrap();
    (database, owner)
}

/// Folds blocks as the runner does.
pub(crate) async fn fold(
    owner: &PgPool,
    projection: &dyn Projection,
    blocks: impl Iterator<Item = &[StoredEvent]>,
) {
    let mut tx = owner.begin().await.unwrap();
    let schema = schema_of(projection);
    sqlx::query(&format!("set local search_path = {schema}, public")).execute(&mut *tx).await.unwrap();
    for block in blocks {
        projection.apply(&mut tx, block).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Start of the facts.
pub(crate) fn day_one() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

/// Random orders of people and channels: many late, some back-dated behind anchors, some at one instant.
pub(crate) fn random_facts(seed: u64, orders: usize) -> Vec<StoredEvent> {
    let mut chance = Chance(seed);
    let mut stock: BTreeMap<(Uuid, String), (StockItem, Vec<StockEvent>)> = BTreeMap::new();
    let mut stored = Vec::new();
    for order in 0..orders {
        let now = day_one() + TimeDelta::hours(i64::try_from(order).unwrap());
        let company_id = COMPANIES[usize::from(chance.below(4) == 0)];
        let item = format!("item-{}", chance.below(5));
        let (state, past) = stock.entry((company_id, item.clone())).or_default();
        let intent = random_intent(&mut chance, now, order);
        let command = |history: Option<Vec<StockEvent>>| StockCommand {
            facts: StockFacts {
                movement_id: Uuid::from_u128(0x1000 + 2 * u128::try_from(order).unwrap()),
                now,
                time_zone: chrono_tz::Europe::London,
                rules: StockRules::default(),
                history,
            },
            intent: intent.clone(),
        };
        let decided = match state.decide(command(None)) {
            Err(StockRefusal::NeedsHistory) => state.decide(command(Some(past.clone()))),
            decided => decided,
        };
        for event in decided.unwrap_or_default() {
            state.evolve(&event);
            past.push(event.clone());
            stored.push(store(&event, company_id, &item, stored.len(), past.len(), now));
        }
    }
    stored
}

fn store(
    event: &StockEvent,
    company_id: Uuid,
    item: &str,
    before: usize,
    version: usize,
    now: DateTime<Utc>,
) -> StoredEvent {
    StoredEvent {
        partition: 0,
        position: i64::try_from(before).unwrap() + 1,
        company_id,
        stream_type: Arc::from(StockEvent::STREAM_TYPE),
        stream_id: Arc::from(item),
        version: i64::try_from(version).unwrap(),
        event_id: event.entry().movement_id,
        event_type: Arc::from(event.name()),
        schema_version: event.schema_version(),
        effective_at: event.entry().effective_at,
        recorded_at: now,
        payload: Arc::from(event.payload().unwrap()),
        metadata: Arc::from(r#"{"actor":"user:test"}"#),
        meaning: event_log::event::Meaning::default(),
    }
}

fn random_intent(chance: &mut Chance, now: DateTime<Utc>, order: usize) -> StockIntent {
    let location_id = location(chance);
    let quantity = 1 + chance.units(20);
    // A third happened now, the rest up to 100 hours before, on whole half days so that instants meet.
    let ago = if chance.below(3) == 0 { 0 } else { 12 * chance.units(9) };
    let at = Stamp { at: now - TimeDelta::hours(ago), offset_minutes: 0 };
    let human = Human {
        at: Some(at),
        notes: Some("a\0b".to_owned()).filter(|_| chance.below(5) == 0),
        expected_quantity: None,
        confirm: vec![Confirm::Backdated, Confirm::LargeChange],
    };
    // Few lines, so that shipments and cancellations meet what was reserved.
    let line = if chance.below(2) == 0 { order } else { order - order % 17 };
    let sale = SaleLine {
        channel: ChannelId::new("web").unwrap(),
        order_id: format!("order-{line}"),
        line_id: format!("line-{line}"),
        quantity: 1 + chance.units(4),
        unit_price: None,
    };
    match chance.below(12) {
        0 => StockIntent::Open { location_id, quantity, at: Some(at), notes: None },
        1 => StockIntent::Count { location_id, counted: quantity, human },
        2 => StockIntent::Transfer { from: location_id, to: location(chance), quantity, human },
        3 => StockIntent::RecordSnapshot { location_id, at, quantity, channel: sale.channel },
        4 => StockIntent::RecordSale { location_id, at, sale, reserve: true },
        5 => StockIntent::RecordShipment { at, sale },
        6 => StockIntent::RecordCancellation { location_id, at, sale },
        7 => StockIntent::Receive { location_id, quantity, reference: Some("PO-1".to_owned()), human },
        8 => adjustment(location_id, AdjustKind::SetTo, quantity, human),
        9 => adjustment(location_id, AdjustKind::Subtract, quantity, human),
        _ => StockIntent::RecordSale { location_id, at, sale, reserve: false },
    }
}

fn adjustment(location_id: LocationId, kind: AdjustKind, quantity: i64, human: Human) -> StockIntent {
    StockIntent::Adjust { location_id, kind, quantity, reason: Reason::Correction, human }
}

fn location(chance: &mut Chance) -> LocationId {
    LocationId::new(LOCATIONS[usize::try_from(chance.below(3)).unwrap()]).unwrap()
}

//! What the two projections make of facts.

use std::collections::BTreeMap;

use domain::shared::event::Event;
use domain::stock::{StockEvent, StockItem};
use event_log::event::StoredEvent;
use projections::compare::{Side, compare};
use projections::projection::Projection;
use projections::stock::inventory::Inventory;
use projections::stock::movements::Movements;
use projections::stock::queries::{DayFilter, Span, days};
use sqlx::PgPool;

use crate::facts::{COMPANIES, fold, random_facts, read_models};

#[tokio::test]
async fn levels_equal_the_state_that_orders_are_decided_on() {
    let (_database, owner) = read_models().await;
    let events = random_facts(11, 700);
    fold(&owner, &Inventory, events.chunks(37)).await;

    let mut expected = BTreeMap::new();
    let mut items: BTreeMap<(uuid::Uuid, String), StockItem> = BTreeMap::new();
    for event in &events {
        let fact = StockEvent::decode(&event.event_type, event.schema_version, &event.payload).unwrap();
        items.entry((event.company_id, event.stream_id.as_ref().to_owned())).or_default().evolve(&fact);
    }
    for ((company, item), state) in &items {
        for (location, ledger) in &state.locations {
            let key = (*company, item.clone(), location.as_str().to_owned());
            expected.insert(key, (ledger.on_hand, ledger.reserved, ledger.on_hand < 0));
        }
    }
    let rows: Vec<(uuid::Uuid, String, String, i64, i64, bool)> = sqlx::query_as(
        "select company_id, item_key, location_id, on_hand, reserved, discrepancy_since is not null from inventory_1.levels",
    )
    .fetch_all(&owner)
    .await
    .unwrap();
    let found: BTreeMap<_, _> =
        rows.into_iter().map(|row| ((row.0, row.1, row.2), (row.3, row.4, row.5))).collect();
    assert!(found.values().any(|(_, reserved, _)| *reserved > 0), "the facts hold reservations");
    assert!(found.values().any(|(_, _, discrepancy)| *discrepancy), "the facts hold discrepancies");
    assert_eq!(found, expected);
}

#[tokio::test]
async fn inventory_folded_twice_is_folded_once() {
    twice_is_once(&Inventory, "inventory_1").await;
}

#[tokio::test]
async fn movements_folded_twice_are_folded_once() {
    twice_is_once(&Movements::checkpoints_every(50), "movements_2").await;
}

#[tokio::test]
async fn inventory_is_the_same_for_blocks_of_any_size() {
    blocks_of_any_size(&Inventory, "inventory_1").await;
}

#[tokio::test]
async fn movements_are_the_same_for_blocks_of_any_size() {
    blocks_of_any_size(&Movements::checkpoints_every(50), "movements_2").await;
}

/// Folds into the live schema block by block, each block twice, and into a second copy all at once.
async fn twice_is_once(projection: &dyn Projection, schema: &str) {
    let (_database, owner) = read_models().await;
    let events = random_facts(12, 400);
    fold(&owner, projection, events.chunks(29).flat_map(|block| [block, block])).await;
    equals_one_block(&owner, projection, schema, &events).await;
}

/// Where a block ends changes nothing: a level that falls below zero, comes back and falls again within one included.
async fn blocks_of_any_size(projection: &dyn Projection, schema: &str) {
    for (seed, size) in [(13, 1), (14, 7), (15, 60), (16, 150)] {
        let (_database, owner) = read_models().await;
        let events = random_facts(seed, 400);
        fold(&owner, projection, events.chunks(size)).await;
        equals_one_block(&owner, projection, schema, &events).await;
    }
}

async fn equals_one_block(owner: &PgPool, projection: &dyn Projection, schema: &str, events: &[StoredEvent]) {
    fold_into_second_copy(owner, projection, schema, events).await;
    let (mut one, mut other) = (owner.acquire().await.unwrap(), owner.acquire().await.unwrap());
    let first = Side { conn: &mut one, schema };
    let second = Side { conn: &mut other, schema: "second_copy" };
    let tables = compare(first, second).await.unwrap();
    assert!(tables.iter().any(|table| table.rows > 0));
    assert!(tables.iter().all(projections::compare::TableComparison::is_equal), "{tables:?}");
}

async fn fold_into_second_copy(
    owner: &PgPool,
    projection: &dyn Projection,
    schema: &str,
    events: &[StoredEvent],
) {
    let mut tx = owner.begin().await.unwrap();
    sqlx::query("create schema second_copy").execute(&mut *tx).await.unwrap();
    sqlx::query("set local search_path = second_copy").execute(&mut *tx).await.unwrap();
    sqlx::raw_sql(projection.ddl()).execute(&mut *tx).await.unwrap();
    projection.apply(&mut tx, events).await.unwrap();
    tx.commit().await.unwrap();
    assert_ne!(schema, "second_copy");
}

#[tokio::test]
async fn effects_sum_to_on_hand() {
    let (_database, owner) = read_models().await;
    let events = random_facts(13, 500);
    fold(&owner, &Inventory, events.chunks(64)).await;
    fold(&owner, &Movements::default(), events.chunks(50)).await;
    let different: i64 = sqlx::query_scalar(
        "select count(*)
         from inventory_1.levels as l
         left join (select company_id, item_key, location_id, sum(effect) as effects
                    from movements_2.movements group by 1, 2, 3) as m using (company_id, item_key, location_id)
         where l.on_hand <> coalesce(m.effects, 0)",
    )
    .fetch_one(&owner)
    .await
    .unwrap();
    assert_eq!(different, 0);
}

#[tokio::test]
async fn daily_sums_equal_the_movements_of_the_days() {
    let (_database, owner) = read_models().await;
    let events = random_facts(14, 400);
    fold(&owner, &Movements::default(), events.chunks(33)).await;
    let mut conn = owner.acquire().await.unwrap();
    let all = Span { offset: 0, limit: 10_000 };
    let (kept, total) = days(&mut conn, COMPANIES[0], &DayFilter::default(), all).await.unwrap();
    assert_eq!(i64::try_from(kept.len()).unwrap(), total);
    let mut sums = BTreeMap::new();
    for item in 0..5 {
        let filter = DayFilter { item_key: Some(format!("item-{item}")), ..DayFilter::default() };
        for day in days(&mut conn, COMPANIES[0], &filter, all).await.unwrap().0 {
            let sum = sums.entry((day.local_date, day.movement_type)).or_insert((0, 0, 0));
            *sum = (sum.0 + day.movements, sum.1 + day.units_in, sum.2 + day.units_out);
        }
    }
    let kept: BTreeMap<_, _> = kept
        .into_iter()
        .map(|day| ((day.local_date, day.movement_type), (day.movements, day.units_in, day.units_out)))
        .collect();
    assert!(kept.len() > 20);
    assert_eq!(kept, sums);
}

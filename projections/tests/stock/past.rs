//! Stock of the past and history lists.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::shared::event::Event;
use domain::stock::StockEvent;
use event_log::event::StoredEvent;
use projections::stock::history::{MovementColumn, MovementFilter, count_movements, movements};
use projections::stock::movements::Movements;
use projections::stock::queries::{Span, as_of};

use crate::facts::{COMPANIES, Chance, day_one, fold, random_facts, read_models};

const EVERYTHING: Span = Span { offset: 0, limit: 100_000 };

/// When, position, quantity, and the stock stated by an anchor.
type Leg = (DateTime<Utc>, i64, i64, Option<i64>);

/// On hand per product and location at `instant` as known at `known`, one fact after another.
fn plain_fold(
    events: &[StoredEvent],
    instant: DateTime<Utc>,
    known: DateTime<Utc>,
) -> BTreeMap<(String, String), i64> {
    let mut legs: BTreeMap<(String, String), Vec<Leg>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.company_id == COMPANIES[0] && event.recorded_at <= known)
    {
        let fact = StockEvent::decode(&event.event_type, event.schema_version, &event.payload).unwrap();
        for leg in fact.entry().movements.iter().filter(|_| fact.entry().effective_at <= instant) {
            let key = (event.stream_id.as_ref().to_owned(), leg.location_id.as_str().to_owned());
            let fact = (fact.entry().effective_at, event.position, leg.quantity, leg.anchored_at);
            legs.entry(key).or_default().push(fact);
        }
    }
    let mut stock = BTreeMap::new();
    for (key, mut legs) in legs {
        // In the order in which they happened; at one instant anchors close it.
        legs.sort_by_key(|leg| (leg.0, leg.3.is_some(), leg.1));
        let on_hand = legs.iter().fold(0, |stock, leg| leg.3.unwrap_or(stock + leg.2));
        stock.insert(key, on_hand);
    }
    stock
}

#[tokio::test]
async fn stock_at_any_instant_equals_a_plain_fold() {
    let (_database, owner) = read_models().await;
    let events = random_facts(21, 900);
    fold(&owner, &Movements, events.chunks(100)).await;
    assert!(events.iter().any(|event| event.payload.contains("superseded_by")), "late facts before anchors");
    let mut conn = owner.acquire().await.unwrap();
    let mut chance = Chance(5);
    for _ in 0..120 {
        let instant = day_one() + TimeDelta::hours(chance.units(900) - 50);
        let known = day_one() + TimeDelta::hours(chance.units(1_000));
        let expected = plain_fold(&events, instant, known);
        let rows = as_of(&mut conn, COMPANIES[0], None, instant, known).await.unwrap();
        let found: BTreeMap<_, _> =
            rows.into_iter().map(|row| ((row.item_key, row.location_id), row.on_hand)).collect();
        assert_eq!(found, expected, "at {instant}, known at {known}");
        let one = as_of(&mut conn, COMPANIES[0], Some("item-2"), instant, known).await.unwrap();
        for row in one {
            assert_eq!(row.on_hand, expected[&(row.item_key, row.location_id)]);
        }
    }
}

#[tokio::test]
async fn stock_at_the_end_equals_the_sum_of_effects() {
    let (_database, owner) = read_models().await;
    let events = random_facts(22, 900);
    fold(&owner, &Movements, events.chunks(100)).await;
    let mut conn = owner.acquire().await.unwrap();
    let end = day_one() + TimeDelta::days(365);
    let rows = as_of(&mut conn, COMPANIES[0], None, end, end).await.unwrap();
    let found: BTreeMap<_, _> =
        rows.into_iter().map(|row| ((row.item_key, row.location_id), row.on_hand)).collect();
    let sums: Vec<(String, String, i64)> = sqlx::query_as(
        "select item_key, location_id, sum(effect)::bigint from movements_1.movements where company_id = $1 group by 1, 2",
    )
    .bind(COMPANIES[0])
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let sums: BTreeMap<_, _> = sums.into_iter().map(|row| ((row.0, row.1), row.2)).collect();
    assert_eq!(found, sums);
}

#[tokio::test]
async fn history_is_filtered_sorted_counted_and_paged() {
    let (_database, owner) = read_models().await;
    let events = random_facts(23, 400);
    fold(&owner, &Movements, events.chunks(100)).await;
    let mut conn = owner.acquire().await.unwrap();
    let all = movements(&mut conn, COMPANIES[0], &MovementFilter::default(), &[], EVERYTHING).await.unwrap();
    assert!(all.iter().all(|row| row.created_by == "user:test"));
    assert!(all.iter().filter_map(|row| row.notes.as_deref()).all(|notes| notes == "ab"), "without U+0000");
    assert!(all.is_sorted_by_key(|row| std::cmp::Reverse((row.effective_at, row.position, row.leg))));
    let filters = [
        MovementFilter::default(),
        MovementFilter { item_key: Some("item-1".to_owned()), ..MovementFilter::default() },
        MovementFilter { location_id: Some("SHOP".to_owned()), ..MovementFilter::default() },
        MovementFilter { movement_type: Some("TRANSFER".to_owned()), ..MovementFilter::default() },
        MovementFilter { reference_type: Some("SALE".to_owned()), ..MovementFilter::default() },
        MovementFilter { reference_id: Some("PO-1".to_owned()), ..MovementFilter::default() },
        MovementFilter { created_by: Some("nobody".to_owned()), ..MovementFilter::default() },
        MovementFilter { search: Some("po-".to_owned()), ..MovementFilter::default() },
        MovementFilter {
            from: Some(all[200].effective_at),
            to: Some(all[50].effective_at),
            ..MovementFilter::default()
        },
        MovementFilter { known_at: Some(all[100].recorded_at), ..MovementFilter::default() },
    ];
    for filter in filters {
        let wanted: Vec<_> =
            all.iter().filter(|row| matches(row, &filter)).map(|row| row.movement_id).collect();
        let total = count_movements(&mut conn, COMPANIES[0], &filter).await.unwrap();
        assert_eq!(total, i64::try_from(wanted.len()).unwrap(), "{filter:?}");
        let mut paged = Vec::new();
        for offset in (0..total).step_by(40) {
            let page =
                movements(&mut conn, COMPANIES[0], &filter, &[], Span { offset, limit: 40 }).await.unwrap();
            paged.extend(page.into_iter().map(|row| row.movement_id));
        }
        assert_eq!(paged, wanted, "{filter:?}");
    }
    let sort = [(MovementColumn::ItemId, false), (MovementColumn::Quantity, true)];
    let sorted =
        movements(&mut conn, COMPANIES[0], &MovementFilter::default(), &sort, EVERYTHING).await.unwrap();
    assert!(sorted.is_sorted_by(|a, b| (&a.item_id, -a.quantity) <= (&b.item_id, -b.quantity)));
}

fn matches(row: &projections::stock::history::MovementRow, filter: &MovementFilter) -> bool {
    let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
    is(&filter.item_key, &row.item_key)
        && is(&filter.location_id, &row.location_id)
        && is(&filter.movement_type, &row.movement_type)
        && is(&filter.reference_type, &row.reference_type)
        && is(&filter.reference_id, row.reference_id.as_deref().unwrap_or_default())
        && is(&filter.created_by, &row.created_by)
        && filter.from.is_none_or(|from| row.effective_at >= from)
        && filter.to.is_none_or(|to| row.effective_at <= to)
        && filter.known_at.is_none_or(|known| row.recorded_at <= known)
        && filter.search.is_none() | row.reference_id.as_deref().unwrap_or_default().contains("PO-")
}

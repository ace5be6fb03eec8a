//! Stock of the past and history lists.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::shared::event::Event;
use domain::stock::StockEvent;
use event_log::event::StoredEvent;
use projections::stock::diff::{DiffColumn, DiffFilter, differences};
use projections::stock::explain::explain;
use projections::stock::history::{MovementColumn, MovementFilter, count_movements, movements};
use projections::stock::movements::Movements;
use projections::stock::past::{Moment, PastSum, as_of, count, sums};
use projections::stock::queries::Span;

use crate::facts::{COMPANIES, Chance, day_one, fold, random_facts, read_models};

const EVERYTHING: Span = Span { offset: 0, limit: 100_000 };

/// When, position, quantity, and the stock stated by an anchor.
type Leg = (DateTime<Utc>, i64, i64, Option<i64>);

/// Stock per product and location at a moment, one fact after another.
fn plain_fold(events: &[StoredEvent], moment: Moment) -> BTreeMap<(String, String), PastSum> {
    let mut legs: BTreeMap<(String, String), Vec<Leg>> = BTreeMap::new();
    let mut stock: BTreeMap<(String, String), PastSum> = BTreeMap::new();
    let known = |event: &&StoredEvent| {
        event.company_id == COMPANIES[0]
            && event.recorded_at <= moment.known_at
            && event.effective_at <= moment.as_of
    };
    for event in events.iter().filter(known) {
        let fact = StockEvent::decode(&event.event_type, event.schema_version, &event.payload).unwrap();
        for leg in &fact.entry().movements {
            let key = (event.stream_id.as_ref().to_owned(), leg.location_id.as_str().to_owned());
            let sum = stock.entry(key.clone()).or_insert_with(|| PastSum {
                item_key: key.0.clone(),
                location_id: key.1.clone(),
                on_hand: 0,
                movements: 0,
                effect: 0,
                last_moved_at: None,
            });
            sum.movements += 1;
            sum.effect += leg.effect;
            sum.last_moved_at = sum.last_moved_at.max(Some(event.effective_at));
            let fact = (event.effective_at, event.position, leg.quantity, leg.anchored_at);
            legs.entry(key).or_default().push(fact);
        }
    }
    for (key, mut legs) in legs {
        // In the order in which they happened; at one instant anchors close it.
        legs.sort_by_key(|leg| (leg.0, leg.3.is_some(), leg.1));
        let on_hand = legs.iter().fold(0, |stock, leg| leg.3.unwrap_or(stock + leg.2));
        stock.get_mut(&key).unwrap().on_hand = on_hand;
    }
    stock
}

fn by_place(sums: Vec<PastSum>) -> BTreeMap<(String, String), PastSum> {
    sums.into_iter().map(|sum| ((sum.item_key.clone(), sum.location_id.clone()), sum)).collect()
}

/// Instants within, at and around the facts; some of them exactly where a fact stands.
fn any_moment(chance: &mut Chance, events: &[StoredEvent]) -> Moment {
    let mut any = |far: u64| match chance.below(4) {
        0 => events[usize::try_from(chance.below(400)).unwrap()].effective_at,
        1 => events[usize::try_from(chance.below(400)).unwrap()].recorded_at,
        _ => day_one() + TimeDelta::hours(chance.units(far) - 50),
    };
    let (as_of, known_at) = (any(1_000), any(1_100));
    match chance.below(5) {
        0 => Moment::new(Some(as_of), None),
        1 => Moment::new(None, Some(known_at)),
        _ => Moment { as_of, known_at },
    }
}

/// Facts of many lengths of history between checkpoints, one of them longer than all facts: none is ever taken.
const DISTANCES: [i64; 5] = [1, 7, 40, 150, 10_000];

#[tokio::test]
async fn stock_at_any_moment_equals_a_plain_fold() {
    for (seed, distance) in (21..).zip(DISTANCES) {
        let (_database, owner) = read_models().await;
        let events = random_facts(seed, 900);
        fold(&owner, &Movements::checkpoints_every(distance), events.chunks(100)).await;
        assert!(
            events.iter().any(|event| event.payload.contains("superseded_by")),
            "late facts before anchors"
        );
        let mut conn = owner.acquire().await.unwrap();
        let mut chance = Chance(5 + seed);
        for _ in 0..100 {
            let moment = any_moment(&mut chance, &events);
            let expected = plain_fold(&events, moment);
            let found = by_place(sums(&mut conn, COMPANIES[0], None, moment).await.unwrap());
            assert_eq!(found, expected, "at {moment:?}, checkpoints every {distance}");
            let one = sums(&mut conn, COMPANIES[0], Some("item-2"), moment).await.unwrap();
            let expected_one = expected.iter().filter(|(place, _)| place.0 == "item-2");
            assert_eq!(by_place(one), expected_one.map(|(k, v)| (k.clone(), v.clone())).collect());
            let movements: i64 = expected.values().map(|sum| sum.movements).sum();
            assert_eq!(count(&mut conn, COMPANIES[0], moment).await.unwrap(), movements, "{moment:?}");
        }
    }
}

#[tokio::test]
async fn differences_are_what_lies_between_two_plain_folds() {
    let (_database, owner) = read_models().await;
    let events = random_facts(31, 700);
    fold(&owner, &Movements::checkpoints_every(60), events.chunks(90)).await;
    let mut conn = owner.acquire().await.unwrap();
    let mut chance = Chance(77);
    for _ in 0..60 {
        let (one, other) = (any_moment(&mut chance, &events), any_moment(&mut chance, &events));
        let known_at = one.known_at;
        let from = Moment { as_of: one.as_of.min(other.as_of), known_at };
        let to = Moment { as_of: one.as_of.max(other.as_of), known_at };
        let (before, after) = (plain_fold(&events, from), plain_fold(&events, to));
        let sort = [(DiffColumn::Change, true), (DiffColumn::LocationId, false)];
        let found =
            differences(&mut conn, COMPANIES[0], &DiffFilter::default(), (from, to), &sort).await.unwrap();
        assert!(found.is_sorted_by_key(|found| (-found.change(), found.location_id.clone())));
        let mut places = 0;
        for (place, after) in &after {
            let nothing = PastSum { on_hand: 0, movements: 0, effect: 0, ..after.clone() };
            let before = before.get(place).unwrap_or(&nothing);
            let found =
                found.iter().find(|found| (&found.item_key, &found.location_id) == (&place.0, &place.1));
            if before.on_hand == after.on_hand && before.movements == after.movements {
                assert_eq!(found, None);
                continue;
            }
            let found = found.unwrap();
            places += 1;
            assert_eq!((found.before, found.after), (before.on_hand, after.on_hand));
            assert_eq!(found.movements, after.movements - before.movements);
            assert_eq!(found.effect, after.effect - before.effect);
        }
        assert_eq!(found.len(), places);
    }
}

#[tokio::test]
async fn an_explanation_adds_up_to_the_stock_whatever_it_leaves_out() {
    let (_database, owner) = read_models().await;
    let events = random_facts(32, 600);
    fold(&owner, &Movements::checkpoints_every(50), events.chunks(90)).await;
    let mut conn = owner.acquire().await.unwrap();
    let mut chance = Chance(78);
    let mut left_out = 0;
    for limit in [0, 1, 2, 5, 1_000].repeat(10) {
        let moment = any_moment(&mut chance, &events);
        let stock = plain_fold(&events, moment);
        let found = explain(&mut conn, COMPANIES[0], "item-1", moment, limit).await.unwrap();
        let places = stock.keys().filter(|(item, _)| item == "item-1").map(|(_, location)| location);
        assert!(found.iter().map(|found| &found.location_id).eq(places));
        for found in found {
            let expected = &stock[&("item-1".to_owned(), found.location_id.clone())];
            let begun = found.stated.as_ref().map_or(0, |stated| stated.anchored_at.unwrap());
            let shown: i64 = found.movements.iter().map(|movement| movement.quantity).sum();
            assert_eq!(found.on_hand, expected.on_hand);
            assert_eq!(begun + shown + found.earlier_quantity, expected.on_hand);
            assert!(
                found.earlier >= 0 && (limit < 1_000 || (found.earlier, found.earlier_quantity) == (0, 0))
            );
            assert!(found.movements.iter().all(|movement| movement.anchored_at.is_none()));
            left_out += found.earlier;
        }
    }
    assert!(left_out > 50, "{left_out}");
}

#[tokio::test]
async fn stock_at_the_end_equals_the_sum_of_effects() {
    let (_database, owner) = read_models().await;
    let events = random_facts(22, 900);
    fold(&owner, &Movements::default(), events.chunks(100)).await;
    let mut conn = owner.acquire().await.unwrap();
    let end = day_one() + TimeDelta::days(365);
    let rows = as_of(&mut conn, COMPANIES[0], None, Moment::new(Some(end), None)).await.unwrap();
    let found: BTreeMap<_, _> =
        rows.into_iter().map(|row| ((row.item_key, row.location_id), row.on_hand)).collect();
    let sums: Vec<(String, String, i64)> = sqlx::query_as(
        "select item_key, location_id, sum(effect)::bigint from movements_2.movements where company_id = $1 group by 1, 2",
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
    fold(&owner, &Movements::default(), events.chunks(100)).await;
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

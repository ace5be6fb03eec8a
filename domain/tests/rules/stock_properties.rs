//! What holds for every list of stock facts.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::shared::ids::LocationId;
use domain::stock::command::Human;
use domain::stock::{
    AdjustKind, Confirm, Reason, StockCommand, StockEvent, StockIntent, StockItem, StockRefusal, as_of,
};
use proptest::prelude::*;

use crate::builders::*;

const PLACES: [&str; 3] = ["MAIN", "SHOP", "DEPOT"];

fn somewhere() -> impl Strategy<Value = LocationId> {
    (0..PLACES.len()).prop_map(|index| place(PLACES[index]))
}

fn sometime() -> impl Strategy<Value = chrono::DateTime<chrono::Utc>> {
    (0_i64..40).prop_map(hours_ago)
}

/// A fact of the outside world.
fn outside() -> impl Strategy<Value = StockIntent> {
    let line_of = |quantity: i64| line("o", &format!("l-{quantity}"), quantity);
    prop_oneof![
        4 => (somewhere(), sometime(), 1_i64..50).prop_map(move |(location_id, at, quantity)| {
            StockIntent::RecordSale { location_id, at: stamp(at), sale: line_of(quantity), reserve: false }
        }),
        2 => (somewhere(), sometime(), 1_i64..50).prop_map(move |(location_id, at, quantity)| {
            StockIntent::RecordReturn { location_id, at: stamp(at), sale: line_of(quantity) }
        }),
        1 => (somewhere(), sometime(), 1_i64..50).prop_map(move |(location_id, at, quantity)| {
            StockIntent::RecordCancellation { location_id, at: stamp(at), sale: line_of(quantity) }
        }),
        2 => (somewhere(), sometime(), 0_i64..100).prop_map(|(location_id, at, quantity)| {
            StockIntent::RecordSnapshot { location_id, at: stamp(at), quantity, channel: channel("ozon") }
        }),
    ]
}

/// An order of a person who confirms everything.
fn human() -> impl Strategy<Value = StockIntent> {
    let who = |at| Human { confirm: vec![Confirm::Backdated, Confirm::LargeChange], ..seen(at) };
    let kinds = prop_oneof![Just(AdjustKind::Add), Just(AdjustKind::Subtract), Just(AdjustKind::SetTo)];
    prop_oneof![
        (somewhere(), sometime(), 1_i64..50, kinds).prop_map(move |(location_id, at, quantity, kind)| {
            StockIntent::Adjust { location_id, kind, quantity, reason: Reason::Other, human: who(at) }
        }),
        (somewhere(), sometime(), 0_i64..50).prop_map(move |(location_id, at, counted)| {
            StockIntent::Count { location_id, counted, human: who(at) }
        }),
        (somewhere(), somewhere(), sometime(), 1_i64..50).prop_map(move |(from, to, at, quantity)| {
            StockIntent::Transfer { from, to, quantity, human: who(at) }
        }),
        (somewhere(), sometime(), 1_i64..50).prop_map(move |(location_id, at, quantity)| {
            StockIntent::Receive { location_id, quantity, reference: None, human: who(at) }
        }),
    ]
}

/// A reserved line, its shipment or its cancellation.
fn promise() -> impl Strategy<Value = StockIntent> {
    (0_u8..3, somewhere(), sometime(), 0_u8..4, 1_i64..9).prop_map(
        |(kind, location_id, at, name, quantity)| {
            let (at, sale) = (stamp(at), line("p", &format!("p-{name}"), quantity));
            match kind {
                0 => StockIntent::RecordSale { location_id, at, sale, reserve: true },
                1 => StockIntent::RecordShipment { at, sale },
                _ => StockIntent::RecordCancellation { location_id, at, sale },
            }
        },
    )
}

fn anything() -> impl Strategy<Value = StockIntent> {
    prop_oneof![outside(), human(), promise()]
}

/// Decides orders one after the other; gives the history only where it is asked for.
fn recorded(intents: &[StockIntent]) -> (StockItem, Vec<StockEvent>) {
    let (mut stock, mut events) = (StockItem::default(), Vec::new());
    for (number, intent) in (1..).zip(intents) {
        let command = |history| {
            let facts = domain::stock::StockFacts { history, ..facts(number) };
            StockCommand { facts, intent: intent.clone() }
        };
        let decided = match stock.decide(command(None)) {
            Err(StockRefusal::NeedsHistory) => stock.decide(command(Some(events.clone()))),
            decided => decided,
        };
        assert_ne!(decided, Err(StockRefusal::NeedsHistory), "the history is enough");
        for event in decided.into_iter().flatten() {
            stock.evolve(&event);
            events.push(event);
        }
    }
    (stock, events)
}

fn sums_of_effects(events: &[StockEvent]) -> BTreeMap<LocationId, i64> {
    let mut sums = BTreeMap::new();
    for movement in events.iter().flat_map(|event| &event.entry().movements) {
        *sums.entry(movement.location_id.clone()).or_default() += movement.effect;
    }
    sums
}

/// Of several statements for one place and instant only the first is kept: their order of recording decides.
fn with_distinct_statements(facts: Vec<StockIntent>) -> Vec<StockIntent> {
    let mut taken = Vec::new();
    facts
        .into_iter()
        .filter(|fact| match fact {
            StockIntent::RecordSnapshot { location_id, at, .. } => {
                let key = (location_id.clone(), at.at);
                let new = !taken.contains(&key);
                taken.push(key);
                new
            }
            _ => true,
        })
        .collect()
}

proptest! {
    #[test]
    fn the_sum_of_effects_and_the_plain_fold_are_the_stock(intents in prop::collection::vec(anything(), 0..90)) {
        let (stock, events) = recorded(&intents);
        let end = now() + TimeDelta::days(365);
        let sums = sums_of_effects(&events);
        for name in PLACES {
            let location = place(name);
            prop_assert_eq!(stock.on_hand(&location), sums.get(&location).copied().unwrap_or_default());
            prop_assert_eq!(stock.on_hand(&location), as_of(&events, &location, end));
        }
    }

    #[test]
    fn the_balance_and_the_discrepancy_follow_the_stock(intents in prop::collection::vec(anything(), 0..60)) {
        let mut balances: BTreeMap<LocationId, i64> = BTreeMap::new();
        for movement in recorded(&intents).1.iter().flat_map(|event| &event.entry().movements) {
            let balance = balances.entry(movement.location_id.clone()).or_default();
            let before = *balance;
            *balance += movement.effect;
            prop_assert_eq!(movement.balance_after, *balance);
            prop_assert_eq!(movement.discrepancy.is_some(), (before < 0) != (*balance < 0));
        }
    }

    #[test]
    fn any_arrival_order_of_outside_facts_leads_to_the_same_stock(
        (facts, shuffled) in prop::collection::vec(outside(), 0..60)
            .prop_map(with_distinct_statements)
            .prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle()))
    ) {
        let ((one, facts), (other, shuffled)) = (recorded(&facts), recorded(&shuffled));
        for name in PLACES {
            let location = place(name);
            prop_assert_eq!(one.on_hand(&location), other.on_hand(&location));
            for instant in (0..40).map(hours_ago) {
                prop_assert_eq!(as_of(&facts, &location, instant), as_of(&shuffled, &location, instant));
            }
        }
    }

    #[test]
    fn a_statement_is_what_was_known_for_its_instant_and_its_variance(
        intents in prop::collection::vec(outside(), 0..60)
    ) {
        let (_, events) = recorded(&intents);
        for (index, event) in events.iter().enumerate() {
            let entry = event.entry();
            for movement in &entry.movements {
                let Some(stated) = movement.anchored_at else { continue };
                let known = as_of(&events[..index], &movement.location_id, entry.effective_at);
                prop_assert_eq!(movement.quantity, stated - known);
            }
        }
    }

    #[test]
    fn people_alone_never_take_stock_below_zero(intents in prop::collection::vec(human(), 0..60)) {
        for movement in recorded(&intents).1.iter().flat_map(|event| &event.entry().movements) {
            prop_assert!(movement.balance_after >= 0);
        }
    }

    #[test]
    fn transfers_conserve(intents in prop::collection::vec(anything(), 0..60)) {
        for event in recorded(&intents).1 {
            if let StockEvent::StockTransferred(transferred) = event {
                let legs = &transferred.entry.movements;
                prop_assert_eq!(legs.len(), 2);
                prop_assert_eq!(legs[0].quantity + legs[1].quantity, 0);
                for leg in legs {
                    prop_assert!(leg.effect == leg.quantity || leg.effect == 0 && leg.superseded_by.is_some());
                }
            }
        }
    }

    #[test]
    fn what_is_reserved_is_the_sum_of_open_reservations(intents in prop::collection::vec(promise(), 0..40)) {
        let (stock, _) = recorded(&intents);
        for name in PLACES {
            let location = place(name);
            let here = stock.reservations.values().filter(|open| open.location_id == location);
            prop_assert_eq!(stock.reserved(&location), here.map(|open| open.quantity).sum::<i64>());
        }
        prop_assert!(stock.reservations.values().all(|open| open.quantity > 0));
    }

    #[test]
    fn replay_and_a_snapshot_lead_to_the_same_state(
        intents in prop::collection::vec(anything(), 0..60),
        cut in 0_usize..60,
    ) {
        let (stock, events) = recorded(&intents);
        prop_assert_eq!(&folded(&events), &stock);
        let cut = cut.min(events.len());
        let stored = serde_json::to_string(&folded(&events[..cut])).unwrap();
        let mut resumed: StockItem = serde_json::from_str(&stored).unwrap();
        for event in &events[cut..] {
            resumed.evolve(event);
        }
        prop_assert_eq!(resumed, stock);
    }
}

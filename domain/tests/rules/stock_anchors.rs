//! Decision 10: statements of stock, and facts that were learnt late.

use chrono::TimeDelta;
use domain::stock::command::Human;
use domain::stock::ledger::TAIL;
use domain::stock::{AdjustKind, Confirm, StockCommand, StockEvent, StockIntent, StockRefusal, as_of};
use uuid::Uuid;

use crate::builders::*;

fn figures(event: &StockEvent) -> (i64, i64, i64, Option<i64>, Option<Uuid>) {
    let movement = &event.entry().movements[0];
    (movement.quantity, movement.effect, movement.balance_after, movement.anchored_at, movement.superseded_by)
}

#[test]
fn a_count_records_the_variance() {
    let event = when([open(10, hours_ago(9))], count(7, now())).unwrap();
    assert_eq!(figures(&event), (-3, -3, 7, Some(7), None));
}

#[test]
fn a_count_that_agrees_is_recorded_too() {
    let event = when([open(10, hours_ago(9))], count(10, now())).unwrap();
    assert_eq!(figures(&event), (0, 0, 10, Some(10), None));
}

#[test]
fn set_to_is_a_statement() {
    let event = when([open(10, hours_ago(9))], adjust(AdjustKind::SetTo, 8, Human::default())).unwrap();
    assert_eq!(figures(&event), (-2, -2, 8, Some(8), None));
}

#[test]
fn a_count_for_a_past_instant_keeps_what_happened_since() {
    let given = [open(10, hours_ago(9)), sale(2, hours_ago(5)), sale(3, hours_ago(2))];
    let event = when(given, count(9, hours_ago(4))).unwrap();
    // Known for then was 8, so one more was found; since then 3 were sold.
    assert_eq!(figures(&event), (1, 1, 6, Some(9), None));
}

#[test]
fn a_late_fact_before_a_statement_has_no_effect_and_names_it() {
    let event = when([open(10, hours_ago(9)), count(7, hours_ago(2))], sale(3, hours_ago(3))).unwrap();
    assert_eq!(figures(&event), (-3, 0, 7, None, Some(id(2))));
}

#[test]
fn a_statement_closes_its_instant() {
    let event = when([count(7, hours_ago(2))], sale(3, hours_ago(2))).unwrap();
    assert_eq!(figures(&event), (-3, 0, 7, None, Some(id(1))));
    let event = when([sale(3, hours_ago(2))], count(7, hours_ago(2))).unwrap();
    assert_eq!(figures(&event), (10, 10, 7, Some(7), None));
}

#[test]
fn of_two_statements_at_one_instant_the_later_recorded_one_holds() {
    let event = when([count(7, hours_ago(2))], count(9, hours_ago(2))).unwrap();
    assert_eq!(figures(&event), (2, 2, 9, Some(9), None));
}

#[test]
fn a_sale_after_the_statement_counts() {
    let event = when([snapshot(7, hours_ago(2))], sale(3, hours_ago(1))).unwrap();
    assert_eq!(figures(&event), (-3, -3, 4, None, None));
}

#[test]
fn an_older_statement_needs_the_history_and_changes_nothing_today() {
    let given = || [sale(1, hours_ago(9)), count(7, hours_ago(2))];
    assert_eq!(when(given(), snapshot(4, hours_ago(5))), Err(StockRefusal::NeedsHistory));
    let mut facts = facts(1000);
    facts.history = Some(history(given()));
    let event = when_knowing(given(), StockCommand { facts, intent: snapshot(4, hours_ago(5)) }).unwrap();
    assert_eq!(figures(&event), (5, 0, 7, Some(4), Some(id(2))));
}

#[test]
fn the_state_forgets_old_facts_and_then_asks_for_the_history() {
    let minutes = i64::try_from(TAIL).unwrap() + 8;
    let sales = || {
        let opened = [open(1_000, hours_ago(9))];
        let later = (1..=minutes).map(|minute| sale(1, hours_ago(8) + TimeDelta::minutes(minute)));
        opened.into_iter().chain(later).collect::<Vec<_>>()
    };
    let early = hours_ago(8) + TimeDelta::minutes(3);
    assert_eq!(when(sales(), count(900, early)), Err(StockRefusal::NeedsHistory));

    let mut facts = facts(1000);
    facts.history = Some(history(sales()));
    let event = when_knowing(sales(), StockCommand { facts, intent: count(900, early) }).unwrap();
    let sold_since = minutes - 3;
    assert_eq!(figures(&event), (-97, -97, 900 - sold_since, Some(900), None));

    let recent = hours_ago(8) + TimeDelta::minutes(minutes - 2);
    let event = when(sales(), count(900, recent)).unwrap();
    assert_eq!(event.entry().movements[0].balance_after, 898);
}

#[test]
fn the_kept_past_stays_short() {
    let sales = (0..200).map(|minute| sale(1, hours_ago(8) + TimeDelta::minutes(minute)));
    let stock = folded(&history(sales));
    assert_eq!(stock.locations[&main_store()].tail.len(), TAIL);
    assert_eq!(stock.on_hand(&main_store()), -200);
}

#[test]
fn a_transfer_into_a_counted_place_has_an_effect_only_where_it_was_not_counted() {
    let shop_count = StockIntent::Count { location_id: place("SHOP"), counted: 4, human: seen(hours_ago(1)) };
    let late = StockIntent::Transfer {
        from: main_store(),
        to: place("SHOP"),
        quantity: 4,
        human: Human { confirm: vec![Confirm::Backdated], ..seen(hours_ago(3)) },
    };
    let event = when([open(10, hours_ago(9)), shop_count], late).unwrap();
    let legs = &event.entry().movements;
    assert_eq!((legs[0].effect, legs[1].effect), (-4, 0));
    assert_eq!((legs[0].quantity, legs[1].quantity), (-4, 4));
    assert_eq!((legs[0].superseded_by, legs[1].superseded_by), (None, Some(id(2))));
}

#[test]
fn a_late_fact_counts_as_of_its_own_time() {
    let events = history([open(10, hours_ago(9)), count(7, hours_ago(2)), sale(3, hours_ago(5))]);
    assert_eq!(as_of(&events, &main_store(), hours_ago(10)), 0);
    assert_eq!(as_of(&events, &main_store(), hours_ago(6)), 10);
    assert_eq!(as_of(&events, &main_store(), hours_ago(5)), 7);
    assert_eq!(as_of(&events, &main_store(), hours_ago(2)), 7);
    assert_eq!(as_of(&events, &place("SHOP"), now()), 0);
}

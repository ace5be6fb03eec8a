//! Decision 13: what a person must say twice.

use chrono::TimeDelta;
use domain::stock::command::Human;
use domain::stock::{AdjustKind, Confirm, StockEvent, StockIntent, StockRefusal};

use crate::builders::*;

fn confirming(confirm: &[Confirm]) -> Human {
    Human { confirm: confirm.to_vec(), ..Human::default() }
}

fn long_ago(confirm: &[Confirm]) -> Human {
    let at = now() - TimeDelta::days(30) - TimeDelta::microseconds(1);
    Human { at: Some(stamp(at)), ..confirming(confirm) }
}

fn confirmed(event: &StockEvent) -> &[Confirm] {
    match event {
        StockEvent::StockAdjusted(event) => &event.confirmed,
        other => panic!("not an adjustment: {other:?}"),
    }
}

#[test]
fn a_change_of_half_the_stock_needs_no_confirmation() {
    for kind in [AdjustKind::Add, AdjustKind::Subtract, AdjustKind::SetTo] {
        assert!(when([open(10, hours_ago(1))], adjust(kind, 5, Human::default())).is_ok());
    }
}

#[test]
fn a_larger_change_must_be_confirmed_and_says_so() {
    let cases =
        [(AdjustKind::Add, 6), (AdjustKind::Subtract, 6), (AdjustKind::SetTo, 4), (AdjustKind::SetTo, 16)];
    for (kind, quantity) in cases {
        let refused = when([open(10, hours_ago(1))], adjust(kind, quantity, Human::default()));
        assert_eq!(refused, Err(StockRefusal::ConfirmationRequired(vec![Confirm::LargeChange])));
        let human = confirming(&[Confirm::LargeChange]);
        let event = when([open(10, hours_ago(1))], adjust(kind, quantity, human)).unwrap();
        assert_eq!(confirmed(&event), [Confirm::LargeChange]);
    }
}

#[test]
fn no_change_is_large_against_nothing() {
    assert!(when([], add(1_000)).is_ok());
    assert!(when([open(0, hours_ago(1))], add(1_000)).is_ok());
}

#[test]
fn largeness_is_measured_at_the_location() {
    let elsewhere = StockIntent::Adjust {
        location_id: place("SHOP"),
        kind: AdjustKind::Add,
        quantity: 1_000,
        reason: domain::stock::Reason::Other,
        human: Human::default(),
    };
    assert!(when([open(10, hours_ago(1))], elsewhere).is_ok());
}

#[test]
fn counts_transfers_and_deliveries_are_never_large() {
    let receive = StockIntent::Receive {
        location_id: main_store(),
        quantity: 500,
        reference: None,
        human: Human::default(),
    };
    for intent in [count(500, now()), transfer(10), receive] {
        assert!(when([open(10, hours_ago(1))], intent).is_ok());
    }
}

#[test]
fn what_lies_thirty_days_back_needs_no_confirmation() {
    let human = seen(now() - TimeDelta::days(30));
    assert!(when([], adjust(AdjustKind::Add, 1, human)).is_ok());
}

#[test]
fn what_lies_further_back_must_be_confirmed_by_every_human_order() {
    let intents = |human: Human| {
        [
            adjust(AdjustKind::Add, 1, human.clone()),
            StockIntent::Count { location_id: main_store(), counted: 1, human: human.clone() },
            StockIntent::Receive {
                location_id: main_store(),
                quantity: 1,
                reference: None,
                human: human.clone(),
            },
            StockIntent::Return { location_id: main_store(), quantity: 1, reference: None, human },
        ]
    };
    for intent in intents(long_ago(&[])) {
        assert_eq!(when([], intent), Err(StockRefusal::ConfirmationRequired(vec![Confirm::Backdated])));
    }
    for intent in intents(long_ago(&[Confirm::Backdated])) {
        assert!(when([], intent).is_ok());
    }
}

#[test]
fn all_missing_reasons_are_named_at_once_and_in_order() {
    let given = || [add(10)];
    let asked = |human| adjust(AdjustKind::Add, 6, human);
    let refused = when(given(), asked(long_ago(&[])));
    let both = vec![Confirm::Backdated, Confirm::LargeChange];
    assert_eq!(refused, Err(StockRefusal::ConfirmationRequired(both.clone())));
    let refused = when(given(), asked(long_ago(&[Confirm::LargeChange])));
    assert_eq!(refused, Err(StockRefusal::ConfirmationRequired(vec![Confirm::Backdated])));
    let event = when(given(), asked(long_ago(&[Confirm::LargeChange, Confirm::Backdated]))).unwrap();
    assert_eq!(confirmed(&event), both);
}

#[test]
fn a_confirmation_that_was_not_needed_is_not_kept() {
    let event = when([], adjust(AdjustKind::Add, 1, confirming(&[Confirm::LargeChange]))).unwrap();
    assert_eq!(confirmed(&event), []);
}

#[test]
fn thresholds_are_the_companys() {
    let mut command = command(9, add(2));
    command.facts.rules.large_change_percent = 10;
    let refused = when_knowing([open(10, hours_ago(1))], command.clone());
    assert_eq!(refused, Err(StockRefusal::ConfirmationRequired(vec![Confirm::LargeChange])));
    command.facts.rules.large_change_percent = 20;
    assert!(when_knowing([open(10, hours_ago(1))], command).is_ok());
}

#[test]
fn what_would_be_refused_anyway_asks_for_no_confirmation() {
    let refused = when([open(3, hours_ago(1))], adjust(AdjustKind::Subtract, 4, Human::default()));
    assert!(matches!(refused, Err(StockRefusal::WouldGoBelowZero { .. })));
}

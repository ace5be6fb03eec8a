//! Orders of people: adjust, count, transfer, receive, return, open.

use chrono::{NaiveDate, TimeDelta};
use cqrs_es::test::TestFramework;
use domain::shared::moment::Stamp;
use domain::shared::quantity::MAX_QUANTITY;
use domain::stock::command::Human;
use domain::stock::event::{Entry, Movement, StockAdjusted};
use domain::stock::{AdjustKind, Confirm, Reason, StockEvent, StockIntent, StockItem, StockRefusal};

use crate::builders::*;

fn movement(event: &StockEvent) -> &Movement {
    &event.entry().movements[0]
}

#[test]
fn adding_to_nothing_states_the_whole_fact() {
    TestFramework::<StockItem>::with(())
        .given_no_previous_events()
        .when(command(7, add(5)))
        .then_expect_events(vec![StockEvent::StockAdjusted(StockAdjusted {
            entry: Entry {
                movement_id: id(7),
                effective_at: now(),
                offset_minutes: 0,
                local_date: NaiveDate::from_ymd_opt(2026, 3, 20).unwrap(),
                movements: vec![Movement {
                    location_id: main_store(),
                    quantity: 5,
                    effect: 5,
                    balance_after: 5,
                    anchored_at: None,
                    superseded_by: None,
                    discrepancy: None,
                }],
            },
            kind: AdjustKind::Add,
            reason: Reason::Correction,
            notes: None,
            confirmed: Vec::new(),
        })]);
}

#[test]
fn a_person_may_take_away_what_is_there() {
    let event = when([open(10, hours_ago(2)), subtract(5), subtract(2), subtract(1)], subtract(1)).unwrap();
    assert_eq!((movement(&event).quantity, movement(&event).balance_after), (-1, 1));
}

#[test]
fn a_person_cannot_take_away_what_is_not_there() {
    let refused = when([open(3, hours_ago(1))], subtract(4));
    assert_eq!(
        refused,
        Err(StockRefusal::WouldGoBelowZero { location_id: main_store(), on_hand: 3, asked: 4 })
    );
}

#[test]
fn a_person_cannot_take_from_stock_below_zero() {
    let refused = when([sale(2, hours_ago(1))], subtract(1));
    assert_eq!(
        refused,
        Err(StockRefusal::WouldGoBelowZero { location_id: main_store(), on_hand: -2, asked: 1 })
    );
}

#[test]
fn a_late_subtraction_that_a_count_had_seen_is_allowed_whatever_is_there() {
    let human = Human { confirm: vec![Confirm::LargeChange], ..seen(hours_ago(5)) };
    let late = adjust(AdjustKind::Subtract, 50, human);
    let event = when([open(3, hours_ago(1))], late).unwrap();
    let movement = movement(&event);
    assert_eq!((movement.quantity, movement.effect, movement.balance_after), (-50, 0, 3));
    assert_eq!(movement.superseded_by, Some(id(1)));
}

#[test]
fn a_back_dated_count_cannot_take_todays_stock_below_zero() {
    let given = [open(10, hours_ago(9)), sale(8, hours_ago(1))];
    let refused = when(given, count(5, hours_ago(4)));
    assert_eq!(
        refused,
        Err(StockRefusal::WouldGoBelowZero { location_id: main_store(), on_hand: 2, asked: 5 })
    );
}

#[test]
fn quantities_that_move_are_above_zero() {
    for quantity in [0, -1] {
        let refusal = StockRefusal::QuantityNotPositive(quantity);
        let receive = StockIntent::Receive {
            location_id: main_store(),
            quantity,
            reference: None,
            human: Human::default(),
        };
        let back = StockIntent::Return {
            location_id: main_store(),
            quantity,
            reference: None,
            human: Human::default(),
        };
        for intent in
            [add(quantity), subtract(quantity), transfer(quantity), receive, back, sale(quantity, now())]
        {
            assert_eq!(when([], intent), Err(refusal.clone()));
        }
    }
}

#[test]
fn statements_of_stock_are_zero_or_more() {
    let set = adjust(AdjustKind::SetTo, -1, Human::default());
    for intent in [set, count(-1, now()), open(-1, now()), snapshot(-1, now())] {
        assert_eq!(when([], intent), Err(StockRefusal::NegativeStatement(-1)));
    }
    assert!(when([], adjust(AdjustKind::SetTo, 0, Human::default())).is_ok());
}

#[test]
fn quantities_have_a_limit() {
    let most = MAX_QUANTITY;
    assert!(when([], add(most)).is_ok());
    for intent in [add(most + 1), count(i64::MAX, now()), open(most + 1, now()), sale(most + 1, now())] {
        assert!(matches!(when([], intent), Err(StockRefusal::QuantityTooLarge(_))));
    }
}

#[test]
fn a_transfer_is_one_fact_with_two_movements_that_conserve() {
    let event = when([open(10, hours_ago(1))], transfer(4)).unwrap();
    let legs = &event.entry().movements;
    assert_eq!((legs[0].location_id.as_str(), legs[0].effect, legs[0].balance_after), ("MAIN", -4, 6));
    assert_eq!((legs[1].location_id.as_str(), legs[1].effect, legs[1].balance_after), ("SHOP", 4, 4));
}

#[test]
fn a_transfer_needs_two_places() {
    let same =
        StockIntent::Transfer { from: main_store(), to: main_store(), quantity: 1, human: Human::default() };
    assert_eq!(when([open(10, hours_ago(1))], same), Err(StockRefusal::SameLocation(main_store())));
}

#[test]
fn a_transfer_cannot_take_more_than_there_is() {
    let refused = when([open(3, hours_ago(1))], transfer(4));
    assert_eq!(
        refused,
        Err(StockRefusal::WouldGoBelowZero { location_id: main_store(), on_hand: 3, asked: 4 })
    );
}

#[test]
fn a_delivery_and_a_return_add_units_and_keep_their_numbers() {
    let received = StockIntent::Receive {
        location_id: main_store(),
        quantity: 7,
        reference: Some("PO-1".to_owned()),
        human: Human { notes: Some("two boxes".to_owned()), ..Human::default() },
    };
    let event = when([], received).unwrap();
    assert_eq!(
        (event.reference_id(), event.notes(), movement(&event).effect),
        (Some("PO-1"), Some("two boxes"), 7)
    );

    let back = StockIntent::Return {
        location_id: main_store(),
        quantity: 2,
        reference: Some("R-1".to_owned()),
        human: Human::default(),
    };
    let event = when([], back).unwrap();
    assert_eq!((event.reference_id(), movement(&event).effect), (Some("R-1"), 2));
}

#[test]
fn a_stale_expectation_is_refused_with_the_present_figure() {
    let human = Human { expected_quantity: Some(4), ..Human::default() };
    let refused = when([open(3, hours_ago(1))], adjust(AdjustKind::Add, 1, human.clone()));
    assert_eq!(refused, Err(StockRefusal::StaleQuantity { expected: 4, actual: 3 }));
    assert!(when([open(4, hours_ago(1))], adjust(AdjustKind::Add, 1, human)).is_ok());
}

#[test]
fn nothing_happens_more_than_five_minutes_ahead() {
    let latest = now() + TimeDelta::minutes(5);
    let ahead = latest + TimeDelta::microseconds(1);
    assert!(when([], sale(1, latest)).is_ok());
    for intent in [count(1, ahead), sale(1, ahead), open(1, ahead), snapshot(1, ahead)] {
        assert_eq!(when([], intent), Err(StockRefusal::InTheFuture { effective_at: ahead, latest }));
    }
}

#[test]
fn instants_are_kept_in_microseconds_with_the_offset_and_the_local_day() {
    let at = "2026-03-19T23:30:00.123456789Z".parse().unwrap();
    let human = Human { at: Some(Stamp { at, offset_minutes: 180 }), ..Human::default() };
    let mut command = command(1, adjust(AdjustKind::Add, 1, human));
    command.facts.time_zone = chrono_tz::Europe::Berlin;
    let event = when_knowing([], command).unwrap();
    let entry = event.entry();
    assert_eq!(entry.effective_at.timestamp_subsec_nanos(), 123_456_000);
    assert_eq!(entry.offset_minutes, 180);
    assert_eq!(entry.local_date, NaiveDate::from_ymd_opt(2026, 3, 20).unwrap());
}

#[test]
fn stock_is_opened_once() {
    let refused = when([open(3, hours_ago(2))], open(3, hours_ago(1)));
    let anchored_at = hours_ago(2);
    assert_eq!(refused, Err(StockRefusal::AlreadyOpened { location_id: main_store(), anchored_at }));
}

#[test]
fn stock_that_was_counted_cannot_be_opened() {
    let refused = when([count(3, hours_ago(2))], open(3, hours_ago(4)));
    assert!(matches!(refused, Err(StockRefusal::AlreadyOpened { .. })));
}

#[test]
fn opening_without_an_instant_means_now() {
    let intent = StockIntent::Open { location_id: main_store(), quantity: 9, at: None, notes: None };
    let event = when([], intent).unwrap();
    assert_eq!((event.entry().effective_at, movement(&event).anchored_at), (now(), Some(9)));
}

#[test]
fn what_does_not_take_away_is_allowed_below_zero() {
    let given = || [count(0, hours_ago(8)), sale(5, hours_ago(2))];
    let event = when(given(), add(2)).unwrap();
    assert_eq!((movement(&event).effect, movement(&event).balance_after), (2, -3));
    let late = adjust(AdjustKind::Subtract, 1, seen(hours_ago(9)));
    let event = when(given(), late).unwrap();
    assert_eq!((movement(&event).effect, movement(&event).balance_after), (0, -5));
    let event = when(given(), count(1, hours_ago(4))).unwrap();
    assert_eq!((movement(&event).effect, movement(&event).balance_after), (1, -4));
}

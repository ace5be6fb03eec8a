//! What happened outside: sales, reservations, cancellations, returns, snapshots, discrepancies.

use domain::stock::event::Discrepancy;
use domain::stock::{MovementType, ReferenceType, SaleLine, StockEvent, StockIntent, StockRefusal};

use crate::builders::*;

fn reserve(sale: SaleLine) -> StockIntent {
    StockIntent::RecordSale { location_id: main_store(), at: stamp(hours_ago(3)), sale, reserve: true }
}

fn ship(sale: SaleLine) -> StockIntent {
    StockIntent::RecordShipment { at: stamp(hours_ago(2)), sale }
}

fn cancel(sale: SaleLine) -> StockIntent {
    StockIntent::RecordCancellation { location_id: place("SHOP"), at: stamp(hours_ago(1)), sale }
}

fn effects(event: &StockEvent) -> Vec<(&str, i64)> {
    let movements = event.entry().movements.iter();
    movements.map(|movement| (movement.location_id.as_str(), movement.effect)).collect()
}

#[test]
fn a_sale_is_recorded_even_where_nothing_is_there_and_opens_a_discrepancy() {
    let event = when([open(1, hours_ago(9))], sale(3, hours_ago(1))).unwrap();
    let movement = &event.entry().movements[0];
    assert_eq!((movement.balance_after, movement.discrepancy), (-2, Some(Discrepancy::Opened)));
}

#[test]
fn a_discrepancy_is_opened_and_closed_once() {
    let further = when([sale(3, hours_ago(1))], sale(1, now())).unwrap();
    assert_eq!(further.entry().movements[0].discrepancy, None);
    let closed = when([sale(3, hours_ago(1))], adjusted_up(3)).unwrap();
    assert_eq!(closed.entry().movements[0].discrepancy, Some(Discrepancy::Closed));
    let still = when([sale(3, hours_ago(1))], adjusted_up(2)).unwrap();
    assert_eq!(still.entry().movements[0].discrepancy, None);
}

fn adjusted_up(quantity: i64) -> StockIntent {
    StockIntent::Receive {
        location_id: main_store(),
        quantity,
        reference: None,
        human: domain::stock::command::Human::default(),
    }
}

#[test]
fn a_reservation_promises_units_without_moving_them() {
    let events = history([open(10, hours_ago(9)), reserve(line("o", "a", 4))]);
    let stock = folded(&events);
    assert!(events[1].entry().movements.is_empty());
    assert_eq!((stock.on_hand(&main_store()), stock.reserved(&main_store())), (10, 4));
}

#[test]
fn a_shipment_moves_what_was_reserved_from_where_it_was_reserved() {
    let events = history([open(10, hours_ago(9)), reserve(line("o", "a", 4)), ship(line("o", "a", 4))]);
    let stock = folded(&events);
    assert_eq!(effects(&events[2]), [("MAIN", -4)]);
    assert_eq!((stock.on_hand(&main_store()), stock.reserved(&main_store())), (6, 0));
    assert!(stock.reservations.is_empty());
}

#[test]
fn a_shipment_in_parts_leaves_the_rest_reserved() {
    let events = history([open(10, hours_ago(9)), reserve(line("o", "a", 4)), ship(line("o", "a", 3))]);
    let stock = folded(&events);
    assert_eq!((stock.on_hand(&main_store()), stock.reserved(&main_store())), (7, 1));
}

#[test]
fn a_shipment_of_what_nobody_reserved_is_refused() {
    let refused = when([reserve(line("o", "a", 4))], ship(line("o", "b", 4)));
    assert_eq!(refused, Err(StockRefusal::NothingReserved { line_id: "b".to_owned() }));
    let twice = when([reserve(line("o", "a", 4)), ship(line("o", "a", 4))], ship(line("o", "a", 4)));
    assert_eq!(twice, Err(StockRefusal::NothingReserved { line_id: "a".to_owned() }));
}

#[test]
fn lines_of_two_channels_do_not_meet() {
    let elsewhere = SaleLine { channel: channel("ozon"), ..line("o", "a", 4) };
    assert!(matches!(
        when([reserve(line("o", "a", 4))], ship(elsewhere)),
        Err(StockRefusal::NothingReserved { .. })
    ));
}

#[test]
fn cancelling_a_reserved_line_sets_it_free_without_a_movement() {
    let events = history([open(10, hours_ago(9)), reserve(line("o", "a", 4)), cancel(line("o", "a", 4))]);
    let StockEvent::SaleCancelled(cancelled) = &events[2] else { panic!("not cancelled") };
    assert_eq!((cancelled.released, &cancelled.location_id), (4, &main_store()));
    assert!(cancelled.entry.movements.is_empty());
    let stock = folded(&events);
    assert_eq!((stock.on_hand(&main_store()), stock.reserved(&main_store())), (10, 0));
}

#[test]
fn cancelling_a_sold_line_puts_the_units_back_where_it_was_sold() {
    let event = when([sale(4, hours_ago(3))], cancel(line("o-1", "l-1", 4))).unwrap();
    assert_eq!(effects(&event), [("SHOP", 4)]);
}

#[test]
fn cancelling_a_line_that_left_in_part_does_both() {
    let given = [open(10, hours_ago(9)), reserve(line("o", "a", 4)), ship(line("o", "a", 3))];
    let event = when(given, cancel(line("o", "a", 4))).unwrap();
    let StockEvent::SaleCancelled(cancelled) = &event else { panic!("not cancelled") };
    assert_eq!(cancelled.released, 1);
    assert_eq!(effects(&event), [("MAIN", 3)]);
}

#[test]
fn cancelling_more_than_was_reserved_creates_no_units() {
    let event =
        when([open(10, hours_ago(9)), reserve(line("o", "a", 4))], cancel(line("o", "a", 9))).unwrap();
    assert_eq!(effects(&event), []);
}

#[test]
fn returned_units_lie_where_they_were_taken_back() {
    let sale = line("o", "a", 2);
    let intent = StockIntent::RecordReturn { location_id: place("SHOP"), at: stamp(hours_ago(1)), sale };
    let event = when([], intent).unwrap();
    assert_eq!(effects(&event), [("SHOP", 2)]);
    assert_eq!(event.reference_id(), Some("o"));
}

#[test]
fn a_snapshot_says_what_a_channel_states() {
    let event = when([open(10, hours_ago(9))], snapshot(0, hours_ago(1))).unwrap();
    assert_eq!(effects(&event), [("MAIN", -10)]);
    assert_eq!((event.reference_id(), event.movement_type()), (Some("ozon"), MovementType::SyncUpdate));
}

#[test]
fn every_event_has_its_display_type_and_reference() {
    use {MovementType as M, ReferenceType as R};
    let given = [
        open(10, hours_ago(9)),
        add(1),
        count(11, now()),
        transfer(1),
        adjusted_up(1),
        sale(1, now()),
        reserve(line("o", "a", 1)),
        ship(line("o", "a", 1)),
        cancel(line("o-1", "l-1", 1)),
        snapshot(5, now()),
    ];
    let kinds: Vec<_> =
        history(given).iter().map(|event| (event.movement_type(), event.reference_type())).collect();
    assert_eq!(
        kinds,
        [
            (M::InitialLoad, R::Import),
            (M::Adjustment, R::Adjustment),
            (M::Adjustment, R::Count),
            (M::Transfer, R::Transfer),
            (M::Inbound, R::PurchaseOrder),
            (M::Outbound, R::Sale),
            (M::Outbound, R::Sale),
            (M::Outbound, R::Sale),
            (M::Inbound, R::Sale),
            (M::SyncUpdate, R::Sync),
        ]
    );
}

#[test]
fn totals_add_up_the_places_asked_for() {
    let stock = folded(&history([open(10, hours_ago(9)), transfer(4)]));
    assert_eq!(stock.total([&main_store(), &place("SHOP"), &place("NOWHERE")]), 10);
    assert_eq!(stock.total([&place("SHOP")]), 4);
    assert!(stock.has_moved(&place("SHOP")) && !stock.has_moved(&place("NOWHERE")));
}

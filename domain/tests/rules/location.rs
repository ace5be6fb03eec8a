//! The rules of one location.

use cqrs_es::test::TestFramework;
use domain::catalogue::location::event::{
    Authority, LocationCreated, LocationDeactivated, LocationDetails, LocationEdited, LocationKind,
    LocationMadePrimary, LocationPrimaryWithdrawn, LocationReactivated, Marketplace, StockRole,
};
use domain::catalogue::location::{Location, LocationCommand, LocationEvent, LocationRefusal};
use domain::shared::field::{FieldProblem, InvalidField};

use crate::builders::*;

fn details() -> LocationDetails {
    LocationDetails::named("Main Warehouse", LocationKind::Own, None)
}

fn created(is_primary: bool) -> LocationEvent {
    LocationEvent::LocationCreated(LocationCreated {
        location_id: main_store(),
        details: details(),
        is_primary,
    })
}

fn deactivated() -> LocationEvent {
    LocationEvent::LocationDeactivated(LocationDeactivated {})
}

fn deactivate(items_with_stock: u64, items_with_reservations: u64) -> LocationCommand {
    LocationCommand::Deactivate { items_with_stock, items_with_reservations }
}

fn when(given: &[LocationEvent], command: LocationCommand) -> Result<Vec<LocationEvent>, LocationRefusal> {
    TestFramework::<Location>::with(()).given(given.to_vec()).when(command).inspect_result()
}

#[test]
fn a_location_is_set_up_once() {
    let create =
        || LocationCommand::Create { location_id: main_store(), details: details(), is_primary: true };
    assert_eq!(when(&[], create()), Ok(vec![created(true)]));
    let refusal = LocationRefusal::AlreadyExists { location_id: main_store() };
    assert_eq!(when(&[created(true)], create()), Err(refusal));
}

#[test]
fn what_nobody_set_up_cannot_be_changed() {
    let commands = [
        LocationCommand::Edit { details: details() },
        LocationCommand::MakePrimary,
        LocationCommand::WithdrawPrimary,
        deactivate(0, 0),
        LocationCommand::Reactivate,
    ];
    for command in commands {
        assert_eq!(when(&[], command), Err(LocationRefusal::NotFound));
    }
}

#[test]
fn editing_states_the_whole_details_and_the_same_are_no_event() {
    let moved = LocationDetails { city: Some("Riga".to_owned()), ..details() };
    let edited = LocationEvent::LocationEdited(LocationEdited { details: moved.clone() });
    assert_eq!(when(&[created(false)], LocationCommand::Edit { details: moved }), Ok(vec![edited]));
    let same = LocationDetails { city: Some("  ".to_owned()), ..details() };
    assert_eq!(when(&[created(false)], LocationCommand::Edit { details: same }), Ok(vec![]));
}

#[test]
fn the_primary_location_changes_in_two_steps() {
    let made = LocationEvent::LocationMadePrimary(LocationMadePrimary {});
    let withdrawn = LocationEvent::LocationPrimaryWithdrawn(LocationPrimaryWithdrawn {});
    assert_eq!(when(&[created(false)], LocationCommand::MakePrimary), Ok(vec![made]));
    assert_eq!(when(&[created(true)], LocationCommand::MakePrimary), Ok(vec![]));
    assert_eq!(when(&[created(true)], LocationCommand::WithdrawPrimary), Ok(vec![withdrawn]));
    assert_eq!(when(&[created(false)], LocationCommand::WithdrawPrimary), Ok(vec![]));
}

#[test]
fn a_closed_location_cannot_be_the_primary_one() {
    let refused = when(&[created(false), deactivated()], LocationCommand::MakePrimary);
    assert_eq!(refused, Err(LocationRefusal::Inactive));
}

#[test]
fn the_primary_location_cannot_be_closed() {
    assert_eq!(when(&[created(true)], deactivate(0, 0)), Err(LocationRefusal::IsPrimary));
}

#[test]
fn a_location_with_stock_or_promises_cannot_be_closed() {
    assert_eq!(when(&[created(false)], deactivate(2, 1)), Err(LocationRefusal::HasStock { items: 2 }));
    let refused = when(&[created(false)], deactivate(0, 1));
    assert_eq!(refused, Err(LocationRefusal::HasOpenReservations { items: 1 }));
}

#[test]
fn closing_and_opening_happen_once() {
    let reactivated = LocationEvent::LocationReactivated(LocationReactivated {});
    assert_eq!(when(&[created(false)], deactivate(0, 0)), Ok(vec![deactivated()]));
    assert_eq!(when(&[created(false), deactivated()], deactivate(3, 3)), Ok(vec![]));
    assert_eq!(when(&[created(false), deactivated()], LocationCommand::Reactivate), Ok(vec![reactivated]));
    assert_eq!(when(&[created(false)], LocationCommand::Reactivate), Ok(vec![]));
}

#[test]
fn names_and_metadata_have_their_limits() {
    let create = |details| {
        when(&[], LocationCommand::Create { location_id: main_store(), details, is_primary: false })
    };
    let refused = |field, problem| Err(LocationRefusal::Invalid(InvalidField { field, problem }));
    let nameless = LocationDetails { name: " ".to_owned(), ..details() };
    assert_eq!(create(nameless), refused("name", FieldProblem::Empty));
    let endless = LocationDetails { name: "x".repeat(201), ..details() };
    assert_eq!(create(endless), refused("name", FieldProblem::TooLong { max: 200, chars: 201 }));
    let mut heavy = details();
    heavy.metadata.insert("note".to_owned(), "x".repeat(16_384).into());
    assert!(matches!(
        create(heavy),
        Err(LocationRefusal::Invalid(InvalidField {
            field: "metadata",
            problem: FieldProblem::TooLong { .. }
        }))
    ));
}

#[test]
fn mirrors_and_marketplaces_are_known_by_kind() {
    use {LocationKind as K, Marketplace as M, StockRole as R};
    let roles = [
        (K::Own, None, R::Physical),
        (K::Own, Some(M::Ozon), R::Mirror),
        (K::Website, None, R::Mirror),
        (K::Website, Some(M::Website), R::Mirror),
        (K::MarketplaceFf, Some(M::Wildberries), R::Physical),
        (K::Store, None, R::Physical),
        (K::Transit, None, R::Physical),
    ];
    for (kind, marketplace, role) in roles {
        assert_eq!(StockRole::default_for(kind, marketplace), role);
    }
    assert_eq!(Authority::default_for(K::MarketplaceFf), Authority::External);
    for kind in [K::Own, K::Store, K::Website, K::Transit] {
        assert_eq!(Authority::default_for(kind), Authority::Ledger);
    }
}

//! The rules of one product.

use cqrs_es::test::TestFramework;
use domain::catalogue::product::event::{
    Listing, ProductCreated, ProductDeactivated, ProductDetails, ProductEdited, ProductReactivated,
    ProductRenamed,
};
use domain::catalogue::product::{Product, ProductCommand, ProductEvent, ProductRefusal};
use domain::shared::field::{FieldProblem, InvalidField};
use domain::shared::money::MoneyError;

use crate::builders::*;

fn mug() -> ProductDetails {
    ProductDetails::named(&item("mug"), "A mug")
}

fn created() -> ProductEvent {
    ProductEvent::ProductCreated(ProductCreated { item_id: item("mug"), details: mug() })
}

fn when(given: &[ProductEvent], command: ProductCommand) -> Result<Vec<ProductEvent>, ProductRefusal> {
    TestFramework::<Product>::with(()).given(given.to_vec()).when(command).inspect_result()
}

fn create(details: ProductDetails) -> Result<Vec<ProductEvent>, ProductRefusal> {
    when(&[], ProductCommand::Create { item_id: item("mug"), details })
}

fn refused(field: &'static str, problem: FieldProblem) -> Result<Vec<ProductEvent>, ProductRefusal> {
    Err(ProductRefusal::Invalid(InvalidField { field, problem }))
}

#[test]
fn a_product_enters_the_catalogue_under_its_key() {
    assert_eq!(create(mug()), Ok(vec![created()]));
}

#[test]
fn a_product_enters_once() {
    let again = ProductCommand::Create { item_id: item("mug"), details: mug() };
    assert_eq!(when(&[created()], again), Err(ProductRefusal::AlreadyExists { item_id: item("mug") }));
}

#[test]
fn what_nobody_entered_cannot_be_changed() {
    let commands = [
        ProductCommand::Edit { details: mug() },
        ProductCommand::Rename { to: item("cup") },
        ProductCommand::Deactivate,
        ProductCommand::Reactivate,
    ];
    for command in commands {
        assert_eq!(when(&[], command), Err(ProductRefusal::NotFound));
    }
}

#[test]
fn editing_states_the_whole_details() {
    let details = ProductDetails { unit_cost: Some(eur("1.50")), ..mug() };
    let edited = ProductEvent::ProductEdited(ProductEdited { details: details.clone() });
    assert_eq!(when(&[created()], ProductCommand::Edit { details }), Ok(vec![edited]));
}

#[test]
fn editing_to_the_same_details_is_no_event() {
    let same = ProductDetails { product_name: " A mug ".to_owned(), ..mug() };
    assert_eq!(when(&[created()], ProductCommand::Edit { details: same }), Ok(vec![]));
    let priced = |amount| ProductDetails { unit_cost: Some(eur(amount)), ..mug() };
    let edited = ProductEvent::ProductEdited(ProductEdited { details: priced("1.5") });
    assert_eq!(when(&[created(), edited], ProductCommand::Edit { details: priced("1.50") }), Ok(vec![]));
}

#[test]
fn renaming_keeps_the_earlier_key() {
    let renamed = ProductEvent::ProductRenamed(ProductRenamed { from: item("mug"), to: item("cup") });
    assert_eq!(when(&[created()], ProductCommand::Rename { to: item("cup") }), Ok(vec![renamed.clone()]));
    assert_eq!(when(&[created(), renamed.clone()], ProductCommand::Rename { to: item("cup") }), Ok(vec![]));

    let mut product = Product::default();
    product.evolve(&created());
    product.evolve(&renamed);
    let known = product.known().unwrap();
    assert_eq!((&known.item_id, &known.former_ids), (&item("cup"), &vec![item("mug")]));

    product.evolve(&ProductEvent::ProductRenamed(ProductRenamed { from: item("cup"), to: item("mug") }));
    assert_eq!(product.known().unwrap().former_ids, [item("cup")]);
}

#[test]
fn leaving_and_coming_back_happen_once() {
    let gone = ProductEvent::ProductDeactivated(ProductDeactivated {});
    let back = ProductEvent::ProductReactivated(ProductReactivated {});
    assert_eq!(when(&[created()], ProductCommand::Deactivate), Ok(vec![gone.clone()]));
    assert_eq!(when(&[created(), gone.clone()], ProductCommand::Deactivate), Ok(vec![]));
    assert_eq!(when(&[created(), gone], ProductCommand::Reactivate), Ok(vec![back]));
    assert_eq!(when(&[created()], ProductCommand::Reactivate), Ok(vec![]));
}

#[test]
fn a_blank_category_is_uncategorized_and_repeated_codes_are_kept_once() {
    let listing = Listing { channel: "ozon".to_owned(), external_id: "1".to_owned() };
    let given = ProductDetails {
        category: "  ".to_owned(),
        barcodes: vec![" 1 ".to_owned(), "1".to_owned(), "2".to_owned()],
        listings: vec![listing.clone(), listing.clone()],
        ..mug()
    };
    let kept = given.checked().unwrap();
    assert_eq!(kept.category, "Uncategorized");
    assert_eq!(kept.barcodes, ["1", "2"]);
    assert_eq!(kept.listings, [listing]);
}

#[test]
fn texts_have_their_lengths() {
    let long = |chars: usize| "ж".repeat(chars);
    let too_long = |max| FieldProblem::TooLong { max, chars: max + 1 };
    assert!(
        create(ProductDetails { product_name: long(500), category: long(200), sku: long(100), ..mug() })
            .is_ok()
    );
    let name = create(ProductDetails { product_name: long(501), ..mug() });
    assert_eq!(name, refused("product_name", too_long(500)));
    let category = create(ProductDetails { category: long(201), ..mug() });
    assert_eq!(category, refused("category", too_long(200)));
    assert_eq!(create(ProductDetails { sku: long(101), ..mug() }), refused("sku", too_long(100)));
    let empty = create(ProductDetails { product_name: " ".to_owned(), ..mug() });
    assert_eq!(empty, refused("product_name", FieldProblem::Empty));
    let control = create(ProductDetails { product_name: "a\u{0}b".to_owned(), ..mug() });
    assert_eq!(control, refused("product_name", FieldProblem::Control));
    let barcode = create(ProductDetails { barcodes: vec![String::new()], ..mug() });
    assert_eq!(barcode, refused("barcodes", FieldProblem::Empty));
    let many = create(ProductDetails { barcodes: vec!["1".to_owned(); 101], ..mug() });
    assert_eq!(many, refused("barcodes", FieldProblem::TooMany { max: 100, entries: 101 }));
    let unnamed = Listing { channel: String::new(), external_id: "1".to_owned() };
    assert_eq!(
        create(ProductDetails { listings: vec![unnamed], ..mug() }),
        refused("listings", FieldProblem::Empty)
    );
}

#[test]
fn numbers_have_their_ranges() {
    let most = ProductDetails {
        lead_time_days: Some(3650),
        safety_stock_days: Some(3650),
        manual_daily_forecast: Some("0.1234".parse().unwrap()),
        ..mug()
    };
    assert!(create(most).is_ok());
    let days = FieldProblem::TooLarge { max: 3650 };
    let lead = create(ProductDetails { lead_time_days: Some(3651), ..mug() });
    assert_eq!(lead, refused("lead_time_days", days.clone()));
    let safety = create(ProductDetails { safety_stock_days: Some(3651), ..mug() });
    assert_eq!(safety, refused("safety_stock_days", days));
    let forecast =
        |text: &str| ProductDetails { manual_daily_forecast: Some(text.parse().unwrap()), ..mug() };
    assert_eq!(create(forecast("-0.1")), refused("manual_daily_forecast", FieldProblem::Negative));
    let decimals = FieldProblem::TooManyDecimals { max: 4 };
    assert_eq!(create(forecast("0.12345")), refused("manual_daily_forecast", decimals));
    let huge = FieldProblem::TooLarge { max: 1_000_000_000 };
    assert_eq!(create(forecast("1000000001")), refused("manual_daily_forecast", huge));
    let heavy = create(ProductDetails { weight_g: Some(u32::MAX), ..mug() });
    assert_eq!(heavy, refused("weight_g", FieldProblem::TooLarge { max: 1_000_000_000 }));
    let wide = create(ProductDetails { dimensions_mm: Some([1, 1, 1_000_001]), ..mug() });
    assert_eq!(wide, refused("dimensions_mm", FieldProblem::TooLarge { max: 1_000_000 }));
}

#[test]
fn costs_and_prices_are_amounts_with_two_decimals() {
    let cost = |text| create(ProductDetails { unit_cost: Some(eur(text)), ..mug() });
    assert!(cost("0").is_ok());
    assert!(cost("12.500").is_ok());
    assert_eq!(cost("-0.01"), refused("unit_cost", FieldProblem::Amount(MoneyError::Negative)));
    assert_eq!(cost("0.001"), refused("unit_cost", FieldProblem::Amount(MoneyError::TooManyDecimals(2))));
    let price = create(ProductDetails { selling_price: Some(eur("1000000000000")), ..mug() });
    assert_eq!(price, refused("selling_price", FieldProblem::Amount(MoneyError::TooLarge)));
}

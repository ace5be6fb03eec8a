//! R27 and R30: totals that follow changes, and their empty cases.

use domain::planning::cover::Colour;
use domain::planning::summary::{Totals, change, stock_value, turnover_colour};
use domain::planning::{Amount, Days, Fixed, ItemPlan};
use proptest::prelude::*;

use crate::fixture::small;
use crate::inputs::ordinary;

fn totals<'a>(plans: impl IntoIterator<Item = &'a ItemPlan>) -> Totals {
    let mut totals = Totals::default();
    for plan in plans {
        totals.add(plan).unwrap();
    }
    totals
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

#[test]
fn an_empty_catalogue_has_no_averages() {
    let summary = Totals::default().summary(Amount::ZERO, None).unwrap();
    assert_eq!((summary.total_skus, summary.total_inventory_value), (0, Amount::ZERO));
    assert_eq!((summary.average_dir, summary.turnover_days), (None, None));
    assert_eq!((summary.value_7_days_ago, summary.value_change_percent), (None, None));
    assert_eq!(Totals::default().share_of(Colour::Red), Fixed::ZERO);
}

#[test]
fn items_that_are_not_planned_count_in_the_value_alone() {
    let plans = small("settings.json").plans();
    let summary = totals(&plans).summary(amount("100.00"), Some(amount("7000.00"))).unwrap();
    assert_eq!(summary.total_inventory_value.to_string(), "7716.00");
    assert_eq!(summary.value_change_percent.unwrap().to_string(), "10.23");
    assert_eq!(summary.total_skus, 43);
}

#[test]
fn shares_are_percent_of_the_planned_items() {
    let totals = totals(&small("settings.json").plans());
    let shares = Colour::ALL.iter().map(|colour| totals.share_of(*colour).to_string());
    assert_eq!(shares.collect::<Vec<_>>(), ["65.12", "23.26", "11.63"], "28, 10 and 5 of 43");
}

#[test]
fn a_change_needs_a_value_before() {
    assert_eq!(change(amount("5.00"), None), Ok(None));
    assert_eq!(change(amount("5.00"), Some(Amount::ZERO)), Ok(None));
    assert_eq!(change(amount("7616.00"), Some(amount("11292.00"))).unwrap().unwrap().to_string(), "-32.55");
    assert_eq!(stock_value([(-5, amount("2.00")), (3, amount("1.50"))]).unwrap().to_string(), "4.50");
}

#[test]
fn turnover_is_green_yellow_or_red() {
    let colour = |text: &str| turnover_colour(text.parse::<Days>().unwrap());
    assert_eq!([colour("29.99"), colour("30.00")], [Colour::Green, Colour::Yellow]);
    assert_eq!([colour("60.00"), colour("60.01")], [Colour::Yellow, Colour::Red]);
}

proptest! {
    #[test]
    fn totals_follow_items_that_come_and_go(inputs in prop::collection::vec(ordinary(1_000), 0..12), cut in 0_usize..12) {
        let plans: Vec<ItemPlan> = inputs.iter().map(|inputs| inputs.plan().unwrap()).collect();
        let (gone, left) = plans.split_at(cut.min(plans.len()));
        let mut followed = totals(&plans);
        for plan in gone {
            followed.remove(plan).unwrap();
        }
        prop_assert_eq!(followed, totals(left));
    }
}

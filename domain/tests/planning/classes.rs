//! R31 by hand, and orders of lists (R26).

use domain::planning::class::{Abc, DemandType, Xyz, demand_value};
use domain::planning::lists;
use domain::planning::{Amount, Days, ItemPlan};
use domain::shared::ids::ItemId;

use crate::fixture::small;

fn classes(values: &[(&str, i128)]) -> String {
    let ids: Vec<(ItemId, i128)> =
        values.iter().map(|(id, value)| (ItemId::new(id).unwrap(), *value)).collect();
    let mut ranked: Vec<(&ItemId, i128)> = ids.iter().map(|(id, value)| (id, *value)).collect();
    Abc::rank(&mut ranked);
    let classes = Abc::of_ranked(&ranked);
    let shown: Vec<String> =
        ranked.iter().zip(classes).map(|((id, _), class)| format!("{id}{class}")).collect();
    shown.join(" ")
}

#[test]
fn a_is_what_makes_up_four_fifths_of_the_value() {
    assert_eq!(classes(&[("x", 10), ("y", 80), ("z", 5), ("w", 5)]), "yA xB wB zC");
    assert_eq!(classes(&[("x", 79), ("y", 21)]), "xA yA", "79 % before it are below 80 %");
    assert_eq!(classes(&[("x", 80), ("y", 20)]), "xA yB", "80 % are not");
    assert_eq!(classes(&[("x", 0), ("y", 0)]), "xC yC");
    assert_eq!(classes(&[("b", 50), ("a", 50)]), "aA bA", "ties by item id");
    assert_eq!(classes(&[]), "");
}

#[test]
fn demand_value_is_that_of_ninety_days() {
    let mut daily = vec![1_000; 10];
    daily.extend([1; 90]);
    assert_eq!(demand_value(&daily, 100, Amount::whole(2)), Ok(90 * 200));
    assert_eq!(demand_value(&daily, 30, Amount::whole(2)), Ok(30 * 200), "of the history alone");
}

#[test]
fn x_y_and_z_follow_the_weeks() {
    let weeks = |weeks: &[i64]| {
        let daily: Vec<i64> = weeks.iter().flat_map(|units| [0, 0, 0, *units, 0, 0, 0]).collect();
        Xyz::of(&daily, u32::try_from(daily.len()).unwrap())
    };
    assert_eq!(weeks(&[5; 12]), Xyz::X);
    // Mean 2, deviation 1: exactly 0.5.
    assert_eq!(weeks(&[1, 3, 1, 3]), Xyz::X);
    // Mean 1, deviation 1: exactly 1.
    assert_eq!(weeks(&[0, 2, 0, 2]), Xyz::Y);
    assert_eq!(weeks(&[0, 0, 0, 4]), Xyz::Z);
    assert_eq!(weeks(&[5; 3]), Xyz::Z, "too little history");
    assert_eq!(weeks(&[0; 6]), Xyz::Z, "nothing sold");
    let mut old = vec![0, 100];
    old.extend([5; 12]);
    assert_eq!(weeks(&old), Xyz::X, "older weeks do not count");
}

#[test]
fn demand_is_smooth_intermittent_erratic_or_lumpy() {
    let kind = |daily: &[i64]| DemandType::of(daily, u32::try_from(daily.len()).unwrap());
    assert_eq!(kind(&[4; 90]), Some(DemandType::Smooth));
    let seldom: Vec<i64> = (0..90).map(|day| if day % 3 == 0 { 4 } else { 0 }).collect();
    assert_eq!(kind(&seldom), Some(DemandType::Intermittent));
    let uneven: Vec<i64> = (0..90).map(|day| if day % 10 == 0 { 40 } else { 1 }).collect();
    assert_eq!(kind(&uneven), Some(DemandType::Erratic));
    let lumpy: Vec<i64> = (0..90).map(|day| [0, 0, 1, 0, 40, 0][day % 6]).collect();
    assert_eq!(kind(&lumpy), Some(DemandType::Lumpy));
    // 33 days with 25 of demand: exactly 1.32.
    let edge: Vec<i64> = (0..33).map(|day| i64::from(day < 25)).collect();
    assert_eq!(kind(&edge), Some(DemandType::Smooth));
    assert_eq!(kind(&[0; 90]), None);
}

#[test]
fn days_of_inventory_are_sorted_with_endless_on_top_and_nulls_last() {
    let fixture = small("settings.json");
    let plans = fixture.plans();
    let mut items: Vec<(&str, &ItemPlan)> =
        fixture.items.iter().zip(&plans).map(|(item, plan)| (item.id.as_str(), plan)).collect();
    items.sort_by(|one, other| lists::by_dir_falling(one.1, other.1).then(one.0.cmp(other.0)));
    let ids: Vec<&str> = items.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids[..3], ["10009", "10010", "10038"], "two that are endless, then 10,000 days");
    assert_eq!(ids[41..], ["10020", "10021"], "nothing known");
    items.sort_by(|one, other| lists::by_dir(one.1, other.1).then(one.0.cmp(other.0)));
    let ids: Vec<&str> = items.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids[..2], ["10019", "10025"]);
    assert_eq!(ids[38..], ["10038", "10009", "10010", "10020", "10021"]);

    let within = |least, most| {
        let limit = |days: Option<u32>| days.map(Days::whole);
        items.iter().filter(|(_, plan)| lists::dir_within(plan, limit(least), limit(most))).count()
    };
    assert_eq!(within(None, None), 43);
    assert_eq!(within(Some(1_000), None), 3, "endless items are above every limit");
    assert_eq!(within(None, Some(1_000_000)), 39, "and have none");
    let below = items.iter().filter(|(_, plan)| lists::is_below_marketing_threshold(plan, 30));
    assert_eq!(below.filter(|(id, _)| *id == "10040").count(), 1, "exactly on the threshold");
}

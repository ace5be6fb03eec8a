//! R30: accuracy of published forecasts.

use domain::planning::accuracy::{Errors, Trend};
use domain::planning::{Amount, Fixed, Percent};
use proptest::prelude::*;

fn of(pairs: &[(i64, i64)]) -> Errors {
    let mut errors = Errors::default();
    for (forecast, actual) in pairs {
        errors.add(Fixed::whole(u32::try_from(*forecast).unwrap()), *actual, Amount::whole(3)).unwrap();
    }
    errors
}

fn shown<const PLACES: u32>(figure: Option<Fixed<PLACES>>) -> String {
    figure.map_or_else(String::new, |figure| figure.to_string())
}

#[test]
fn figures_by_hand() {
    // Errors of 2, -3 and 1 over sales of 10, 5 and 0.
    let errors = of(&[(12, 10), (2, 5), (1, 0)]);
    assert_eq!(shown(errors.wape()), "40.00");
    assert_eq!(shown(errors.bias()), "0.00");
    assert_eq!(shown(errors.mape()), "40.00", "of 20 % and 60 %; nothing was sold of the third");
    assert_eq!(shown(errors.rmse()), "2.1602", "the root of 14/3");
    assert_eq!(errors.value().unwrap().to_string(), "18.00");
}

#[test]
fn nothing_published_or_nothing_sold_is_no_figure() {
    let none = Errors::default();
    assert_eq!((none.wape(), none.bias(), none.mape(), none.rmse()), (None, None, None, None));
    let unsold = of(&[(2, 0)]);
    assert_eq!((unsold.wape(), unsold.bias(), unsold.mape()), (None, None, None));
    assert_eq!(shown(unsold.rmse()), "2.0000");
}

#[test]
fn a_trend_is_more_than_a_point() {
    let percent = |steps| Some(Percent::of_steps(steps));
    assert_eq!(Trend::of(percent(6_800), percent(6_900)), Some(Trend::Stable));
    assert_eq!(Trend::of(percent(6_799), percent(6_900)), Some(Trend::Improving));
    assert_eq!(Trend::of(percent(7_000), percent(6_900)), Some(Trend::Stable));
    assert_eq!(Trend::of(percent(7_001), percent(6_900)), Some(Trend::Declining));
    assert_eq!(Trend::of(None, percent(1)), None);
}

proptest! {
    #[test]
    fn errors_add_up_in_any_grouping(
        pairs in prop::collection::vec((0_i64..10_000, 0_i64..10_000), 0..30), cut in 0_usize..30,
    ) {
        let (left, right) = pairs.split_at(cut.min(pairs.len()));
        let mut merged = of(left);
        merged.merge(&of(right)).unwrap();
        prop_assert_eq!(merged, of(&pairs));
        prop_assert!(merged.signed.abs() <= merged.absolute);
    }

    #[test]
    fn any_numbers_are_taken_or_refused(forecast in any::<i64>(), actual in any::<i64>(), cost in any::<i64>()) {
        let mut errors = Errors::default();
        for _ in 0..3 {
            let before = errors;
            if errors.add(Fixed::of_steps(forecast), actual, Fixed::of_steps(cost)).is_err() {
                prop_assert_eq!(errors, before, "a refused pair leaves no trace");
            }
        }
        let _ = (errors.wape(), errors.bias(), errors.mape(), errors.rmse(), errors.value());
    }
}

//! R1: rounding, decimals, roots, and what happens beyond 64 bits.

use domain::planning::forecast::DailyForecast;
use domain::planning::forecast::Method;
use domain::planning::number::{ceiled, root, rounded};
use domain::planning::{Fixed, Overflow, Rate};
use proptest::prelude::*;

#[test]
fn halves_go_away_from_zero() {
    for (numerator, denominator, expected) in
        [(125, 1000, 13), (-4165, 1000, -417), (1, 200, 1), (-1, 200, -1), (0, 7, 0), (1, 300, 0), (2, 3, 67)]
    {
        let shown = Fixed::<2>::ratio(numerator, denominator, "x").unwrap();
        assert_eq!(shown.steps(), expected, "{numerator}/{denominator}");
    }
}

#[test]
fn whole_quantities_go_up() {
    assert_eq!(ceiled(23, 10, "x"), Ok(3));
    assert_eq!(ceiled(-32, 10, "x"), Ok(-3));
    assert_eq!(ceiled(30, 10, "x"), Ok(3));
    assert_eq!(ceiled(i128::MAX, 1, "x"), Err(Overflow { value: "x" }));
    assert_eq!(ceiled(i128::MIN, -1, "x"), Err(Overflow { value: "x" }));
    assert_eq!(ceiled(1, 0, "x"), Err(Overflow { value: "x" }));
}

#[test]
fn roots_are_rounded_exactly() {
    assert_eq!(root::<4>(600 * 49, 7, "x").unwrap().to_string(), "24.4949");
    assert_eq!(root::<4>(0, 7, "x").unwrap(), Rate::ZERO);
    assert_eq!(root::<2>(2, 1, "x").unwrap().to_string(), "1.41");
    assert_eq!(root::<2>(9, 2, "x").unwrap().to_string(), "1.50");
    assert!(root::<4>(-1, 1, "x").is_err());
    assert!(root::<4>(1, 0, "x").is_err());
}

#[test]
fn decimals_are_written_with_all_their_places_and_read_again() {
    for (steps, text) in [(-4165, "-41.65"), (5, "0.05"), (-5, "-0.05"), (0, "0.00"), (100, "1.00")] {
        let number = Fixed::<2>::of_steps(steps);
        assert_eq!(number.to_string(), text);
        assert_eq!(text.parse::<Fixed<2>>().unwrap(), number);
        assert_eq!(number.decimal().to_string(), text);
        assert_eq!(serde_json::to_value(number).unwrap(), serde_json::json!(text));
    }
    assert_eq!(Fixed::<2>::of_steps(i64::MIN).to_string(), "-92233720368547758.08");
    assert_eq!("4.5".parse::<Rate>().unwrap().steps(), 45_000);
    assert!("1.005".parse::<Fixed<2>>().is_err());
    assert!("a lot".parse::<Fixed<2>>().is_err());
    assert_eq!(Rate::from_decimal("0.00005".parse().unwrap()).unwrap().steps(), 1);
    assert_eq!(Rate::from_decimal("79228162514264337593543950335".parse().unwrap()), None);
}

#[test]
fn what_64_bits_cannot_hold_is_named() {
    let refused = Fixed::<4>::ratio(i128::from(i64::MAX), 1, "sum_7").unwrap_err();
    assert_eq!(refused.to_string(), "sum_7 is too large");
    let endless = DailyForecast::constant(Method::External, Fixed::of_steps(i64::MAX));
    assert_eq!(endless.total(14, "forecast_14d"), Err(Overflow { value: "forecast_14d" }));
    assert_eq!(rounded(1, 0), None);
    assert_eq!(rounded(1, -1), None);
}

proptest! {
    #[test]
    fn quick_and_wide_divisions_round_alike(numerator in any::<i64>(), denominator in 1..=i64::MAX) {
        let quick = rounded(numerator.into(), denominator.into()).unwrap();
        // Both sides a large prime times larger take the wide way.
        let wide = i128::from(2_305_843_009_213_693_951_i64);
        prop_assert_eq!(rounded(i128::from(numerator) * wide, i128::from(denominator) * wide).unwrap_or(quick), quick);
        let twice = (i128::from(numerator) * 2 - i128::from(quick) * 2 * i128::from(denominator)).abs();
        prop_assert!(twice <= denominator.into());
        // A tie lies nearer to zero than what it became.
        if twice == denominator.into() {
            prop_assert!((i128::from(quick) * i128::from(denominator)).abs() > i128::from(numerator).abs());
        }
    }
}

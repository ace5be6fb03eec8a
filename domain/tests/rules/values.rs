//! Keys, money, instants.

use chrono::{DateTime, FixedOffset, NaiveDate};
use chrono_tz::Tz;
use domain::shared::field::{self, FieldProblem};
use domain::shared::ids::{ItemId, KeyError, LocationId};
use domain::shared::moment::{Stamp, close_of_day, local_date, start_of_day};
use domain::shared::money::{Currency, Money, MoneyError};

use crate::builders::*;

#[test]
fn keys_are_trimmed_keep_their_case_and_have_a_length() {
    assert_eq!(ItemId::new("  Кружка/1 ").unwrap().as_str(), "Кружка/1");
    assert_eq!(ItemId::new(" \t "), Err(KeyError::Empty));
    assert_eq!(ItemId::new(&"ж".repeat(101)), Err(KeyError::TooLong(101)));
    assert!(ItemId::new(&"ж".repeat(100)).is_ok());
    assert_eq!(LocationId::new("a\u{1f}b"), Err(KeyError::Control));
    assert!(serde_json::from_str::<ItemId>("\"\"").is_err());
}

#[test]
fn currencies_are_known_by_their_codes() {
    assert!(Currency::all().is_sorted(), "looked up by halving");
    assert!(Currency::all().all(|currency| Currency::new(currency.code()).unwrap() == currency));
    assert_eq!(Currency::new("eur"), Err(MoneyError::UnknownCurrency("eur".to_owned())));
}

#[test]
fn money_is_written_exactly() {
    let written = serde_json::to_string(&eur("12.50")).unwrap();
    assert_eq!(written, r#"{"amount":"12.50","currency":"EUR"}"#);
    assert_eq!(serde_json::from_str::<Money>(&written).unwrap(), eur("12.50"));
}

#[test]
fn prices_are_not_negative_not_too_large_and_not_too_fine() {
    let price = |text: &str, decimals| Money::price(text.parse().unwrap(), eur("0").currency, decimals);
    assert!(price("-0", 2).is_ok());
    assert!(price("1.2300", 2).is_ok());
    assert_eq!(price("-1", 2), Err(MoneyError::Negative));
    assert_eq!(price("1000000000000", 2), Err(MoneyError::TooLarge));
    assert_eq!(price("1.23456", 4), Err(MoneyError::TooManyDecimals(4)));
}

#[test]
fn problems_of_fields_have_stable_codes() {
    assert_eq!(FieldProblem::Empty.code(), "empty");
    assert_eq!(FieldProblem::Amount(MoneyError::Negative).code(), "negative");
    assert_eq!(field::optional_text("city", Some(" "), 5), Ok(None));
    assert_eq!(field::optional_text("city", None, 5), Ok(None));
    assert_eq!(field::text("city", "", 5).unwrap_err().to_string(), "city must not be empty");
}

#[test]
fn the_local_day_follows_daylight_saving() {
    let berlin: Tz = chrono_tz::Europe::Berlin;
    let day = NaiveDate::from_ymd_opt(2026, 3, 29).unwrap();
    let (start, close) = (start_of_day(day, berlin), close_of_day(day, berlin));
    assert_eq!(start.to_rfc3339(), "2026-03-28T23:00:00+00:00");
    assert_eq!(close.to_rfc3339(), "2026-03-29T21:59:59.999999+00:00");
    assert_eq!((local_date(start, berlin), local_date(close, berlin)), (day, day));
}

#[test]
fn a_day_whose_midnight_a_clock_change_skips_begins_at_its_first_instant() {
    let day = NaiveDate::from_ymd_opt(2018, 11, 4).unwrap();
    let start = start_of_day(day, chrono_tz::America::Sao_Paulo);
    assert_eq!(start.to_rfc3339(), "2018-11-04T03:00:00+00:00");
}

#[test]
fn the_offset_of_the_source_is_kept() {
    let written: DateTime<FixedOffset> = "2026-03-20T15:00:00+03:00".parse().unwrap();
    let stamp = Stamp::from(written);
    assert_eq!((stamp.at, stamp.offset_minutes), (now(), 180));
}

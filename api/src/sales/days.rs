//! Days and instants that sales can speak of. The calendar of the server knows years that no database keeps.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate};
use commands::{RefusalKind, Refused};

use crate::problem::Problem;

const YEARS: std::ops::RangeInclusive<i32> = 1900..=9999;

/// Refuses a day outside the years 1900 to 9999 in a body.
pub(super) fn day(pointer: &'static str, day: NaiveDate) -> Result<NaiveDate, Refused> {
    if YEARS.contains(&day.year()) {
        return Ok(day);
    }
    Err(Refused::new("year_out_of_range", RefusalKind::Invalid, message()).at(pointer))
}

/// Refuses an instant outside the years 1900 to 9999 in a body.
pub(super) fn instant(
    pointer: &'static str,
    instant: DateTime<FixedOffset>,
) -> Result<DateTime<FixedOffset>, Refused> {
    day(pointer, instant.date_naive()).map(|_| instant)
}

/// Refuses a day outside the years 1900 to 9999 in a query.
pub(super) fn parameter(pointer: &'static str, day: Option<NaiveDate>) -> Result<(), Problem> {
    if day.is_none_or(|day| YEARS.contains(&day.year())) {
        return Ok(());
    }
    Err(Problem::invalid("invalid_parameter", pointer, message()))
}

fn message() -> String {
    format!("the year must lie between {} and {}", YEARS.start(), YEARS.end())
}

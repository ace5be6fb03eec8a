//! Which days and instants a request can speak of. The calendar of the server knows years that no database keeps.

use std::ops::RangeInclusive;

use chrono::Datelike;
use commands::{RefusalKind, Refused};

use crate::problem::Problem;

const YEARS: RangeInclusive<i32> = 1900..=9999;

/// A day or instant of a body; refused at `pointer` outside the years 1900 to 9999.
pub(crate) fn in_body<T: Datelike>(pointer: &'static str, value: T) -> Result<T, Refused> {
    if YEARS.contains(&value.year()) {
        return Ok(value);
    }
    Err(Refused::new("year_out_of_range", RefusalKind::Invalid, message()).at(pointer))
}

/// A day or instant of a query; refused at `pointer` outside the years 1900 to 9999.
pub(crate) fn in_query<T: Datelike>(pointer: &str, value: Option<T>) -> Result<Option<T>, Problem> {
    if value.as_ref().is_none_or(|value| YEARS.contains(&value.year())) {
        return Ok(value);
    }
    Err(Problem::invalid("invalid_parameter", pointer, message()))
}

fn message() -> String {
    format!("the year must lie between {} and {}", YEARS.start(), YEARS.end())
}

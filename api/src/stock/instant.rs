//! Instants of queries: RFC 3339, or a date that stands for one of its ends in the company's time zone.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::shared::moment::{close_of_day, start_of_day};
use sqlx::PgConnection;

use crate::calendar;
use crate::companies;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// An instant, or a day that still needs a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    At(DateTime<Utc>),
    On(NaiveDate),
}

/// Which end of a day a date stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its first instant.
    Start,
    /// Its last instant.
    Close,
}

/// A query parameter that is an instant or a date, with what points at it.
pub(crate) type Asked<'a> = (&'static str, Option<&'a str>, End);

/// The instants of `asked`, in order. The company's zone is looked up only where a date is among them.
pub(crate) async fn instants<const N: usize>(
    conn: &mut PgConnection,
    state: &AppState,
    caller: &Caller,
    asked: [Asked<'_>; N],
) -> Result<[Option<DateTime<Utc>>; N], Problem> {
    let mut read = [(None, End::Start); N];
    for (read, (pointer, text, end)) in read.iter_mut().zip(asked) {
        *read = (text.map(|text| parse(pointer, text)).transpose()?, end);
    }
    let zone = if read.iter().any(|(when, _)| matches!(when, Some(When::On(_)))) {
        companies::time_zone(conn, state, caller).await?
    } else {
        Tz::UTC
    };
    Ok(read.map(|(when, end)| when.map(|when| when.at(end, zone))))
}

impl When {
    fn at(self, end: End, zone: Tz) -> DateTime<Utc> {
        match (self, end) {
            (Self::At(instant), _) => instant,
            (Self::On(date), End::Start) => start_of_day(date, zone),
            (Self::On(date), End::Close) => close_of_day(date, zone),
        }
    }
}

fn parse(pointer: &str, text: &str) -> Result<When, Problem> {
    let text = text.trim();
    // In a query an unescaped plus sign arrives as a space.
    let instant =
        DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc3339(&text.replace(' ', "+")));
    let instant = calendar::in_query(pointer, instant.ok().map(|instant| instant.with_timezone(&Utc)))?;
    let date = calendar::in_query(pointer, text.parse::<NaiveDate>().ok())?;
    let when = instant.map(When::At).or(date.map(When::On));
    when.ok_or_else(|| {
        Problem::invalid("invalid_parameter", pointer, "must be an instant (RFC 3339) or a date")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_end_in_the_company_zone_and_an_instant_is_itself() {
        let rome = Tz::Europe__Rome;
        let day = parse("?as_of", "2011-11-30").unwrap();
        assert_eq!(day.at(End::Close, rome).to_rfc3339(), "2011-11-30T22:59:59.999999+00:00");
        assert_eq!(day.at(End::Start, rome).to_rfc3339(), "2011-11-29T23:00:00+00:00");
        let instant = parse("?as_of", "2011-11-30T10:00:00 02:00").unwrap();
        assert_eq!(instant.at(End::Close, rome).to_rfc3339(), "2011-11-30T08:00:00+00:00");
        assert!(parse("?as_of", "yesterday").is_err());
        assert!(parse("?as_of", "+262000-01-01").is_err());
    }
}

//! Instants, local days and the company's time zone.
//!
//! An instant is UTC; the offset that its source wrote is kept beside it. Local dates are computed in the company's
//! zone, so daylight saving is right.

use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// How far ahead of the server's clock a fact may lie (decision 11).
const FUTURE_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The latest instant that a fact may bear; `now` where the calendar ends.
pub fn latest_instant(now: DateTime<Utc>) -> DateTime<Utc> {
    now.checked_add_signed(FUTURE_TOLERANCE).unwrap_or(now)
}

/// Instant at which `date` ends in `zone`, less one microsecond: the close of the day.
pub fn close_of_day(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    start_of_day(date.succ_opt().unwrap_or(date), zone) - TimeDelta::microseconds(1)
}

/// First instant of `date` in `zone`. Where a clock change skips midnight, the first instant that exists.
pub fn start_of_day(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = date.and_time(chrono::NaiveTime::MIN);
    (0..=4)
        .find_map(|half_hours| {
            zone.from_local_datetime(&(midnight + TimeDelta::minutes(30 * half_hours))).earliest()
        })
        .map_or_else(|| midnight.and_utc(), |local| local.with_timezone(&Utc))
}

/// Day on which `instant` falls in `zone`.
pub fn local_date(instant: DateTime<Utc>, zone: Tz) -> NaiveDate {
    instant.with_timezone(&zone).date_naive()
}

/// An instant with the offset of its source, in minutes east of UTC; 0 where the source gave UTC or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The instant.
    pub at: DateTime<Utc>,
    /// Offset that the source wrote, in minutes.
    pub offset_minutes: i16,
}

impl From<DateTime<FixedOffset>> for Stamp {
    fn from(instant: DateTime<FixedOffset>) -> Self {
        let minutes = instant.offset().local_minus_utc() / 60;
        Self { at: instant.with_timezone(&Utc), offset_minutes: i16::try_from(minutes).unwrap_or_default() }
    }
}

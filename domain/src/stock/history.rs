//! Stock as of an instant, folded from every event: the plain meaning of the ledger.
//!
//! An anchor says what lay there; facts after it add up. What was recorded when plays no part, except that of two
//! anchors at one instant the later recorded one holds.

use chrono::{DateTime, Utc};

use crate::shared::ids::LocationId;
use crate::shared::quantity::Units;
use crate::stock::event::{Movement, StockEvent};

/// Stock at `location` at `instant` by all `events`, which stand in the order of recording.
pub fn as_of(events: &[StockEvent], location: &LocationId, instant: DateTime<Utc>) -> Units {
    let mut newest: Option<(DateTime<Utc>, Units)> = None;
    for (at, movement) in movements(events, location).filter(|(at, _)| *at <= instant) {
        if let Some(stated) = movement.anchored_at
            && newest.is_none_or(|(newest_at, _)| newest_at <= at)
        {
            newest = Some((at, stated));
        }
    }
    let after = |at| newest.is_none_or(|(anchored_at, _)| at > anchored_at);
    movements(events, location)
        .filter(|(at, movement)| *at <= instant && movement.anchored_at.is_none() && after(*at))
        .fold(newest.map_or(0, |(_, stated)| stated), |sum, (_, movement)| {
            sum.saturating_add(movement.quantity)
        })
}

/// What the events did at one location, with the instants at which it happened.
fn movements<'a>(
    events: &'a [StockEvent],
    location: &'a LocationId,
) -> impl Iterator<Item = (DateTime<Utc>, &'a Movement)> {
    events.iter().map(StockEvent::entry).flat_map(move |entry| {
        let here = entry.movements.iter().filter(move |movement| movement.location_id == *location);
        here.map(|movement| (entry.effective_at, movement))
    })
}

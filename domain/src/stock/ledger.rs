//! Stock of one product at one location: today's figure and just enough of the past to place late facts.
//!
//! The *tail* holds the facts after the newest anchor, in the order in which they happened, at most [`TAIL`] of them.
//! With it an anchor for a past instant is decided without reading the stream again; only one that reaches back
//! beyond the tail needs all events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::shared::quantity::Units;
use crate::stock::event::Movement;

/// How many facts after the newest anchor are kept.
pub const TAIL: usize = 32;

/// Stock of one product at one location, in units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// What lies there now; below zero is a discrepancy.
    pub on_hand: Units,
    /// Promised to orders that have not left.
    pub reserved: Units,
    /// The newest statement of stock.
    pub anchor: Option<Anchor>,
    /// Facts after the anchor by the instant at which they happened.
    pub tail: Vec<Delta>,
    /// Instant of the newest fact after the anchor that the tail no longer holds.
    pub dropped_until: Option<DateTime<Utc>>,
}

/// "At this instant it was so many."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The instant.
    pub at: DateTime<Utc>,
    /// The stock stated, in units.
    pub quantity: Units,
    /// The movement that stated it.
    pub movement_id: Uuid,
}

/// A fact after the newest anchor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// When it happened.
    pub effective_at: DateTime<Utc>,
    /// What it did, signed units.
    pub quantity: Units,
}

impl Ledger {
    /// The anchor that had already counted whatever happened at `at`.
    pub fn closed_by(&self, at: DateTime<Utc>) -> Option<&Anchor> {
        self.anchor.as_ref().filter(|anchor| anchor.at >= at)
    }

    /// The anchor that is newer than one at `at`; of two at one instant the later recorded holds.
    pub fn superseding(&self, at: DateTime<Utc>) -> Option<&Anchor> {
        self.anchor.as_ref().filter(|anchor| anchor.at > at)
    }

    /// Stock at `at` by what is known today; nothing where the kept past does not reach back so far.
    pub fn known_at(&self, at: DateTime<Utc>) -> Option<Units> {
        if self.superseding(at).is_some() || self.dropped_until.is_some_and(|dropped| dropped > at) {
            return None;
        }
        let later = self.tail.iter().filter(|delta| delta.effective_at > at);
        Some(later.fold(self.on_hand, |known, delta| known.saturating_sub(delta.quantity)))
    }

    /// Whether anything ever moved or was stated here.
    pub fn has_moved(&self) -> bool {
        self.anchor.is_some() || !self.tail.is_empty() || self.dropped_until.is_some()
    }

    /// Takes in what happened here.
    pub(crate) fn record(&mut self, at: DateTime<Utc>, movement_id: Uuid, movement: &Movement) {
        self.on_hand = self.on_hand.saturating_add(movement.effect);
        if movement.superseded_by.is_some() {
            return;
        }
        match movement.anchored_at {
            Some(quantity) => self.stand_on(Anchor { at, quantity, movement_id }),
            None => self.remember(Delta { effective_at: at, quantity: movement.quantity }),
        }
    }

    fn stand_on(&mut self, anchor: Anchor) {
        if self.superseding(anchor.at).is_some() {
            return;
        }
        self.tail.retain(|delta| delta.effective_at > anchor.at);
        self.dropped_until = self.dropped_until.filter(|dropped| *dropped > anchor.at);
        self.anchor = Some(anchor);
    }

    fn remember(&mut self, delta: Delta) {
        let place = self.tail.partition_point(|known| known.effective_at <= delta.effective_at);
        self.tail.insert(place, delta);
        if self.tail.len() > TAIL {
            let oldest = self.tail.remove(0);
            self.dropped_until = self.dropped_until.max(Some(oldest.effective_at));
        }
    }
}

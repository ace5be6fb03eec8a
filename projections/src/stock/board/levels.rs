//! Stock of the rows of a table at its locations, and what it sums up to.

use std::sync::Arc;

use super::table::{NONE, Table, index, put};

/// Stock of one product at one location.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) place: u32,
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
    pub(super) discrepancy: i64,
    pub(super) last_moved: i64,
}

/// A location as far as stock is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) location_id: Arc<str>,
    pub(super) is_mirror: bool,
}

impl Table {
    /// Sums of a row: PHYSICAL locations count, a mirror shows how far it is off.
    pub(super) fn sum(&mut self, row: usize) {
        let places = &self.places;
        let is_mirror = |level: &&Level| places.get(index(level.place)).is_some_and(|place| place.is_mirror);
        let levels = self.levels.get(row).map_or(&[][..], |levels| levels);
        let physical = || levels.iter().filter(|level| !is_mirror(level));
        let total: i64 = physical().map(|level| level.on_hand).sum();
        let reserved = physical().map(|level| level.reserved).sum();
        let drift = levels
            .iter()
            .filter(is_mirror)
            .map(|level| level.on_hand.saturating_sub(total))
            .max_by_key(|drift| (drift.unsigned_abs(), *drift));
        let discrepancy = levels.iter().map(|level| level.discrepancy).filter(|since| *since != NONE).min();
        let last_moved = levels.iter().map(|level| level.last_moved).max();
        put(&mut self.total, row, total);
        put(&mut self.reserved, row, reserved);
        put(&mut self.drift, row, drift.unwrap_or(NONE));
        put(&mut self.discrepancy, row, discrepancy.unwrap_or(NONE));
        put(&mut self.last_moved, row, last_moved.unwrap_or(NONE));
    }
}

/// Puts one level among those of its row.
pub(super) fn set_level(levels: &mut Box<[Level]>, level: Level) {
    if let Some(known) = levels.iter_mut().find(|known| known.place == level.place) {
        *known = level;
        return;
    }
    let mut more = std::mem::take(levels).into_vec();
    more.reserve_exact(1);
    more.push(level);
    *levels = more.into_boxed_slice();
}

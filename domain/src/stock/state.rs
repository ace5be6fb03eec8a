//! What deciding about stock needs, folded from the events of one product.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::shared::ids::LocationId;
use crate::shared::quantity::Units;
use crate::stock::command::SaleLine;
use crate::stock::event::{StockEvent, UnitsReserved, movement_id};
use crate::stock::ledger::Ledger;

/// Stock of one product at every location that it ever touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockItem {
    /// Stock by location.
    pub locations: BTreeMap<LocationId, Ledger>,
    /// Open reservations by [`line_key`].
    pub reservations: BTreeMap<String, Reservation>,
}

/// Units promised to a sale line that has not left entirely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Where they are promised.
    pub location_id: LocationId,
    /// Units still promised, above 0.
    pub quantity: Units,
    /// Units of the line that have left.
    pub shipped: Units,
    /// The channel's order.
    pub order_id: String,
}

impl StockItem {
    /// Names the shape of stored states. Another shape needs another name, so that old snapshots are not read.
    pub const SHAPE: &'static str = "1";

    /// Takes in what happened.
    pub fn evolve(&mut self, event: &StockEvent) {
        let entry = event.entry();
        for (leg, movement) in entry.movements.iter().enumerate() {
            let id = movement_id(entry.movement_id, leg);
            self.at(&movement.location_id).record(entry.effective_at, id, movement);
        }
        match event {
            StockEvent::UnitsReserved(reserved) => self.reserve(reserved),
            StockEvent::ReservedUnitsShipped(shipped) => {
                self.set_free(&shipped.sale, shipped.sale.quantity, shipped.sale.quantity);
            }
            StockEvent::SaleCancelled(cancelled) => self.set_free(&cancelled.sale, cancelled.released, 0),
            StockEvent::OpeningBalanceSet(_)
            | StockEvent::StockAdjusted(_)
            | StockEvent::StockCounted(_)
            | StockEvent::StockTransferred(_)
            | StockEvent::StockReceived(_)
            | StockEvent::Sold(_)
            | StockEvent::Returned(_)
            | StockEvent::SyncedFromChannel(_) => {}
        }
    }

    /// Units that lie at `location` now.
    pub fn on_hand(&self, location: &LocationId) -> Units {
        self.locations.get(location).map_or(0, |ledger| ledger.on_hand)
    }

    /// Units at `location` promised to orders that have not left.
    pub fn reserved(&self, location: &LocationId) -> Units {
        self.locations.get(location).map_or(0, |ledger| ledger.reserved)
    }

    /// Units that lie at all of `locations` together.
    pub fn total<'a>(&self, locations: impl IntoIterator<Item = &'a LocationId>) -> Units {
        locations.into_iter().fold(0, |sum, location| sum.saturating_add(self.on_hand(location)))
    }

    /// Whether anything ever moved or was stated at `location`.
    pub fn has_moved(&self, location: &LocationId) -> bool {
        self.locations.get(location).is_some_and(Ledger::has_moved)
    }

    /// What is still promised to a sale line.
    pub fn reservation(&self, sale: &SaleLine) -> Option<&Reservation> {
        self.reservations.get(&line_key(sale))
    }

    fn at(&mut self, location: &LocationId) -> &mut Ledger {
        self.locations.entry(location.clone()).or_default()
    }

    fn reserve(&mut self, event: &UnitsReserved) {
        let quantity = event.sale.quantity;
        let reservation = Reservation {
            location_id: event.location_id.clone(),
            quantity,
            shipped: 0,
            order_id: event.sale.order_id.clone(),
        };
        if let Some(former) = self.reservations.insert(line_key(&event.sale), reservation) {
            let ledger = self.at(&former.location_id);
            ledger.reserved = ledger.reserved.saturating_sub(former.quantity);
        }
        let ledger = self.at(&event.location_id);
        ledger.reserved = ledger.reserved.saturating_add(quantity);
    }

    /// Ends the promise of `units` of a line, `shipped` of which left.
    fn set_free(&mut self, sale: &SaleLine, units: Units, shipped: Units) {
        let key = line_key(sale);
        let Some(reservation) = self.reservations.get_mut(&key) else { return };
        let units = units.min(reservation.quantity);
        reservation.quantity = reservation.quantity.saturating_sub(units);
        reservation.shipped = reservation.shipped.saturating_add(shipped);
        if let Some(ledger) = self.locations.get_mut(&reservation.location_id) {
            ledger.reserved = ledger.reserved.saturating_sub(units);
        }
        if reservation.quantity <= 0 {
            self.reservations.remove(&key);
        }
    }
}

/// Key of a sale line: its channel and the channel's line id. No channel holds the separator.
pub fn line_key(sale: &SaleLine) -> String {
    format!("{}\u{1f}{}", sale.channel, sale.line_id)
}

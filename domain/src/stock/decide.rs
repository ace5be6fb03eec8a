//! The rules of stock (decisions 9 to 15, 22 and 24), one function per order.
//!
//! A person is refused what would take today's stock below zero; what happened outside is recorded. A fact that an
//! anchor had already counted has no effect. Checks come in this order: values, instant, stale figure, below zero,
//! confirmations.

use crate::shared::ids::{ChannelId, LocationId};
use crate::shared::moment::Stamp;
use crate::shared::quantity::Units;
use crate::stock::command::{AdjustKind, Confirm, Human, Reason, SaleLine, StockCommand, StockIntent};
use crate::stock::event::{
    Entry, OpeningBalanceSet, ReservedUnitsShipped, Returned, SaleCancelled, Sold, StockAdjusted,
    StockCounted, StockEvent, StockReceived, StockTransferred, SyncedFromChannel, UnitsReserved,
};
use crate::stock::refusal::StockRefusal;
use crate::stock::rules::{Deciding, above_zero, not_below_zero, zero_or_more};
use crate::stock::state::StockItem;

impl StockItem {
    /// What happens because of an order, or why it is refused.
    pub fn decide(&self, command: StockCommand) -> Result<Vec<StockEvent>, StockRefusal> {
        let StockCommand { facts, intent } = command;
        let stock = Deciding { stock: self, facts: &facts };
        let event = match intent {
            StockIntent::Adjust { location_id, kind, quantity, reason, human } => {
                stock.adjust(location_id, kind, quantity, reason, human)
            }
            StockIntent::Count { location_id, counted, human } => stock.count(location_id, counted, human),
            StockIntent::Transfer { from, to, quantity, human } => stock.transfer(from, to, quantity, human),
            StockIntent::Receive { location_id, quantity, reference, human } => {
                stock.receive(location_id, quantity, reference, human)
            }
            StockIntent::Return { location_id, quantity, reference, human } => {
                stock.take_back(location_id, quantity, reference, human)
            }
            StockIntent::Open { location_id, quantity, at, notes } => {
                stock.open(location_id, quantity, at, notes)
            }
            StockIntent::RecordSale { location_id, at, sale, reserve: true } => {
                stock.reserve(location_id, at, sale)
            }
            StockIntent::RecordSale { location_id, at, sale, reserve: false } => {
                stock.sell(location_id, at, sale)
            }
            StockIntent::RecordShipment { at, sale } => stock.ship(at, sale),
            StockIntent::RecordCancellation { location_id, at, sale } => stock.cancel(location_id, at, sale),
            StockIntent::RecordReturn { location_id, at, sale } => stock.record_return(location_id, at, sale),
            StockIntent::RecordSnapshot { location_id, at, quantity, channel } => {
                stock.record_snapshot(location_id, at, quantity, channel)
            }
        };
        Ok(vec![event?])
    }
}

type Decision = Result<StockEvent, StockRefusal>;

/// Orders of people.
impl Deciding<'_> {
    fn adjust(
        self,
        location_id: LocationId,
        kind: AdjustKind,
        quantity: Units,
        reason: Reason,
        human: Human,
    ) -> Decision {
        let quantity = match kind {
            AdjustKind::Add | AdjustKind::Subtract => above_zero(quantity)?,
            AdjustKind::SetTo => zero_or_more(quantity)?,
        };
        let when = self.human_instant(&human, &location_id)?;
        let movement = match kind {
            AdjustKind::Add => self.fact(location_id, when, quantity),
            AdjustKind::Subtract => self.fact(location_id, when, quantity.saturating_neg()),
            AdjustKind::SetTo => self.anchor(location_id, when, quantity)?,
        };
        not_below_zero(&movement)?;
        let confirmed = self.confirmed(when, Some(&movement), &human)?;
        let entry = self.entry(when, vec![movement]);
        Ok(StockEvent::StockAdjusted(StockAdjusted { entry, kind, reason, notes: human.notes, confirmed }))
    }

    fn count(self, location_id: LocationId, counted: Units, human: Human) -> Decision {
        let counted = zero_or_more(counted)?;
        let when = self.human_instant(&human, &location_id)?;
        let movement = self.anchor(location_id, when, counted)?;
        not_below_zero(&movement)?;
        let confirmed = self.confirmed(when, None, &human)?;
        let entry = self.entry(when, vec![movement]);
        Ok(StockEvent::StockCounted(StockCounted { entry, notes: human.notes, confirmed }))
    }

    fn transfer(self, from: LocationId, to: LocationId, quantity: Units, human: Human) -> Decision {
        let quantity = above_zero(quantity)?;
        if from == to {
            return Err(StockRefusal::SameLocation(from));
        }
        let when = self.human_instant(&human, &from)?;
        let out = self.fact(from, when, quantity.saturating_neg());
        not_below_zero(&out)?;
        let confirmed = self.confirmed(when, None, &human)?;
        let entry = self.entry(when, vec![out, self.fact(to, when, quantity)]);
        Ok(StockEvent::StockTransferred(StockTransferred { entry, notes: human.notes, confirmed }))
    }

    fn receive(
        self,
        location_id: LocationId,
        quantity: Units,
        reference: Option<String>,
        human: Human,
    ) -> Decision {
        let (entry, confirmed) = self.take_in(location_id, quantity, &human)?;
        Ok(StockEvent::StockReceived(StockReceived { entry, reference, notes: human.notes, confirmed }))
    }

    fn take_back(
        self,
        location_id: LocationId,
        quantity: Units,
        reference: Option<String>,
        human: Human,
    ) -> Decision {
        let (entry, confirmed) = self.take_in(location_id, quantity, &human)?;
        Ok(StockEvent::Returned(Returned { entry, sale: None, reference, notes: human.notes, confirmed }))
    }

    fn take_in(
        self,
        location_id: LocationId,
        quantity: Units,
        human: &Human,
    ) -> Result<(Entry, Vec<Confirm>), StockRefusal> {
        let quantity = above_zero(quantity)?;
        let when = self.human_instant(human, &location_id)?;
        let confirmed = self.confirmed(when, None, human)?;
        Ok((self.entry(when, vec![self.fact(location_id, when, quantity)]), confirmed))
    }

    fn open(
        self,
        location_id: LocationId,
        quantity: Units,
        at: Option<Stamp>,
        notes: Option<String>,
    ) -> Decision {
        let quantity = zero_or_more(quantity)?;
        let when = self.instant(at)?;
        if let Some(anchor) = self.stock.locations.get(&location_id).and_then(|ledger| ledger.anchor.as_ref())
        {
            return Err(StockRefusal::AlreadyOpened { location_id, anchored_at: anchor.at });
        }
        let movement = self.anchor(location_id, when, quantity)?;
        let entry = self.entry(when, vec![movement]);
        Ok(StockEvent::OpeningBalanceSet(OpeningBalanceSet { entry, notes }))
    }
}

/// What happened outside.
impl Deciding<'_> {
    fn sell(self, location_id: LocationId, at: Stamp, sale: SaleLine) -> Decision {
        let quantity = above_zero(sale.quantity)?;
        let when = self.instant(Some(at))?;
        let movement = self.fact(location_id, when, quantity.saturating_neg());
        Ok(StockEvent::Sold(Sold { entry: self.entry(when, vec![movement]), sale }))
    }

    fn reserve(self, location_id: LocationId, at: Stamp, sale: SaleLine) -> Decision {
        above_zero(sale.quantity)?;
        let entry = self.entry(self.instant(Some(at))?, Vec::new());
        Ok(StockEvent::UnitsReserved(UnitsReserved { entry, location_id, sale }))
    }

    fn ship(self, at: Stamp, sale: SaleLine) -> Decision {
        let quantity = above_zero(sale.quantity)?;
        let when = self.instant(Some(at))?;
        let Some(reservation) = self.stock.reservation(&sale) else {
            return Err(StockRefusal::NothingReserved { line_id: sale.line_id });
        };
        let movement = self.fact(reservation.location_id.clone(), when, quantity.saturating_neg());
        let entry = self.entry(when, vec![movement]);
        Ok(StockEvent::ReservedUnitsShipped(ReservedUnitsShipped { entry, sale }))
    }

    /// Of a reserved line the units still promised are set free first; of what is left, at most what had left the
    /// location comes back.
    fn cancel(self, location_id: LocationId, at: Stamp, sale: SaleLine) -> Decision {
        let quantity = above_zero(sale.quantity)?;
        let when = self.instant(Some(at))?;
        let (location_id, released, back) = match self.stock.reservation(&sale) {
            Some(open) => {
                let released = quantity.min(open.quantity);
                (open.location_id.clone(), released, quantity.saturating_sub(released).min(open.shipped))
            }
            None => (location_id, 0, quantity),
        };
        let movement = (back > 0).then(|| self.fact(location_id.clone(), when, back));
        let entry = self.entry(when, Vec::from_iter(movement));
        Ok(StockEvent::SaleCancelled(SaleCancelled { entry, location_id, sale, released }))
    }

    fn record_return(self, location_id: LocationId, at: Stamp, sale: SaleLine) -> Decision {
        let quantity = above_zero(sale.quantity)?;
        let when = self.instant(Some(at))?;
        let entry = self.entry(when, vec![self.fact(location_id, when, quantity)]);
        let sale = Some(sale);
        Ok(StockEvent::Returned(Returned {
            entry,
            sale,
            reference: None,
            notes: None,
            confirmed: Vec::new(),
        }))
    }

    fn record_snapshot(
        self,
        location_id: LocationId,
        at: Stamp,
        quantity: Units,
        channel: ChannelId,
    ) -> Decision {
        let quantity = zero_or_more(quantity)?;
        let when = self.instant(Some(at))?;
        let movement = self.anchor(location_id, when, quantity)?;
        Ok(StockEvent::SyncedFromChannel(SyncedFromChannel {
            entry: self.entry(when, vec![movement]),
            channel,
        }))
    }
}

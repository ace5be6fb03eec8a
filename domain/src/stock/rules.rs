//! What the orders to stock share: instants, confirmations, movements and their figures.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::shared::ids::LocationId;
use crate::shared::moment::{Stamp, latest_instant, local_date};
use crate::shared::quantity::{MAX_QUANTITY, Units};
use crate::stock::command::{Confirm, Human, StockFacts};
use crate::stock::event::{Discrepancy, Entry, Movement};
use crate::stock::history::as_of;
use crate::stock::refusal::StockRefusal;
use crate::stock::state::StockItem;

/// The stock and what was looked up, while one order is decided.
#[derive(Clone, Copy)]
pub(super) struct Deciding<'a> {
    /// The stock before.
    pub(super) stock: &'a StockItem,
    /// What was looked up.
    pub(super) facts: &'a StockFacts,
}

/// Movements.
impl Deciding<'_> {
    /// A fact that adds or takes units; without effect where an anchor had already counted it.
    pub(super) fn fact(self, location_id: LocationId, when: Stamp, quantity: Units) -> Movement {
        let counted = self.stock.locations.get(&location_id).and_then(|ledger| ledger.closed_by(when.at));
        let effect = if counted.is_some() { 0 } else { quantity };
        let superseded_by = counted.map(|anchor| anchor.movement_id);
        self.movement(Movement { superseded_by, ..bare(location_id, quantity, effect) })
    }

    /// A statement of stock. Its variance is its effect, unless a newer anchor stands.
    pub(super) fn anchor(
        self,
        location_id: LocationId,
        when: Stamp,
        stated: Units,
    ) -> Result<Movement, StockRefusal> {
        let ledger = self.stock.locations.get(&location_id);
        let known = ledger.map_or(Some(0), |ledger| ledger.known_at(when.at));
        let told = || self.facts.history.as_deref().map(|events| as_of(events, &location_id, when.at));
        let known = known.or_else(told).ok_or(StockRefusal::NeedsHistory)?;
        let variance = stated.saturating_sub(known);
        let superseded_by =
            ledger.and_then(|ledger| ledger.superseding(when.at)).map(|newer| newer.movement_id);
        let effect = if superseded_by.is_some() { 0 } else { variance };
        let anchored_at = Some(stated);
        Ok(self.movement(Movement { anchored_at, superseded_by, ..bare(location_id, variance, effect) }))
    }

    /// Fills in the balance, and the discrepancy where on hand passes below zero or comes back.
    fn movement(self, movement: Movement) -> Movement {
        let before = self.stock.on_hand(&movement.location_id);
        let balance_after = before.saturating_add(movement.effect);
        let discrepancy = match (before < 0, balance_after < 0) {
            (false, true) => Some(Discrepancy::Opened),
            (true, false) => Some(Discrepancy::Closed),
            (true, true) | (false, false) => None,
        };
        Movement { balance_after, discrepancy, ..movement }
    }

    /// What the event says first.
    pub(super) fn entry(self, when: Stamp, movements: Vec<Movement>) -> Entry {
        Entry {
            movement_id: self.facts.movement_id,
            effective_at: when.at,
            offset_minutes: when.offset_minutes,
            local_date: local_date(when.at, self.facts.time_zone),
            movements,
        }
    }
}

/// Instants and confirmations.
impl Deciding<'_> {
    /// The instant of a fact in whole microseconds, as the log keeps it; now where none is given.
    pub(super) fn instant(self, at: Option<Stamp>) -> Result<Stamp, StockRefusal> {
        let stamp = at.unwrap_or(Stamp { at: self.facts.now, offset_minutes: 0 });
        let stamp = Stamp { at: stamp.at.trunc_subsecs(6), ..stamp };
        let latest = latest_instant(self.facts.now);
        if stamp.at > latest {
            return Err(StockRefusal::InTheFuture { effective_at: stamp.at, latest });
        }
        Ok(stamp)
    }

    /// The instant of a person's order, who saw today's stock at `seen_at`.
    pub(super) fn human_instant(self, human: &Human, seen_at: &LocationId) -> Result<Stamp, StockRefusal> {
        let when = self.instant(human.at)?;
        let actual = self.stock.on_hand(seen_at);
        match human.expected_quantity {
            Some(expected) if expected != actual => Err(StockRefusal::StaleQuantity { expected, actual }),
            Some(_) | None => Ok(when),
        }
    }

    /// Reasons that apply, every one of which the person must have confirmed.
    pub(super) fn confirmed(
        self,
        when: Stamp,
        adjustment: Option<&Movement>,
        human: &Human,
    ) -> Result<Vec<Confirm>, StockRefusal> {
        let backdated = self.is_backdated(when.at).then_some(Confirm::Backdated);
        let large = adjustment.filter(|movement| self.is_large(movement)).map(|_| Confirm::LargeChange);
        let reasons: Vec<Confirm> = backdated.into_iter().chain(large).collect();
        if reasons.iter().all(|reason| human.confirm.contains(reason)) {
            return Ok(reasons);
        }
        let missing = reasons.into_iter().filter(|reason| !human.confirm.contains(reason));
        Err(StockRefusal::ConfirmationRequired(missing.collect()))
    }

    fn is_backdated(self, at: DateTime<Utc>) -> bool {
        let days = TimeDelta::try_days(self.facts.rules.backdate_confirm_days);
        let oldest = days.and_then(|days| self.facts.now.checked_sub_signed(days));
        oldest.is_some_and(|oldest| at < oldest)
    }

    fn is_large(self, movement: &Movement) -> bool {
        let base = i128::from(self.stock.on_hand(&movement.location_id)).abs();
        let change = i128::from(movement.quantity).abs();
        base != 0 && change * 100 > base * i128::from(self.facts.rules.large_change_percent)
    }
}

fn bare(location_id: LocationId, quantity: Units, effect: Units) -> Movement {
    Movement {
        location_id,
        quantity,
        effect,
        balance_after: 0,
        anchored_at: None,
        superseded_by: None,
        discrepancy: None,
    }
}

/// Decision 12: a person cannot take away what is not there.
pub(super) fn not_below_zero(movement: &Movement) -> Result<(), StockRefusal> {
    if movement.effect < 0 && movement.balance_after < 0 {
        return Err(StockRefusal::WouldGoBelowZero {
            location_id: movement.location_id.clone(),
            on_hand: movement.balance_after.saturating_sub(movement.effect),
            asked: movement.quantity.saturating_neg(),
        });
    }
    Ok(())
}

/// A quantity that moves.
pub(super) fn above_zero(quantity: Units) -> Result<Units, StockRefusal> {
    if quantity <= 0 {
        return Err(StockRefusal::QuantityNotPositive(quantity));
    }
    within_limit(quantity)
}

/// A quantity that is stated.
pub(super) fn zero_or_more(quantity: Units) -> Result<Units, StockRefusal> {
    if quantity < 0 {
        return Err(StockRefusal::NegativeStatement(quantity));
    }
    within_limit(quantity)
}

fn within_limit(quantity: Units) -> Result<Units, StockRefusal> {
    if quantity > MAX_QUANTITY {
        return Err(StockRefusal::QuantityTooLarge(quantity));
    }
    Ok(quantity)
}

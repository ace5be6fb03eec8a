//! What can have happened to the stock of one product. Stored for ever; see `domain/fixtures/events`.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::shared::ids::{ChannelId, LocationId};
use crate::shared::quantity::Units;
use crate::stock::command::{AdjustKind, Confirm, Reason, SaleLine};
pub use crate::stock::display::{MovementType, ReferenceType};

crate::events! {
    /// One fact about the stock of one product.
    pub enum StockEvent in "stock_item" upcast &[] => {
        /// Stock stated for the first time.
        OpeningBalanceSet = 1,
        /// A person corrected stock.
        StockAdjusted = 1,
        /// A person counted a shelf.
        StockCounted = 1,
        /// Units went from one location to another.
        StockTransferred = 1,
        /// Units arrived.
        StockReceived = 1,
        /// A sale line left the stock.
        Sold = 1,
        /// A sale line was promised and will leave later.
        UnitsReserved = 1,
        /// A reserved sale line left the stock.
        ReservedUnitsShipped = 1,
        /// A sale line was cancelled.
        SaleCancelled = 1,
        /// Sold units came back.
        Returned = 1,
        /// A channel stated its stock.
        SyncedFromChannel = 1,
    }
}

/// What every stock event says first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Id of the fact; also the event's id and the id of its first movement.
    pub movement_id: Uuid,
    /// When it happened.
    pub effective_at: DateTime<Utc>,
    /// Offset that the source wrote, in minutes east of UTC.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset_minutes: i16,
    /// Day on which it happened in the company's time zone.
    pub local_date: NaiveDate,
    /// What it did, one per location that it touched; none for a reservation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub movements: Vec<Movement>,
}

/// What one fact did at one location, in units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Movement {
    /// Where.
    pub location_id: LocationId,
    /// What happened, signed; for an anchor the variance against the stock known for its instant.
    pub quantity: Units,
    /// Change of today's stock, signed.
    pub effect: Units,
    /// On hand at the location once this was recorded.
    pub balance_after: Units,
    /// The stock stated, set on anchors only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchored_at: Option<Units>,
    /// The anchor that had already counted a late fact, so that its effect is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<Uuid>,
    /// Set where on hand passed below zero or came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discrepancy: Option<Discrepancy>,
}

/// On hand below zero is a discrepancy that people see until it is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discrepancy {
    /// On hand fell below zero.
    Opened,
    /// On hand came back to zero or more.
    Closed,
}

/// See [`StockEvent::OpeningBalanceSet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpeningBalanceSet {
    /// When, where and how much.
    pub entry: Entry,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// See [`StockEvent::StockAdjusted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockAdjusted {
    /// When, where and how much.
    pub entry: Entry,
    /// Added, subtracted or set.
    pub kind: AdjustKind,
    /// Why.
    pub reason: Reason,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// What the person confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<Confirm>,
}

/// See [`StockEvent::StockCounted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockCounted {
    /// When, where and how much.
    pub entry: Entry,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// What the person confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<Confirm>,
}

/// See [`StockEvent::StockTransferred`]. Two movements: out of the first location, into the second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockTransferred {
    /// When, where and how much.
    pub entry: Entry,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// What the person confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<Confirm>,
}

/// See [`StockEvent::StockReceived`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockReceived {
    /// When, where and how much.
    pub entry: Entry,
    /// Number of the delivery or order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// What the person confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<Confirm>,
}

/// See [`StockEvent::Sold`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sold {
    /// When, where and how much.
    pub entry: Entry,
    /// The line.
    pub sale: SaleLine,
}

/// See [`StockEvent::UnitsReserved`]. Demand counts now, stock moves at shipment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitsReserved {
    /// When; no movement.
    pub entry: Entry,
    /// Where the units are promised.
    pub location_id: LocationId,
    /// The line.
    pub sale: SaleLine,
}

/// See [`StockEvent::ReservedUnitsShipped`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReservedUnitsShipped {
    /// When, where and how much.
    pub entry: Entry,
    /// The line that was reserved.
    pub sale: SaleLine,
}

/// See [`StockEvent::SaleCancelled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaleCancelled {
    /// When, where and how much; no movement where a reservation was released.
    pub entry: Entry,
    /// Where the line had been sold or reserved.
    pub location_id: LocationId,
    /// The line, with the cancelled units.
    pub sale: SaleLine,
    /// Reserved units that were set free instead of moved.
    #[serde(default)]
    pub released: Units,
}

/// See [`StockEvent::Returned`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Returned {
    /// When, where and how much.
    pub entry: Entry,
    /// The line that came back, where a channel reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<SaleLine>,
    /// Number of the return or order, where a person recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// What the person confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<Confirm>,
}

/// See [`StockEvent::SyncedFromChannel`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncedFromChannel {
    /// When, where and how much.
    pub entry: Entry,
    /// Who stated it.
    pub channel: ChannelId,
}

impl StockEvent {
    /// What every stock event says first.
    pub fn entry(&self) -> &Entry {
        match self {
            Self::OpeningBalanceSet(e) => &e.entry,
            Self::StockAdjusted(e) => &e.entry,
            Self::StockCounted(e) => &e.entry,
            Self::StockTransferred(e) => &e.entry,
            Self::StockReceived(e) => &e.entry,
            Self::Sold(e) => &e.entry,
            Self::UnitsReserved(e) => &e.entry,
            Self::ReservedUnitsShipped(e) => &e.entry,
            Self::SaleCancelled(e) => &e.entry,
            Self::Returned(e) => &e.entry,
            Self::SyncedFromChannel(e) => &e.entry,
        }
    }
}

impl StockEvent {
    /// Every location at which units moved or were promised.
    pub fn locations(&self) -> impl Iterator<Item = &LocationId> {
        let promised = match self {
            Self::UnitsReserved(reserved) => Some(&reserved.location_id),
            Self::OpeningBalanceSet(_)
            | Self::StockAdjusted(_)
            | Self::StockCounted(_)
            | Self::StockTransferred(_)
            | Self::StockReceived(_)
            | Self::Sold(_)
            | Self::ReservedUnitsShipped(_)
            | Self::SaleCancelled(_)
            | Self::Returned(_)
            | Self::SyncedFromChannel(_) => None,
        };
        self.entry().movements.iter().map(|movement| &movement.location_id).chain(promised)
    }

    /// What the person confirmed, decision 13.
    pub fn confirmed(&self) -> &[Confirm] {
        match self {
            Self::StockAdjusted(e) => &e.confirmed,
            Self::StockCounted(e) => &e.confirmed,
            Self::StockTransferred(e) => &e.confirmed,
            Self::StockReceived(e) => &e.confirmed,
            Self::Returned(e) => &e.confirmed,
            Self::OpeningBalanceSet(_)
            | Self::Sold(_)
            | Self::UnitsReserved(_)
            | Self::ReservedUnitsShipped(_)
            | Self::SaleCancelled(_)
            | Self::SyncedFromChannel(_) => &[],
        }
    }
}

/// Id of the `leg`-th movement of a fact: the fact's own id for the first, a neighbour of it for the second.
pub fn movement_id(fact: Uuid, leg: usize) -> Uuid {
    Uuid::from_u128(fact.as_u128() ^ u128::from(leg != 0))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(minutes: &i16) -> bool {
    *minutes == 0
}

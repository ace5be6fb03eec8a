//! How people see the events of stock: kind of movement, what it refers to, notes.

use serde::{Deserialize, Serialize};

use crate::stock::event::StockEvent;

/// The six kinds of movement that people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MovementType {
    /// Units came in.
    Inbound,
    /// Units went out.
    Outbound,
    /// Units changed their location.
    Transfer,
    /// A person corrected or counted.
    Adjustment,
    /// A channel stated its stock.
    SyncUpdate,
    /// First stock.
    InitialLoad,
}

/// What a movement refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReferenceType {
    /// A sale or its cancellation.
    Sale,
    /// A delivery.
    PurchaseOrder,
    /// A correction.
    Adjustment,
    /// A channel's snapshot.
    Sync,
    /// A transfer.
    Transfer,
    /// An opening balance.
    Import,
    /// A return.
    Return,
    /// A count.
    Count,
}

impl StockEvent {
    /// The kind of movement shown to people.
    pub fn movement_type(&self) -> MovementType {
        match self {
            Self::OpeningBalanceSet(_) => MovementType::InitialLoad,
            Self::StockAdjusted(_) | Self::StockCounted(_) => MovementType::Adjustment,
            Self::StockTransferred(_) => MovementType::Transfer,
            Self::StockReceived(_) | Self::SaleCancelled(_) | Self::Returned(_) => MovementType::Inbound,
            Self::Sold(_) | Self::UnitsReserved(_) | Self::ReservedUnitsShipped(_) => MovementType::Outbound,
            Self::SyncedFromChannel(_) => MovementType::SyncUpdate,
        }
    }

    /// What the movement refers to.
    pub fn reference_type(&self) -> ReferenceType {
        match self {
            Self::OpeningBalanceSet(_) => ReferenceType::Import,
            Self::StockAdjusted(_) => ReferenceType::Adjustment,
            Self::StockCounted(_) => ReferenceType::Count,
            Self::StockTransferred(_) => ReferenceType::Transfer,
            Self::StockReceived(_) => ReferenceType::PurchaseOrder,
            Self::Sold(_)
            | Self::UnitsReserved(_)
            | Self::ReservedUnitsShipped(_)
            | Self::SaleCancelled(_) => ReferenceType::Sale,
            Self::Returned(_) => ReferenceType::Return,
            Self::SyncedFromChannel(_) => ReferenceType::Sync,
        }
    }

    /// Key of what the movement refers to: an order, a delivery, a channel.
    pub fn reference_id(&self) -> Option<&str> {
        match self {
            Self::Sold(e) => Some(&e.sale.order_id),
            Self::UnitsReserved(e) => Some(&e.sale.order_id),
            Self::ReservedUnitsShipped(e) => Some(&e.sale.order_id),
            Self::SaleCancelled(e) => Some(&e.sale.order_id),
            Self::Returned(e) => {
                e.reference.as_deref().or(e.sale.as_ref().map(|sale| sale.order_id.as_str()))
            }
            Self::StockReceived(e) => e.reference.as_deref(),
            Self::SyncedFromChannel(e) => Some(e.channel.as_str()),
            Self::OpeningBalanceSet(_)
            | Self::StockAdjusted(_)
            | Self::StockCounted(_)
            | Self::StockTransferred(_) => None,
        }
    }

    /// Free text of the person who recorded it.
    pub fn notes(&self) -> Option<&str> {
        match self {
            Self::OpeningBalanceSet(e) => e.notes.as_deref(),
            Self::StockAdjusted(e) => e.notes.as_deref(),
            Self::StockCounted(e) => e.notes.as_deref(),
            Self::StockTransferred(e) => e.notes.as_deref(),
            Self::StockReceived(e) => e.notes.as_deref(),
            Self::Returned(e) => e.notes.as_deref(),
            Self::Sold(_)
            | Self::UnitsReserved(_)
            | Self::ReservedUnitsShipped(_)
            | Self::SaleCancelled(_)
            | Self::SyncedFromChannel(_) => None,
        }
    }
}

//! What can have happened to a purchase order (decision 37).

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::purchasing::order::status::OrderStatus;
use crate::shared::ids::{ItemId, LocationId, PurchaseOrderId, SupplierId};
use crate::shared::money::{Currency, Money};
use crate::shared::quantity::Units;

crate::events! {
    /// One fact about a purchase order. Stream id: its id.
    pub enum PurchaseOrderEvent in "purchase_order" upcast &[] => {
        /// It was written, as a draft or to be sent at once.
        PurchaseOrderCreated = 1,
        /// Its details became others.
        PurchaseOrderEdited = 1,
        /// It was sent to the supplier.
        PurchaseOrderPlaced = 1,
        /// The supplier agreed.
        PurchaseOrderConfirmed = 1,
        /// It went on its way.
        PurchaseOrderShipped = 1,
        /// It is expected on another day.
        ExpectedDeliveryMoved = 1,
        /// Units arrived.
        PurchaseOrderReceived = 1,
        /// It was called off before anything arrived.
        PurchaseOrderCancelled = 1,
        /// It was called off after some of it arrived.
        PurchaseOrderClosedShort = 1,
    }
}

/// When a fact about an order happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurred {
    /// The instant.
    pub effective_at: DateTime<Utc>,
    /// Its day in the company's time zone.
    pub local_date: NaiveDate,
}

/// See [`PurchaseOrderEvent::PurchaseOrderCreated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurchaseOrderCreated {
    /// When.
    pub occurred: Occurred,
    /// Its id.
    pub purchase_order_id: PurchaseOrderId,
    /// Its number, for example `PO-2026-1`.
    pub po_number: String,
    /// `draft` or `pending`.
    pub status: OrderStatus,
    /// Everything else.
    pub details: OrderDetails,
}

/// See [`PurchaseOrderEvent::PurchaseOrderEdited`]. Holds the whole details as they stand afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurchaseOrderEdited {
    /// When.
    pub occurred: Occurred,
    /// Everything but id, number and status.
    pub details: OrderDetails,
}

/// See [`PurchaseOrderEvent::PurchaseOrderPlaced`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurchaseOrderPlaced {
    /// What happened to the status.
    pub step: StatusStep,
}

/// See [`PurchaseOrderEvent::PurchaseOrderConfirmed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurchaseOrderConfirmed {
    /// What happened to the status.
    pub step: StatusStep,
}

/// See [`PurchaseOrderEvent::PurchaseOrderShipped`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurchaseOrderShipped {
    /// What happened to the status.
    pub step: StatusStep,
}

/// See [`PurchaseOrderEvent::ExpectedDeliveryMoved`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpectedDeliveryMoved {
    /// When that was learnt.
    pub occurred: Occurred,
    /// The day expected from now on; nobody knows where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_delivery_date: Option<NaiveDate>,
}

/// See [`PurchaseOrderEvent::PurchaseOrderReceived`]. The units are facts of the products' stock as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurchaseOrderReceived {
    /// What happened to the status.
    pub step: StatusStep,
    /// `partially_received` or `received`.
    pub status: OrderStatus,
    /// Where the units arrived.
    pub location_id: LocationId,
    /// What arrived.
    pub receipts: Vec<LineReceipt>,
    /// What the person confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<OrderConfirm>,
}

/// See [`PurchaseOrderEvent::PurchaseOrderCancelled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurchaseOrderCancelled {
    /// What happened to the status.
    pub step: StatusStep,
}

/// See [`PurchaseOrderEvent::PurchaseOrderClosedShort`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PurchaseOrderClosedShort {
    /// What happened to the status.
    pub step: StatusStep,
}

/// A step from one status to the next; states between may be skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusStep {
    /// When.
    pub occurred: Occurred,
    /// The status before.
    pub from: OrderStatus,
    /// Free text, for example why it was called off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// Units that arrived for one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReceipt {
    /// Number of the line.
    pub line_no: u32,
    /// Key of the product.
    pub item_id: ItemId,
    /// Units, above 0.
    pub quantity: Units,
    /// The movement of stock that they are.
    pub movement_id: Uuid,
}

/// What a person confirmed about a receipt or a status (decisions 13 and 37).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderConfirm {
    /// It lies further back than people usually record.
    Backdated,
    /// More arrived than was ordered, beyond the company's limit.
    OverReceipt,
}

/// What is known of an order besides id, number and status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderDetails {
    /// Who delivers.
    pub supplier_id: SupplierId,
    /// Where the units shall arrive.
    pub location_id: LocationId,
    /// Day of the order.
    pub order_date: NaiveDate,
    /// Day on which it is expected, where somebody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_delivery_date: Option<NaiveDate>,
    /// Currency of its prices.
    pub currency: Currency,
    /// Its number in another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_number: Option<String>,
    /// How it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_method: Option<String>,
    /// In what it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_unit: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// What is ordered.
    pub lines: Vec<OrderedLine>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderedLine {
    /// Number within the order, from 1.
    pub line_no: u32,
    /// Key of the product.
    pub item_id: ItemId,
    /// Units, above 0.
    pub quantity: Units,
    /// Cost of one unit, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_cost: Option<Money>,
    /// What units come in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packaging_unit: Option<String>,
    /// Units in one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packaging_qty: Option<Units>,
    /// Why fewer than the supplier's least quantity are ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
}

impl PurchaseOrderEvent {
    /// When it happened.
    pub fn occurred(&self) -> Occurred {
        match self {
            Self::PurchaseOrderCreated(e) => e.occurred,
            Self::PurchaseOrderEdited(e) => e.occurred,
            Self::PurchaseOrderPlaced(e) => e.step.occurred,
            Self::PurchaseOrderConfirmed(e) => e.step.occurred,
            Self::PurchaseOrderShipped(e) => e.step.occurred,
            Self::ExpectedDeliveryMoved(e) => e.occurred,
            Self::PurchaseOrderReceived(e) => e.step.occurred,
            Self::PurchaseOrderCancelled(e) => e.step.occurred,
            Self::PurchaseOrderClosedShort(e) => e.step.occurred,
        }
    }

    /// The status afterwards, where the fact gives one.
    pub fn status(&self) -> Option<OrderStatus> {
        match self {
            Self::PurchaseOrderCreated(e) => Some(e.status),
            Self::PurchaseOrderPlaced(_) => Some(OrderStatus::Pending),
            Self::PurchaseOrderConfirmed(_) => Some(OrderStatus::Confirmed),
            Self::PurchaseOrderShipped(_) => Some(OrderStatus::Shipped),
            Self::PurchaseOrderReceived(e) => Some(e.status),
            Self::PurchaseOrderCancelled(_) => Some(OrderStatus::Cancelled),
            Self::PurchaseOrderClosedShort(_) => Some(OrderStatus::ClosedShort),
            Self::PurchaseOrderEdited(_) | Self::ExpectedDeliveryMoved(_) => None,
        }
    }
}

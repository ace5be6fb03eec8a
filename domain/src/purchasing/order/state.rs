//! What is known of a purchase order, now and on any day before.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::purchasing::order::event::{
    LineReceipt, Occurred, OrderDetails, OrderedLine, PurchaseOrderCreated, PurchaseOrderEvent,
};
use crate::purchasing::order::status::OrderStatus;
use crate::shared::ids::PurchaseOrderId;
use crate::shared::quantity::Units;

/// A purchase order, or none yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum PurchaseOrder {
    /// Nobody wrote it.
    #[default]
    Unknown,
    /// It was written.
    Known(Box<KnownOrder>),
}

/// An order that was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownOrder {
    /// Its id.
    pub purchase_order_id: PurchaseOrderId,
    /// Its number.
    pub po_number: String,
    /// Everything else; lines are kept in [`Self::items`].
    pub details: OrderDetails,
    /// What was ordered and what arrived.
    pub items: Vec<OrderedItem>,
    /// Its status from each instant on, by those instants.
    pub statuses: Vec<Since<OrderStatus>>,
    /// The day on which it is expected, from each instant on.
    pub expected: Vec<Since<Option<NaiveDate>>>,
}

/// What holds from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since<T> {
    /// The instant.
    pub effective_at: DateTime<Utc>,
    /// Its day in the company's time zone.
    pub local_date: NaiveDate,
    /// What holds.
    pub value: T,
}

/// A line and what arrived of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderedItem {
    /// What was ordered.
    pub line: OrderedLine,
    /// What arrived, by day.
    pub receipts: Vec<(NaiveDate, Units)>,
}

impl PurchaseOrder {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &PurchaseOrderEvent) {
        if let PurchaseOrderEvent::PurchaseOrderCreated(created) = event {
            *self = Self::Known(Box::new(KnownOrder::of(created)));
            return;
        }
        let Self::Known(order) = self else { return };
        let occurred = event.occurred();
        if let Some(status) = event.status() {
            hold(&mut order.statuses, occurred, status);
        }
        match event {
            PurchaseOrderEvent::PurchaseOrderEdited(edited) => order.edit(occurred, &edited.details),
            PurchaseOrderEvent::ExpectedDeliveryMoved(moved) => {
                order.expect(occurred, moved.expected_delivery_date);
            }
            PurchaseOrderEvent::PurchaseOrderReceived(received) => {
                for receipt in &received.receipts {
                    order.receive(occurred.local_date, receipt);
                }
            }
            PurchaseOrderEvent::PurchaseOrderCreated(_)
            | PurchaseOrderEvent::PurchaseOrderPlaced(_)
            | PurchaseOrderEvent::PurchaseOrderConfirmed(_)
            | PurchaseOrderEvent::PurchaseOrderShipped(_)
            | PurchaseOrderEvent::PurchaseOrderCancelled(_)
            | PurchaseOrderEvent::PurchaseOrderClosedShort(_) => {}
        }
    }

    /// The order, if it was written.
    pub fn known(&self) -> Option<&KnownOrder> {
        match self {
            Self::Unknown => None,
            Self::Known(order) => Some(order),
        }
    }
}

impl KnownOrder {
    fn of(created: &PurchaseOrderCreated) -> Self {
        let mut order = Self {
            purchase_order_id: created.purchase_order_id,
            po_number: created.po_number.clone(),
            details: created.details.clone(),
            items: Vec::new(),
            statuses: Vec::new(),
            expected: Vec::new(),
        };
        hold(&mut order.statuses, created.occurred, created.status);
        order.edit(created.occurred, &created.details);
        order
    }

    /// The status now.
    pub fn status(&self) -> OrderStatus {
        self.statuses.last().map_or(OrderStatus::Draft, |since| since.value)
    }

    /// The status at the close of a day; draft before the first is known.
    pub fn status_on(&self, day: NaiveDate) -> OrderStatus {
        held_on(&self.statuses, day).unwrap_or(OrderStatus::Draft)
    }

    /// The day on which the order was expected, as known at the close of a day.
    pub fn expected_on(&self, day: NaiveDate) -> Option<NaiveDate> {
        held_on(&self.expected, day).flatten()
    }

    /// Lines keep what arrived of them.
    fn edit(&mut self, occurred: Occurred, details: &OrderDetails) {
        let before = std::mem::take(&mut self.items);
        let arrived = |line: &OrderedLine| {
            let same = before.iter().find(|item| item.line.line_no == line.line_no);
            same.map(|item| item.receipts.clone()).unwrap_or_default()
        };
        self.items = details
            .lines
            .iter()
            .map(|line| OrderedItem { line: line.clone(), receipts: arrived(line) })
            .collect();
        self.details = OrderDetails { lines: Vec::new(), ..details.clone() };
        self.expect(occurred, details.expected_delivery_date);
    }

    fn expect(&mut self, occurred: Occurred, date: Option<NaiveDate>) {
        hold(&mut self.expected, occurred, date);
        self.details.expected_delivery_date = self.expected.last().and_then(|since| since.value);
    }

    fn receive(&mut self, day: NaiveDate, receipt: &LineReceipt) {
        if let Some(item) = self.items.iter_mut().find(|item| item.line.line_no == receipt.line_no) {
            let place = item.receipts.partition_point(|(on, _)| *on <= day);
            item.receipts.insert(place, (day, receipt.quantity));
        }
    }
}

/// Puts a value where its instant belongs; of two at one instant the later recorded holds.
fn hold<T>(held: &mut Vec<Since<T>>, occurred: Occurred, value: T) {
    let Occurred { effective_at, local_date } = occurred;
    let place = held.partition_point(|since| since.effective_at <= effective_at);
    held.insert(place, Since { effective_at, local_date, value });
}

/// What held at the close of a day, of values by the instants from which they hold; none before the first.
pub fn held_on<T: Copy>(held: &[Since<T>], day: NaiveDate) -> Option<T> {
    held.iter().rev().find(|since| since.local_date <= day).map(|since| since.value)
}

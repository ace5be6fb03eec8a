//! A purchase order. Its stream bears its id.
//!
//! It goes forward from draft to received, and may be called off: cancelled before anything arrived, closed short
//! after. Every fact bears the instant at which it happened, which may lie in the past; what held on a past day is
//! told by those instants, not by when they were recorded.

pub mod status;
pub mod event;
pub mod state;

pub use event::{OrderDetails, OrderedLine, PurchaseOrderEvent};
pub use state::{KnownOrder, OrderedItem, PurchaseOrder};
pub use status::OrderStatus;

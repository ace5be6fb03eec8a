//! How sales reach the stock: the aggregates `Channel`, `SalesReport` and `Quarantine`.
//!
//! Sale lines themselves are facts of the product's stock ([`crate::stock`]). Here is what belongs to no product:
//! where a channel's sales land and how they take stock, what a source says was sold on one day (demand without
//! stock), and lines that name a product or place that nobody knows, kept until they find it.

pub mod event;
pub mod command;
pub mod refusal;
pub mod state;
pub mod decide;

pub use command::{ChannelCommand, OnDuplicate, QuarantineCommand, SalesReportCommand};
pub use event::{ChannelEvent, QuarantineEvent, SalesReportEvent};
pub use refusal::{ChannelRefusal, QuarantineRefusal, SalesReportRefusal};
pub use state::{Channel, Quarantine, Reported, SalesReport};

crate::aggregate!(Channel, ChannelCommand, ChannelEvent, ChannelRefusal);
crate::aggregate!(SalesReport, SalesReportCommand, SalesReportEvent, SalesReportRefusal);
crate::aggregate!(Quarantine, QuarantineCommand, QuarantineEvent, QuarantineRefusal);

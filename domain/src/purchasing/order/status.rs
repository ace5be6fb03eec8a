//! States of a purchase order.

crate::words! {
    /// States of a purchase order (decision 37).
    pub enum OrderStatus {
        /// Written, not sent.
        Draft = "draft",
        /// Sent to the supplier.
        Pending = "pending",
        /// The supplier agreed.
        Confirmed = "confirmed",
        /// On its way.
        Shipped = "shipped",
        /// Some of it arrived.
        PartiallyReceived = "partially_received",
        /// All of it arrived.
        Received = "received",
        /// Called off before anything arrived.
        Cancelled = "cancelled",
        /// Called off after some of it arrived.
        ClosedShort = "closed_short",
    }
}

impl OrderStatus {
    /// Whether outstanding units of its lines are on their way (R12).
    pub fn is_active(self) -> bool {
        match self {
            Self::Pending | Self::Confirmed | Self::Shipped | Self::PartiallyReceived => true,
            Self::Draft | Self::Received | Self::Cancelled | Self::ClosedShort => false,
        }
    }
}

//! Every event that the log may hold, over all features: one list, one way to read a stored payload.
//!
//! Projections and tools read through [`AnyEvent`]; a new feature adds one line to the list below.

use crate::campaigns::CampaignEvent;
use crate::catalogue::location::LocationEvent;
use crate::catalogue::product::ProductEvent;
use crate::companies::CompanyEvent;
use crate::planning::event::{
    CalendarEvent, CovariatesEvent, ForecastRunEvent, PlanningSettingsEvent, RecommendationEvent,
};
use crate::purchasing::order::PurchaseOrderEvent;
use crate::purchasing::supplier::SupplierEvent;
use crate::sales::{ChannelEvent, QuarantineEvent, SalesReportEvent};
use crate::shared::event::{DecodeError, Event};
use crate::stock::StockEvent;

/// A kind of event as the log names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType {
    /// Stream type, for example `stock_item`.
    pub stream_type: &'static str,
    /// Stored name, for example `StockAdjusted`.
    pub name: &'static str,
    /// Version that this code writes; all versions from 1 on can be read.
    pub version: i16,
}

macro_rules! registry {
    ($( $(#[$meta:meta])* $variant:ident($event:ty), )+) => {
        /// An event of any feature.
        #[derive(Debug, Clone, PartialEq)]
        pub enum AnyEvent {
            $( $(#[$meta])* $variant($event), )+
        }

        /// Every event type of every feature.
        pub fn event_types() -> Vec<EventType> {
            let mut types = Vec::new();
            $( types.extend(types_of::<$event>()); )+
            types
        }

        impl AnyEvent {
            /// Reads a stored payload of any version ever written.
            pub fn decode(
                stream_type: &str,
                name: &str,
                schema_version: i16,
                payload: &str,
            ) -> Result<Self, DecodeError> {
                $(
                    if stream_type == <$event as Event>::STREAM_TYPE {
                        return <$event as Event>::decode(name, schema_version, payload).map(Self::$variant);
                    }
                )+
                Err(DecodeError::UnknownType(format!("{stream_type}/{name}")))
            }

            /// Stream type under which it is stored.
            pub fn stream_type(&self) -> &'static str {
                match self { $( Self::$variant(_) => <$event as Event>::STREAM_TYPE, )+ }
            }

            /// Stored name.
            pub fn name(&self) -> &'static str {
                match self { $( Self::$variant(event) => event.name(), )+ }
            }

            /// Version of the payload's shape that this code writes.
            pub fn schema_version(&self) -> i16 {
                match self { $( Self::$variant(event) => event.schema_version(), )+ }
            }

            /// The payload as JSON text.
            pub fn payload(&self) -> Result<String, serde_json::Error> {
                match self { $( Self::$variant(event) => event.payload(), )+ }
            }
        }

        $(
            impl From<$event> for AnyEvent {
                fn from(event: $event) -> Self {
                    Self::$variant(event)
                }
            }
        )+
    };
}

registry! {
    /// Of a product's stock.
    Stock(StockEvent),
    /// Of a product.
    Product(ProductEvent),
    /// Of a location.
    Location(LocationEvent),
    /// Of a sales channel.
    Channel(ChannelEvent),
    /// Of a report source.
    SalesReport(SalesReportEvent),
    /// Of a line that could not be placed.
    Quarantine(QuarantineEvent),
    /// Of a company.
    Company(CompanyEvent),
    /// Of a supplier.
    Supplier(SupplierEvent),
    /// Of a purchase order.
    PurchaseOrder(PurchaseOrderEvent),
    /// Of a campaign.
    Campaign(CampaignEvent),
    /// Of the settings of planning beyond the company's.
    PlanningSettings(PlanningSettingsEvent),
    /// Of a company's holidays.
    Calendar(CalendarEvent),
    /// Of what is known of a product's days.
    Covariates(CovariatesEvent),
    /// Of a run of forecasts.
    ForecastRun(ForecastRunEvent),
    /// Of a product's recommendations.
    Recommendation(RecommendationEvent),
}

fn types_of<E: Event>() -> impl Iterator<Item = EventType> {
    E::TYPES.iter().map(|(name, version)| EventType { stream_type: E::STREAM_TYPE, name, version: *version })
}

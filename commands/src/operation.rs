//! What can be asked of the log; `outcome` is what comes back.

use chrono::NaiveDate;
use domain::catalogue::location::event::{Authority, LocationDetails, LocationKind, Marketplace, StockRole};
use domain::catalogue::product::event::{Listing, ProductDetails};
use domain::companies::event::Profile;
use domain::planning::RulesChange;
use domain::planning::event::{
    CovariateDay, ForecastPolicy, ForecastRunPublished, PlanningScope, PublishedForecast,
    RecommendationDismissed,
};
pub use domain::sales::OnDuplicate;
use domain::sales::event::{ChannelConfigured, ReportedLine};
use domain::shared::ids::{ChannelId, CompanyId, ItemId, LocationId};
use domain::shared::money::{Currency, Money};
use domain::shared::quantity::Units;
use domain::stock::StockIntent;
use event_log::event::Metadata;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

mod outcome;

pub use outcome::{LocationOutcome, Outcome, ProductOutcome, Receipt, StockLeg, StockOutcome, Verdict};

/// What one caller hands over at once. Operations are decided in order, each with its own verdict.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Submission {
    /// Tenant.
    pub company_id: CompanyId,
    /// Who asks.
    pub metadata: Metadata,
    /// `Idempotency-Key` of the request, if it bears one.
    pub request_key: Option<RequestKey>,
    /// What is asked.
    pub operations: Vec<Operation>,
}

/// A request's idempotency key with a digest of what it asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestKey {
    /// Key as the client wrote it.
    pub key: String,
    /// [`event_log::append::key_id`] over method, path and body.
    pub digest: Uuid,
}

/// One thing that is asked. Edits that tell an absent field from an empty one are not handed over to another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Change or state the stock of a product, named by item id, sku or barcode.
    Stock {
        /// Name of the product.
        item: ItemId,
        /// What is asked.
        intent: StockIntent,
    },
    /// The same, decided and answered but never written.
    PreviewStock {
        /// Name of the product.
        item: ItemId,
        /// What is asked.
        intent: StockIntent,
    },
    /// Record a line of a channel's order; unknown items and locations go to quarantine.
    RecordLine(ReportedLine),
    /// Record what a source says was sold on one day.
    ReportDay(DailyReport),
    /// Try a quarantined line again.
    ReleaseQuarantined {
        /// The entry.
        quarantine_id: Uuid,
    },
    /// Set where a channel's sales land and how they take stock.
    ConfigureChannel {
        /// The channel.
        channel: ChannelId,
        /// The whole configuration.
        config: ChannelConfigured,
    },
    /// Add a product.
    CreateProduct {
        /// Its business key.
        item_id: ItemId,
        /// Everything else.
        details: ProductDetails,
    },
    /// Change a product.
    #[serde(skip)]
    EditProduct {
        /// Name of the product.
        item: ItemId,
        /// What becomes different.
        edit: Box<ProductEdit>,
        /// Stream version that the caller saw, from If-Match.
        expected_version: Option<i64>,
    },
    /// Take a product out of planning and lists.
    DeactivateProduct {
        /// Name of the product.
        item: ItemId,
    },
    /// Bring it back.
    ReactivateProduct {
        /// Name of the product.
        item: ItemId,
    },
    /// Add a location.
    CreateLocation {
        /// Its key.
        location_id: LocationId,
        /// Everything else.
        details: Box<LocationDetails>,
        /// Make it the primary one.
        is_primary: bool,
    },
    /// Change a location.
    #[serde(skip)]
    EditLocation {
        /// Its key.
        location_id: LocationId,
        /// What becomes different.
        edit: Box<LocationEdit>,
        /// Stream version that the caller saw, from If-Match.
        expected_version: Option<i64>,
    },
    /// Close a location. What lies there is a fact of the read model, so it bears the position at which it was read;
    /// when stock moved there since, the answer is the refusal `stock_moved_meanwhile` and the caller looks again.
    DeactivateLocation {
        /// Its key.
        location_id: LocationId,
        /// What lies there.
        seen: Occupancy,
    },
    /// Open it again.
    ReactivateLocation {
        /// Its key.
        location_id: LocationId,
    },
    /// Sign a company up.
    FoundCompany {
        /// Name, currency, zone.
        profile: Profile,
    },
    /// Change a company.
    EditCompany {
        /// What becomes different.
        edit: CompanyEdit,
    },
    /// Set settings of rule R28.
    ChooseSettings {
        /// New values by key; null takes a key back to its default.
        changes: serde_json::Map<String, serde_json::Value>,
    },
    /// Record that a local day began.
    StartDay {
        /// The day.
        date: NaiveDate,
    },
    /// Set which recommendations are made and for whom (R25).
    #[serde(skip)]
    ChooseRecommendationRules {
        /// What becomes different.
        change: RulesChange,
        /// New thresholds by key, which are settings of the company; null takes a key back to its default.
        thresholds: serde_json::Map<String, serde_json::Value>,
    },
    /// Set how forecasts are made.
    ChooseForecastPolicy {
        /// How from now on.
        policy: ForecastPolicy,
    },
    /// Set settings of a category or an item.
    ChoosePlanningSettings {
        /// For whom; the item by any of its names.
        scope: PlanningScope,
        /// New values by key; null takes a key back to what holds around the scope.
        changes: serde_json::Map<String, serde_json::Value>,
    },
    /// Make a day a holiday of the company.
    SetHoliday {
        /// The day.
        date_local: NaiveDate,
        /// What it is called.
        name: String,
    },
    /// Make a day no holiday.
    RemoveHoliday {
        /// The day.
        date_local: NaiveDate,
    },
    /// Set what is known of a product's days.
    SetCovariates {
        /// Name of the product.
        item: ItemId,
        /// The days, each at most once; each takes the place of what was set for it before.
        days: Vec<CovariateDay>,
    },
    /// Publish a run of forecasts. A run is published once, by its id.
    PublishForecasts {
        /// The run; its number of items is counted.
        run: Box<ForecastRunPublished>,
        /// Its forecasts, the items by any of their names.
        forecasts: Vec<PublishedForecast>,
    },
    /// Do not show a recommendation; the item by any of its names.
    DismissRecommendation(Box<RecommendationDismissed>),
}

/// What a read model saw at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupancy {
    /// Products whose stock there is not 0.
    pub items_with_stock: u64,
    /// Products with units reserved there.
    pub items_with_reservations: u64,
    /// Position of the read model that says so.
    pub position: i64,
}

/// Changes of a product; absent fields stay, `Some(None)` clears.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProductEdit {
    /// New business key.
    pub item_id: Option<ItemId>,
    /// New sku.
    pub sku: Option<String>,
    /// New name.
    pub product_name: Option<String>,
    /// New category; null is "Uncategorized".
    pub category: Option<Option<String>>,
    /// New cost.
    pub unit_cost: Option<Option<Money>>,
    /// New price.
    pub selling_price: Option<Option<Money>>,
    /// New lead time in days.
    pub lead_time_days: Option<Option<u32>>,
    /// New safety stock in days.
    pub safety_stock_days: Option<Option<u32>>,
    /// New manual forecast in units a day.
    pub manual_daily_forecast: Option<Option<Decimal>>,
    /// New first day on sale.
    pub listed_on: Option<Option<NaiveDate>>,
    /// New barcodes.
    pub barcodes: Option<Vec<String>>,
    /// New weight in grams.
    pub weight_g: Option<Option<u32>>,
    /// New dimensions in millimetres.
    pub dimensions_mm: Option<Option<[u32; 3]>>,
    /// New listings.
    pub listings: Option<Vec<Listing>>,
}

/// Changes of a location; absent fields stay, `Some(None)` clears.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LocationEdit {
    /// New name.
    pub name: Option<String>,
    /// New kind.
    pub kind: Option<LocationKind>,
    /// New marketplace.
    pub marketplace: Option<Option<Marketplace>>,
    /// New role.
    pub stock_role: Option<StockRole>,
    /// New authority.
    pub authority: Option<Authority>,
    /// `true` makes it primary; `false` is refused for the primary one.
    pub is_primary: Option<bool>,
    /// New street.
    pub address: Option<Option<String>>,
    /// New town.
    pub city: Option<Option<String>>,
    /// New country.
    pub country: Option<Option<String>>,
    /// New metadata.
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Changes of a company; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyEdit {
    /// New name.
    pub name: Option<String>,
    /// New currency.
    pub currency: Option<Currency>,
    /// New time zone.
    pub time_zone: Option<chrono_tz::Tz>,
}

/// What a source says was sold of one item at one place on one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DailyReport {
    /// Who says so.
    pub source: ChannelId,
    /// Name of the product.
    pub item: ItemId,
    /// Where, if known.
    pub location_id: Option<LocationId>,
    /// The day.
    pub date_local: NaiveDate,
    /// Units, 0 or more.
    pub units_sold: Units,
    /// Revenue of the day.
    pub revenue: Option<Money>,
    /// What a repeat means.
    pub on_duplicate: OnDuplicate,
}

/// Why a submission as a whole has no receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum SubmitError {
    /// The queue is full; try again after so many seconds.
    #[error("too many commands wait; try again in {retry_after_seconds} s")]
    Busy {
        /// Seconds.
        retry_after_seconds: u32,
    },
    /// The request key was used for another body.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The log cannot be reached; whether it was written is unknown, a repeat with the same key tells.
    #[error("the log cannot be reached at the moment")]
    Unavailable,
    /// The log refused this submission for a reason that the caller cannot mend.
    #[error("the log could not take this submission")]
    Rejected,
}

//! Facts that only planning knows: its settings beyond the company's, holidays and other knowledge of days, published
//! forecasts, dismissed recommendations.
//!
//! The company's own settings and the beginning of its days are events of the company ([`crate::companies`]).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::planning::covariate::Covariates;
use crate::planning::forecast::Method;
use crate::planning::number::Rate;
use crate::planning::recommendation::{DismissalScope, RecommendationRules, RecommendationType};
use crate::shared::ids::{ForecastRunId, ItemId, LocationId, UserId};

crate::events! {
    /// One fact about settings of planning. Stream id: `company`, `category/` and the category, or `item/` and the
    /// product's key.
    pub enum PlanningSettingsEvent in "planning_settings" upcast &[] => {
        /// Which recommendations are made and for whom was set.
        RecommendationRulesChosen = 1,
        /// How forecasts are made was set.
        ForecastPolicyChosen = 1,
        /// Settings of a category or an item were set.
        PlanningSettingsChosen = 1,
    }
}

crate::events! {
    /// One fact about the days of a company. Stream id: `holidays`.
    pub enum CalendarEvent in "calendar" upcast &[] => {
        /// A day is a holiday.
        HolidaySet = 1,
        /// It is none after all.
        HolidayRemoved = 1,
    }
}

crate::events! {
    /// One fact about the days of a product. Stream id: the product's key.
    pub enum CovariatesEvent in "covariates" upcast &[] => {
        /// What is known of days was set.
        CovariatesSet = 1,
    }
}

crate::events! {
    /// One fact about a run of forecasts. Stream id: its id.
    pub enum ForecastRunEvent in "forecast_run" upcast &[] => {
        /// A run was published; its forecasts follow.
        ForecastRunPublished = 1,
        /// Forecasts of a published run.
        ForecastsPublished = 1,
    }
}

crate::events! {
    /// One fact about the recommendations of a product. Stream id: the product's key.
    pub enum RecommendationEvent in "recommendation" upcast &[] => {
        /// Somebody does not want to see a recommendation.
        RecommendationDismissed = 1,
    }
}

/// See [`PlanningSettingsEvent::RecommendationRulesChosen`]. Holds the whole rules as they stand afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecommendationRulesChosen {
    /// The rules.
    pub rules: RecommendationRules,
}

/// See [`PlanningSettingsEvent::ForecastPolicyChosen`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastPolicyChosen {
    /// How forecasts are made from now on.
    pub policy: ForecastPolicy,
}

crate::words! {
    /// How a company's forecasts are made (decision 28).
    #[derive(Default)]
    pub enum ForecastPolicy {
        /// By the rules (R7, R8).
        #[default]
        MovingAverage = "MOVING_AVERAGE",
        /// For each item by the method that a back-test liked best.
        Automatic = "AUTOMATIC",
        /// By exponential smoothing with chosen terms, and by the rules where it has nothing to say.
        AutoEts = "AUTO_ETS",
        /// By a model outside, and by the rules where it does not answer.
        External = "EXTERNAL",
    }
}

impl ForecastPolicy {
    /// The one method that is asked about every item, beside the rules; none where there is no such.
    pub fn method(self) -> Option<Method> {
        match self {
            Self::MovingAverage | Self::Automatic => None,
            Self::AutoEts => Some(Method::AutoEts),
            Self::External => Some(Method::External),
        }
    }
}

/// See [`PlanningSettingsEvent::PlanningSettingsChosen`]. Keys and values of rule R28; only those that were set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanningSettingsChosen {
    /// For whom.
    pub scope: PlanningScope,
    /// New values by key; null takes a key back to what holds around the scope.
    pub changes: serde_json::Map<String, serde_json::Value>,
}

/// Whom settings are for. An item's go before its category's, those before the company's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "level", rename_all = "snake_case")]
pub enum PlanningScope {
    /// Every item of a category.
    Category {
        /// The category.
        category: String,
    },
    /// One item.
    Item {
        /// Key of the product.
        item_id: ItemId,
    },
}

/// Stream of the settings of planning that hold for the whole company.
pub const COMPANY_STREAM: &str = "company";

/// Stream of a company's holidays.
pub const HOLIDAYS_STREAM: &str = "holidays";

impl PlanningScope {
    /// Id of the stream that holds its settings.
    pub fn stream_id(&self) -> String {
        match self {
            Self::Category { category } => format!("category/{category}"),
            Self::Item { item_id } => format!("item/{item_id}"),
        }
    }
}

/// See [`CalendarEvent::HolidaySet`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolidaySet {
    /// The day, local to the company.
    pub date_local: NaiveDate,
    /// What it is called.
    pub name: String,
}

/// See [`CalendarEvent::HolidayRemoved`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolidayRemoved {
    /// The day, local to the company.
    pub date_local: NaiveDate,
}

/// See [`CovariatesEvent::CovariatesSet`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CovariatesSet {
    /// Key of the product.
    pub item_id: ItemId,
    /// The days; each takes the place of what was set for it before.
    pub days: Vec<CovariateDay>,
}

/// What is set for one day; nothing at all takes back what was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CovariateDay {
    /// The day, local to the company.
    pub date_local: NaiveDate,
    /// What is known of it.
    pub covariates: Covariates,
}

/// See [`ForecastRunEvent::ForecastRunPublished`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastRunPublished {
    /// The run.
    pub run_id: ForecastRunId,
    /// Why it was made.
    pub trigger: ForecastTrigger,
    /// Day on which it was published, local to the company (R30).
    pub published_on: NaiveDate,
    /// Last complete day that it knew.
    pub demand_until: NaiveDate,
    /// How forecasts are made.
    pub policy: ForecastPolicy,
    /// Location that it is for; the whole company where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<LocationId>,
    /// Hash of everything that it was computed from, in hexadecimal digits.
    pub inputs_hash: String,
    /// Items that it has forecasts of.
    pub items: u32,
}

/// Why a run was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ForecastTrigger {
    /// A day began.
    DayStarted,
    /// Somebody asked for it.
    Requested,
    /// It was made elsewhere and brought in.
    Imported,
}

/// See [`ForecastRunEvent::ForecastsPublished`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastsPublished {
    /// Number of this part of the run, from 1.
    pub part: u32,
    /// Forecasts, each item once in a run.
    pub forecasts: Vec<PublishedForecast>,
}

/// What a run says of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedForecast {
    /// Key of the product.
    pub item_id: ItemId,
    /// How it was made.
    pub method: Method,
    /// Name and version of a model outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Units a day, the mean of the first 14 days.
    pub daily_forecast: Rate,
    /// Demand of 14 days.
    pub forecast_14d: Rate,
    /// Demand of 30 days.
    pub forecast_30d: Rate,
    /// Units of each of 30 days, where they are not all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub daily: Vec<Rate>,
    /// How much less or more it may be, rising.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<PublishedQuantile>,
}

/// Demand that is exceeded only with a certain chance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedQuantile {
    /// Chance in percent that demand is at most this.
    pub percent: u8,
    /// Units of each of 30 days.
    pub daily: Vec<Rate>,
}

/// See [`RecommendationEvent::RecommendationDismissed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecommendationDismissed {
    /// Key of the product.
    pub item_id: ItemId,
    /// Location of the plan that it stands in; the company's where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<LocationId>,
    /// What was recommended.
    #[serde(rename = "type")]
    pub kind: RecommendationType,
    /// For how long.
    pub dismissal: DismissalScope,
    /// Who does not want to see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismissed_by: Option<UserId>,
    /// Why, in free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

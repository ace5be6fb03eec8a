//! Orders about what only planning knows. What they consult beside their own stream comes in with them.

use chrono::NaiveDate;
use serde_json::{Map, Value};

use crate::companies::Settings;
use crate::planning::event::{
    CovariateDay, ForecastPolicy, ForecastRunPublished, PlanningScope, PublishedForecast,
    RecommendationDismissed,
};
use crate::planning::recommendation::RecommendationTypes;
use crate::shared::ids::ItemId;
use crate::shared::money::Currency;

/// What is asked of settings of planning; nothing happens where they hold already.
#[derive(Debug, Clone, PartialEq)]
pub enum PlanningSettingsCommand {
    /// Set which recommendations are made and for whom.
    ChooseRules {
        /// What becomes different.
        change: RulesChange,
    },
    /// Set how forecasts are made.
    ChoosePolicy {
        /// How from now on.
        policy: ForecastPolicy,
    },
    /// Set settings of a category or an item.
    ChooseSettings {
        /// For whom.
        scope: PlanningScope,
        /// New values by key; null takes a key back to what holds around the scope. A money threshold may be money in
        /// the company's currency.
        changes: Map<String, Value>,
        /// Settings that hold around the scope.
        around: Box<Settings>,
        /// The company's currency.
        currency: Currency,
    },
}

/// Changes of the rules of recommendations; absent fields stay, `Some(None)` takes one back to its default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RulesChange {
    /// Types that are made at all.
    pub enabled_types: Option<Option<RecommendationTypes>>,
    /// Types for owners and directors.
    pub ceo: Option<Option<RecommendationTypes>>,
    /// Types for who orders.
    pub procurement: Option<Option<RecommendationTypes>>,
    /// Types for who promotes.
    pub marketing: Option<Option<RecommendationTypes>>,
}

/// What is asked of a company's holidays; nothing happens where it is so already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalendarCommand {
    /// Make a day a holiday, or give it another name.
    SetHoliday {
        /// The day, local to the company.
        date_local: NaiveDate,
        /// What it is called.
        name: String,
    },
    /// Make it none.
    RemoveHoliday {
        /// The day, local to the company.
        date_local: NaiveDate,
    },
}

/// Set what is known of a product's days; what is known already is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCovariates {
    /// Key of the product.
    pub item_id: ItemId,
    /// The days, each at most once; each takes the place of what was set for it before.
    pub days: Vec<CovariateDay>,
}

/// Publish a run of forecasts; nothing happens where the same run was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishForecasts {
    /// The run; its number of items is counted.
    pub run: ForecastRunPublished,
    /// Its forecasts, each item once.
    pub forecasts: Vec<PublishedForecast>,
}

/// Do not show a recommendation; nothing happens where it was dismissed for the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DismissRecommendation {
    /// Which, for how long, by whom.
    pub dismissed: RecommendationDismissed,
    /// The present day, local to the company.
    pub today: NaiveDate,
}

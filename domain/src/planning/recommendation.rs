//! Recommendations by role (R25): which an item has, who sees them, how long one lasts, who dismissed it.
//!
//! An *episode* is a run of days or changes during which one recommendation of an item stays. When it comes back after
//! it was gone, that is the next episode, with another id.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::planning::cover::{Cover, Status};
use crate::planning::input::ItemInput;
use crate::planning::supply::Supplied;

mod id;

pub use id::{NotAnId, RecommendationId};

crate::words! {
    /// What is recommended, in the order of the list.
    pub enum RecommendationType {
        /// It is about to run out.
        Urgent = "URGENT",
        /// It does not last until an order arrives.
        Reorder = "REORDER",
        /// Nobody buys it.
        DeadStock = "DEAD_STOCK",
        /// There is too much of it.
        ReduceOrder = "REDUCE_ORDER",
        /// There is enough of it to be promoted, and it is not.
        Promote = "PROMOTE",
    }
}

crate::word_set! {
    /// Recommendations of one item.
    pub struct RecommendationTypes of RecommendationType
}

crate::words! {
    /// Roles that recommendations are made for (R25).
    pub enum Audience {
        /// Owners and directors.
        Ceo = "CEO",
        /// Who orders.
        Procurement = "PROCUREMENT",
        /// Who promotes.
        Marketing = "MARKETING",
    }
}

impl RecommendationTypes {
    /// All of them.
    pub fn all() -> Self {
        RecommendationType::ALL.iter().copied().collect()
    }

    /// R25.
    pub(crate) fn of(input: &ItemInput<'_>, cover: &Cover, supplied: &Supplied) -> Self {
        let settings = input.settings;
        let mut types = Self::default();
        types.put(RecommendationType::Urgent, cover.stockout_risk > settings.urgent_risk);
        types.put(RecommendationType::Reorder, cover.is_below(supplied.buffer_days()));
        types.put(RecommendationType::DeadStock, cover.status == Status::DeadStock);
        types.put(RecommendationType::ReduceOrder, cover.is_above(settings.reduce_order_dir));
        let promotable = cover.is_above(settings.promote_dir) && !input.master.in_campaign;
        types.put(RecommendationType::Promote, promotable);
        types
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.iter().filter(|kind| other.contains(*kind)).collect()
    }
}

/// Settings of the company that the rules of its recommendations set, too (R25).
pub const THRESHOLDS: [&str; 4] = ["urgent_risk", "reduce_order_dir", "promote_dir", "suggestion_min_risk"];

/// Which recommendations a company makes, and to whom (R25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecommendationRules {
    /// Types that are made at all.
    pub enabled_types: RecommendationTypes,
    /// Types for each role.
    pub role_rules: RoleRules,
}

/// Types for each role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRules {
    /// For owners and directors.
    #[serde(rename = "CEO")]
    pub ceo: RecommendationTypes,
    /// For who orders.
    #[serde(rename = "PROCUREMENT")]
    pub procurement: RecommendationTypes,
    /// For who promotes.
    #[serde(rename = "MARKETING")]
    pub marketing: RecommendationTypes,
}

impl Default for RecommendationRules {
    fn default() -> Self {
        let all = RecommendationTypes::all();
        let role_rules = RoleRules {
            ceo: all,
            procurement: all.iter().filter(|kind| *kind != RecommendationType::Promote).collect(),
            marketing: [RecommendationType::DeadStock, RecommendationType::Promote].into_iter().collect(),
        };
        Self { enabled_types: all, role_rules }
    }
}

impl RecommendationRules {
    /// Types that a role sees; all enabled ones without a role.
    pub fn seen_by(&self, audience: Option<Audience>) -> RecommendationTypes {
        let of_role = audience.map(|audience| match audience {
            Audience::Ceo => self.role_rules.ceo,
            Audience::Procurement => self.role_rules.procurement,
            Audience::Marketing => self.role_rules.marketing,
        });
        of_role.map_or(self.enabled_types, |types| types.and(self.enabled_types))
    }
}

/// How often one recommendation of one item came, and whether it is there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Episodes {
    /// Number of the newest, from 1; 0 while there was none.
    pub newest: u32,
    /// Whether it lasts.
    pub is_open: bool,
    /// Day on which it began.
    pub since: Option<NaiveDate>,
}

impl Episodes {
    /// Takes in whether the plan of `day` has the recommendation.
    #[must_use]
    pub fn on(self, day: NaiveDate, holds: bool) -> Self {
        match (self.is_open, holds) {
            (true, true) | (false, false) => self,
            (true, false) => Self { is_open: false, ..self },
            (false, true) => Self { newest: self.newest.saturating_add(1), is_open: true, since: Some(day) },
        }
    }
}

/// For how long a recommendation is not shown (decision 33).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum DismissalScope {
    /// For this episode.
    Episode {
        /// Its number.
        episode: u32,
    },
    /// Up to and with a day.
    Until {
        /// The last day without it.
        date: NaiveDate,
    },
    /// For ever.
    Forever,
}

impl DismissalScope {
    /// Whether it hides an episode on a day.
    pub fn hides(self, episode: u32, day: NaiveDate) -> bool {
        match self {
            Self::Episode { episode: dismissed } => dismissed == episode,
            Self::Until { date } => day <= date,
            Self::Forever => true,
        }
    }
}

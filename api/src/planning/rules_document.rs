//! The rules of recommendations (R25) as a document.
#![expect(clippy::option_option, reason = "an absent part stays, null takes it back to its default")]

use domain::planning::RulesChange;
use domain::planning::recommendation::{RecommendationRules, RecommendationTypes, RoleRules};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::catalogue::stated;

/// Which recommendations are made, for whom, and from when on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecommendationRules)]
pub(super) struct RulesDocument {
    /// Types that are made at all.
    #[schema(value_type = Vec<String>, example = json!(["URGENT", "REORDER"]))]
    enabled_types: RecommendationTypes,
    /// Types that each role sees, of those that are enabled.
    role_rules: RoleRulesDocument,
    /// Settings of the company that recommendations compare with; the same values as in the settings.
    #[schema(value_type = ThresholdFilters)]
    threshold_filters: Map<String, Value>,
    /// Position of the change, in answers to commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<i64>,
}

/// Types that each role sees.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoleRules)]
struct RoleRulesDocument {
    /// Owners and directors.
    #[serde(rename = "CEO")]
    #[schema(value_type = Vec<String>)]
    ceo: RecommendationTypes,
    /// Who orders.
    #[serde(rename = "PROCUREMENT")]
    #[schema(value_type = Vec<String>)]
    procurement: RecommendationTypes,
    /// Who promotes.
    #[serde(rename = "MARKETING")]
    #[schema(value_type = Vec<String>)]
    marketing: RecommendationTypes,
}

/// Settings of the company that recommendations compare with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the document; the domain makes and checks it")]
struct ThresholdFilters {
    /// Stockout risk in percent above which ordering is urgent.
    urgent_risk: Option<f64>,
    /// Days of inventory above which orders shall be reduced.
    reduce_order_dir: Option<u32>,
    /// Days of inventory above which an item shall be promoted.
    promote_dir: Option<u32>,
    /// Stockout risk in percent above which an order is suggested.
    suggestion_min_risk: Option<f64>,
}

/// Changes of the rules; what is absent stays, null takes a part back to its default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecommendationRulesChange)]
pub(super) struct RulesBody {
    /// Types that are made at all.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["URGENT", "REORDER"]))]
    enabled_types: Option<Option<RecommendationTypes>>,
    /// Types that each role sees.
    #[serde(default)]
    role_rules: RoleRulesBody,
    /// Thresholds, which are changed in the settings of the company.
    #[serde(default)]
    #[schema(value_type = ThresholdFilters)]
    threshold_filters: Map<String, Value>,
    /// Of a document that was answered and is sent back; ignored.
    #[serde(default, rename = "position")]
    #[schema(value_type = Option<i64>)]
    _position: Option<IgnoredAny>,
}

/// Changes of what roles see.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RoleRulesChange)]
struct RoleRulesBody {
    /// Owners and directors.
    #[serde(rename = "CEO", default, deserialize_with = "stated")]
    #[schema(value_type = Option<Vec<String>>)]
    ceo: Option<Option<RecommendationTypes>>,
    /// Who orders.
    #[serde(rename = "PROCUREMENT", default, deserialize_with = "stated")]
    #[schema(value_type = Option<Vec<String>>)]
    procurement: Option<Option<RecommendationTypes>>,
    /// Who promotes.
    #[serde(rename = "MARKETING", default, deserialize_with = "stated")]
    #[schema(value_type = Option<Vec<String>>)]
    marketing: Option<Option<RecommendationTypes>>,
}

impl RulesDocument {
    /// The rules with the company's thresholds.
    pub(super) fn new(
        rules: RecommendationRules,
        threshold_filters: Map<String, Value>,
        position: Option<i64>,
    ) -> Self {
        let RoleRules { ceo, procurement, marketing } = rules.role_rules;
        Self {
            enabled_types: rules.enabled_types,
            role_rules: RoleRulesDocument { ceo, procurement, marketing },
            threshold_filters,
            position,
        }
    }
}

impl RulesBody {
    /// What becomes different: rules, and thresholds by key.
    pub(super) fn into_change(self) -> (RulesChange, Map<String, Value>) {
        let RoleRulesBody { ceo, procurement, marketing } = self.role_rules;
        let change = RulesChange { enabled_types: self.enabled_types, ceo, procurement, marketing };
        (change, self.threshold_filters)
    }
}

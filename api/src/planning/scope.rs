//! Settings of a category or an item: which one is meant, and how they are answered.

use domain::planning::event::PlanningScope;
use domain::planning::input::PLANNING_KEYS;
use domain::shared::ids::ItemId;
use domain::shared::money::Currency;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::catalogue::item_named;
use crate::companies::answered;
use crate::problem::Problem;

/// Whose settings: one of both.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ScopeParams {
    /// Every item of this category.
    category: Option<String>,
    /// One item, by item id, sku or barcode.
    item_id: Option<String>,
}

/// Settings of a category or an item.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanningSettings)]
pub(super) struct PlanningSettingsView {
    /// The category, where one was asked.
    category: Option<String>,
    /// The item by the id that it bore first, where one was asked.
    item_id: Option<String>,
    /// What was chosen for it, by key.
    #[schema(value_type = Object)]
    chosen: Map<String, Value>,
    /// All settings of planning that hold for it: an item's own go before its category's, those before the company's.
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
    /// Position of the change, in answers to commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<i64>,
}

impl ScopeParams {
    /// The scope as it was named.
    pub(super) fn scope(self) -> Result<PlanningScope, Problem> {
        match (self.category, self.item_id) {
            (Some(category), None) => Ok(PlanningScope::Category { category }),
            (None, Some(item)) => item_named(&item).map(|item_id: ItemId| PlanningScope::Item { item_id }),
            _ => Err(Problem::invalid("invalid_parameter", "?category", "name a category or an item_id")),
        }
    }
}

impl PlanningSettingsView {
    /// What was chosen for a scope, and what holds for it.
    pub(super) fn new(
        scope: PlanningScope,
        chosen: Map<String, Value>,
        mut settings: Map<String, Value>,
        currency: Currency,
        position: Option<i64>,
    ) -> Self {
        settings.retain(|key, _| PLANNING_KEYS.contains(&key.as_str()));
        let (category, item_id) = match scope {
            PlanningScope::Category { category } => (Some(category), None),
            PlanningScope::Item { item_id } => (None, Some(item_id.into())),
        };
        let (chosen, settings) = (answered(chosen, currency), answered(settings, currency));
        Self { category, item_id, chosen, settings, position }
    }
}

//! One recommendation, as JSON and as a line of a file.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::planning::ItemPlan;
use domain::planning::recommendation::{RecommendationId, RecommendationType};
use domain::shared::ids::{ItemId, LocationId};
use projections::planning::recommendation_queries::Episode;
use projections::stock::board::Recommended;
use serde::Serialize;
use utoipa::ToSchema;

use crate::list::{Cell, Row};
use crate::planning::plan_columns::{PlanColumns, with_plan_heads};

/// Something that is recommended for a product.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RecommendationRow {
    /// Names this episode of the recommendation; null for the past.
    #[schema(example = "REORDER~1~85123A")]
    id: Option<String>,
    /// What is recommended.
    #[serde(rename = "type")]
    #[schema(example = "REORDER")]
    kind: &'static str,
    /// Which episode it is, from 1; null for the past.
    episode: Option<u32>,
    /// The first day of the episode; null for the past and for the plan of a location.
    since: Option<NaiveDate>,
    /// Whether somebody does not want to see it at present.
    dismissed: bool,
    /// Why, in words.
    #[schema(example = "stockout risk 85.71 %")]
    reason: String,
    /// Business key.
    item_id: String,
    /// Alias for other systems.
    sku: String,
    /// Name.
    product_name: String,
    /// Category.
    category: String,
    /// Location of the plan; null for the company's.
    location_id: Option<String>,
    /// Stock less what is reserved, in units (R10).
    current_stock: i64,
    /// What its plan says.
    #[serde(flatten)]
    plan: PlanColumns,
}

/// What the rows of a list have in common.
pub(super) struct Of {
    /// Location of the plans.
    pub(super) location: Option<LocationId>,
    /// What is dismissed, by item key.
    pub(super) dismissed: Vec<(String, RecommendationType)>,
    /// Whether it was recommended on a past day.
    pub(super) is_past: bool,
}

impl RecommendationRow {
    /// The row of a recommendation, with the episodes of the company's plan.
    pub(super) fn new(
        row: Recommended,
        episodes: &BTreeMap<(String, RecommendationType), Episode>,
        of: &Of,
    ) -> Option<Self> {
        let Recommended { kind, item } = row;
        let planned = item.plan?;
        let named = (item.item_key, kind);
        let episode = episodes.get(&named).copied().filter(|_| !of.is_past);
        let number = (!of.is_past).then(|| episode.map_or(1, |episode| episode.number.max(1)));
        let id = number.zip(ItemId::new(&named.0).ok()).map(|(episode, item_id)| {
            RecommendationId { kind, episode, location_id: of.location.clone(), item_id }.to_string()
        });
        Some(Self {
            id,
            kind: kind.name(),
            episode: number,
            since: episode.and_then(|episode| episode.since).filter(|_| of.location.is_none()),
            dismissed: of.dismissed.contains(&named),
            reason: reason(kind, &planned.plan),
            item_id: item.item_id,
            sku: item.sku,
            product_name: item.product_name,
            category: item.category,
            location_id: of.location.as_ref().map(|location| location.as_str().to_owned()),
            current_stock: planned.plan.stock,
            plan: PlanColumns::new(Some(&planned)),
        })
    }
}

/// Why something is recommended (R25).
fn reason(kind: RecommendationType, plan: &ItemPlan) -> String {
    let cover = plan
        .dir
        .map_or_else(|| "stock that nobody buys".to_owned(), |dir| format!("{dir} days of inventory"));
    match kind {
        RecommendationType::Urgent => format!("stockout risk {} %", plan.stockout_risk),
        RecommendationType::Reorder => {
            let days = i64::from(plan.lead_time_days) + i64::from(plan.safety_days);
            format!("{cover}, {days} days of lead time and safety stock")
        }
        RecommendationType::DeadStock => {
            plan.idle_days.map_or(cover, |days| format!("no sale for {days} days"))
        }
        RecommendationType::ReduceOrder => cover,
        RecommendationType::Promote => format!("{cover}, in no campaign"),
    }
}

impl Row for RecommendationRow {
    const COLUMNS: &'static [&'static str] = with_plan_heads![
        "id",
        "type",
        "episode",
        "since",
        "dismissed",
        "reason",
        "item_id",
        "sku",
        "product_name",
        "category",
        "location_id",
        "current_stock",
    ];

    fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![
            Cell::from(self.id.as_deref()),
            Cell::from(self.kind),
            Cell::from(self.episode.map(i64::from)),
            Cell::from(self.since),
            Cell::from(self.dismissed),
            Cell::from(self.reason.as_str()),
            Cell::from(self.item_id.as_str()),
            Cell::from(self.sku.as_str()),
            Cell::from(self.product_name.as_str()),
            Cell::from(self.category.as_str()),
            Cell::from(self.location_id.as_deref()),
            Cell::from(self.current_stock),
        ];
        cells.extend(self.plan.cells());
        cells
    }
}

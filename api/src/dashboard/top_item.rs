//! An item of one of the dashboard's short lists.

use projections::stock::board::ItemRow;
use serde::Serialize;
use utoipa::ToSchema;

use crate::planning::plan_columns::PlanColumns;

/// A product with its stock and plan, in units.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TopItem {
    /// Business key.
    #[schema(example = "85123A")]
    item_id: String,
    /// Alias for other systems.
    sku: String,
    /// Name.
    product_name: String,
    /// Category.
    category: String,
    /// Stock less what is reserved (R10).
    current_stock: i64,
    /// What its plan says.
    #[serde(flatten)]
    plan: PlanColumns,
    /// Where more of it stands.
    #[schema(example = "/api/v1/products/85123A")]
    link: String,
}

impl TopItem {
    /// The items of a list, in its order.
    pub(super) fn all(items: &[ItemRow]) -> Vec<Self> {
        items.iter().map(Self::new).collect()
    }

    fn new(item: &ItemRow) -> Self {
        Self {
            current_stock: item.plan.as_ref().map_or(item.total_stock, |planned| planned.plan.stock),
            plan: PlanColumns::new(item.plan.as_deref()),
            link: product_link(&item.item_id),
            item_id: item.item_id.clone(),
            sku: item.sku.clone(),
            product_name: item.product_name.clone(),
            category: item.category.clone(),
        }
    }
}

/// Path of a product.
pub(super) fn product_link(item_id: &str) -> String {
    format!("/api/v1/products/{}", crate::catalogue::segment(item_id))
}

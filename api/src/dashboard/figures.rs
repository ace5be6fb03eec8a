//! The figures of a dashboard, by the names of the roadmap.

use domain::planning::Amount;
use domain::planning::cover::Status;
use domain::planning::summary::counted;
use serde::Serialize;
use utoipa::ToSchema;

use super::glance::Glance;
use crate::planning::figures::Exact;
use crate::schema::MoneySchema;

/// Figures over all planned products (R27). Money is left out for roles that see none.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DashboardFigures {
    /// Planned products.
    total_skus: i64,
    /// Units on hand at their cost; the stock of products that are not planned is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_inventory_value: Option<MoneySchema>,
    /// Products of which there is too little (R23).
    understocked_count: i64,
    /// Products of which there is too much (R23).
    overstocked_count: i64,
    /// Products that nobody buys (R23).
    dead_stock_count: i64,
    /// Products of which there is neither too little nor too much (R23).
    normal_count: i64,
    /// Mean of the known days of inventory remaining (R21).
    #[schema(value_type = Option<f64>)]
    average_dir: Option<Exact>,
    /// Value of the understocked products.
    #[serde(skip_serializing_if = "Option::is_none")]
    understocked_value: Option<MoneySchema>,
    /// Value of the overstocked products.
    #[serde(skip_serializing_if = "Option::is_none")]
    overstocked_value: Option<MoneySchema>,
    /// Value of the products that nobody buys.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_stock_value: Option<MoneySchema>,
    /// Units to order over all products (R17).
    order_quantity_total: i64,
    /// Units suggested over all products (R24).
    suggested_quantity_total: i64,
}

impl DashboardFigures {
    /// The figures of a glance.
    pub(super) fn new(glance: &Glance) -> Self {
        let (summary, totals) = (&glance.summary, &glance.overview.sums.totals);
        let count = |status| counted(&totals.statuses, Status::ALL, status);
        Self {
            total_skus: summary.total_skus,
            total_inventory_value: glance.money(summary.total_inventory_value),
            understocked_count: count(Status::Understocked),
            overstocked_count: count(Status::Overstocked),
            dead_stock_count: count(Status::DeadStock),
            normal_count: count(Status::Normal),
            average_dir: summary.average_dir.map(Exact::from),
            understocked_value: glance.money(summary.understocked_value),
            overstocked_value: glance.money(summary.overstocked_value),
            dead_stock_value: glance.money(summary.dead_stock_value),
            order_quantity_total: summary.order_quantity_total,
            suggested_quantity_total: summary.suggested_quantity_total,
        }
    }
}

impl Glance {
    /// An amount, for those who may see it.
    pub(super) fn money(&self, amount: Amount) -> Option<MoneySchema> {
        self.currency.map(|currency| MoneySchema::new(amount.decimal(), currency.code()))
    }
}

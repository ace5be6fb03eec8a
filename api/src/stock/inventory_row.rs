//! One product of the stock list, as JSON and as a line of a file.

use chrono::{DateTime, Utc};
use domain::shared::money::Currency;
use projections::stock::board::{Cost, ItemRow, LevelRow};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::list::{Cell, Row};
use crate::planning::plan_columns::{PlanColumns, with_plan_heads};
use crate::schema::MoneySchema;

/// A product with its stock and plan, in units.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InventoryRow {
    /// Business key.
    #[schema(example = "85123A")]
    item_id: String,
    /// Alias for other systems.
    sku: String,
    /// Name.
    product_name: String,
    /// Category.
    category: String,
    /// Whether it is planned, listed and counted.
    is_active: bool,
    /// On hand over PHYSICAL locations.
    total_stock: i64,
    /// The same as `total_stock`.
    current_stock: i64,
    /// Promised over PHYSICAL locations; null in the past.
    reserved: Option<i64>,
    /// On hand less promised; null in the past.
    available: Option<i64>,
    /// Stock per location that the product has been at.
    stock: Vec<LocationStock>,
    /// How far the mirror is off that is off most; null without mirrors.
    drift: Option<i64>,
    /// Since when stock is below zero somewhere.
    discrepancy_since: Option<DateTime<Utc>>,
    /// Newest movement.
    last_moved_at: Option<DateTime<Utc>>,
    /// Cost of one unit, 0 where it is missing; left out for roles that see no money.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_cost: Option<MoneySchema>,
    /// Whether the cost is unknown; left out for roles that see no money.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_missing: Option<bool>,
    /// Available units, at least 0, times cost; left out for roles that see no money.
    #[serde(skip_serializing_if = "Option::is_none")]
    inventory_value: Option<MoneySchema>,
    /// What its plan says.
    #[serde(flatten)]
    plan: PlanColumns,
}

/// Stock of a product at one location, in units.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LocationStock {
    /// Where.
    #[schema(example = "MAIN")]
    location_id: String,
    /// On hand.
    quantity: i64,
    /// Promised; null in the past.
    reserved: Option<i64>,
    /// For a mirror: on hand less the total of PHYSICAL locations.
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<i64>,
}

/// What a caller sees of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Whether the caller may see money.
    pub(crate) money: bool,
    /// Currency in which a missing cost is shown as 0; none where no cost is missing.
    pub(crate) currency: Option<Currency>,
    /// The stock is that of a past instant.
    pub(crate) past: bool,
}

impl InventoryRow {
    /// The row as this caller sees it.
    pub(crate) fn new(row: ItemRow, view: View) -> Self {
        let money = |cost: Option<&Cost>| match cost {
            _ if !view.money => None,
            Some(cost) => Some(MoneySchema::new(cost.amount, &cost.currency)),
            None => view.currency.map(|currency| MoneySchema::new(Decimal::new(0, 2), currency.code())),
        };
        Self {
            plan: PlanColumns::new(row.plan.as_deref()),
            unit_cost: money(row.unit_cost.as_ref()),
            cost_missing: view.money.then_some(row.unit_cost.is_none()),
            inventory_value: money(row.inventory_value.as_ref()),
            item_id: row.item_id,
            sku: row.sku,
            product_name: row.product_name,
            category: row.category,
            is_active: row.is_active,
            total_stock: row.total_stock,
            current_stock: row.total_stock,
            reserved: (!view.past).then_some(row.reserved),
            available: (!view.past).then_some(row.available),
            stock: row.levels.into_iter().map(|level| LocationStock::new(level, view.past)).collect(),
            drift: row.drift,
            discrepancy_since: row.discrepancy_since,
            last_moved_at: row.last_moved_at,
        }
    }
}

impl LocationStock {
    fn new(level: LevelRow, past: bool) -> Self {
        Self {
            location_id: level.location_id,
            quantity: level.on_hand,
            reserved: (!past).then_some(level.reserved),
            drift: level.drift,
        }
    }
}

impl Row for InventoryRow {
    const COLUMNS: &'static [&'static str] = with_plan_heads![
        "item_id",
        "sku",
        "product_name",
        "category",
        "is_active",
        "total_stock",
        "reserved",
        "available",
        "stock",
        "drift",
        "discrepancy_since",
        "last_moved_at",
        "unit_cost",
        "unit_cost_currency",
        "cost_missing",
        "inventory_value",
    ];

    fn cells(&self) -> Vec<Cell> {
        let stock: Vec<String> =
            self.stock.iter().map(|level| format!("{}: {}", level.location_id, level.quantity)).collect();
        let (unit_cost, currency) = MoneySchema::cells(self.unit_cost.as_ref());
        let mut cells = vec![
            Cell::from(self.item_id.as_str()),
            Cell::from(self.sku.as_str()),
            Cell::from(self.product_name.as_str()),
            Cell::from(self.category.as_str()),
            Cell::from(self.is_active),
            Cell::from(self.total_stock),
            Cell::from(self.reserved),
            Cell::from(self.available),
            Cell::from(stock.join("; ")),
            Cell::from(self.drift),
            Cell::from(self.discrepancy_since),
            Cell::from(self.last_moved_at),
            unit_cost,
            currency,
            Cell::from(self.cost_missing),
            MoneySchema::cells(self.inventory_value.as_ref()).0,
        ];
        cells.extend(self.plan.cells());
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_of_a_file_has_a_head() {
        let row = ItemRow {
            item_key: String::new(),
            item_id: String::new(),
            sku: String::new(),
            product_name: String::new(),
            category: String::new(),
            is_active: true,
            unit_cost: None,
            inventory_value: None,
            total_stock: 0,
            reserved: 0,
            available: 0,
            drift: None,
            discrepancy_since: None,
            last_moved_at: None,
            levels: Vec::new(),
            plan: None,
        };
        let row = InventoryRow::new(row, View { money: true, currency: None, past: false });
        assert_eq!(row.cells().len(), InventoryRow::COLUMNS.len());
    }
}

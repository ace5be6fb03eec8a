//! One suggested order, as JSON and as a line of a file.

use domain::shared::money::Currency;
use projections::planning::items::Terms;
use projections::stock::board::ItemRow;
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalogue::SupplierName;
use crate::list::{Cell, Row};
use crate::planning::figures::Exact;
use crate::planning::plan_columns::{PlanColumns, with_plan_heads};
use crate::schema::MoneySchema;

/// An order that is suggested for a product.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SuggestionRow {
    /// Business key.
    #[schema(example = "85123A")]
    item_id: String,
    /// Alias for other systems.
    sku: String,
    /// Name.
    product_name: String,
    /// Category.
    category: String,
    /// Stock less what is reserved, in units (R10).
    current_stock: i64,
    /// Days from order to delivery (R14).
    lead_time_days: u32,
    /// Days of safety stock (R13).
    safety_days: u32,
    /// Forecast of the days of safety stock, in units (R24).
    #[schema(value_type = f64)]
    safety_buffer: Exact,
    /// Units that are missing over 30 days and the safety stock, before the least quantity (R24).
    shortfall: i64,
    /// Units that are missing before open orders (R17).
    gross_need: i64,
    /// Who delivers it (R14); null where nobody does.
    supplier: Option<SupplierName>,
    /// What units come in.
    packaging_unit: Option<String>,
    /// Units in one of them.
    packaging_qty: Option<i64>,
    /// `suggested_quantity` in whole packs, in units.
    quantity_in_packs: i64,
    /// Cost of one unit at the supplier; null where it says none. Left out for roles that see no money.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MoneySchema>)]
    #[expect(clippy::option_option, reason = "the outer one hides the column, the inner one is null")]
    supplier_cost: Option<Option<MoneySchema>>,
    /// Cost of one unit; 0 where it is missing. Left out for roles that see no money.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_cost: Option<MoneySchema>,
    /// What its plan says.
    #[serde(flatten)]
    plan: PlanColumns,
}

impl SuggestionRow {
    /// The suggestion for an item; none where its plan suggests nothing. Money in `shown`, or left out without one.
    pub(super) fn new(item: ItemRow, terms: Option<Terms>, shown: Option<Currency>) -> Option<Self> {
        let planned = item.plan?;
        let plan = &planned.plan;
        let packaging_qty = terms.as_ref().and_then(|terms| terms.packaging_qty);
        let cost = terms.as_ref().and_then(|terms| terms.supplier_cost).map(MoneySchema::from);
        let safety = plan.daily_forecast.decimal() * rust_decimal::Decimal::from(plan.safety_days);
        Some(Self {
            current_stock: plan.stock,
            lead_time_days: plan.lead_time_days,
            safety_days: plan.safety_days,
            safety_buffer: Exact(safety),
            shortfall: plan.shortfall,
            gross_need: plan.gross_need,
            quantity_in_packs: in_packs(plan.suggested_quantity?, packaging_qty),
            packaging_unit: terms.as_ref().and_then(|terms| terms.packaging_unit.clone()),
            packaging_qty,
            supplier_cost: shown.map(|_| cost),
            unit_cost: shown.map(|currency| MoneySchema::new(plan.unit_cost.decimal(), currency.code())),
            supplier: terms.map(SupplierName::from),
            plan: PlanColumns::new(Some(&planned)),
            item_id: item.item_id,
            sku: item.sku,
            product_name: item.product_name,
            category: item.category,
        })
    }
}

/// A quantity rounded up to whole packs (decision 32).
fn in_packs(quantity: i64, pack: Option<i64>) -> i64 {
    let Some(pack) = pack.filter(|pack| *pack > 1) else { return quantity };
    let rest = quantity.rem_euclid(pack);
    if rest == 0 { quantity } else { quantity.saturating_add(pack - rest) }
}

impl Row for SuggestionRow {
    const COLUMNS: &'static [&'static str] = with_plan_heads![
        "item_id",
        "sku",
        "product_name",
        "category",
        "current_stock",
        "lead_time_days",
        "safety_days",
        "safety_buffer",
        "shortfall",
        "gross_need",
        "supplier_id",
        "supplier_name",
        "packaging_unit",
        "packaging_qty",
        "quantity_in_packs",
        "supplier_cost",
        "supplier_currency",
        "unit_cost",
        "unit_cost_currency",
    ];

    fn cells(&self) -> Vec<Cell> {
        let supplier = self.supplier.as_ref();
        let (cost, cost_currency) = MoneySchema::cells(self.supplier_cost.as_ref().and_then(Option::as_ref));
        let (unit_cost, unit_cost_currency) = MoneySchema::cells(self.unit_cost.as_ref());
        let mut cells = vec![
            Cell::from(self.item_id.as_str()),
            Cell::from(self.sku.as_str()),
            Cell::from(self.product_name.as_str()),
            Cell::from(self.category.as_str()),
            Cell::from(self.current_stock),
            Cell::from(i64::from(self.lead_time_days)),
            Cell::from(i64::from(self.safety_days)),
            Cell::from(self.safety_buffer.0),
            Cell::from(self.shortfall),
            Cell::from(self.gross_need),
            Cell::from(supplier.map(|supplier| supplier.key.as_str())),
            Cell::from(supplier.map(|supplier| supplier.name.as_str())),
            Cell::from(self.packaging_unit.as_deref()),
            Cell::from(self.packaging_qty),
            Cell::from(self.quantity_in_packs),
            cost,
            cost_currency,
            unit_cost,
            unit_cost_currency,
        ];
        cells.extend(self.plan.cells());
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::in_packs;

    #[test]
    fn quantities_are_rounded_up_to_whole_packs() {
        assert_eq!(
            [in_packs(7, Some(6)), in_packs(12, Some(6)), in_packs(7, None), in_packs(7, Some(0))],
            [12, 12, 7, 7]
        );
    }
}

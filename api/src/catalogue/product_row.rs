//! A product as a line of a file.

use projections::catalogue::ProductRow;

use crate::list::{Cell, Row};

/// One line.
pub(crate) struct ProductLine(pub(crate) ProductRow);

impl Row for ProductLine {
    const COLUMNS: &'static [&'static str] = &[
        "item_id",
        "sku",
        "product_name",
        "category",
        "unit_cost",
        "unit_cost_currency",
        "cost_missing",
        "selling_price",
        "selling_price_currency",
        "lead_time_days",
        "safety_stock_days",
        "manual_daily_forecast",
        "listed_on",
        "barcodes",
        "weight_g",
        "dimensions_mm",
        "is_active",
        "created_at",
        "updated_at",
    ];

    fn cells(&self) -> Vec<Cell> {
        let row = &self.0;
        let sides = row
            .dimensions_mm
            .as_ref()
            .map(|sides| sides.iter().map(ToString::to_string).collect::<Vec<String>>().join("x"));
        vec![
            Cell::from(row.item_id.as_str()),
            Cell::from(row.sku.as_str()),
            Cell::from(row.product_name.as_str()),
            Cell::from(row.category.as_str()),
            Cell::from(row.unit_cost_amount),
            Cell::from(row.unit_cost_currency.as_deref()),
            Cell::from(row.unit_cost_amount.is_none()),
            Cell::from(row.selling_price_amount),
            Cell::from(row.selling_price_currency.as_deref()),
            Cell::from(row.lead_time_days.map(i64::from)),
            Cell::from(row.safety_stock_days.map(i64::from)),
            Cell::from(row.manual_daily_forecast),
            Cell::from(row.listed_on),
            Cell::from(row.barcodes.join(" ")),
            Cell::from(row.weight_g.map(i64::from)),
            Cell::from(sides),
            Cell::from(row.is_active),
            Cell::from(row.created_at),
            Cell::from(row.updated_at),
        ]
    }
}

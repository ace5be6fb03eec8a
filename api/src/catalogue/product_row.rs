//! A product as a line of a file.

use crate::catalogue::listed_product::ListedProduct;
use crate::list::{Cell, Row};
use crate::planning::plan_columns::with_plan_heads;
use crate::schema::MoneySchema;

/// One line.
pub(crate) struct ProductLine(pub(crate) ListedProduct);

impl Row for ProductLine {
    const COLUMNS: &'static [&'static str] = with_plan_heads![
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
        "total_stock",
        "inventory_value",
        "supplier_id",
        "supplier_name",
    ];

    fn cells(&self) -> Vec<Cell> {
        let ListedProduct { product, supplier, plan, .. } = &self.0;
        let sides = product.dimensions_mm.map(|sides| sides.map(|side| side.to_string()).join("x"));
        let known = product.unit_cost.as_ref().filter(|_| product.cost_missing == Some(false));
        let (unit_cost, unit_cost_currency) = MoneySchema::cells(known);
        let (price, price_currency) =
            MoneySchema::cells(product.selling_price.as_ref().and_then(Option::as_ref));
        let days = |days: Option<u32>| Cell::from(days.map(i64::from));
        let mut cells = vec![
            Cell::from(product.item_id.as_str()),
            Cell::from(product.sku.as_str()),
            Cell::from(product.product_name.as_str()),
            Cell::from(product.category.as_str()),
            unit_cost,
            unit_cost_currency,
            Cell::from(product.cost_missing),
            price,
            price_currency,
            days(product.lead_time_days),
            days(product.safety_stock_days),
            Cell::from(product.manual_daily_forecast),
            Cell::from(product.listed_on),
            Cell::from(product.barcodes.join(" ")),
            days(product.weight_g),
            Cell::from(sides),
            Cell::from(product.is_active),
            Cell::from(product.created_at),
            Cell::from(product.updated_at),
            Cell::from(self.0.total_stock),
            MoneySchema::cells(self.0.inventory_value.as_ref()).0,
            Cell::from(supplier.as_ref().map(|supplier| supplier.key.as_str())),
            Cell::from(supplier.as_ref().map(|supplier| supplier.name.as_str())),
        ];
        cells.extend(plan.cells());
        cells
    }
}

//! A product in the list of products: what the catalogue says, its stock, its supplier and its plan.

use projections::catalogue::ProductRow;
use projections::planning::items::Terms;
use projections::stock::board::ItemRow;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalogue::view::{ProductView, Shown};
use crate::planning::plan_columns::PlanColumns;
use crate::schema::MoneySchema;

/// A product with its stock, supplier and plan.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ListedProduct {
    /// The product.
    #[serde(flatten)]
    pub(crate) product: ProductView,
    /// On hand over PHYSICAL locations, in units.
    pub(crate) total_stock: i64,
    /// The same as `total_stock`.
    current_stock: i64,
    /// Available units, at least 0, times cost; left out for roles that see no money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inventory_value: Option<MoneySchema>,
    /// Who delivers it (R14); null where nobody does.
    pub(crate) supplier: Option<SupplierName>,
    /// What its plan says.
    #[serde(flatten)]
    pub(crate) plan: PlanColumns,
}

/// A supplier by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SupplierName {
    /// Its id.
    pub(crate) supplier_id: String,
    /// Its key in the system that it comes from; its id where it has none.
    pub(crate) key: String,
    /// Its name.
    pub(crate) name: String,
}

impl ListedProduct {
    /// A row of the catalogue, of the stock list, and the terms that the plan goes by.
    pub(crate) fn new(row: &ProductRow, item: &ItemRow, supplier: Option<Terms>, shown: Shown) -> Self {
        let value = item.inventory_value.as_ref();
        let inventory_value = shown.map(|currency| match value {
            Some(value) => MoneySchema::new(value.amount, &value.currency),
            None => MoneySchema::new(Decimal::new(0, 2), currency.code()),
        });
        Self {
            product: ProductView::of_row(row, shown),
            total_stock: item.total_stock,
            current_stock: item.total_stock,
            inventory_value,
            supplier: supplier.map(SupplierName::from),
            plan: PlanColumns::new(item.plan.as_deref()),
        }
    }
}

impl From<Terms> for SupplierName {
    fn from(terms: Terms) -> Self {
        Self { supplier_id: terms.supplier_id.to_string(), key: terms.supplier, name: terms.name }
    }
}

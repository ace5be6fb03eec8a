//! What can be asked of the stock list: filter, order, page.

/// Which products are listed. All conditions hold together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Has been at this location; `min_stock` and `max_stock` are then about the stock there.
    pub location_id: Option<String>,
    /// Exactly this category.
    pub category: Option<String>,
    /// Item id, sku or name contain this text, whatever its case.
    pub search: Option<String>,
    /// At least so many units on hand.
    pub min_stock: Option<i64>,
    /// At most so many units on hand.
    pub max_stock: Option<i64>,
    /// Whether below zero anywhere.
    pub has_discrepancy: Option<bool>,
    /// Inactive products instead of active ones.
    pub inactive: bool,
}

/// What a list can be sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// Business key.
    ItemId,
    /// Alias for other systems.
    Sku,
    /// Name.
    ProductName,
    /// Category.
    Category,
    /// Cost of one unit, whatever its currency.
    UnitCost,
    /// On hand over PHYSICAL locations.
    TotalStock,
    /// Promised units over PHYSICAL locations.
    Reserved,
    /// On hand less promised.
    Available,
    /// Available units, at least 0, times cost, whatever its currency.
    InventoryValue,
    /// How far the mirror is off that is off most.
    Drift,
    /// Newest movement.
    LastMovedAt,
    /// Oldest open discrepancy.
    DiscrepancySince,
    /// On hand at one location.
    Stock(String),
    /// What only the list of products is sorted by.
    Detail(Detail),
}

/// Numbers of a product besides cost and stock that lists can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Price of one unit, whatever its currency.
    SellingPrice,
    /// Days from order to delivery.
    LeadTimeDays,
    /// Days of safety stock.
    SafetyStockDays,
    /// Units a day that a person expects.
    ManualDailyForecast,
    /// First day on sale.
    ListedOn,
    /// Weight in grams.
    WeightG,
    /// When its creation was recorded.
    CreatedAt,
    /// When its last change was recorded.
    UpdatedAt,
}

impl Detail {
    /// Place among the details that a product is loaded with.
    pub(super) fn place(self) -> usize {
        match self {
            Self::SellingPrice => 0,
            Self::LeadTimeDays => 1,
            Self::SafetyStockDays => 2,
            Self::ManualDailyForecast => 3,
            Self::ListedOn => 4,
            Self::WeightG => 5,
            Self::CreatedAt => 6,
            Self::UpdatedAt => 7,
        }
    }
}

/// One column to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub column: Column,
    /// Largest first.
    pub descending: bool,
}

/// A page to find.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// Which products.
    pub filter: Filter,
    /// In which order; item ids settle what is equal.
    pub sort: Vec<Sort>,
    /// Rows before the page.
    pub offset: usize,
    /// Rows of the page at most.
    pub limit: usize,
}

//! What can be asked of the stock list: filter, order, page.

use domain::planning::cover::{Colour, Status};
use domain::planning::forecast::Confidence;
use domain::planning::ordering::{ActionCategory, AttentionReason};
use domain::planning::recommendation::RecommendationType;
use domain::planning::{Days, Fixed};

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
    /// Only these, by item key.
    pub items: Option<Vec<String>>,
    /// What their plans say.
    pub plan: PlanFilter,
}

/// What the plans of the listed items say. All conditions hold together; items without a plan pass none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanFilter {
    /// Of each of these lists, one word at least is said of the item.
    pub words: Vec<Vec<PlanWord>>,
    /// Days of inventory remaining; endless cover stands above every lower limit (R26).
    pub dir: Range,
    /// Stockout risk in percent.
    pub risk: Range,
    /// Days until the stock is used up; stock that never is stands above every lower limit.
    pub runway: Range,
    /// Days of inventory are known and not above so many (R25).
    pub marketing_threshold: Option<u32>,
    /// R24 suggests an order.
    pub is_suggested: bool,
}

/// Limits of a number, both included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// At least.
    pub least: Option<Fixed<2>>,
    /// At most.
    pub most: Option<Fixed<2>>,
}

/// A word that plans say of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanWord {
    /// The colour (R16).
    Health(Colour),
    /// Too little, too much, dead or neither (R23).
    Status(Status),
    /// Any other status.
    Not(Status),
    /// What is to be done (R19).
    Action(ActionCategory),
    /// How far the forecast can be trusted (R9).
    Confidence(Confidence),
    /// This is recommended (R25).
    Recommended(RecommendationType),
    /// For this reason somebody should look at it (R18).
    Reason(AttentionReason),
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
    /// What the plan says.
    Plan(Figure),
}

/// Figures of a plan that lists can be sorted by, with the rule that says what each is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// R15.
    RunwayDays,
    /// R15.
    DepletionDate,
    /// R17.
    RecommendedQuantity,
    /// R17.
    OrderQuantity,
    /// R24.
    SuggestedQuantity,
    /// R17.
    GrossNeed,
    /// R12.
    InTransit,
    /// R7.
    DailyForecast,
    /// R7.
    Forecast14d,
    /// R7.
    Forecast30d,
    /// R21.
    AvgDaily30,
    /// R9, the highest first.
    Confidence,
    /// R16, green first.
    Health,
    /// R23, in the order of the words.
    Status,
    /// R19, in the order of the words.
    Action,
    /// R20.
    PriorityScore,
    /// R26.
    UnclampedScore,
    /// R21; endless above all.
    Dir,
    /// R22.
    StockoutRisk,
    /// R14.
    LeadTimeDays,
    /// R13.
    SafetyDays,
    /// R14.
    Moq,
    /// R23.
    IdleDays,
    /// R4.
    HistoryDays,
    /// R25: how many there are.
    Recommendations,
    /// R18: how many there are.
    AttentionReasons,
}

/// Order of the work queue (R26): the most urgent first.
pub fn work_queue() -> Vec<Sort> {
    [(Figure::PriorityScore, true), (Figure::UnclampedScore, true), (Figure::RunwayDays, false)]
        .map(|(figure, descending)| Sort { column: Column::Plan(figure), descending })
        .into()
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

impl Ask {
    /// Whether plans decide which rows are on the page.
    pub fn reads_plans(&self) -> bool {
        let plan = |sort: &Sort| matches!(sort.column, Column::Plan(_));
        self.filter.plan != PlanFilter::default() || self.sort.iter().any(plan)
    }
}

impl Range {
    /// Both limits in days or percent.
    pub fn new(least: Option<Days>, most: Option<Days>) -> Self {
        Self { least, most }
    }
}

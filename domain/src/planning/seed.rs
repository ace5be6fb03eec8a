//! Seeds of products never sold: the mean forecast of their category (R8).
//!
//! A category is kept as a sum, so that a change of one item changes one category.

use serde::{Deserialize, Serialize};

use crate::catalogue::product::details::UNCATEGORIZED;
use crate::planning::number::{Overflow, Rate};
use crate::planning::plan::ItemPlan;

/// What the items of one category that were sold and are not inactive are expected to sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CategorySeed {
    /// Sum of their forecasts, in ten-thousandths of a unit a day.
    pub sum: i64,
    /// How many they are.
    pub items: u32,
}

/// What one item adds to its category, nothing where it has none or says nothing.
pub fn share(category: &str, plan: &ItemPlan) -> Option<Rate> {
    let says = plan.history_days >= 1 && !plan.inactive && !is_uncategorized(category);
    says.then_some(plan.daily_forecast)
}

/// Whether a category is none: it is never averaged.
pub fn is_uncategorized(category: &str) -> bool {
    category.trim().is_empty() || category == UNCATEGORIZED
}

impl CategorySeed {
    /// Takes in an item.
    pub fn add(&mut self, daily: Rate) -> Result<(), Overflow> {
        self.sum = self.sum.checked_add(daily.steps()).ok_or(Overflow { value: "category_forecast" })?;
        self.items = self.items.saturating_add(1);
        Ok(())
    }

    /// The mean, rounded; none of no items.
    pub fn forecast(&self) -> Result<Option<Rate>, Overflow> {
        if self.items == 0 {
            return Ok(None);
        }
        let items = i128::from(self.items) * i128::from(Rate::ONE);
        Rate::ratio(self.sum.into(), items, "category_forecast").map(Some)
    }
}

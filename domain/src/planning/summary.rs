//! Totals over the planned items of a company or location (R27, R30).
//!
//! [`Totals`] add up item by item and take an item out again, so that a change of one item costs one item; [`Summary`]
//! is what they say. Lists of the first five are cut from the items.

use std::cmp::Ordering;

use serde::Serialize;

use crate::planning::cover::{Colour, Status};
use crate::planning::forecast::{Confidence, ForecastCase};
use crate::planning::lists;
use crate::planning::number::{Amount, Days, Fixed, Overflow, Percent, rounded};
use crate::planning::ordering::ActionCategory;
use crate::planning::plan::{ItemPlan, value_of};
use crate::planning::recommendation::RecommendationType;
use crate::shared::ids::ItemId;
use crate::shared::quantity::Units;

/// Items of a list of the first few (R27).
pub const TOP: usize = 5;

/// Common denominator of means over 1 to 30 days, so that they add up exactly.
const DAYS_DENOMINATOR: i128 = 2_329_089_562_800;

/// Counts by word, in the order of the words.
pub type Counts<const N: usize> = [i64; N];

/// Sums over items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Planned items.
    pub items: i64,
    /// Items by colour.
    pub colours: Counts<3>,
    /// Items by action.
    pub actions: Counts<4>,
    /// Items by status.
    pub statuses: Counts<4>,
    /// Items by confidence.
    pub confidences: Counts<3>,
    /// Items by case of the forecast.
    pub cases: Counts<6>,
    /// Items by recommendation.
    pub types: Counts<5>,
    values: Counts<4>,
    value: i128,
    dir: i128,
    dirs: i64,
    mean_stock: i128,
    sold_30: i128,
    ordered: i128,
    suggested: i128,
}

/// What the totals say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the rules, which say what they mean")]
pub struct Summary {
    pub total_skus: i64,
    pub total_inventory_value: Amount,
    pub understocked_value: Amount,
    pub overstocked_value: Amount,
    pub dead_stock_value: Amount,
    /// Inventory value a week before, if it is known.
    pub value_7_days_ago: Option<Amount>,
    pub value_change_percent: Option<Percent>,
    pub turnover_days: Option<Days>,
    pub average_dir: Option<Days>,
    pub order_quantity_total: Units,
    pub suggested_quantity_total: Units,
}

impl Totals {
    /// Takes in an item.
    pub fn add(&mut self, plan: &ItemPlan) -> Result<(), Overflow> {
        self.change(plan, 1)
    }

    /// Lets an item go that was taken in with this plan.
    pub fn remove(&mut self, plan: &ItemPlan) -> Result<(), Overflow> {
        self.change(plan, -1)
    }

    fn change(&mut self, plan: &ItemPlan, by: i64) -> Result<(), Overflow> {
        const MEAN: Overflow = Overflow { value: "turnover_days" };
        let days = i128::from(plan.on_hand_days_30.max(1));
        let mean = i128::from(plan.on_hand_sum_30).checked_mul(DAYS_DENOMINATOR / days).ok_or(MEAN)?;
        let value =
            plan.inventory_value.steps().checked_mul(by).ok_or(Overflow { value: "inventory_value" })?;
        count(&mut self.colours, Colour::ALL, plan.colour, by);
        count(&mut self.actions, ActionCategory::ALL, plan.action_category, by);
        count(&mut self.statuses, Status::ALL, plan.status, by);
        count(&mut self.confidences, Confidence::ALL, plan.confidence, by);
        count(&mut self.cases, ForecastCase::ALL, plan.forecast_case, by);
        count(&mut self.values, Status::ALL, plan.status, value);
        for kind in plan.recommendation_types.iter() {
            count(&mut self.types, RecommendationType::ALL, kind, by);
        }
        let wide = i128::from(by);
        self.items += by;
        self.value += i128::from(value);
        self.dirs += if plan.dir.is_some() { by } else { 0 };
        self.dir += wide * i128::from(plan.dir.map_or(0, Days::steps));
        self.mean_stock = self.mean_stock.checked_add(wide * mean).ok_or(MEAN)?;
        self.sold_30 += wide * i128::from(plan.sum_30);
        self.ordered += wide * i128::from(plan.order_quantity);
        self.suggested += wide * i128::from(plan.suggested_quantity.unwrap_or(0));
        Ok(())
    }

    /// The figures of R27 and R30. `unplanned_value` is that of the stock of items that are not planned;
    /// `value_7_days_ago` that of all stock a week before.
    pub fn summary(
        &self,
        unplanned_value: Amount,
        value_7_days_ago: Option<Amount>,
    ) -> Result<Summary, Overflow> {
        let total = self.value + i128::from(unplanned_value.steps());
        let total = narrow(total, "total_inventory_value").map(Fixed::of_steps)?;
        let of = |status| Fixed::of_steps(counted(&self.values, Status::ALL, status));
        Ok(Summary {
            total_skus: self.items,
            total_inventory_value: total,
            understocked_value: of(Status::Understocked),
            overstocked_value: of(Status::Overstocked),
            dead_stock_value: of(Status::DeadStock),
            value_7_days_ago,
            value_change_percent: change(total, value_7_days_ago)?,
            turnover_days: self.turnover()?,
            average_dir: rounded(self.dir, self.dirs.into()).map(Fixed::of_steps),
            order_quantity_total: narrow(self.ordered, "order_quantity_total")?,
            suggested_quantity_total: narrow(self.suggested, "suggested_quantity_total")?,
        })
    }

    /// `30 x (sum of average stock) / (sum of S30)`; none where nothing was sold.
    fn turnover(&self) -> Result<Option<Days>, Overflow> {
        const OVERFLOW: Overflow = Overflow { value: "turnover_days" };
        if self.sold_30 == 0 {
            return Ok(None);
        }
        let stock = self.mean_stock.checked_mul(30).ok_or(OVERFLOW)?;
        let sold = DAYS_DENOMINATOR.checked_mul(self.sold_30).ok_or(OVERFLOW)?;
        Days::ratio(stock, sold, "turnover_days").map(Some)
    }

    /// Percent of the items that bear a colour; 0 where there are none (R30).
    pub fn share_of(&self, colour: Colour) -> Percent {
        let counted = i128::from(counted(&self.colours, Colour::ALL, colour));
        Percent::ratio(100 * counted, i128::from(self.items.max(1)), "distribution").unwrap_or_default()
    }
}

/// Colour of the turnover (decision 43): the quicker the better.
pub fn turnover_colour(turnover: Days) -> Colour {
    if turnover < Days::whole(30) {
        Colour::Green
    } else if turnover <= Days::whole(60) {
        Colour::Yellow
    } else {
        Colour::Red
    }
}

fn count<T: PartialEq + Copy, const N: usize>(counts: &mut Counts<N>, words: &[T], word: T, by: i64) {
    for (count, _) in counts.iter_mut().zip(words).filter(|(_, known)| **known == word) {
        *count = count.saturating_add(by);
    }
}

/// The count of one word.
pub fn counted<T: PartialEq + Copy, const N: usize>(counts: &Counts<N>, words: &[T], word: T) -> i64 {
    counts.iter().zip(words).find(|(_, known)| **known == word).map_or(0, |(count, _)| *count)
}

fn narrow(number: i128, value: &'static str) -> Result<i64, Overflow> {
    i64::try_from(number).map_err(|_| Overflow { value })
}

/// `100 (V(A) - V(A-7)) / V(A-7)`; none where the value before is 0 or not known (R30).
pub fn change(now: Amount, before: Option<Amount>) -> Result<Option<Percent>, Overflow> {
    let Some(before) = before.filter(|before| *before > Amount::ZERO) else { return Ok(None) };
    let change = i128::from(now.steps()) - i128::from(before.steps());
    Percent::ratio(100 * change, before.steps().into(), "value_change_percent").map(Some)
}

/// Value of stock at a cost, summed over items (R27, R30); below 0 counts as none.
pub fn stock_value(stock: impl IntoIterator<Item = (Units, Amount)>) -> Result<Amount, Overflow> {
    let overflow = Overflow { value: "inventory_value" };
    stock.into_iter().try_fold(Amount::ZERO, |sum, (units, unit_cost)| {
        let value = value_of(units.max(0), unit_cost)?;
        sum.steps().checked_add(value.steps()).map(Fixed::of_steps).ok_or(overflow)
    })
}

/// An item and its plan, as lists take them.
pub type Planned<'a> = (&'a ItemId, &'a ItemPlan);

/// The first five of the work queue (R26, R27).
pub fn top_urgent<'a>(items: impl IntoIterator<Item = Planned<'a>>) -> Vec<Planned<'a>> {
    first(items.into_iter().collect(), |one, other| lists::work_queue(one).cmp(&lists::work_queue(other)))
}

/// The first five understocked items (R27).
pub fn top_understocked<'a>(items: impl IntoIterator<Item = Planned<'a>>) -> Vec<Planned<'a>> {
    let those = items.into_iter().filter(|(_, plan)| plan.status == Status::Understocked).collect();
    first(those, |one, other| lists::most_understocked(one).cmp(&lists::most_understocked(other)))
}

/// The first five overstocked items (R27).
pub fn top_overstocked<'a>(items: impl IntoIterator<Item = Planned<'a>>) -> Vec<Planned<'a>> {
    let those = items.into_iter().filter(|(_, plan)| plan.status == Status::Overstocked).collect();
    first(those, |one, other| lists::most_overstocked(one).cmp(&lists::most_overstocked(other)))
}

fn first<'a>(
    mut items: Vec<Planned<'a>>,
    order: impl Fn(&ItemPlan, &ItemPlan) -> Ordering,
) -> Vec<Planned<'a>> {
    let order = |one: &Planned<'a>, other: &Planned<'a>| {
        order(one.1, other.1).then_with(|| one.0.as_str().as_bytes().cmp(other.0.as_str().as_bytes()))
    };
    if items.len() > TOP {
        items.select_nth_unstable_by(TOP - 1, order);
        items.truncate(TOP);
    }
    items.sort_unstable_by(order);
    items
}

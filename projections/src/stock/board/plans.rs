//! Plans of the rows of a table, what they sum up to, and which of them pass a filter.

use std::sync::{Arc, OnceLock};

use domain::planning::cover::{Colour, Status};
use domain::planning::forecast::Confidence;
use domain::planning::lists::{dir_within, is_below_marketing_threshold};
use domain::planning::ordering::ActionCategory;
use domain::planning::summary::Totals;
use domain::planning::{Amount, Fixed, ItemPlan, Overflow};

use super::ask::{Figure, PlanFilter, PlanWord, Range};
use super::load::PlanChange;
use super::overview::Tops;
use super::recommended::Ranked;
use super::table::{Table, put};
use crate::planning::Planned;

/// Plans by row, with their sums, and what is cut from them once for all who ask.
#[derive(Debug, Clone, Default)]
pub(super) struct Plans {
    rows: Vec<Option<Arc<Planned>>>,
    sums: Sums,
    pub(super) tops: OnceLock<Arc<Tops>>,
    pub(super) ranked: OnceLock<Arc<Ranked>>,
}

/// Sums over the plans of a company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Over the planned items.
    pub totals: Totals,
    /// Value of the stock of items that are not planned, in hundredths.
    unplanned: i128,
    /// Value of all stock a week before, in hundredths.
    week_ago: i128,
}

impl Plans {
    pub(super) fn push_none(&mut self) {
        self.rows.push(None);
    }

    pub(super) fn sums(&self) -> Sums {
        self.sums
    }

    /// What is listed, or by which text, is another than before.
    pub(super) fn others_are_listed(&mut self) {
        (self.tops, self.ranked) = (OnceLock::new(), OnceLock::new());
    }

    fn set(&mut self, row: usize, plan: Option<Arc<Planned>>) {
        if let Some(former) = self.rows.get(row).and_then(Option::as_ref) {
            self.sums.change(former, -1);
        }
        if let Some(plan) = &plan {
            self.sums.change(plan, 1);
        }
        put(&mut self.rows, row, plan);
    }
}

impl Sums {
    fn change(&mut self, planned: &Planned, by: i128) {
        self.week_ago += by * i128::from(planned.value_week_ago.steps());
        if !planned.is_active {
            self.unplanned += by * i128::from(planned.plan.inventory_value.steps());
            return;
        }
        let counted = if by > 0 { self.totals.add(&planned.plan) } else { self.totals.remove(&planned.plan) };
        if let Err(overflow) = counted {
            tracing::error!(item = planned.item_id, %overflow, "totals leave an item out");
        }
    }

    /// Value of the stock of items that are not planned.
    pub fn unplanned_value(&self) -> Result<Amount, Overflow> {
        narrow(self.unplanned, "inventory_value")
    }

    /// Value of all stock a week before.
    pub fn value_week_ago(&self) -> Result<Amount, Overflow> {
        narrow(self.week_ago, "value_7_days_ago")
    }
}

fn narrow(sum: i128, value: &'static str) -> Result<Amount, Overflow> {
    i64::try_from(sum).map(Fixed::of_steps).map_err(|_| Overflow { value })
}

impl Table {
    /// Takes up new plans, and that items have none any more.
    pub(super) fn set_plans(&mut self, plans: Vec<PlanChange>) {
        let standing = self.rows();
        let rows = self.rows_for(plans.iter().map(|plan| plan.item_key.as_str()));
        for (change, row) in plans.into_iter().zip(rows) {
            self.plans.set(row, change.plan);
        }
        self.plans.others_are_listed();
        self.order_arrived(standing);
    }

    /// The same products and stock with these plans in place of the present ones.
    pub(super) fn set_only_plans(&mut self, plans: Vec<Planned>) {
        self.plans = Plans { rows: vec![None; self.rows()], ..Plans::default() };
        let changes = plans.into_iter().map(|planned| PlanChange {
            item_key: planned.item_key.clone(),
            plan: Some(Arc::new(planned)),
            written_position: 0,
        });
        self.set_plans(changes.collect());
    }

    /// The plan of a row whose product is planned.
    pub(super) fn plan(&self, row: usize) -> Option<&Arc<Planned>> {
        self.plans.rows.get(row).and_then(Option::as_ref).filter(|planned| planned.is_active)
    }
}

impl PlanFilter {
    /// Whether a row with this plan is listed.
    pub(super) fn lets_pass(&self, planned: Option<&Arc<Planned>>) -> bool {
        if *self == Self::default() {
            return true;
        }
        let Some(plan) = planned.map(|planned| &planned.plan) else { return false };
        self.words.iter().all(|any| any.iter().any(|word| word.is_said_of(plan)))
            && dir_within(plan, self.dir.least, self.dir.most)
            && self.risk.has(plan.stockout_risk)
            && self.runway.has_or_endless(plan.runway_days)
            && self.marketing_threshold.is_none_or(|days| is_below_marketing_threshold(plan, days))
            && (!self.is_suggested || plan.suggested_quantity.is_some())
    }
}

impl Range {
    fn has(self, number: Fixed<2>) -> bool {
        self.least.is_none_or(|least| number >= least) && self.most.is_none_or(|most| number <= most)
    }

    /// No number stands for one above every limit.
    fn has_or_endless(self, number: Option<Fixed<2>>) -> bool {
        number.map_or(self.most.is_none(), |number| self.has(number))
    }
}

impl PlanWord {
    fn is_said_of(self, plan: &ItemPlan) -> bool {
        match self {
            Self::Health(colour) => plan.colour == colour,
            Self::Status(status) => plan.status == status,
            Self::Action(action) => plan.action_category == action,
            Self::Confidence(confidence) => plan.confidence == confidence,
            Self::Recommended(kind) => plan.recommendation_types.contains(kind),
            Self::Reason(reason) => plan.attention_reasons.contains(reason),
            Self::Not(word) => !Self::Status(word).is_said_of(plan),
        }
    }
}

impl Figure {
    /// The figure as a number to sort by; words stand in the order of the rules.
    pub(super) fn of(self, plan: &ItemPlan) -> Option<i128> {
        Some(match self {
            Self::RunwayDays => plan.runway_days?.steps().into(),
            Self::DepletionDate => plan.depletion_date?.to_epoch_days().into(),
            Self::RecommendedQuantity => plan.recommended_quantity.into(),
            Self::OrderQuantity => plan.order_quantity.into(),
            Self::SuggestedQuantity => plan.suggested_quantity?.into(),
            Self::GrossNeed => plan.gross_need.into(),
            Self::InTransit => plan.in_transit.into(),
            Self::DailyForecast => plan.daily_forecast.steps().into(),
            Self::Forecast14d => plan.forecast_14d.steps().into(),
            Self::Forecast30d => plan.forecast_30d.steps().into(),
            Self::AvgDaily30 => plan.avg_daily_30.steps().into(),
            Self::Confidence => place(Confidence::ALL, &plan.confidence)?,
            Self::Health => place(Colour::ALL, &plan.colour)?,
            Self::Status => place(Status::ALL, &plan.status)?,
            Self::Action => place(ActionCategory::ALL, &plan.action_category)?,
            Self::PriorityScore => plan.priority_score.steps().into(),
            Self::UnclampedScore => plan.unclamped_score.steps().into(),
            Self::Dir if plan.endless => i128::MAX,
            Self::Dir => plan.dir?.steps().into(),
            Self::StockoutRisk => plan.stockout_risk.steps().into(),
            Self::LeadTimeDays => plan.lead_time_days.into(),
            Self::SafetyDays => plan.safety_days.into(),
            Self::Moq => plan.moq.into(),
            Self::IdleDays => plan.idle_days?.into(),
            Self::HistoryDays => plan.history_days.into(),
            Self::Recommendations => count(plan.recommendation_types.iter())?,
            Self::AttentionReasons => count(plan.attention_reasons.iter())?,
        })
    }
}

/// Place of a word among all.
fn place<T: PartialEq>(all: &[T], word: &T) -> Option<i128> {
    all.iter().position(|known| known == word).and_then(|place| i128::try_from(place).ok())
}

fn count<T>(words: impl Iterator<Item = T>) -> Option<i128> {
    i128::try_from(words.count()).ok()
}

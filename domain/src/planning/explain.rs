//! Why a plan says what it says: every input, every rule, every figure on the way.
//!
//! The inputs alone give the plan again ([`Inputs::plan`]); each step names the figures that its formula uses, so that
//! it can be followed with pencil and paper.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::planning::demand::Demand;
use crate::planning::forecast::{DailyForecast, Method};
use crate::planning::input::{ItemInput, Master, PlanDay, PlanSettings, Stock};
use crate::planning::number::{PlanError, Rate};
use crate::planning::plan::{ItemPlan, plan};
use crate::planning::rulebook::{Case, RULES, Rule, Takes};
use crate::planning::supply::{OrderLine, Receipt, STOCK_WINDOW, Supply};
use crate::purchasing::order::status::OrderStatus;
use crate::shared::ids::ItemId;
use crate::shared::quantity::Units;

/// A plan with everything that it follows from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// What it was computed from.
    pub inputs: Inputs,
    /// Its figures, each after those that it follows from.
    pub steps: Vec<Step>,
    /// The plan.
    #[serde(skip)]
    pub plan: ItemPlan,
}

/// How one figure came about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Its name.
    pub value: &'static str,
    /// The rule that says so.
    pub rule: &'static str,
    /// Whether the first case that applies gives it, or all that apply list it.
    pub takes: Takes,
    /// How it follows ([`crate::planning::rulebook`]).
    pub cases: &'static [Case],
    /// The figures that the cases use. Lists are found among the inputs.
    pub from: Map<String, Value>,
    /// The figure.
    pub result: Value,
}

/// Inputs of one calculation that can be kept and sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// The item.
    pub item_id: ItemId,
    /// The days that the plan stands on.
    #[serde(flatten)]
    pub day: PlanDay,
    /// First day with demand above 0.
    pub first_sale_date: Option<NaiveDate>,
    /// Last day with demand above 0.
    pub last_sale_date: Option<NaiveDate>,
    /// Demand of the last 30 days of the history or fewer, the last of them `demand_until`.
    pub demand: Vec<Units>,
    /// Stock less what is reserved.
    pub stock: Units,
    /// Day of the opening balance.
    pub opened_on: Option<NaiveDate>,
    /// Stock at the closes of the last days, the last of them `stock_on`.
    pub closes: Vec<Units>,
    /// Lines of purchase orders.
    pub orders: Vec<Ordered>,
    /// What the catalogue says.
    #[serde(flatten)]
    pub master: Master,
    /// What the supplier says.
    #[serde(flatten)]
    pub supply: Supply,
    /// Method that gave the forecast instead of R7 and R8.
    pub given_method: Option<Method>,
    /// What it gave, units a day.
    pub given_daily: Option<Vec<Rate>>,
    /// Settings that hold for the item.
    #[serde(flatten)]
    pub settings: PlanSettings,
}

/// A line of a purchase order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// Day of the order.
    pub ordered_on: NaiveDate,
    /// Its order's status.
    pub status: OrderStatus,
    /// Units ordered.
    pub quantity: Units,
    /// Day on which they are expected.
    pub expected_on: Option<NaiveDate>,
    /// What arrived.
    pub receipts: Vec<Receipt>,
}

impl Explanation {
    /// The plan of an item, explained.
    pub fn of(input: &ItemInput<'_>) -> Result<Self, PlanError> {
        let (plan, inputs) = (plan(input)?, Inputs::of(input));
        let mut known = fields(&inputs);
        known.extend(fields(&plan));
        let steps = RULES.iter().map(|rule| step(rule, &known)).collect();
        Ok(Self { inputs, steps, plan })
    }
}

/// Every figure by its name, as JSON: decimals as texts with all their places, dates as ISO texts.
pub fn fields(figures: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(figures) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    }
}

fn step(rule: &Rule, known: &Map<String, Value>) -> Step {
    let mut from = Map::new();
    for name in rule.cases.iter().flat_map(|case| names(case.when).chain(names(case.then))) {
        if let Some(value) = known.get(name).filter(|value| !value.is_array()) {
            from.insert(name.to_owned(), value.clone());
        }
    }
    Step {
        value: rule.value,
        rule: rule.rule,
        takes: rule.takes,
        cases: rule.cases,
        from,
        result: known.get(rule.value).cloned().unwrap_or_default(),
    }
}

/// Names in a formula; functions and words are among them.
fn names(formula: &str) -> impl Iterator<Item = &str> {
    formula.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

impl Inputs {
    /// A copy of what a plan is computed from.
    pub fn of(input: &ItemInput<'_>) -> Self {
        let (first_sale_date, last_sale_date) = input.demand.sold.unzip();
        let closes = STOCK_WINDOW.saturating_add(input.day.lead());
        Self {
            item_id: input.item_id.clone(),
            day: input.day,
            first_sale_date,
            last_sale_date,
            demand: input.demand.last(30).to_vec(),
            stock: input.stock.units,
            opened_on: input.stock.opened_on,
            closes: crate::planning::demand::last(input.stock.closes, closes).to_vec(),
            orders: input.orders.iter().map(Ordered::of).collect(),
            master: input.master,
            supply: input.supply.unwrap_or_default(),
            given_method: input.forecast.map(|forecast| forecast.method),
            given_daily: input.forecast.map(|forecast| forecast.daily().to_vec()),
            settings: *input.settings,
        }
    }

    /// The plan that these inputs give.
    pub fn plan(&self) -> Result<ItemPlan, PlanError> {
        let orders: Vec<OrderLine<'_>> = self.orders.iter().map(Ordered::line).collect();
        let forecast = self.forecast();
        plan(&ItemInput {
            item_id: &self.item_id,
            day: self.day,
            demand: Demand { sold: self.first_sale_date.zip(self.last_sale_date), daily: &self.demand },
            stock: Stock { units: self.stock, opened_on: self.opened_on, closes: &self.closes },
            orders: &orders,
            master: self.master,
            supply: Some(self.supply),
            forecast: forecast.as_ref(),
            settings: &self.settings,
        })
    }

    fn forecast(&self) -> Option<DailyForecast> {
        let daily = self.given_daily.as_deref()?.try_into().ok()?;
        Some(DailyForecast::new(self.given_method?, daily))
    }
}

impl Ordered {
    fn of(line: &OrderLine<'_>) -> Self {
        Self {
            ordered_on: line.ordered_on,
            status: line.status,
            quantity: line.quantity,
            expected_on: line.expected_on,
            receipts: line.receipts.to_vec(),
        }
    }

    /// The line as planning takes it.
    pub fn line(&self) -> OrderLine<'_> {
        OrderLine {
            ordered_on: self.ordered_on,
            status: self.status,
            quantity: self.quantity,
            expected_on: self.expected_on,
            receipts: &self.receipts,
        }
    }
}

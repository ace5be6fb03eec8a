//! One item in, all its figures out.
//!
//! Fields bear the names of the golden files, so that a table, an answer and a file agree on what is what.

use chrono::NaiveDate;
use serde::Serialize;

use crate::planning::average::{Spread, Volatility};
use crate::planning::cover::{Colour, Cover, Runway, Status};
use crate::planning::demand::{History, Window};
use crate::planning::forecast::{Confidence, ForecastCase, Method, Outlook};
use crate::planning::input::ItemInput;
use crate::planning::number::{Amount, Days, Fixed, Overflow, Percent, PlanError, Rate, Score, rounded};
use crate::planning::ordering::{ActionCategory, AttentionReasons, Quantities, Situation};
use crate::planning::recommendation::RecommendationTypes;
use crate::planning::supply::{STOCK_WINDOW, SafetySource, Supplied};
use crate::shared::quantity::Units;

/// Every figure of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the rules, which say what they mean")]
#[expect(clippy::struct_excessive_bools, reason = "one for each column")]
pub struct ItemPlan {
    /// The day that the plan is as of.
    pub as_of: NaiveDate,
    // Demand (R4 to R6).
    pub first_sale_date: Option<NaiveDate>,
    pub last_sale_date: Option<NaiveDate>,
    pub days_since_last_sale: Option<u32>,
    pub history_days: u32,
    pub sum_7: Units,
    pub sum_14: Units,
    pub sum_30: Units,
    /// Days by which the sums of 7 and 14 days are divided.
    pub days_7: u32,
    pub days_14: u32,
    pub ma_7: Option<Rate>,
    pub ma_14: Option<Rate>,
    pub std_7: Option<Rate>,
    pub std_14: Option<Rate>,
    pub volatility: Volatility,
    // Forecast (R7 to R9).
    pub forecast_case: ForecastCase,
    pub method: Method,
    pub data_points: u32,
    pub inactive: bool,
    pub needs_seed: bool,
    pub daily_forecast: Rate,
    /// The same with days without stock left in, where they were taken out (decision 35).
    pub uncensored_daily_forecast: Option<Rate>,
    pub forecast_14d: Rate,
    pub forecast_30d: Rate,
    pub confidence: Confidence,
    // Stock and supply (R10 to R14).
    pub stock: Units,
    pub on_hand: Units,
    pub in_transit: Units,
    pub lead_time_days: u32,
    pub safety_days: u32,
    pub safety_source: SafetySource,
    // Ahead (R15 to R20).
    pub runway_days: Option<Days>,
    pub depletion_date: Option<NaiveDate>,
    pub colour: Colour,
    pub gross_need: Units,
    pub recommended_quantity: Units,
    pub order_quantity: Units,
    pub recent_stockout: bool,
    pub supplier_delay: bool,
    pub high_value: bool,
    pub attention_reasons: AttentionReasons,
    pub action_category: ActionCategory,
    pub base_score: Option<Score>,
    /// Score before it is brought into range (R26).
    pub unclamped_score: Score,
    pub priority_score: Score,
    // Back (R21 to R25).
    pub avg_daily_30: Rate,
    pub dir: Option<Days>,
    /// Stock that past demand never uses up (R21).
    pub endless: bool,
    pub stockout_risk: Percent,
    pub idle_days: Option<i64>,
    pub status: Status,
    pub moq: Units,
    /// What R24 misses before the least order quantity.
    pub shortfall: Units,
    pub suggested_quantity: Option<Units>,
    pub recommendation_types: RecommendationTypes,
    // Value (R27, R30).
    pub unit_cost: Amount,
    /// Whether nobody gave a cost, so that 0.00 is counted with (decision 40).
    pub cost_missing: bool,
    pub inventory_value: Amount,
    /// Sum of on hand at the closes of the last 30 days, and how many of them are known.
    pub on_hand_sum_30: Units,
    pub on_hand_days_30: u32,
}

/// Rules R4 to R25 for one item.
pub fn plan(input: &ItemInput<'_>) -> Result<ItemPlan, PlanError> {
    planned(input).map_err(|overflow| overflow.of(input.item_id))
}

#[expect(clippy::too_many_lines, reason = "one line for each figure")]
fn planned(input: &ItemInput<'_>) -> Result<ItemPlan, Overflow> {
    let sold = Sold::of(input)?;
    let Sold { history, week, fortnight, month, spread } = &sold;
    let on_hand = input.stock.units.max(0);
    let (outlook, uncensored) = sold.outlook(input)?;
    let supplied = Supplied::of(input)?;
    let runway = Runway::of(input, on_hand, outlook.daily)?;
    let cover = Cover::of(input, history, month, &outlook, &supplied)?;
    let quantities = Quantities::of(input, outlook.daily, &supplied, &cover)?;
    let confidence = outlook.confidence(history, spread.volatility);
    let recent_stockout = input.stock.ran_out(outlook.daily > Rate::ZERO || month.sum > 0);
    let situation = Situation {
        input,
        outlook: &outlook,
        confidence,
        supplied: &supplied,
        runway: runway.days,
        quantities: &quantities,
        recent_stockout,
    };
    let (reasons, high_value) = (situation.reasons(), situation.is_high_value());
    let priority = situation.priority(high_value)?;
    let deviations = spread.deviations(week, fortnight)?;
    let (on_hand_sum_30, on_hand_days_30) = closes(input)?;
    let unit_cost = input.master.unit_cost.unwrap_or(Amount::ZERO);
    Ok(ItemPlan {
        as_of: input.day.stock_on,
        first_sale_date: history.first_sale,
        last_sale_date: history.last_sale,
        days_since_last_sale: history.days_since_last_sale,
        history_days: history.days,
        sum_7: week.sum,
        sum_14: fortnight.sum,
        sum_30: month.sum,
        days_7: week.days,
        days_14: fortnight.days,
        ma_7: week.mean("ma_7")?,
        ma_14: fortnight.mean("ma_14")?,
        std_7: deviations.map(|(seven, _)| seven),
        std_14: deviations.map(|(_, fourteen)| fourteen),
        volatility: spread.volatility,
        forecast_case: outlook.case,
        method: outlook.method,
        data_points: fortnight.days,
        inactive: outlook.case == ForecastCase::Inactive,
        needs_seed: outlook.needs_seed,
        daily_forecast: outlook.daily,
        uncensored_daily_forecast: uncensored,
        forecast_14d: outlook.fortnight,
        forecast_30d: outlook.month,
        confidence,
        stock: input.stock.units,
        on_hand,
        in_transit: supplied.in_transit,
        lead_time_days: supplied.lead_time_days,
        safety_days: supplied.safety_days,
        safety_source: supplied.safety_source,
        runway_days: runway.days,
        depletion_date: runway.depletion_date,
        colour: runway.colour,
        gross_need: quantities.gross_need,
        recommended_quantity: quantities.recommended,
        order_quantity: quantities.order(),
        recent_stockout,
        supplier_delay: supplied.supplier_delay,
        high_value,
        attention_reasons: reasons,
        action_category: situation.action(reasons),
        base_score: priority.base,
        unclamped_score: priority.unclamped,
        priority_score: priority.score,
        avg_daily_30: cover.avg_daily_30,
        dir: cover.dir,
        endless: cover.endless,
        stockout_risk: cover.stockout_risk,
        idle_days: cover.idle_days,
        status: cover.status,
        moq: supplied.moq,
        shortfall: quantities.shortfall,
        suggested_quantity: quantities.suggested,
        recommendation_types: RecommendationTypes::of(input, &cover, &supplied),
        unit_cost,
        cost_missing: input.master.unit_cost.is_none(),
        inventory_value: value_of(on_hand, unit_cost)?,
        on_hand_sum_30,
        on_hand_days_30,
    })
}

/// What was sold, in the windows of the rules.
struct Sold {
    history: History,
    week: Window,
    fortnight: Window,
    month: Window,
    spread: Spread,
}

impl Sold {
    fn of(input: &ItemInput<'_>) -> Result<Self, Overflow> {
        let sold = Self::uncensored(input)?;
        if !input.settings.censor_stockouts {
            return Ok(sold);
        }
        let closes = closes_until_demand(input);
        let week = sold.week.censored(&input.demand, closes);
        let fortnight = sold.fortnight.censored(&input.demand, closes);
        let ratio = input.settings.volatility_high_ratio;
        let spread = Spread::of(&week, &fortnight, sold.history.days, ratio)?;
        Ok(Self { week, fortnight, spread, ..sold })
    }

    fn uncensored(input: &ItemInput<'_>) -> Result<Self, Overflow> {
        let demand = &input.demand;
        let history = History::of(demand, input.day.demand_until);
        let week = Window::of(demand, &history, 7, "sum_7")?;
        let fortnight = Window::of(demand, &history, 14, "sum_14")?;
        let month = Window::of(demand, &history, 30, "sum_30")?;
        let ratio = input.settings.volatility_high_ratio;
        let spread = Spread::of(&week, &fortnight, history.days, ratio)?;
        Ok(Self { history, week, fortnight, month, spread })
    }

    fn case(&self) -> ForecastCase {
        ForecastCase::of(&self.history, &self.week, &self.fortnight, self.spread.volatility)
    }

    /// The forecast, and what it would be with all days, where some may have been taken out.
    fn outlook(&self, input: &ItemInput<'_>) -> Result<(Outlook, Option<Rate>), Overflow> {
        let of = |sold: &Self, other| {
            Outlook::of(sold.case(), (&sold.week, &sold.fortnight), &input.master, other)
        };
        let outlook = of(self, input.forecast)?;
        if !input.settings.censor_stockouts {
            return Ok((outlook, None));
        }
        Ok((outlook, Some(of(&Self::uncensored(input)?, input.forecast)?.daily)))
    }
}

/// Known closes up to the last complete day.
fn closes_until_demand<'a>(input: &ItemInput<'a>) -> &'a [Units] {
    let later = usize::try_from(input.day.lead()).unwrap_or(usize::MAX);
    let known = input.stock.closes.len().saturating_sub(later);
    input.stock.closes.get(..known).unwrap_or_default()
}

/// Sum of on hand at the closes of the 30 days that demand ends with, and how many of them are known (R30).
fn closes(input: &ItemInput<'_>) -> Result<(Units, u32), Overflow> {
    let closes = crate::planning::demand::last(closes_until_demand(input), STOCK_WINDOW);
    let units = closes.iter().try_fold(0_i64, |sum, close| sum.checked_add((*close).max(0)));
    let days = u32::try_from(closes.len()).unwrap_or(STOCK_WINDOW);
    Ok((units.ok_or(Overflow { value: "on_hand_sum_30" })?, days))
}

/// Units at a cost (R27).
pub fn value_of(on_hand: Units, unit_cost: Amount) -> Result<Amount, Overflow> {
    let value = i128::from(on_hand) * i128::from(unit_cost.steps());
    rounded(value, 1).map(Fixed::of_steps).ok_or(Overflow { value: "inventory_value" })
}

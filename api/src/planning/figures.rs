//! The figures of a plan as they are answered: rates, days and percentages as exact numbers, money with its currency.

use chrono::NaiveDate;
use domain::planning::ItemPlan;
use domain::planning::class::DemandType;
use domain::planning::number::Fixed;
use domain::planning::ordering::AttentionReason;
use domain::planning::recommendation::RecommendationType;
use domain::shared::money::Currency;
use domain::shared::quantity::Units;
use projections::planning::Planned;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::schema::MoneySchema;

/// A decimal that is answered as a JSON number, digit by digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exact(pub(crate) Decimal);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl<const PLACES: u32> From<Fixed<PLACES>> for Exact {
    fn from(number: Fixed<PLACES>) -> Self {
        Self(number.decimal())
    }
}

/// Every figure of one item's plan, by the names of the rules.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "one for each figure")]
pub(crate) struct Figures {
    /// The day that the plan is as of.
    pub(crate) as_of: NaiveDate,
    /// First day with demand (R4).
    pub(crate) first_sale_date: Option<NaiveDate>,
    /// Last day with demand (R4).
    pub(crate) last_sale_date: Option<NaiveDate>,
    /// Days since the last sale (R4).
    pub(crate) days_since_last_sale: Option<u32>,
    /// Days from the first sale to the last complete day (R4).
    pub(crate) history_days: u32,
    /// Demand of the last 7 days, in units (R4).
    pub(crate) sum_7: Units,
    /// Demand of the last 14 days, in units (R4).
    pub(crate) sum_14: Units,
    /// Demand of the last 30 days, in units (R4).
    pub(crate) sum_30: Units,
    /// Mean of the last 7 days, units a day (R5).
    #[schema(value_type = Option<f64>)]
    pub(crate) ma_7: Option<Exact>,
    /// Mean of the last 14 days, units a day (R5).
    #[schema(value_type = Option<f64>)]
    pub(crate) ma_14: Option<Exact>,
    /// Standard deviation of the last 7 days (R6).
    #[schema(value_type = Option<f64>)]
    pub(crate) std_7: Option<Exact>,
    /// Standard deviation of the last 14 days (R6).
    #[schema(value_type = Option<f64>)]
    pub(crate) std_14: Option<Exact>,
    /// How restless demand is: NA, LOW, MODERATE or HIGH (R6).
    pub(crate) volatility: &'static str,
    /// Which case of R7 gave the forecast.
    pub(crate) forecast_case: &'static str,
    /// How the forecast was made, for example `MOVING_AVERAGE`.
    pub(crate) method: &'static str,
    /// Days that the forecast looks at (R5).
    pub(crate) data_points: u32,
    /// Whether nothing was sold for 14 days (R7).
    pub(crate) inactive: bool,
    /// Whether there is nothing to forecast from (R8).
    pub(crate) needs_seed: bool,
    /// Forecast, units a day (R7).
    #[schema(value_type = f64)]
    pub(crate) daily_forecast: Exact,
    /// The forecast with days without stock left in, where they were taken out.
    #[schema(value_type = Option<f64>)]
    pub(crate) uncensored_daily_forecast: Option<Exact>,
    /// Forecast of 14 days, in units (R7).
    #[schema(value_type = f64)]
    pub(crate) forecast_14d: Exact,
    /// Forecast of 30 days, in units (R7).
    #[schema(value_type = f64)]
    pub(crate) forecast_30d: Exact,
    /// The same as `forecast_30d`.
    #[schema(value_type = f64)]
    pub(crate) forecasted_demand_30d: Exact,
    /// LOW, MEDIUM or HIGH (R9).
    pub(crate) confidence: &'static str,
    /// Stock less what is reserved, in units; below zero where more was sold than was there (R10).
    pub(crate) stock: Units,
    /// Stock, at least 0 (R10).
    pub(crate) on_hand: Units,
    /// The same as `stock`.
    pub(crate) current_stock: Units,
    /// Units ordered that have not arrived (R12).
    pub(crate) in_transit: Units,
    /// The same as `in_transit`.
    pub(crate) on_order: Units,
    /// Days from order to delivery (R14).
    pub(crate) lead_time_days: u32,
    /// Days of safety stock (R13).
    pub(crate) safety_days: u32,
    /// Who says so: PRODUCT, COMPANY or SYSTEM (R13).
    pub(crate) safety_source: &'static str,
    /// Days until the stock is used up; null where it never is (R15).
    #[schema(value_type = Option<f64>)]
    pub(crate) runway_days: Option<Exact>,
    /// The day on which it is (R15).
    pub(crate) depletion_date: Option<NaiveDate>,
    /// GREEN, YELLOW or RED (R16).
    pub(crate) health: &'static str,
    /// Units that are missing before open orders (R17).
    pub(crate) gross_need: Units,
    /// Units to order beside the open orders; below zero where there are too many (R17).
    pub(crate) recommended_quantity: Units,
    /// The same, at least 0 (R17).
    pub(crate) order_quantity: Units,
    /// Whether it ran out within 30 days (R11).
    pub(crate) recent_stockout: bool,
    /// Whether an open order is overdue (R12).
    pub(crate) supplier_delay: bool,
    /// Whether the demand of 14 days is worth more than the company's threshold (R20).
    pub(crate) high_value: bool,
    /// Why somebody should look at it (R18).
    pub(crate) attention_reasons: Vec<&'static str>,
    /// `ORDER_TODAY`, `ALREADY_ORDERED`, `ATTENTION_REQUIRED` or `NORMAL` (R19).
    pub(crate) action: &'static str,
    /// Score before additions (R20).
    #[schema(value_type = Option<f64>)]
    pub(crate) base_score: Option<Exact>,
    /// How urgent it is, 0 to 100 (R20).
    #[schema(value_type = f64)]
    pub(crate) priority_score: Exact,
    /// Mean demand of the last 30 days, units a day (R21).
    #[schema(value_type = f64)]
    pub(crate) avg_daily_30: Exact,
    /// Days of inventory remaining by past demand; null where there was none (R21).
    #[schema(value_type = Option<f64>)]
    pub(crate) dir: Option<Exact>,
    /// Stock that past demand never uses up (R21).
    pub(crate) endless: bool,
    /// How likely it runs out before an order arrives, in percent (R22).
    #[schema(value_type = f64)]
    pub(crate) stockout_risk: Exact,
    /// `understocked`, `overstocked`, `dead_stock` or `normal` (R23).
    pub(crate) status: &'static str,
    /// Least units of an order (R14).
    pub(crate) moq: Units,
    /// What R24 suggests to order, open orders left aside; null where it suggests nothing.
    pub(crate) suggested_quantity: Option<Units>,
    /// `URGENT`, `REORDER`, `DEAD_STOCK`, `REDUCE_ORDER`, `PROMOTE` (R25).
    pub(crate) recommendations: Vec<&'static str>,
    /// Class by steadiness of weekly demand: X, Y or Z (R31).
    pub(crate) xyz: &'static str,
    /// Kind of demand: smooth, intermittent, erratic or lumpy; null where nothing was sold (R31).
    pub(crate) demand_type: Option<&'static str>,
    /// Cost of one unit; 0 where it is missing. Left out where the caller may not see money, like the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unit_cost: Option<MoneySchema>,
    /// Whether the cost is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost_missing: Option<bool>,
    /// Units on hand at their cost (R27).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inventory_value: Option<MoneySchema>,
}

impl Figures {
    /// The figures of a plan; money in `currency`, or left out without one.
    #[expect(clippy::too_many_lines, reason = "one line for each figure")]
    pub(crate) fn new(planned: &Planned, currency: Option<Currency>) -> Self {
        let plan = &planned.plan;
        let money =
            |amount: Decimal| currency.as_ref().map(|currency| MoneySchema::new(amount, currency.code()));
        Self {
            as_of: plan.as_of,
            first_sale_date: plan.first_sale_date,
            last_sale_date: plan.last_sale_date,
            days_since_last_sale: plan.days_since_last_sale,
            history_days: plan.history_days,
            sum_7: plan.sum_7,
            sum_14: plan.sum_14,
            sum_30: plan.sum_30,
            ma_7: plan.ma_7.map(Exact::from),
            ma_14: plan.ma_14.map(Exact::from),
            std_7: plan.std_7.map(Exact::from),
            std_14: plan.std_14.map(Exact::from),
            volatility: plan.volatility.name(),
            forecast_case: plan.forecast_case.name(),
            method: plan.method.name(),
            data_points: plan.data_points,
            inactive: plan.inactive,
            needs_seed: plan.needs_seed,
            daily_forecast: plan.daily_forecast.into(),
            uncensored_daily_forecast: plan.uncensored_daily_forecast.map(Exact::from),
            forecast_14d: plan.forecast_14d.into(),
            forecast_30d: plan.forecast_30d.into(),
            forecasted_demand_30d: plan.forecast_30d.into(),
            confidence: plan.confidence.name(),
            stock: plan.stock,
            on_hand: plan.on_hand,
            current_stock: plan.stock,
            in_transit: plan.in_transit,
            on_order: plan.in_transit,
            lead_time_days: plan.lead_time_days,
            safety_days: plan.safety_days,
            safety_source: plan.safety_source.name(),
            runway_days: plan.runway_days.map(Exact::from),
            depletion_date: plan.depletion_date,
            health: plan.colour.name(),
            gross_need: plan.gross_need,
            recommended_quantity: plan.recommended_quantity,
            order_quantity: plan.order_quantity,
            recent_stockout: plan.recent_stockout,
            supplier_delay: plan.supplier_delay,
            high_value: plan.high_value,
            attention_reasons: reasons(plan),
            action: plan.action_category.name(),
            base_score: plan.base_score.map(Exact::from),
            priority_score: plan.priority_score.into(),
            avg_daily_30: plan.avg_daily_30.into(),
            dir: plan.dir.map(Exact::from),
            endless: plan.endless,
            stockout_risk: plan.stockout_risk.into(),
            status: plan.status.name(),
            moq: plan.moq,
            suggested_quantity: plan.suggested_quantity,
            recommendations: recommendations(plan),
            xyz: planned.xyz.name(),
            demand_type: planned.demand_type.map(DemandType::name),
            unit_cost: money(plan.unit_cost.decimal()),
            cost_missing: currency.map(|_| plan.cost_missing),
            inventory_value: money(plan.inventory_value.decimal()),
        }
    }
}

/// Why somebody should look at an item.
pub(crate) fn reasons(plan: &ItemPlan) -> Vec<&'static str> {
    plan.attention_reasons.iter().map(AttentionReason::name).collect()
}

/// What is recommended for an item.
pub(crate) fn recommendations(plan: &ItemPlan) -> Vec<&'static str> {
    plan.recommendation_types.iter().map(RecommendationType::name).collect()
}

//! What lists show of a plan, and by which of it they are sorted.

use chrono::NaiveDate;
use projections::planning::Planned;
use projections::stock::board::{Column, Figure, Sort, work_queue};
use serde::Serialize;
use utoipa::ToSchema;

use crate::list::{Cell, Listing, unknown_column};
use crate::planning::figures::{Exact, reasons, recommendations};
use crate::problem::Problem;

/// Columns of plans that lists can be sorted by. `priority` is the order of the work queue, the most urgent first.
pub(crate) const SORTABLE: [&str; 28] = [
    "priority",
    "runway_days",
    "runway",
    "depletion_date",
    "recommended_quantity",
    "order_quantity",
    "suggested_quantity",
    "gross_need",
    "in_transit",
    "on_order",
    "daily_forecast",
    "forecast_14d",
    "forecast_30d",
    "forecasted_demand_30d",
    "avg_daily_30",
    "confidence",
    "health",
    "status",
    "action",
    "priority_score",
    "dir",
    "stockout_risk",
    "risk",
    "moq",
    "idle_days",
    "history_days",
    "recommendations",
    "attention_reasons",
];

/// Heads of a file's own columns and of those of plans behind them.
macro_rules! with_plan_heads {
    ($($own:literal,)+) => {
        &[
            $($own,)+
            "runway_days",
            "depletion_date",
            "recommended_quantity",
            "suggested_quantity",
            "health",
            "status",
            "action",
            "priority_score",
            "dir",
            "endless",
            "stockout_risk",
            "in_transit",
            "daily_forecast",
            "forecast_14d",
            "forecast_30d",
            "confidence",
            "recommendations",
            "attention_reasons",
            "moq",
            "planned_on",
        ]
    };
}

pub(crate) use with_plan_heads;

/// Figures of a product's plan; all null where it has none.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct PlanColumns {
    /// Days until the stock is used up; null where it never is (R15).
    #[schema(value_type = Option<f64>)]
    runway_days: Option<Exact>,
    /// The day on which it is (R15).
    depletion_date: Option<NaiveDate>,
    /// Units to order beside the open orders; below zero where there are too many (R17).
    recommended_quantity: Option<i64>,
    /// The same, at least 0 (R17).
    order_quantity: Option<i64>,
    /// What R24 suggests to order, open orders left aside; null where it suggests nothing.
    suggested_quantity: Option<i64>,
    /// GREEN, YELLOW or RED (R16).
    #[schema(example = "GREEN")]
    health: Option<&'static str>,
    /// `understocked`, `overstocked`, `dead_stock` or `normal` (R23).
    #[schema(example = "normal")]
    status: Option<&'static str>,
    /// `ORDER_TODAY`, `ALREADY_ORDERED`, `ATTENTION_REQUIRED` or `NORMAL` (R19).
    #[schema(example = "NORMAL")]
    action: Option<&'static str>,
    /// How urgent it is, 0 to 100 (R20).
    #[schema(value_type = Option<f64>)]
    priority_score: Option<Exact>,
    /// Days of inventory remaining by past demand; null where there was none (R21).
    #[schema(value_type = Option<f64>)]
    dir: Option<Exact>,
    /// Stock that past demand never uses up (R21).
    endless: Option<bool>,
    /// How likely it runs out before an order arrives, in percent (R22).
    #[schema(value_type = Option<f64>)]
    stockout_risk: Option<Exact>,
    /// Units ordered that have not arrived (R12).
    in_transit: Option<i64>,
    /// The same as `in_transit`.
    on_order: Option<i64>,
    /// Forecast, units a day (R7).
    #[schema(value_type = Option<f64>)]
    daily_forecast: Option<Exact>,
    /// Forecast of 14 days, in units (R7).
    #[schema(value_type = Option<f64>)]
    forecast_14d: Option<Exact>,
    /// Forecast of 30 days, in units (R7).
    #[schema(value_type = Option<f64>)]
    forecast_30d: Option<Exact>,
    /// The same as `forecast_30d`.
    #[schema(value_type = Option<f64>)]
    forecasted_demand_30d: Option<Exact>,
    /// LOW, MEDIUM or HIGH (R9).
    #[schema(example = "MEDIUM")]
    confidence: Option<&'static str>,
    /// `URGENT`, `REORDER`, `DEAD_STOCK`, `REDUCE_ORDER`, `PROMOTE` (R25).
    recommendations: Option<Vec<&'static str>>,
    /// Why somebody should look at it (R18).
    attention_reasons: Option<Vec<&'static str>>,
    /// Least units of an order (R14).
    moq: Option<i64>,
    /// The day that the plan is as of.
    planned_on: Option<NaiveDate>,
}

impl PlanColumns {
    /// The columns of a plan.
    pub(crate) fn new(planned: Option<&Planned>) -> Self {
        let Some(plan) = planned.map(|planned| &planned.plan) else { return Self::default() };
        Self {
            runway_days: plan.runway_days.map(Exact::from),
            depletion_date: plan.depletion_date,
            recommended_quantity: Some(plan.recommended_quantity),
            order_quantity: Some(plan.order_quantity),
            suggested_quantity: plan.suggested_quantity,
            health: Some(plan.colour.name()),
            status: Some(plan.status.name()),
            action: Some(plan.action_category.name()),
            priority_score: Some(plan.priority_score.into()),
            dir: plan.dir.map(Exact::from),
            endless: Some(plan.endless),
            stockout_risk: Some(plan.stockout_risk.into()),
            in_transit: Some(plan.in_transit),
            on_order: Some(plan.in_transit),
            daily_forecast: Some(plan.daily_forecast.into()),
            forecast_14d: Some(plan.forecast_14d.into()),
            forecast_30d: Some(plan.forecast_30d.into()),
            forecasted_demand_30d: Some(plan.forecast_30d.into()),
            confidence: Some(plan.confidence.name()),
            recommendations: Some(recommendations(plan)),
            attention_reasons: Some(reasons(plan)),
            moq: Some(plan.moq),
            planned_on: Some(plan.as_of),
        }
    }

    /// Cells under the heads of [`with_plan_heads`].
    pub(crate) fn cells(&self) -> [Cell; 20] {
        let number = |exact: Option<Exact>| Cell::from(exact.map(|exact| exact.0));
        let words = |words: &Option<Vec<&str>>| Cell::from(words.as_ref().map(|words| words.join(" ")));
        [
            number(self.runway_days),
            Cell::from(self.depletion_date),
            Cell::from(self.recommended_quantity),
            Cell::from(self.suggested_quantity),
            Cell::from(self.health),
            Cell::from(self.status),
            Cell::from(self.action),
            number(self.priority_score),
            number(self.dir),
            Cell::from(self.endless),
            number(self.stockout_risk),
            Cell::from(self.in_transit),
            number(self.daily_forecast),
            number(self.forecast_14d),
            number(self.forecast_30d),
            Cell::from(self.confidence),
            words(&self.recommendations),
            words(&self.attention_reasons),
            Cell::from(self.moq),
            Cell::from(self.planned_on),
        ]
    }
}

/// The order that a list is asked for: by columns of its own and by those of the plan. 422 names the columns.
pub(crate) fn sort(
    listing: &Listing,
    own: &[&'static str],
    own_column: impl Fn(&str) -> Option<Column>,
) -> Result<Vec<Sort>, Problem> {
    let mut sorts = Vec::new();
    for (name, descending) in listing.sort_raw() {
        if name == "priority" {
            let queue = work_queue().into_iter();
            sorts.extend(queue.map(|sort| Sort { descending: sort.descending != *descending, ..sort }));
            continue;
        }
        let is_own = own.contains(&name.as_str()) || name.starts_with("stock:");
        let column = if is_own { own_column(name) } else { figure(name).map(Column::Plan) };
        let allowed = || own.iter().chain(&SORTABLE).copied().collect::<Vec<_>>();
        let column = column.ok_or_else(|| unknown_column(name, &allowed()))?;
        sorts.push(Sort { column, descending: *descending });
    }
    Ok(sorts)
}

/// The columns of its own that any list of items has.
pub(crate) fn own_column(name: &str) -> Option<Column> {
    Some(match name {
        "item_id" => Column::ItemId,
        "sku" => Column::Sku,
        "product_name" => Column::ProductName,
        "category" => Column::Category,
        _ => return None,
    })
}

fn figure(name: &str) -> Option<Figure> {
    Some(match name {
        "runway_days" | "runway" => Figure::RunwayDays,
        "depletion_date" => Figure::DepletionDate,
        "recommended_quantity" => Figure::RecommendedQuantity,
        "order_quantity" => Figure::OrderQuantity,
        "suggested_quantity" => Figure::SuggestedQuantity,
        "gross_need" => Figure::GrossNeed,
        "in_transit" | "on_order" => Figure::InTransit,
        "daily_forecast" => Figure::DailyForecast,
        "forecast_14d" => Figure::Forecast14d,
        "forecast_30d" | "forecasted_demand_30d" => Figure::Forecast30d,
        "avg_daily_30" => Figure::AvgDaily30,
        "confidence" => Figure::Confidence,
        "health" => Figure::Health,
        "status" => Figure::Status,
        "action" => Figure::Action,
        "priority_score" => Figure::PriorityScore,
        "dir" => Figure::Dir,
        "stockout_risk" | "risk" => Figure::StockoutRisk,
        "moq" => Figure::Moq,
        "idle_days" => Figure::IdleDays,
        "history_days" => Figure::HistoryDays,
        "recommendations" => Figure::Recommendations,
        "attention_reasons" => Figure::AttentionReasons,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sortable_column_is_a_figure() {
        let unknown = SORTABLE.iter().filter(|name| **name != "priority" && figure(name).is_none());
        assert_eq!(unknown.count(), 0);
    }
}

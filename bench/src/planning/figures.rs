//! Figures of a plan as the pandas reference writes them: whole numbers of their last place, words as the rules have them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use domain::planning::ordering::AttentionReason;
use domain::planning::recommendation::RecommendationType;
use domain::planning::{Fixed, ItemPlan};

/// Compares every figure that the reference wrote. Answers how many.
pub(crate) fn compare(plans: &[ItemPlan], path: &Path) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().context("no header")?.split(',').collect();
    let mut compared = 0;
    for (plan, line) in plans.iter().zip(lines.by_ref()) {
        let ours = figures(plan);
        for (column, theirs) in columns.iter().zip(line.split(',')).skip(1) {
            let ours = ours.get(column).with_context(|| format!("we have no {column}"))?;
            anyhow::ensure!(ours == theirs, "{column}: {ours} here, {theirs} in pandas: {line}");
            compared += 1;
        }
    }
    anyhow::ensure!(lines.next().is_none() && compared > 0, "other items");
    Ok(compared)
}

fn figures(plan: &ItemPlan) -> BTreeMap<&'static str, String> {
    fn steps<const PLACES: u32>(value: Option<Fixed<PLACES>>) -> String {
        value.map_or_else(String::new, |value| value.steps().to_string())
    }
    fn mean<const PLACES: u32>(value: Option<Fixed<PLACES>>) -> String {
        value.unwrap_or(Fixed::ZERO).steps().to_string()
    }
    fn text(value: Option<impl ToString>) -> String {
        value.map_or_else(String::new, |value| value.to_string())
    }
    let yes = |holds: bool| if holds { "True" } else { "False" }.to_owned();
    let joined = |words: Vec<&'static str>| words.join("|");
    BTreeMap::from([
        ("history_days", plan.history_days.to_string()),
        ("idle_days", text(plan.idle_days)),
        ("sum_7", plan.sum_7.to_string()),
        ("days_7", plan.days_7.to_string()),
        ("sum_14", plan.sum_14.to_string()),
        ("days_14", plan.days_14.to_string()),
        ("sum_30", plan.sum_30.to_string()),
        ("ma_7", mean(plan.ma_7)),
        ("ma_14", mean(plan.ma_14)),
        ("volatility", plan.volatility.name().to_owned()),
        ("forecast_case", plan.forecast_case.name().to_owned()),
        ("daily_forecast", plan.daily_forecast.steps().to_string()),
        ("forecast_14d", plan.forecast_14d.steps().to_string()),
        ("forecast_30d", plan.forecast_30d.steps().to_string()),
        ("needs_seed", yes(plan.needs_seed)),
        ("confidence", plan.confidence.name().to_owned()),
        ("on_hand", plan.on_hand.to_string()),
        ("runway_days", steps(plan.runway_days)),
        ("depletion_date", text(plan.depletion_date)),
        ("colour", plan.colour.name().to_owned()),
        ("gross_need", plan.gross_need.to_string()),
        ("recommended_quantity", plan.recommended_quantity.to_string()),
        ("order_quantity", plan.order_quantity.to_string()),
        ("recent_stockout", yes(plan.recent_stockout)),
        ("high_value", yes(plan.high_value)),
        ("supplier_delay", yes(plan.supplier_delay)),
        ("attention_reasons", joined(plan.attention_reasons.iter().map(AttentionReason::name).collect())),
        ("action_category", plan.action_category.name().to_owned()),
        ("base_score", steps(plan.base_score)),
        ("unclamped_score", plan.unclamped_score.steps().to_string()),
        ("priority_score", plan.priority_score.steps().to_string()),
        ("avg_daily_30", plan.avg_daily_30.steps().to_string()),
        ("dir", steps(plan.dir)),
        ("endless", yes(plan.endless)),
        ("stockout_risk", plan.stockout_risk.steps().to_string()),
        ("status", plan.status.name().to_owned()),
        ("shortfall", plan.shortfall.to_string()),
        ("suggested_quantity", text(plan.suggested_quantity)),
        (
            "recommendation_types",
            joined(plan.recommendation_types.iter().map(RecommendationType::name).collect()),
        ),
        ("inventory_value", plan.inventory_value.steps().to_string()),
        ("on_hand_sum_30", plan.on_hand_sum_30.to_string()),
        ("on_hand_days_30", plan.on_hand_days_30.to_string()),
    ])
}

//! The rules as people read them: for every figure its rule and how it follows from inputs and earlier figures.
//!
//! [`crate::planning::Explanation`] shows these formulas with the figures of an item put in. They are not what computes
//! a plan; a test computes plans by them, independently, and compares. In formulas `=` compares, a
//! name that is no figure is a word, a list without entries is null, and
//!
//! * `round(x, p)`, `ceil(x)`, `root(x, p)`, `min`, `max`, `clamp(x, low, high)` are as in R1;
//! * `days(from, to)` counts days, `after(date, n)` is the date n days later;
//! * `window(k)` is the smaller of k and `history_days`;
//! * `yes(x)` is 1 where x holds, else 0;
//! * `sum(list, k)` is the sum of the last k entries of a list, `floored(list, k)` that of those above 0, `first(list, k)`
//!   that of the first k;
//! * `spread(demand, k, n)` is n times the sum of squares of the last k entries, less the square of their sum;
//! * `known(list, k)` is how many of the last k entries there are, `emptied(list, k)` how many of them are 0 or less;
//! * `until_demand(closes)` is the list without the days after `demand_until`;
//! * `stocked(demand, closes, k)` is k less the days among the last k without demand whose close was 0 or less;
//! * `uncensored(x)` is what x would be without `censor_stockouts`;
//! * `outstanding(orders, day)` is the sum, over the lines of orders that are pending, confirmed, shipped or partially
//!   received and were made by that day, of what had not arrived by then; `overdue(orders, day)` is whether some of
//!   that was expected before that day.

use serde::Serialize;

/// How one figure follows from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Name of the figure.
    pub value: &'static str,
    /// The rule that says so.
    pub rule: &'static str,
    /// Whether the first case that applies gives the figure, or all that apply list it.
    pub takes: Takes,
    /// Cases in order.
    pub cases: &'static [Case],
}

/// Which cases of a rule count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Takes {
    /// The first that applies.
    First,
    /// All that apply.
    All,
}

/// A condition and what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Case {
    /// When it applies; always where empty.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub when: &'static str,
    /// What the figure is then.
    pub then: &'static str,
}

macro_rules! rules {
    ($( $takes:ident $value:ident $rule:literal { $( $(if $when:literal =>)? $then:literal, )+ } )+) => {
        /// Every figure of a plan, in the order in which they follow from each other.
        pub const RULES: &[Rule] = &[ $( Rule {
            value: stringify!($value),
            rule: $rule,
            takes: rules!(@takes $takes),
            cases: &[ $( rules!(@case $($when =>)? $then), )+ ],
        }, )+ ];
    };
    (@takes first) => { Takes::First };
    (@takes all) => { Takes::All };
    (@case $when:literal => $then:literal) => { Case { when: $when, then: $then } };
    (@case $then:literal) => { Case { when: "", then: $then } };
}

rules! {
    first as_of "which A" { "stock_on", }
    first history_days "R4" { if "first_sale_date = null" => "0", "days(first_sale_date, demand_until) + 1", }
    first days_since_last_sale "R4" { if "last_sale_date = null" => "null", "days(last_sale_date, demand_until)", }
    first sum_7 "R4" { "sum(demand, window(7))", }
    first sum_14 "R4" { "sum(demand, window(14))", }
    first sum_30 "R4" { "sum(demand, window(30))", }
    first days_7 "R5, decision 35" {
        if "censor_stockouts and stocked(demand, until_demand(closes), window(7)) >= 3"
            => "stocked(demand, until_demand(closes), window(7))",
        "window(7)",
    }
    first days_14 "R5, decision 35" {
        if "censor_stockouts and stocked(demand, until_demand(closes), window(14)) >= 3"
            => "stocked(demand, until_demand(closes), window(14))",
        "window(14)",
    }
    first ma_7 "R5" { if "days_7 = 0" => "null", "round(sum_7 / days_7, 4)", }
    first ma_14 "R5" { if "days_14 = 0" => "null", "round(sum_14 / days_14, 4)", }
    first volatility "R6" {
        if "history_days < 7" => "NA",
        if "spread(demand, window(7), days_7) * days_14 * days_14 > volatility_high_ratio * volatility_high_ratio * \
         spread(demand, window(14), days_14) * days_7 * days_7" => "HIGH",
        if "spread(demand, window(7), days_7) * days_14 * days_14 > \
         spread(demand, window(14), days_14) * days_7 * days_7" => "MODERATE",
        "LOW",
    }
    first std_7 "R6" {
        if "volatility = NA" => "null", "root(spread(demand, window(7), days_7) / (days_7 * days_7), 4)",
    }
    first std_14 "R6" {
        if "volatility = NA" => "null", "root(spread(demand, window(14), days_14) / (days_14 * days_14), 4)",
    }
    first forecast_case "R7" {
        if "history_days = 0" => "NEW_PRODUCT",
        if "sum_14 = 0" => "INACTIVE",
        if "history_days < 7" => "SHORT_HISTORY",
        if "sum_7 * days_14 < sum_14 * days_7" => "NEGATIVE_TREND",
        if "volatility = HIGH" => "VOLATILE",
        "STABLE",
    }
    first method "R7, R8" {
        if "given_method != null" => "given_method",
        if "forecast_case != NEW_PRODUCT" => "MOVING_AVERAGE",
        if "manual_daily_forecast != null" => "MANUAL",
        if "category_forecast != null" => "CATEGORY_DEFAULT",
        "MANUAL",
    }
    first data_points "R5" { "days_14", }
    first inactive "R7" { "forecast_case = INACTIVE", }
    first needs_seed "R8" {
        "given_method = null and forecast_case = NEW_PRODUCT and manual_daily_forecast = null and \
         category_forecast = null",
    }
    first daily_forecast "R7, R8" {
        if "given_method != null" => "round(first(given_daily, 14) / 14, 4)",
        if "forecast_case = NEW_PRODUCT and manual_daily_forecast != null" => "manual_daily_forecast",
        if "forecast_case = NEW_PRODUCT and category_forecast != null" => "category_forecast",
        if "forecast_case = NEW_PRODUCT or forecast_case = INACTIVE" => "0",
        if "forecast_case = SHORT_HISTORY or forecast_case = NEGATIVE_TREND" => "round(sum_7 / days_7, 4)",
        if "forecast_case = VOLATILE" => "round(0.4 * sum_7 / days_7 + 0.6 * sum_14 / days_14, 4)",
        "round(0.6 * sum_7 / days_7 + 0.4 * sum_14 / days_14, 4)",
    }
    first uncensored_daily_forecast "decision 35" {
        if "censor_stockouts" => "uncensored(daily_forecast)", "null",
    }
    first forecast_14d "R7" {
        if "given_method != null" => "first(given_daily, 14)", "14 * daily_forecast",
    }
    first forecast_30d "R7" { if "given_method != null" => "first(given_daily, 30)", "30 * daily_forecast", }
    first confidence "R9" {
        if "method = MANUAL or method = CATEGORY_DEFAULT or history_days < 14 or volatility = HIGH" => "LOW",
        if "history_days > 30 and volatility = LOW" => "HIGH",
        "MEDIUM",
    }
    first on_hand "R10" { "max(0, stock)", }
    first in_transit "R12" { "outstanding(orders, stock_on)", }
    first supplier_delay "R12" { "overdue(orders, stock_on)", }
    first recent_stockout "R11" { "(daily_forecast > 0 or sum_30 > 0) and emptied(closes, 30) > 0", }
    first safety_days "R13" {
        if "product_safety_days != null" => "product_safety_days",
        if "safety_buffer_days != null" => "safety_buffer_days",
        "3",
    }
    first safety_source "R13" {
        if "product_safety_days != null" => "PRODUCT", if "safety_buffer_days != null" => "COMPANY", "SYSTEM",
    }
    first lead_time_days "R14" {
        if "product_lead_time_days != null" => "product_lead_time_days",
        if "supplier_lead_time_days != null" => "supplier_lead_time_days",
        "default_lead_time_days",
    }
    first moq "R14" { if "supplier_moq = null" => "1", "max(1, supplier_moq)", }
    first runway_days "R15" { if "daily_forecast = 0" => "null", "round(on_hand / daily_forecast, 2)", }
    first depletion_date "R15" {
        if "runway_days = null" => "null",
        if "ceil(runway_days) > 3650" => "null",
        "after(stock_on, ceil(runway_days))",
    }
    first colour "R16" {
        if "runway_days = null" => "GREEN",
        if "runway_days > low_stock_threshold_days" => "GREEN",
        if "2 * runway_days < low_stock_threshold_days" => "RED",
        "YELLOW",
    }
    first gross_need "R17" { "ceil((14 + lead_time_days + safety_days) * daily_forecast - stock)", }
    first recommended_quantity "R17" { "gross_need - in_transit", }
    first order_quantity "R17" { "max(0, recommended_quantity)", }
    all attention_reasons "R18" {
        if "recommended_quantity < 0" => "OVERSUPPLIED",
        if "recommended_quantity > 0 and recommended_quantity > 90 * daily_forecast" => "VERY_HIGH_QUANTITY",
        if "confidence = LOW" => "LOW_CONFIDENCE",
        if "recent_stockout" => "RECENT_STOCKOUT",
        if "supplier_delay" => "SUPPLIER_DELAY",
        if "needs_seed" => "NEEDS_SEED",
        if "runway_days != null and runway_days <= low_stock_threshold_days" => "LOW_RUNWAY",
    }
    first action_category "R19" {
        if "in_transit > 0 and gross_need > 0 and recommended_quantity <= 0 and not supplier_delay" => "ALREADY_ORDERED",
        if "runway_days != null and runway_days <= lead_time_days + safety_days and recommended_quantity > 0"
            => "ORDER_TODAY",
        if "attention_reasons != null" => "ATTENTION_REQUIRED",
        "NORMAL",
    }
    first unit_cost "R27" { if "given_unit_cost = null" => "0", "given_unit_cost", }
    first cost_missing "decision 40" { "given_unit_cost = null", }
    first high_value "R20" { "unit_cost * forecast_14d > high_value_threshold", }
    first base_score "R20" {
        if "runway_days = null" => "null",
        "round(100 * (1 - runway_days / (lead_time_days + safety_days + 14)), 2)",
    }
    first unclamped_score "R20" {
        if "base_score = null" => "0",
        "base_score + 20 * yes(recent_stockout) + 10 * yes(high_value) + 10 * yes(confidence = HIGH) \
         - 20 * yes(recommended_quantity < 0)",
    }
    first priority_score "R20" { "clamp(unclamped_score, 0, 100)", }
    first avg_daily_30 "R21" {
        if "history_days = 0" => "daily_forecast", "round(sum_30 / window(30), 4)",
    }
    first dir "R21" { if "avg_daily_30 = 0" => "null", "round(on_hand / avg_daily_30, 2)", }
    first endless "R21" { "avg_daily_30 = 0 and stock > 0 and history_days > 0", }
    first stockout_risk "R22" {
        if "dir = null" => "0",
        if "lead_time_days + safety_days = 0 and on_hand = 0" => "100",
        if "lead_time_days + safety_days = 0" => "0",
        "clamp(round(100 * (lead_time_days + safety_days - dir) / (lead_time_days + safety_days), 2), 0, 100)",
    }
    first idle_days "R23" {
        if "days_since_last_sale != null" => "days_since_last_sale",
        if "listed_on != null" => "days(listed_on, demand_until)",
        if "opened_on != null" => "days(opened_on, demand_until)",
        "null",
    }
    first status "R23" {
        if "stock > 0 and idle_days != null and idle_days >= dead_stock_days" => "dead_stock",
        if "dir != null and dir < understocked_threshold" => "understocked",
        if "endless or dir != null and dir > overstocked_threshold" => "overstocked",
        "normal",
    }
    first shortfall "R24" { "ceil((30 + safety_days) * daily_forecast - stock)", }
    first suggested_quantity "R24" {
        if "stockout_risk > suggestion_min_risk and shortfall > 0" => "max(moq, shortfall)", "null",
    }
    all recommendation_types "R25" {
        if "stockout_risk > urgent_risk" => "URGENT",
        if "dir != null and dir < lead_time_days + safety_days" => "REORDER",
        if "status = dead_stock" => "DEAD_STOCK",
        if "endless or dir != null and dir > reduce_order_dir" => "REDUCE_ORDER",
        if "(endless or dir != null and dir > promote_dir) and not in_campaign" => "PROMOTE",
    }
    first inventory_value "R27" { "on_hand * unit_cost", }
    first on_hand_sum_30 "R30" { "floored(until_demand(closes), 30)", }
    first on_hand_days_30 "R30" { "known(until_demand(closes), 30)", }
}

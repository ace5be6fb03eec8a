//! Any inputs of a plan, ordinary ones and absurd ones.

use chrono::{Days, NaiveDate};
use domain::planning::explain::{Inputs, Ordered};
use domain::planning::forecast::Method;
use domain::planning::input::Master;
use domain::planning::supply::{Receipt, Supply};
use domain::planning::{Fixed, PlanDay, PlanSettings};
use domain::purchasing::order::OrderStatus;
use domain::shared::ids::ItemId;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 20).unwrap()
}

fn date(within: u64) -> impl Strategy<Value = NaiveDate> {
    (0..2 * within).prop_map(move |days| today() - Days::new(within) + Days::new(days))
}

fn units(most: i64) -> impl Strategy<Value = i64> {
    prop_oneof![5 => Just(0), 5 => 1_i64..10, 1 => 0..=most]
}

fn order() -> impl Strategy<Value = Ordered> {
    let receipts = prop::collection::vec((date(20), 0_i64..80), 0..3);
    (date(30), select(OrderStatus::ALL), 1_i64..500, option::of(date(20)), receipts).prop_map(
        |(ordered_on, status, quantity, expected_on, receipts)| Ordered {
            ordered_on,
            status,
            quantity,
            expected_on,
            receipts: receipts.into_iter().map(|(on, quantity)| Receipt { on, quantity }).collect(),
        },
    )
}

fn hundredths(most: i64) -> impl Strategy<Value = Fixed<2>> {
    (0..=most).prop_map(Fixed::of_steps)
}

fn settings() -> impl Strategy<Value = PlanSettings> {
    let days = (0_u32..40, option::of(0_u32..20), 0_u32..30, 0_u32..60, 1_u32..60, 1_u32..120);
    let rest = (hundredths(100_000), 100_i64..300, hundredths(10_000), 0_u32..120, hundredths(5_000));
    (days, rest, 0_u32..60, any::<bool>()).prop_map(|(days, rest, promote_dir, censor_stockouts)| {
        PlanSettings {
            low_stock_threshold_days: days.0,
            safety_buffer_days: days.1,
            default_lead_time_days: days.2,
            understocked_threshold: days.3,
            overstocked_threshold: days.3 + days.4,
            dead_stock_days: days.5,
            high_value_threshold: rest.0,
            volatility_high_ratio: Fixed::of_steps(rest.1),
            urgent_risk: rest.2,
            reduce_order_dir: rest.3,
            promote_dir,
            suggestion_min_risk: rest.4,
            censor_stockouts,
        }
    })
}

fn master() -> impl Strategy<Value = Master> {
    let rate = || option::of((0_i64..500_000).prop_map(Fixed::<4>::of_steps));
    let days = (option::weighted(0.3, 0_u32..30), option::weighted(0.3, 0_u32..30));
    (option::of(hundredths(10_000)), days, rate(), rate(), option::of(date(200)), any::<bool>()).prop_map(
        |(unit_cost, days, manual_daily_forecast, category_forecast, listed_on, in_campaign)| Master {
            unit_cost,
            safety_days: days.0,
            lead_time_days: days.1,
            manual_daily_forecast,
            category_forecast,
            listed_on,
            in_campaign,
        },
    )
}

/// Demand of up to 30 days, and days of history before them.
fn demand(most: i64) -> impl Strategy<Value = (Vec<i64>, u64)> {
    let short = prop::collection::vec(units(most), 0..30).prop_map(|daily| (daily, 0));
    let long = (prop::collection::vec(units(most), 30), 0_u64..400);
    prop_oneof![short, long]
}

type Given = Option<(Method, Vec<Fixed<4>>)>;

fn given() -> impl Strategy<Value = Given> {
    let daily = prop::collection::vec((0_i64..300_000).prop_map(Fixed::of_steps), 30);
    option::weighted(0.2, (select(vec![Method::External, Method::Holt]), daily))
}

/// Inputs such as companies have, with quantities up to `most` a day.
pub(crate) fn ordinary(most: i64) -> impl Strategy<Value = Inputs> {
    let stock = (prop::collection::vec(-50_i64..500, 0..32), -100_i64..1_000);
    let supply = (option::of(0_u32..60), option::of(0_i64..300));
    let facts = (any::<bool>(), demand(most), stock, option::of(date(300)));
    let orders = prop::collection::vec(order(), 0..4);
    (facts, orders, master(), supply, given(), settings()).prop_map(
        |((live, (demand, before), (closes, stock), opened_on), orders, master, supply, given, settings)| {
            let day = if live { PlanDay::live(today()) } else { PlanDay::as_of(today()) };
            let sold = sold(day.demand_until, &demand, before);
            Inputs {
                item_id: ItemId::new("mug").unwrap(),
                day,
                first_sale_date: sold.map(|(first, _)| first),
                last_sale_date: sold.map(|(_, last)| last),
                demand,
                stock: closes.last().copied().unwrap_or(stock),
                opened_on,
                closes,
                orders,
                master,
                supply: Supply { lead_time_days: supply.0, moq: supply.1 },
                given_method: given.as_ref().map(|(method, _)| *method),
                given_daily: given.map(|(_, daily)| daily),
                settings,
            }
        },
    )
}

/// First and last day with demand: `before` days lie before those that are listed.
fn sold(until: NaiveDate, demand: &[i64], before: u64) -> Option<(NaiveDate, NaiveDate)> {
    let at = |index: usize| until - Days::new(u64::try_from(demand.len() - 1 - index).unwrap());
    let listed = |index: Option<usize>| index.map(at);
    let first = listed(demand.iter().position(|units| *units > 0));
    let last = listed(demand.iter().rposition(|units| *units > 0));
    if before == 0 {
        return first.zip(last);
    }
    let earlier = at(0) - Days::new(before);
    Some((earlier, last.unwrap_or(earlier)))
}

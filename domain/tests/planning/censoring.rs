//! Decision 35: days on which nothing was there to sell stay out of the averages, if the company asks for it.

use domain::planning::explain::Inputs;
use domain::planning::input::Master;
use domain::planning::supply::Supply;
use domain::planning::{Fixed, PlanDay, PlanSettings};
use domain::shared::ids::ItemId;

use crate::inputs::today;

/// Ten a day for two weeks, but nothing on the days that the last entries of `closes` say were empty.
fn inputs(closes: &[i64], censor_stockouts: bool) -> Inputs {
    let mut demand = vec![10; 28];
    for (units, close) in demand.iter_mut().rev().zip(closes.iter().rev()) {
        if *close <= 0 {
            *units = 0;
        }
    }
    Inputs {
        item_id: ItemId::new("mug").unwrap(),
        day: PlanDay::as_of(today()),
        first_sale_date: Some(today() - chrono::Days::new(27)),
        last_sale_date: Some(today() - chrono::Days::new(10)),
        demand,
        stock: 50,
        opened_on: None,
        closes: closes.to_vec(),
        orders: Vec::new(),
        master: Master::default(),
        supply: Supply::default(),
        given_method: None,
        given_daily: None,
        settings: PlanSettings { censor_stockouts, ..PlanSettings::default() },
    }
}

fn shown(closes: &[i64], censor_stockouts: bool) -> (u32, u32, String, Option<String>) {
    let plan = inputs(closes, censor_stockouts).plan().unwrap();
    let other = plan.uncensored_daily_forecast.map(|rate| rate.to_string());
    (plan.days_7, plan.days_14, plan.daily_forecast.to_string(), other)
}

#[test]
fn empty_days_count_while_nobody_asks_otherwise() {
    assert_eq!(shown(&[5, 0, 0, 50], false), (7, 14, "7.1429".to_owned(), None));
}

#[test]
fn empty_days_leave_both_windows_and_both_values_are_shown() {
    let both = (5, 12, "10.0000".to_owned(), Some("7.1429".to_owned()));
    assert_eq!(shown(&[5, 0, 0, 50], true), both);
}

#[test]
fn at_least_three_days_must_remain() {
    let (week, fortnight, ..) = shown(&[0, 0, 0, 0, 50], true);
    assert_eq!((week, fortnight), (3, 10));
    let (week, fortnight, ..) = shown(&[0, 0, 0, 0, 0, 50], true);
    assert_eq!((week, fortnight), (7, 9), "two days are too few for the week");
}

#[test]
fn an_empty_day_with_demand_and_a_day_of_unknown_stock_count() {
    let mut sold = inputs(&[50, 50], true);
    sold.closes = vec![-3, 50];
    let plan = sold.plan().unwrap();
    assert_eq!((plan.days_7, plan.days_14), (7, 14));
    assert_eq!(plan.daily_forecast, Fixed::of_steps(100_000));
}

#[test]
fn a_live_plan_looks_at_the_closes_of_the_days_that_demand_covers() {
    let mut live = inputs(&[5, 0, 0, 50], true);
    live.day = PlanDay::live(today().succ_opt().unwrap());
    live.closes.push(0);
    let plan = live.plan().unwrap();
    assert_eq!((plan.days_7, plan.days_14), (5, 12), "the stock of this morning is no day");
    assert!(plan.recent_stockout);
}

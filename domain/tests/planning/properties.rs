//! What holds for every plan.

use chrono::NaiveDate;
use domain::planning::explain::{Inputs, Ordered};
use domain::planning::forecast::{Method, SHORT_HORIZON_DAYS};
use domain::planning::recommendation::RecommendationType;
use domain::planning::supply::Receipt;
use domain::planning::{Amount, Fixed, ItemPlan, Percent, PlanDay, Rate, Score};
use domain::purchasing::order::OrderStatus;
use proptest::prelude::*;

use crate::inputs::{ordinary, today};

fn planned(inputs: &Inputs) -> ItemPlan {
    inputs.plan().unwrap()
}

fn changed(inputs: &Inputs, change: impl FnOnce(&mut Inputs)) -> ItemPlan {
    let mut other = inputs.clone();
    change(&mut other);
    planned(&other)
}

fn any_day() -> impl Strategy<Value = NaiveDate> {
    prop_oneof![Just(NaiveDate::MIN), Just(NaiveDate::MAX), Just(today())]
}

/// Inputs with any numbers and any days.
fn absurd() -> impl Strategy<Value = Inputs> {
    let days = (any_day(), any_day(), proptest::option::of((any_day(), any_day())));
    let lists = (prop::collection::vec(any::<i64>(), 0..40), prop::collection::vec(any::<i64>(), 0..40));
    let numbers = (any::<i64>(), any::<i64>(), any::<i64>(), any::<u32>(), any::<u32>());
    (ordinary(10), days, lists, numbers, any_day()).prop_map(|(inputs, days, lists, numbers, day)| Inputs {
        day: PlanDay { demand_until: days.0, stock_on: days.1 },
        first_sale_date: days.2.map(|(first, _)| first),
        last_sale_date: days.2.map(|(_, last)| last),
        demand: lists.0,
        closes: lists.1,
        stock: numbers.0,
        orders: vec![Ordered {
            ordered_on: day,
            status: OrderStatus::Pending,
            quantity: numbers.1,
            expected_on: Some(day),
            receipts: vec![Receipt { on: day, quantity: numbers.2 }],
        }],
        master: domain::planning::input::Master {
            unit_cost: Some(Fixed::of_steps(numbers.2)),
            safety_days: Some(numbers.3),
            lead_time_days: Some(numbers.4),
            manual_daily_forecast: Some(Fixed::of_steps(numbers.1)),
            listed_on: Some(day),
            ..inputs.master
        },
        ..inputs
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn absurd_numbers_are_refused_by_name_and_never_break_anything(inputs in absurd()) {
        if let Err(refused) = inputs.plan() {
            prop_assert_eq!(refused.item_id.as_str(), "mug");
            prop_assert!(!refused.value.is_empty());
        }
    }

    #[test]
    fn figures_lie_in_their_ranges(inputs in ordinary(1_000_000)) {
        let plan = planned(&inputs);
        let hundred = Percent::whole(100);
        prop_assert!((Score::ZERO..=hundred).contains(&plan.priority_score));
        prop_assert!((Percent::ZERO..=hundred).contains(&plan.stockout_risk));
        prop_assert!(plan.daily_forecast >= Rate::ZERO);
        prop_assert_eq!(plan.order_quantity, plan.recommended_quantity.max(0));
        prop_assert!(plan.suggested_quantity.is_none_or(|quantity| quantity >= plan.moq && quantity > 0));
        prop_assert_eq!(plan.runway_days.is_none(), plan.daily_forecast == Rate::ZERO);
        prop_assert!(plan.inventory_value >= Amount::ZERO);
        prop_assert!(plan.days_7 <= 7 && plan.days_14 <= 14 && plan.on_hand_days_30 <= 30);
        if plan.method == Method::MovingAverage {
            prop_assert_eq!(
                plan.forecast_14d.steps(),
                i64::from(SHORT_HORIZON_DAYS) * plan.daily_forecast.steps()
            );
        }
    }

    #[test]
    fn more_stock_lasts_longer_and_needs_less(inputs in ordinary(100), more in 1_i64..500) {
        let (less, more) = (planned(&inputs), changed(&inputs, |inputs| inputs.stock += more));
        prop_assert!(more.runway_days >= less.runway_days);
        prop_assert!(more.dir >= less.dir);
        prop_assert!(more.stockout_risk <= less.stockout_risk);
        prop_assert!(more.gross_need <= less.gross_need);
        prop_assert!(more.order_quantity <= less.order_quantity);
        prop_assert!(more.suggested_quantity.unwrap_or(0) <= less.suggested_quantity.unwrap_or(0));
        prop_assert!(more.base_score <= less.base_score);
        prop_assert!(more.inventory_value >= less.inventory_value);
    }

    #[test]
    fn a_longer_lead_time_never_asks_for_less(inputs in ordinary(100), days in 0_u32..60, longer in 1_u32..60) {
        let with = |days| changed(&inputs, |inputs| inputs.master.lead_time_days = Some(days));
        let (short, long) = (with(days), with(days + longer));
        prop_assert!(long.gross_need >= short.gross_need);
        // With no buffer at all the risk is all or nothing (R22).
        if days + short.safety_days > 0 {
            prop_assert!(long.stockout_risk >= short.stockout_risk);
        }
        let reorders = |plan: &ItemPlan| plan.recommendation_types.contains(RecommendationType::Reorder);
        prop_assert!(reorders(&long) >= reorders(&short));
        prop_assert_eq!(long.daily_forecast, short.daily_forecast);
    }

    #[test]
    fn an_open_order_lowers_the_recommendation_by_its_units(inputs in ordinary(100), quantity in 1_i64..500) {
        let plan = planned(&inputs);
        let ordered = changed(&inputs, |inputs| {
            inputs.orders.push(Ordered {
                ordered_on: today(),
                status: OrderStatus::Confirmed,
                quantity,
                expected_on: None,
                receipts: Vec::new(),
            });
        });
        prop_assert_eq!(ordered.in_transit, plan.in_transit + quantity);
        prop_assert_eq!(ordered.recommended_quantity, plan.recommended_quantity - quantity);
        prop_assert_eq!(ordered.suggested_quantity, plan.suggested_quantity);
        prop_assert_eq!(ordered.supplier_delay, plan.supplier_delay);
    }

    #[test]
    fn orders_and_receipts_of_the_future_change_nothing(inputs in ordinary(100), quantity in 1_i64..500) {
        let plan = planned(&inputs);
        let tomorrow = inputs.day.stock_on.succ_opt().unwrap();
        let later = changed(&inputs, |inputs| {
            for line in &mut inputs.orders {
                line.receipts.push(Receipt { on: tomorrow, quantity });
            }
            inputs.orders.push(Ordered {
                ordered_on: tomorrow,
                status: OrderStatus::Pending,
                quantity,
                expected_on: None,
                receipts: Vec::new(),
            });
        });
        prop_assert_eq!(later, plan);
    }

    #[test]
    fn a_live_plan_of_a_morning_takes_yesterdays_demand(inputs in ordinary(100)) {
        let live = changed(&inputs, |inputs| inputs.day = PlanDay::live(today()));
        let yesterday = today().pred_opt().unwrap();
        let complete = changed(&inputs, |inputs| {
            inputs.day = PlanDay::as_of(yesterday);
            inputs.closes.pop();
        });
        prop_assert_eq!(live.as_of, today());
        prop_assert_eq!(live.daily_forecast, complete.daily_forecast);
        prop_assert_eq!(live.history_days, complete.history_days);
        prop_assert_eq!(live.idle_days, complete.idle_days);
        prop_assert_eq!(live.avg_daily_30, complete.avg_daily_30);
    }
}

//! What runs of forecasts say.

use domain::planning::event::PublishedForecast;
use domain::planning::forecast::run::{RunItem, automatic};
use domain::planning::forecast::{ForecastMethod, Method, SHORT_HORIZON_DAYS, Series, moving};
use domain::planning::input::{Master, Stock};
use domain::planning::{Demand, ItemInput, ItemPlan, PlanDay, PlanSettings, Rate, plan};
use domain::shared::ids::ItemId;

use crate::inputs::today;

fn planned(item_id: &ItemId, daily: &[i64], settings: &PlanSettings) -> ItemPlan {
    let day = PlanDay::as_of(today());
    let demand = Demand::of_series(day.demand_until, daily);
    let stock = Stock { units: 0, opened_on: None, closes: &[] };
    let master = Master { manual_daily_forecast: Some(Rate::whole(2)), ..Master::default() };
    let input = ItemInput {
        item_id,
        day,
        demand,
        stock,
        orders: &[],
        master,
        supply: None,
        forecast: None,
        settings,
    };
    plan(&input).unwrap()
}

fn run(histories: &[Vec<i64>]) -> Vec<PublishedForecast> {
    let settings = PlanSettings::default();
    let items: Vec<(ItemId, ItemPlan)> = (0..)
        .zip(histories)
        .map(|(number, daily)| {
            let item_id = ItemId::new(&format!("I{number}")).unwrap();
            let plan = planned(&item_id, daily, &settings);
            (item_id, plan)
        })
        .collect();
    let items: Vec<RunItem<'_>> = items
        .iter()
        .zip(histories)
        .map(|((item_id, by_rules), daily)| RunItem {
            item_id,
            by_rules,
            series: Series { until: today(), daily, covariates: &[] },
            settings: &settings,
        })
        .collect();
    automatic(&items, &[])
}

#[test]
fn each_item_is_forecast_by_the_method_that_served_it_best_and_by_the_rules_without_one() {
    let weeks: Vec<i64> = (0..280).map(|day| if day % 28 < 7 { 8 } else { 0 }).collect();
    let said = run(&[weeks.clone(), vec![3; 5], Vec::new(), weeks.clone()]);
    let methods: Vec<Method> = said.iter().map(|forecast| forecast.method).collect();
    assert_ne!(methods[0], Method::MovingAverage);
    assert_eq!(methods[1..3], [Method::MovingAverage, Method::Manual]);
    assert_eq!((said[3].method, said[3].forecast_14d), (said[0].method, said[0].forecast_14d));
    assert_eq!((said[1].daily_forecast, said[2].forecast_14d), (Rate::whole(3), Rate::whole(28)));
    assert!(said[1].is_by_rules() && said[2].is_by_rules() && !said[0].is_by_rules());
}

#[test]
fn days_of_a_method_are_published_with_their_sums() {
    let daily: Vec<i64> = (0..100).map(|day| day % 7).collect();
    let series = Series { until: today(), daily: &daily, covariates: &[] };
    let forecast = moving::WeekdayAverage.forecast(&series).unwrap();
    let item_id = ItemId::new("mug").unwrap();
    let published = PublishedForecast::of_days(&item_id, &forecast).unwrap();
    assert_eq!(published.daily, forecast.daily());
    assert_eq!(published.forecast_14d, forecast.total(SHORT_HORIZON_DAYS, "forecast_14d").unwrap());
    assert_eq!(published.daily_forecast, Rate::whole(3), "42 in two weeks");
    let flat = moving::LongAverage.forecast(&series).unwrap();
    assert!(PublishedForecast::of_days(&item_id, &flat).unwrap().daily.is_empty(), "all the same");
}

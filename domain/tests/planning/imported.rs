//! Forecasts that come from elsewhere.

use domain::planning::Rate;
use domain::planning::event::PublishedForecast;
use domain::planning::forecast::Method;
use domain::planning::forecast::external::{ExternalRefusal, Quantile};
use domain::planning::forecast::imported::{Figures, ImportedForecast};
use domain::shared::ids::ItemId;
use rust_decimal::Decimal;

fn published(figures: Figures) -> Result<PublishedForecast, ExternalRefusal> {
    let quantiles = vec![Quantile { percent: 90, daily: vec![Decimal::TEN; 30] }];
    let item_id = ItemId::new("mug").unwrap();
    ImportedForecast { item_id, model: " chronos-2 ".to_owned(), figures, quantiles }.published()
}

fn totals(short: &str, whole: &str) -> Figures {
    Figures::Totals { forecast_14d: short.parse().unwrap(), forecast_30d: whole.parse().unwrap() }
}

#[test]
fn days_add_up_to_both_totals_and_their_mean_is_the_daily_forecast() {
    let mut daily = vec![Decimal::ONE; 30];
    daily[0] = Decimal::new(25, 1);
    daily[29] = Decimal::new(2, 4);
    let forecast = published(Figures::Daily(daily)).unwrap();
    assert_eq!(forecast.forecast_14d, Rate::of_steps(155_000));
    assert_eq!(forecast.forecast_30d, Rate::of_steps(305_002));
    assert_eq!(forecast.daily_forecast, Rate::of_steps(11_071), "15.5 / 14 = 1.10714");
    assert_eq!((forecast.daily.len(), forecast.daily[29]), (30, Rate::of_steps(2)));
    assert_eq!((forecast.method, forecast.model.as_deref()), (Method::External, Some("chronos-2")));
    assert_eq!((forecast.quantiles[0].percent, forecast.quantiles[0].daily.len()), (90, 30));
}

#[test]
fn days_that_are_all_the_same_are_not_listed() {
    let forecast = published(Figures::Daily(vec![Decimal::TWO; 45])).unwrap();
    assert_eq!((forecast.daily_forecast, forecast.daily.len()), (Rate::whole(2), 0));
    assert_eq!(forecast.forecast_30d, Rate::whole(60));
}

#[test]
fn totals_are_spread_over_their_days_without_a_rest() {
    let forecast = published(totals("1", "100.0003")).unwrap();
    let sum = |days: &[Rate]| days.iter().map(|day| day.steps()).sum::<i64>();
    assert_eq!(sum(&forecast.daily[..14]), 10_000);
    assert_eq!(sum(&forecast.daily), 1_000_003);
    assert_eq!(forecast.daily[0], Rate::of_steps(715), "10,000 steps over 14 days leave 4");
    assert_eq!(forecast.daily[13], Rate::of_steps(714));
    assert_eq!((forecast.forecast_14d, forecast.forecast_30d), (Rate::whole(1), Rate::of_steps(1_000_003)));
    let nothing = published(totals("0", "0")).unwrap();
    assert_eq!((nothing.daily_forecast, nothing.daily.len()), (Rate::ZERO, 0));
}

#[test]
fn totals_that_cannot_be_are_refused_by_name() {
    assert_eq!(published(totals("2", "1")), Err(ExternalRefusal::TotalsCross));
    assert_eq!(published(totals("-1", "1")), Err(ExternalRefusal::Negative { field: "forecast_14d" }));
    let far = published(totals("1", "30000000001"));
    assert_eq!(far, Err(ExternalRefusal::TooLarge { field: "forecast_30d" }));
    let far = published(Figures::Daily(vec![Decimal::from(1_000_000_001); 30]));
    assert_eq!(far, Err(ExternalRefusal::TooLarge { field: "daily" }));
}

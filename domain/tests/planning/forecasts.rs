//! Methods behind the forecast interface, by hand and as properties.

use chrono::{Datelike, Days, NaiveDate};
use domain::planning::PlanSettings;
use domain::planning::explain::Inputs;
use domain::planning::forecast::external::{ExternalForecast, ExternalRefusal, Quantile};
use domain::planning::forecast::fixed_point::{Level, Share};
use domain::planning::forecast::{
    BuiltIn, DailyForecast, ForecastError, ForecastMethod, HORIZON_DAYS, Method, Series,
};
use domain::planning::{Demand, Rate};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::fixture::small;
use crate::inputs::{ordinary, today};

fn series(daily: &[i64]) -> Series<'_> {
    Series { until: today(), daily, covariates: &[] }
}

fn by(method: Method, daily: &[i64]) -> DailyForecast {
    let built_in = BuiltIn::new(&PlanSettings::default());
    let methods = built_in.methods();
    let method = methods.iter().find(|known| known.method() == method).unwrap();
    assert!(daily.len() >= method.least_days());
    method.forecast(&series(daily)).unwrap()
}

fn first(method: Method, daily: &[i64]) -> String {
    by(method, daily).daily()[0].to_string()
}

#[test]
fn the_default_is_the_rule_for_every_item_of_the_small_file() {
    let fixture = small("settings.json");
    let method = BuiltIn::new(&fixture.settings);
    for (item, plan) in fixture.items.iter().zip(fixture.plans()) {
        let Some((sold, _)) = Demand::of_series(fixture.until, &item.demand).sold else { continue };
        let days = usize::try_from((fixture.until - sold).num_days()).unwrap() + 1;
        let daily = &item.demand[item.demand.len() - days..];
        let until = Series { until: fixture.until, daily, covariates: &[] };
        let forecast = method.methods()[0].forecast(&until).unwrap();
        assert_eq!(forecast.daily()[0], plan.daily_forecast, "{}", item.id);
        assert_eq!(forecast.total(14, "x").unwrap(), plan.forecast_14d);
    }
}

#[test]
fn averages_by_hand() {
    assert_eq!(first(Method::LongAverage, &[5, 7, 9]), "7.0000");
    let mut long = vec![100; 10];
    long.extend([3; 28]);
    assert_eq!(first(Method::LongAverage, &long), "3.0000");
}

#[test]
fn each_weekday_has_its_own_mean() {
    let until = today();
    // Ten on Mondays, three on Saturdays, for nine weeks; the oldest Monday had 1,000 and is too old.
    let day = |back: u64| until - Days::new(back);
    let mut daily: Vec<i64> = (0..63)
        .rev()
        .map(|back| match day(back).weekday() {
            chrono::Weekday::Mon => 10,
            chrono::Weekday::Sat => 3,
            _ => 0,
        })
        .collect();
    let oldest = daily.iter().position(|units| *units == 10).unwrap();
    daily[oldest] = 1_000;
    let forecast = by(Method::WeekdayAverage, &daily);
    for (ahead, rate) in (1..).zip(forecast.daily()) {
        let expected = match (until + Days::new(ahead)).weekday() {
            chrono::Weekday::Mon => "10.0000",
            chrono::Weekday::Sat => "3.0000",
            _ => "0.0000",
        };
        assert_eq!(rate.to_string(), expected, "{ahead} days ahead");
    }
}

#[test]
fn smoothing_follows_a_level_and_a_trend() {
    assert_eq!(first(Method::Ses, &[6; 40]), "6.0000");
    assert_eq!(first(Method::Holt, &[6; 40]), "6.0000");
    let rising: Vec<i64> = (0..60).map(|day| day * 4).collect();
    let forecast = by(Method::Holt, &rising);
    let daily = forecast.daily();
    assert!(daily[0] > "220".parse().unwrap(), "beyond the last days: {}", daily[0]);
    assert!(daily.is_sorted(), "the trend goes on");
    assert!(
        daily[HORIZON_DAYS - 1].steps() - daily[HORIZON_DAYS - 2].steps()
            < daily[1].steps() - daily[0].steps()
    );
    let falling: Vec<i64> = (0..60).rev().map(|day| day * 4).collect();
    assert!(by(Method::Holt, &falling).daily().iter().all(|rate| *rate >= Rate::ZERO));
}

#[test]
fn intermittent_demand_by_hand() {
    // Sizes 4 and 4, intervals of 5 days: 4 / 5.
    let daily = [4, 0, 0, 0, 0, 4, 0, 0, 0, 0, 4];
    assert_eq!(first(Method::Croston, &daily), "0.8000");
    // Times 61/64.
    assert_eq!(first(Method::Sba, &daily), "0.7625");
    // A size of 4, then 4 + 6/64 * 4 = 4.375 by a demand of 8; intervals 2: 2.1875.
    assert_eq!(first(Method::Croston, &[4, 0, 8]), "2.1875");
    // One demand in four days.
    assert_eq!(first(Method::Croston, &[8, 0, 0, 0]), "2.0000");
    // Every day: probability 1.
    assert_eq!(first(Method::Tsb, &[5; 30]), "5.0000");
    let (mut alive, mut dying) = (vec![0; 60], vec![0; 60]);
    for day in [0, 10, 20, 30, 40, 50] {
        alive[day] = 6;
    }
    dying[..20].copy_from_slice(&[6; 20]);
    let sum = |daily: &[i64]| by(Method::Tsb, daily).total(14, "x").unwrap();
    assert!(sum(&dying) < sum(&[6; 60]), "demand that stopped fades");
    assert!(sum(&alive) > Rate::ZERO);
    assert_eq!(first(Method::Croston, &[0, 0]), "0.0000");
}

#[test]
fn fixed_point_steps_are_exact_where_they_can_be() {
    let four = Level::units(4).unwrap();
    let eight = Level::units(8).unwrap();
    assert_eq!(four.towards(eight, Share::of_64(16)).unwrap(), Level::units(5).unwrap());
    assert_eq!(four.by(eight).unwrap(), Level::units(32).unwrap());
    assert_eq!(four.over(eight).unwrap().rate().unwrap().to_string(), "0.5000");
    assert_eq!(Level::mean(&[1, 2, 3]).unwrap(), Level::units(2).unwrap());
    assert_eq!(Level::mean(&[]).unwrap(), Level::ZERO);
    assert!(Level::units(i64::MAX).is_err());
    assert!(Level::units(1 << 42).unwrap().by(Level::units(1 << 42).unwrap()).is_err());
}

/// A method of another crate.
struct LastDay;

impl ForecastMethod for LastDay {
    fn method(&self) -> Method {
        Method::AutoEts
    }

    fn least_days(&self) -> usize {
        2
    }

    fn forecast(&self, series: &Series<'_>) -> Result<DailyForecast, ForecastError> {
        let last = series.daily.last().ok_or(ForecastError::NoForecast(Method::AutoEts))?;
        Ok(DailyForecast::constant(Method::AutoEts, Rate::of_steps(last * Rate::ONE)))
    }
}

#[test]
fn a_method_of_another_crate_plans_like_any_other() {
    let forecast = LastDay.forecast(&series(&[1, 2, 3])).unwrap();
    let fixture = small("settings.json");
    let item = &fixture.items[0];
    let plan = item.with(&fixture, item.master, |input| {
        let input = domain::planning::ItemInput { forecast: Some(&forecast), ..*input };
        domain::planning::plan(&input).unwrap()
    });
    assert_eq!((plan.method, plan.daily_forecast.to_string().as_str()), (Method::AutoEts, "3.0000"));
    assert_eq!(plan.forecast_30d.to_string(), "90.0000");
    assert_eq!(plan.runway_days.unwrap().to_string(), "66.67");
    assert_eq!(
        LastDay.forecast(&series(&[])).unwrap_err().to_string(),
        "AUTO_ETS gives no forecast for this history"
    );
}

#[test]
fn daily_values_of_a_method_are_summed_and_their_mean_is_rounded() {
    let mut daily = [Rate::ZERO; HORIZON_DAYS];
    daily[0] = "1".parse().unwrap();
    daily[20] = "5".parse().unwrap();
    let forecast = DailyForecast::new(Method::External, daily);
    let fixture = small("settings.json");
    let item = &fixture.items[0];
    let mut inputs = item.with(&fixture, item.master, Inputs::of);
    inputs.given_method = Some(Method::External);
    inputs.given_daily = Some(forecast.daily().to_vec());
    let plan = inputs.plan().unwrap();
    assert_eq!(plan.forecast_14d.to_string(), "1.0000");
    assert_eq!(plan.forecast_30d.to_string(), "6.0000");
    assert_eq!(plan.daily_forecast.to_string(), "0.0714", "1/14, rounded once");
}

fn external(daily: Vec<Decimal>) -> ExternalForecast {
    ExternalForecast { model: "chronos-2".to_owned(), daily, quantiles: Vec::new() }
}

fn quantile(percent: u8, value: i64) -> Quantile {
    Quantile { percent, daily: vec![Decimal::from(value); HORIZON_DAYS] }
}

#[test]
fn an_outside_forecast_is_rounded_when_it_comes_in() {
    let mut answer = external(vec![Decimal::new(123_456, 5); 40]);
    answer.quantiles = vec![quantile(10, 1), quantile(90, 2)];
    let accepted = answer.accepted().unwrap();
    assert_eq!(accepted.forecast.daily()[29].to_string(), "1.2346");
    assert_eq!(accepted.forecast.method, Method::External);
    assert_eq!(accepted.quantiles[1].1[0].to_string(), "2.0000");
    let read: ExternalForecast = serde_json::from_str(r#"{"model":"m","daily":[1.5,"2.25",1e-3]}"#).unwrap();
    assert_eq!(read.daily, [Decimal::new(15, 1), Decimal::new(225, 2), Decimal::new(1, 3)]);
}

#[test]
fn an_outside_forecast_that_makes_no_sense_is_refused() {
    let days = |value: Decimal| external(vec![value; HORIZON_DAYS]);
    let one = Decimal::ONE;
    assert_eq!(
        external(vec![one; 29]).accepted(),
        Err(ExternalRefusal::TooFewDays { field: "daily", days: 29 })
    );
    assert_eq!(days(-one).accepted(), Err(ExternalRefusal::Negative { field: "daily" }));
    assert_eq!(days(Decimal::MAX).accepted(), Err(ExternalRefusal::TooLarge { field: "daily" }));
    let nameless = ExternalForecast { model: " ".to_owned(), ..days(one) };
    assert_eq!(nameless.accepted(), Err(ExternalRefusal::NoModel));
    for quantiles in [vec![quantile(90, 2), quantile(10, 1)], vec![quantile(0, 1)], vec![quantile(100, 1)]] {
        let disordered = ExternalForecast { quantiles, ..days(one) };
        assert_eq!(disordered.accepted(), Err(ExternalRefusal::QuantilesDisordered));
    }
    let short = Quantile { percent: 50, daily: Vec::new() };
    let short = ExternalForecast { quantiles: vec![short], ..days(one) };
    assert_eq!(short.accepted(), Err(ExternalRefusal::TooFewDays { field: "quantiles", days: 0 }));
}

#[test]
fn what_is_known_of_days_goes_from_the_item_to_the_company() {
    use domain::planning::covariate::{Covariates, Sources};
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let holiday = day("2026-05-01");
    let set = [(holiday, Covariates { holiday_flag: Some(false), ..Covariates::default() })].into();
    let holidays = [holiday, day("2026-05-09")].into();
    let campaigns = [(day("2026-05-08"), day("2026-05-09"))];
    let sources = Sources { set: &set, holidays: &holidays, campaigns: &campaigns };
    let first = sources.on(holiday, Some(4));
    assert_eq!((first.holiday_flag, first.is_weekend, first.stock_on_date), (false, false, Some(4)));
    let second = sources.on(day("2026-05-09"), None);
    assert!(second.holiday_flag && second.promotion_flag && second.is_weekend, "a Saturday");
    assert!(!sources.on(day("2026-05-10"), None).promotion_flag);
}

proptest! {
    #[test]
    fn every_method_is_total_and_never_below_zero(daily in prop::collection::vec(0_i64..1_000_000_000, 1..400)) {
        for method in BuiltIn::new(&PlanSettings::default()).methods() {
            if daily.len() < method.least_days() {
                continue;
            }
            let forecast = method.forecast(&series(&daily)).unwrap();
            prop_assert!(forecast.daily().iter().all(|rate| *rate >= Rate::ZERO));
            prop_assert_eq!(forecast, method.forecast(&series(&daily)).unwrap());
        }
    }

    #[test]
    fn any_number_is_forecast_or_refused(daily in prop::collection::vec(any::<i64>(), 0..60)) {
        for method in BuiltIn::new(&PlanSettings::default()).methods() {
            if daily.len() >= method.least_days() && let Err(refused) = method.forecast(&series(&daily)) {
                prop_assert!(matches!(refused, ForecastError::Overflow(_)));
            }
        }
    }

    #[test]
    fn the_default_method_gives_the_plans_forecast(inputs in ordinary(1_000)) {
        prop_assume!(inputs.first_sale_date.is_some() && inputs.given_method.is_none());
        let days = (inputs.day.demand_until - inputs.first_sale_date.unwrap()).num_days() + 1;
        prop_assume!(days <= 30);
        let start = inputs.demand.len() - usize::try_from(days).unwrap();
        let mut inputs = inputs;
        inputs.settings.censor_stockouts = false;
        let series = Series {
            until: inputs.day.demand_until, daily: &inputs.demand[start..], covariates: &[],
        };
        let forecast = BuiltIn::new(&inputs.settings).methods()[0].forecast(&series).unwrap();
        prop_assert_eq!(forecast.daily()[0], inputs.plan().unwrap().daily_forecast);
    }
}

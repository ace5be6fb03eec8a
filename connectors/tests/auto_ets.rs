//! `AutoETS` by hand, as a property, and on a year of real sales.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use chrono::NaiveDate;
use connectors::auto_ets::AutoEts;
use domain::planning::accuracy::Errors;
use domain::planning::forecast::{
    BuiltIn, DailyForecast, ForecastError, ForecastMethod, HORIZON_DAYS, Method, SHORT_HORIZON_DAYS, Series,
};
use domain::planning::{Amount, Demand, PlanSettings, Rate};
use proptest::prelude::*;

#[path = "../../domain/tests/planning/fixture.rs"]
#[expect(dead_code, reason = "of the golden files only histories are read here")]
mod fixture;

fn series(daily: &[i64]) -> Series<'_> {
    Series { until: NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(), daily, covariates: &[] }
}

fn said(daily: &[i64]) -> Result<DailyForecast, ForecastError> {
    assert!(daily.len() >= AutoEts.least_days());
    AutoEts.forecast(&series(daily))
}

fn near(rate: Rate, expected: i64, percent: i64) -> bool {
    (rate.steps() - expected * Rate::ONE).abs() * 100 <= expected * Rate::ONE * percent
}

#[test]
fn a_level_is_found_and_goes_on() {
    for days in [56, 60, 400] {
        let forecast = said(&vec![6; days]).unwrap();
        assert_eq!(forecast.method, Method::AutoEts);
        assert!(forecast.daily().iter().all(|rate| near(*rate, 6, 1)), "{days}: {forecast:?}");
    }
    // Around 20 a day, first below and then above it.
    let restless: Vec<i64> = (0..91).map(|day| 20 + if day % 14 < 7 { -3 } else { 3 }).collect();
    assert!(said(&restless).unwrap().daily().iter().all(|rate| near(*rate, 20, 20)));
}

#[test]
fn weekdays_keep_their_shares_whatever_day_the_history_ends_with() {
    // 12 on one day of the week, 2 on the next one, nothing on the others.
    for until in 88..95_usize {
        let of = |day: usize| [12, 2, 0, 0, 0, 0, 0][day % 7];
        let daily: Vec<i64> = (0..until).map(of).collect();
        let forecast = said(&daily).unwrap();
        for (day, rate) in (until..).zip(forecast.daily()) {
            let expected = of(day);
            assert!(near(*rate, expected, 1), "{day}: {rate} instead of {expected}");
        }
    }
}

#[test]
fn a_trend_goes_on_and_never_below_nothing() {
    let rising: Vec<i64> = (0..91).map(|day| 10 + day / 7 * 5).collect();
    let forecast = said(&rising).unwrap();
    let week = |from: usize| forecast.daily()[from..from + 7].iter().map(|rate| rate.steps()).sum::<i64>();
    assert!(week(0) > 7 * 70 * Rate::ONE, "beyond the last week's 70 a day: {forecast:?}");
    assert!(week(7) > week(0));
    let falling: Vec<i64> = rising.iter().rev().copied().collect();
    let forecast = said(&falling).unwrap();
    assert!(forecast.daily().iter().all(|rate| *rate >= Rate::ZERO));
    assert!(forecast.daily()[HORIZON_DAYS - 1] < forecast.daily()[0], "{forecast:?}");
}

#[test]
fn what_is_empty_or_beyond_reason_gives_no_forecast() {
    let none = Err(ForecastError::NoForecast(Method::AutoEts));
    assert_eq!(said(&[0; 100]), none);
    let mut long_ago = vec![0; 200];
    long_ago[50] = 9;
    assert_eq!(said(&long_ago), none, "nothing within a quarter");
    assert_eq!(said(&[i64::from(i32::MAX); 100]), none);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_gives_the_same_forecast_twice_or_none(
        daily in prop::collection::vec(prop_oneof![3 => Just(0), 2 => 0_i64..50, 1 => 0_i64..1_000_000_000], 56..140),
    ) {
        match said(&daily) {
            Ok(forecast) => {
                prop_assert!(forecast.daily().iter().all(|rate| *rate >= Rate::ZERO));
                prop_assert_eq!(Ok(forecast), said(&daily));
            }
            Err(refused) => prop_assert_eq!(refused, ForecastError::NoForecast(Method::AutoEts)),
        }
    }
}

/// Histories of the real products from their first sale on.
fn histories() -> Vec<Vec<i64>> {
    let fixture = fixture::online_retail_to_the_end();
    let items = fixture.items.iter();
    let from_first = items.filter_map(|item| {
        let (first, _) = Demand::of_series(fixture.until, &item.demand).sold?;
        let days = usize::try_from((fixture.until - first).num_days()).unwrap() + 1;
        Some(item.demand[item.demand.len() - days..].to_vec())
    });
    from_first.collect()
}

/// The last four Fridays that can be judged, by which `docs/forecasting.md` judges every method.
const JUDGED: [usize; 4] = [14, 21, 28, 35];

/// A method's total of 14 days; the rules' where it has nothing to say, as in a run.
fn total(method: &dyn ForecastMethod, rules: &dyn ForecastMethod, known: &[i64]) -> (Rate, bool) {
    let method = Some(method).filter(|method| known.len() >= method.least_days());
    let forecast = method.and_then(|method| method.forecast(&series(known)).ok());
    let spoke = forecast.is_some();
    let forecast = forecast.unwrap_or_else(|| rules.forecast(&series(known)).unwrap());
    (forecast.total(SHORT_HORIZON_DAYS, "forecast_14d").unwrap(), spoke)
}

#[test]
fn on_real_sales_it_is_better_than_the_rules() {
    let built_in = BuiltIn::new(&PlanSettings::default());
    let rules = built_in.methods()[0];
    let (mut by_rules, mut by_ets, mut in_vain) = (Errors::default(), Errors::default(), 0);
    for daily in histories() {
        for newest in JUDGED {
            let Some(length) = daily.len().checked_sub(newest) else { continue };
            let (known, after) = daily.split_at(length);
            if known.iter().rev().take(30).sum::<i64>() == 0 {
                continue;
            }
            let actual: i64 = after[..14].iter().sum();
            by_rules.add(total(rules, rules, known).0, actual, Amount::ZERO).unwrap();
            let (said, spoke) = total(&AutoEts, rules, known);
            by_ets.add(said, actual, Amount::ZERO).unwrap();
            in_vain += u32::from(!spoke);
        }
    }
    for (name, errors) in [("MOVING_AVERAGE", &by_rules), ("AUTO_ETS", &by_ets)] {
        let [wape, bias, mape] = [errors.wape(), errors.bias(), errors.mape()].map(Option::unwrap);
        let (rmse, n) = (errors.rmse().unwrap(), errors.count);
        println!("{name:16} n {n} wape {wape} bias {bias} mape {mape} rmse {rmse}");
    }
    println!("{in_vain} asked in vain");
    assert!(by_ets.absolute * 100 < by_rules.absolute * 95, "by a twentieth");
    assert!(in_vain * 10 < by_ets.count, "it has something to say of most: {in_vain}");
}

//! Back-tests and the automatic choice, by hand and on a year of real sales.

use domain::planning::accuracy::Errors;
use domain::planning::forecast::back_test::{MethodResult, Origins, back_test};
use domain::planning::forecast::choice::Pool;
use domain::planning::forecast::{BuiltIn, ForecastMethod, Method, SHORT_HORIZON_DAYS, Series};
use domain::planning::{Amount, Demand, Fixed, PlanSettings};

use crate::fixture::online_retail_to_the_end;
use crate::inputs::today;

fn tested(daily: &[i64], origins: Origins) -> Vec<MethodResult> {
    let series = Series { until: today(), daily, covariates: &[] };
    let built_in = BuiltIn::new(&PlanSettings::default());
    built_in
        .methods()
        .iter()
        .map(|method| back_test(&series, *method, origins, Amount::whole(2)).unwrap())
        .collect()
}

fn of(results: &[MethodResult], method: Method) -> MethodResult {
    *results.iter().find(|result| result.method == method).unwrap()
}

#[test]
fn steady_demand_is_foreseen_without_errors() {
    for result in tested(&[3; 120], Origins::default()) {
        assert_eq!(result.errors.count, 12, "{}", result.method);
        if result.method == Method::Sba {
            assert_eq!(result.errors.bias().unwrap().to_string(), "-4.69", "its correction is for gaps");
            continue;
        }
        assert_eq!(result.errors.actual, 12 * 14 * 3);
        assert_eq!(result.errors.wape(), Some(Fixed::ZERO), "{}", result.method);
        assert_eq!(result.errors.rmse(), Some(Fixed::ZERO));
        assert_eq!(result.mase(), None, "nothing to compare with");
    }
}

#[test]
fn errors_by_hand() {
    // Twenty days of 10, then 14 days of 5: every method said 140, and 70 were sold.
    let mut daily = vec![10; 20];
    daily.extend([5; 14]);
    let origins = Origins { newest: 14, step: 7, count: 1 };
    let result = of(&tested(&daily, origins), Method::LongAverage);
    assert_eq!((result.errors.count, result.errors.actual), (1, 70));
    assert_eq!(result.errors.wape().unwrap().to_string(), "100.00");
    assert_eq!(result.errors.bias().unwrap().to_string(), "100.00");
    assert_eq!(result.errors.mape().unwrap().to_string(), "100.00");
    assert_eq!(result.errors.rmse().unwrap().to_string(), "70.0000");
    assert_eq!(result.errors.value().unwrap().to_string(), "140.00", "70 units at 2.00");
    assert_eq!(result.errors.wape_at_cost().unwrap().to_string(), "100.00", "140.00 of 140.00");
}

#[test]
fn a_method_sees_nothing_after_its_origin() {
    let mut daily: Vec<i64> = (0..100).map(|day| day % 5).collect();
    let before = tested(&daily, Origins { newest: 28, step: 7, count: 4 });
    for units in &mut daily[86..] {
        *units = 1_000;
    }
    assert_eq!(tested(&daily, Origins { newest: 28, step: 7, count: 4 }), before);
    assert_ne!(tested(&daily, Origins { newest: 14, step: 7, count: 4 }), before);
}

#[test]
fn the_mean_absolute_scaled_error_compares_with_saying_the_same_again() {
    // Two weeks of 0 and two of 10, over and over: "the same again" is always wrong by 140.
    let daily: Vec<i64> = (0..168).map(|day| if (day / 14) % 2 == 0 { 10 } else { 0 }).collect();
    let origins = Origins { newest: 14, step: 28, count: 5 };
    let result = of(&tested(&daily, origins), Method::LongAverage);
    assert_eq!(result.errors.count, 5);
    let mase = result.mase().unwrap();
    assert!(mase > Fixed::ZERO && mase < Fixed::whole(2), "{mase}");
    let none = of(&tested(&daily[..20], origins), Method::LongAverage);
    assert_eq!((none.errors.count, none.mase()), (1, None), "too short to compare");
}

#[test]
fn a_series_too_short_for_an_origin_has_no_errors() {
    for result in tested(&[1; 14], Origins::default()) {
        assert_eq!(result.errors, Errors::default());
        assert_eq!((result.errors.wape(), result.errors.rmse(), result.mase()), (None, None, None));
    }
}

#[test]
fn the_choice_takes_what_is_better_and_keeps_the_default_on_ties() {
    let tied = tested(&[3; 120], Origins::default());
    let mut pool = Pool::default();
    pool.add(&tied).unwrap();
    assert_eq!(pool.choose(&tied), Method::MovingAverage);
    assert_eq!(pool.choose(&[]), Method::MovingAverage);
    assert_eq!(Pool::default().choose(&tied), Method::MovingAverage, "nothing to learn from");

    // Every fourth week sells: long memory wins over the last two weeks.
    let daily: Vec<i64> = (0..280).map(|day| if day % 28 < 7 { 8 } else { 0 }).collect();
    let results = tested(&daily, Origins::default());
    let mut pool = Pool::default();
    pool.add(&results).unwrap();
    let chosen = pool.choose(&results);
    assert_ne!(chosen, Method::MovingAverage);
    assert!(of(&results, chosen).errors.absolute < of(&results, Method::MovingAverage).errors.absolute);
}

/// What a method says at an origin, the default where it cannot say anything.
fn said(methods: &[&dyn ForecastMethod], chosen: Method, series: &Series<'_>) -> Fixed<4> {
    let method = methods.iter().find(|method| method.method() == chosen).unwrap();
    let method = if series.daily.len() < method.least_days() { &methods[0] } else { method };
    method.forecast(series).unwrap().total(SHORT_HORIZON_DAYS, "forecast_14d").unwrap()
}

/// Histories of the real products from their first sale on.
pub(crate) fn histories() -> Vec<Vec<i64>> {
    let fixture = online_retail_to_the_end();
    let items = fixture.items.iter();
    let from_first = items.filter_map(|item| {
        let (first, _) = Demand::of_series(fixture.until, &item.demand).sold?;
        let days = usize::try_from((fixture.until - first).num_days()).unwrap() + 1;
        Some(item.demand[item.demand.len() - days..].to_vec())
    });
    from_first.collect()
}

/// The last four Fridays that can be judged; what was learnt for choosing ends before the first of them.
const JUDGED: Origins = Origins { newest: 14, step: 7, count: 4 };
const LEARNT: Origins = Origins { newest: 14 + 3 * 7 + 14, step: 7, count: 12 };

#[test]
fn on_real_sales_the_automatic_choice_beats_the_default_on_days_that_it_did_not_learn_from() {
    let histories = histories();
    let (settings, built_in) = (PlanSettings::default(), BuiltIn::new(&PlanSettings::default()));
    assert_eq!(settings.volatility_high_ratio, Fixed::of_steps(120));
    let methods = built_in.methods();
    let mut pool = Pool::default();
    let learnt: Vec<Vec<MethodResult>> = histories.iter().map(|daily| tested(daily, LEARNT)).collect();
    for results in &learnt {
        pool.add(results).unwrap();
    }
    let mut judged: Vec<(String, Errors)> =
        methods.iter().map(|method| (method.method().to_string(), Errors::default())).collect();
    let mut automatic = Errors::default();
    for (daily, results) in histories.iter().zip(&learnt) {
        let chosen = pool.choose(results);
        for origin in 0..JUDGED.count {
            let Some(length) = daily.len().checked_sub(JUDGED.newest + origin * JUDGED.step) else {
                continue;
            };
            let (known, after) = daily.split_at(length);
            if known.iter().rev().take(30).sum::<i64>() == 0 {
                continue;
            }
            let series = Series { until: today(), daily: known, covariates: &[] };
            let actual: i64 = after[..14].iter().sum();
            for ((_, errors), method) in judged.iter_mut().zip(&methods) {
                errors.add(said(&methods, method.method(), &series), actual, Amount::ZERO).unwrap();
            }
            automatic.add(said(&methods, chosen, &series), actual, Amount::ZERO).unwrap();
        }
    }
    judged.push(("AUTOMATIC".to_owned(), automatic));
    for (name, errors) in &judged {
        let [wape, bias, mape] = [errors.wape(), errors.bias(), errors.mape()].map(Option::unwrap);
        println!(
            "{name:16} n {} wape {wape} bias {bias} mape {mape} rmse {}",
            errors.count,
            errors.rmse().unwrap()
        );
    }
    let share = automatic.absolute * 100 / judged[0].1.absolute;
    assert!(share <= 95, "the automatic choice has {share} % of the default's errors");
}

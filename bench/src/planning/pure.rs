//! The computation alone, on one thread: forecasts beside statsforecast, whole plans beside pandas.

use std::hint::black_box;
use std::time::Instant;

use domain::companies::Settings;
use domain::planning::average::Spread;
use domain::planning::demand::{History, Window};
use domain::planning::forecast::{ForecastCase, SHORT_HORIZON_DAYS};
use domain::planning::{Demand, ItemPlan, Overflow, PlanSettings, Rate, plan};

use super::figures;
use super::python::{self, Found};
use super::real::{Item, Shelf};
use crate::report::Report;

/// Times that everything is measured; the middle one counts.
const ROUNDS: usize = 9;
const DAYS: usize = 14;

/// Measures both. The figures are those of the peers: anything else ends the measurement.
pub(crate) fn measure(report: &mut Report) -> anyhow::Result<()> {
    let shelf = Shelf::read()?;
    let settings = PlanSettings::from(&Settings::default());
    let folder = tempfile::tempdir()?;
    shelf.write(folder.path())?;
    let items = shelf.items.len();
    let ours = timed(|| forecasts(&shelf))?;
    report.millis(&format!("14 days of forecasts of {items} real items, one thread"), ours * 1_000.0);
    match python::run("window_average.py", folder.path(), ROUNDS)? {
        Ok(found) => {
            same_sums(&shelf, &found)?;
            beside("forecasts", ours, found, report);
        }
        Err(missing) => report.note("statsforecast was not measured", &missing),
    }
    let ours = timed(|| plans(&shelf, &settings))?;
    report.millis(&format!("whole plans of {items} real items, one thread"), ours * 1_000.0);
    match python::run("pandas_plan.py", folder.path(), ROUNDS)? {
        Ok(found) => {
            let same = figures::compare(&plans(&shelf, &settings)?, &folder.path().join("pandas.csv"))?;
            beside("plans", ours, found, report);
            report.count("figures of plans that equal those of pandas", same);
        }
        Err(missing) => report.note("pandas was not measured", &missing),
    }
    Ok(())
}

fn beside(what: &str, ours: f64, found: Found, report: &mut Report) {
    let theirs = middle(found.seconds);
    report.millis(&format!("the same {what} by {}", found.library), theirs * 1_000.0);
    report.ratio(&format!("{what}: {} / ours, in time", found.library), theirs / ours);
}

fn timed<T>(work: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<f64> {
    let mut seconds = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        black_box(work()?);
        seconds.push(begun.elapsed().as_secs_f64());
    }
    Ok(middle(seconds))
}

fn middle(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

fn plans(shelf: &Shelf, settings: &PlanSettings) -> anyhow::Result<Vec<ItemPlan>> {
    let mut plans = Vec::with_capacity(shelf.items.len());
    for item in &shelf.items {
        plans.push(shelf.with(item, settings, plan)?);
    }
    Ok(plans)
}

/// Fourteen days by the mean of 7 days, of 14 days, and by the rules.
type Forecasts = [[Rate; DAYS]; 3];

fn forecasts(shelf: &Shelf) -> anyhow::Result<Vec<Forecasts>> {
    let ratio = PlanSettings::from(&Settings::default()).volatility_high_ratio;
    let mut all = Vec::with_capacity(shelf.items.len());
    for item in &shelf.items {
        let demand = Demand::of_series(shelf.until, &item.daily);
        let history = History::of(&demand, shelf.until);
        let week = Window::of(&demand, &history, 7, "sum_7").map_err(failed)?;
        let fortnight = Window::of(&demand, &history, SHORT_HORIZON_DAYS, "sum_14").map_err(failed)?;
        let spread = Spread::of(&week, &fortnight, history.days, ratio).map_err(failed)?;
        let case = ForecastCase::of(&history, &week, &fortnight, spread.volatility);
        let seven = week.mean("ma_7").map_err(failed)?.unwrap_or(Rate::ZERO);
        let fourteen = fortnight.mean("ma_14").map_err(failed)?.unwrap_or(Rate::ZERO);
        let daily = case.daily(&week, &fortnight).map_err(failed)?;
        all.push([[seven; DAYS], [fourteen; DAYS], [daily; DAYS]]);
    }
    Ok(all)
}

fn failed(overflow: Overflow) -> anyhow::Error {
    overflow.into()
}

/// The peer saw the same demand: its means are taken over 7 and 14 days whatever the history.
fn same_sums(shelf: &Shelf, found: &Found) -> anyhow::Result<()> {
    let sum = |item: &Item, days: usize| item.daily.iter().rev().take(days).sum::<i64>();
    for ((days, times), theirs) in [(7, 2.0), (14, 1.0)].into_iter().zip(&found.sums) {
        let units: i64 = shelf.items.iter().map(|item| sum(item, days)).sum();
        let ours = f64::from(u32::try_from(units)?) * times;
        anyhow::ensure!((ours - theirs).abs() < 1.0, "the peer forecast {theirs} in place of {ours}");
    }
    anyhow::ensure!(found.sums.len() == 2, "the peer told other sums");
    Ok(())
}

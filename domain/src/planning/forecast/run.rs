//! What a run of forecasts says of each item (decision 28): by the rules, or for each item by the method that a
//! back-test liked best. A model outside is asked elsewhere; where it does not answer, the rules speak.

use crate::planning::event::PublishedForecast;
use crate::planning::forecast::back_test::{MethodResult, Origins, back_test};
use crate::planning::forecast::choice::Pool;
use crate::planning::forecast::{
    BuiltIn, DailyForecast, ForecastMethod, HORIZON_DAYS, Method, SHORT_HORIZON_DAYS, Series,
};
use crate::planning::input::PlanSettings;
use crate::planning::number::{Amount, Overflow, Rate};
use crate::planning::plan::ItemPlan;
use crate::shared::ids::ItemId;

/// What a run knows of one item.
#[derive(Debug, Clone, Copy)]
pub struct RunItem<'a> {
    /// The item.
    pub item_id: &'a ItemId,
    /// Its plan by the rules (R7, R8).
    pub by_rules: &'a ItemPlan,
    /// Its history; only methods beside the rules look at it.
    pub series: Series<'a>,
    /// Settings that hold for it.
    pub settings: &'a PlanSettings,
}

impl RunItem<'_> {
    /// What the rules say.
    pub fn by_rules(&self) -> PublishedForecast {
        PublishedForecast {
            item_id: self.item_id.clone(),
            method: self.by_rules.method,
            model: None,
            daily_forecast: self.by_rules.daily_forecast,
            forecast_14d: self.by_rules.forecast_14d,
            forecast_30d: self.by_rules.forecast_30d,
            daily: Vec::new(),
            quantiles: Vec::new(),
        }
    }

    /// Each method's back-test; nothing where one cannot be computed.
    fn results(&self, more: &[&dyn ForecastMethod]) -> Vec<MethodResult> {
        let built_in = BuiltIn::new(self.settings);
        let methods = built_in.methods();
        let tested = methods
            .iter()
            .chain(more)
            .map(|method| back_test(&self.series, *method, Origins::default(), Amount::ZERO));
        tested.collect::<Result<_, Overflow>>().unwrap_or_default()
    }

    /// What one method says; the rules where they are that method, or where it cannot say anything.
    fn by(&self, chosen: Method, more: &[&dyn ForecastMethod]) -> PublishedForecast {
        if chosen == Method::MovingAverage {
            return self.by_rules();
        }
        let built_in = BuiltIn::new(self.settings);
        let methods = built_in.methods();
        let method = methods.iter().chain(more).find(|method| method.method() == chosen);
        method.map_or_else(|| self.by_rules(), |method| self.by_method(*method))
    }

    /// What a method says; the rules where it cannot say anything.
    pub fn by_method(&self, method: &dyn ForecastMethod) -> PublishedForecast {
        let method = Some(method).filter(|method| self.series.daily.len() >= method.least_days());
        let forecast = method.and_then(|method| method.forecast(&self.series).ok());
        let published =
            forecast.and_then(|forecast| PublishedForecast::of_days(self.item_id, &forecast).ok());
        published.unwrap_or_else(|| self.by_rules())
    }
}

/// For each item what the method says that a back-test over all of them liked best, in their order. `more` are methods
/// beside those that are built in.
pub fn automatic(items: &[RunItem<'_>], more: &[&dyn ForecastMethod]) -> Vec<PublishedForecast> {
    let results: Vec<Vec<MethodResult>> = items.iter().map(|item| item.results(more)).collect();
    let mut pool = Pool::default();
    for results in &results {
        // An item whose errors do not fit teaches nothing.
        pool.add(results).unwrap_or_default();
    }
    items.iter().zip(&results).map(|(item, results)| item.by(pool.choose(results), more)).collect()
}

impl PublishedForecast {
    /// The days of a method, as they are published (R7).
    pub fn of_days(item_id: &ItemId, forecast: &DailyForecast) -> Result<Self, Overflow> {
        let forecast_14d = forecast.total(SHORT_HORIZON_DAYS, "forecast_14d")?;
        let days = i128::from(SHORT_HORIZON_DAYS) * i128::from(Rate::ONE);
        let daily = forecast.daily();
        let all_the_same = daily.iter().all(|day| Some(day) == daily.first());
        let horizon = u32::try_from(HORIZON_DAYS).unwrap_or(u32::MAX);
        Ok(Self {
            item_id: item_id.clone(),
            method: forecast.method,
            model: None,
            daily_forecast: Rate::ratio(forecast_14d.steps().into(), days, "daily_forecast")?,
            forecast_14d,
            forecast_30d: forecast.total(horizon, "forecast_30d")?,
            daily: if all_the_same { Vec::new() } else { daily.to_vec() },
            quantiles: Vec::new(),
        })
    }

    /// Whether the rules say so themselves (R7, R8): then a plan follows them, which know what happened since.
    pub fn is_by_rules(&self) -> bool {
        matches!(self.method, Method::MovingAverage | Method::Manual | Method::CategoryDefault)
    }
}

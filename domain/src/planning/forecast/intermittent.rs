//! Methods for demand with many days without any: Croston (1972), Syntetos and Boylan (2005), Teunter, Syntetos and
//! Babai (2011). They smooth how much is bought apart from how often.

use crate::planning::forecast::fixed_point::{Level, Share};
use crate::planning::forecast::{DailyForecast, ForecastError, ForecastMethod, Method, Series};
use crate::planning::number::Overflow;
use crate::shared::quantity::Units;

/// Weight of the newest demand and interval: 6/64, near the customary 0.1.
const ALPHA: Share = Share::of_64(6);

/// `1 - ALPHA / 2`, the correction of SBA: 61/64.
const CORRECTION: Share = Share::of_64(61);

/// Weight of the newest day in how likely a demand is: 2/64.
const TSB_PROBABILITY: Share = Share::of_64(2);

/// Days whose share of days with demand begins the probability.
const FIRST_DAYS: usize = 28;

/// Size over interval.
#[derive(Debug, Clone, Copy)]
pub struct Croston;

/// Croston's method without its bias.
#[derive(Debug, Clone, Copy)]
pub struct Sba;

/// Size times probability; fades while nobody buys.
#[derive(Debug, Clone, Copy)]
pub struct Tsb;

impl ForecastMethod for Croston {
    fn method(&self) -> Method {
        Method::Croston
    }

    fn least_days(&self) -> usize {
        1
    }

    fn forecast(&self, series: &Series<'_>) -> Result<DailyForecast, ForecastError> {
        let level = size_over_interval(series.daily)?;
        Ok(DailyForecast::constant(Method::Croston, level.rate()?))
    }
}

impl ForecastMethod for Sba {
    fn method(&self) -> Method {
        Method::Sba
    }

    fn least_days(&self) -> usize {
        1
    }

    fn forecast(&self, series: &Series<'_>) -> Result<DailyForecast, ForecastError> {
        let level = size_over_interval(series.daily)?.times(CORRECTION)?;
        Ok(DailyForecast::constant(Method::Sba, level.rate()?))
    }
}

/// Begins with the first size and the first interval; a single demand waits for the whole history.
fn size_over_interval(daily: &[Units]) -> Result<Level, Overflow> {
    let mut sold = daily.iter().enumerate().filter(|(_, units)| **units > 0);
    let Some((first, units)) = sold.next() else { return Ok(Level::ZERO) };
    let mut size = Level::units(*units)?;
    let mut interval: Option<Level> = None;
    let mut before = first;
    for (day, units) in sold {
        let waited = days(day - before)?;
        interval = Some(interval.map_or(Ok(waited), |mean| mean.towards(waited, ALPHA))?);
        size = size.towards(Level::units(*units)?, ALPHA)?;
        before = day;
    }
    size.over(interval.map_or_else(|| days(daily.len()), Ok)?)
}

fn days(count: usize) -> Result<Level, Overflow> {
    Level::units(i64::try_from(count).unwrap_or(i64::MAX))
}

impl ForecastMethod for Tsb {
    fn method(&self) -> Method {
        Method::Tsb
    }

    fn least_days(&self) -> usize {
        1
    }

    fn forecast(&self, series: &Series<'_>) -> Result<DailyForecast, ForecastError> {
        let first = series.daily.get(..FIRST_DAYS).unwrap_or(series.daily);
        let bought = first.iter().filter(|units| **units > 0).count();
        let mut probability = days(bought)?.over(days(first.len())?)?;
        let mut size: Option<Level> = None;
        for units in series.daily {
            let happened = if *units > 0 { Level::ONE } else { Level::ZERO };
            probability = probability.towards(happened, TSB_PROBABILITY)?;
            if *units > 0 {
                let seen = Level::units(*units)?;
                size = Some(size.map_or(Ok(seen), |mean| mean.towards(seen, ALPHA))?);
            }
        }
        let level = size.unwrap_or(Level::ZERO).by(probability)?;
        Ok(DailyForecast::constant(Method::Tsb, level.rate()?))
    }
}

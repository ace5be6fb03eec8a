//! Exponential smoothing: simple, and with a damped trend. The weights are those that would have served the history
//! best, one day ahead.

use crate::planning::forecast::fixed_point::{Level, Share};
use crate::planning::forecast::{DailyForecast, ForecastError, ForecastMethod, HORIZON_DAYS, Method, Series};
use crate::planning::number::{Overflow, Rate};
use crate::shared::quantity::Units;

/// Weights of the newest day that are tried, in 64ths.
const ALPHAS: [u8; 5] = [2, 4, 8, 16, 24];

/// Weights of the level and of the trend that are tried together, in 64ths.
const HOLT_WEIGHTS: [(u8, u8); 6] = [(2, 1), (4, 1), (4, 2), (8, 1), (8, 4), (16, 4)];

/// What is left of a trend after a day: 60/64.
const DAMPING: Share = Share::of_64(60);

/// Days whose mean begins the level.
const FIRST_DAYS: usize = 7;

/// Simple exponential smoothing: one level, the same for every day to come.
#[derive(Debug, Clone, Copy)]
pub struct Ses;

/// Level and trend, of which 60/64 are left after each day.
#[derive(Debug, Clone, Copy)]
pub struct Holt;

impl ForecastMethod for Ses {
    fn method(&self) -> Method {
        Method::Ses
    }

    fn least_days(&self) -> usize {
        14
    }

    fn forecast(&self, series: &Series<'_>) -> Result<DailyForecast, ForecastError> {
        let mut best: Option<(i128, Level)> = None;
        for alpha in ALPHAS {
            let tried = smoothed(series.daily, Share::of_64(alpha))?;
            if best.is_none_or(|(error, _)| tried.0 < error) {
                best = Some(tried);
            }
        }
        let level = best.map_or(Level::ZERO, |(_, level)| level);
        Ok(DailyForecast::constant(Method::Ses, level.rate()?))
    }
}

/// Sum of squared errors one day ahead, and the level at the end.
fn smoothed(daily: &[Units], alpha: Share) -> Result<(i128, Level), Overflow> {
    let mut level = Level::mean(daily.get(..FIRST_DAYS).unwrap_or(daily))?;
    let mut error = 0_i128;
    for units in daily {
        let seen = Level::units(*units)?;
        error = error.saturating_add(seen.minus(level)?.squared());
        level = level.towards(seen, alpha)?;
    }
    Ok((error, level))
}

impl ForecastMethod for Holt {
    fn method(&self) -> Method {
        Method::Holt
    }

    fn least_days(&self) -> usize {
        21
    }

    fn forecast(&self, series: &Series<'_>) -> Result<DailyForecast, ForecastError> {
        let mut best: Option<(i128, Level, Level)> = None;
        for (alpha, beta) in HOLT_WEIGHTS {
            let tried = trended(series.daily, Share::of_64(alpha), Share::of_64(beta))?;
            if best.is_none_or(|(error, ..)| tried.0 < error) {
                best = Some(tried);
            }
        }
        let (mut level, mut trend) = best.map_or_else(Default::default, |(_, level, trend)| (level, trend));
        let mut daily = [Rate::ZERO; HORIZON_DAYS];
        for value in &mut daily {
            trend = trend.times(DAMPING)?;
            level = level.plus(trend)?;
            *value = level.rate()?;
        }
        Ok(DailyForecast::new(Method::Holt, daily))
    }
}

/// Sum of squared errors one day ahead, level and trend at the end.
fn trended(daily: &[Units], alpha: Share, beta: Share) -> Result<(i128, Level, Level), Overflow> {
    let mut level = Level::mean(daily.get(..FIRST_DAYS).unwrap_or(daily))?;
    let mut trend = Level::ZERO;
    let mut error = 0_i128;
    for units in daily {
        let seen = Level::units(*units)?;
        let damped = trend.times(DAMPING)?;
        let expected = level.plus(damped)?;
        error = error.saturating_add(seen.minus(expected)?.squared());
        let next = expected.towards(seen, alpha)?;
        trend = damped.towards(next.minus(level)?, beta)?;
        level = next;
    }
    Ok((error, level, trend))
}

//! Forecasts that a model outside of the product made: what it is asked, what it answers, and what of that is taken.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::planning::forecast::{DailyForecast, HORIZON_DAYS, Method};
use crate::planning::number::Rate;
use crate::shared::quantity::MAX_QUANTITY;

/// Longest name of a model, in characters.
pub const MAX_MODEL_CHARS: usize = 100;

/// Most quantiles of one forecast.
pub const MAX_QUANTILES: usize = 20;

/// What a model says of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalForecast {
    /// Name and version of the model.
    pub model: String,
    /// Units a day, the first for the day after the last complete one; [`HORIZON_DAYS`] or more.
    #[serde(with = "decimals")]
    pub daily: Vec<Decimal>,
    /// How much less or more it may be, rising.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<Quantile>,
}

/// Demand that is exceeded only with a certain chance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantile {
    /// Chance in percent that demand is at most this, 1 to 99.
    pub percent: u8,
    /// Units a day.
    #[serde(with = "decimals")]
    pub daily: Vec<Decimal>,
}

/// Why an outside forecast is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExternalRefusal {
    /// The model has no name, or one that is too long.
    #[error("model must have 1 to {MAX_MODEL_CHARS} characters")]
    NoModel,
    /// Fewer days than are planned for.
    #[error("{field} must have at least {HORIZON_DAYS} days, has {days}")]
    TooFewDays {
        /// `daily` or `quantiles`.
        field: &'static str,
        /// Days found.
        days: usize,
    },
    /// A value below 0.
    #[error("{field} must not be negative")]
    Negative {
        /// `daily` or `quantiles`.
        field: &'static str,
    },
    /// A value that cannot be planned with.
    #[error("{field} is too large")]
    TooLarge {
        /// `daily` or `quantiles`.
        field: &'static str,
    },
    /// A total of more days below that of fewer.
    #[error("forecast_30d must not be below forecast_14d")]
    TotalsCross,
    /// Quantiles that are not between 1 and 99 percent, do not rise, or are too many.
    #[error("quantiles must rise from 1 to 99 percent, at most {MAX_QUANTILES} of them")]
    QuantilesDisordered,
}

/// An outside forecast that can be planned with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedForecast {
    /// Name and version of the model.
    pub model: String,
    /// What is planned with.
    pub forecast: DailyForecast,
    /// Demand of the days by percent, rising.
    pub quantiles: Vec<(u8, [Rate; HORIZON_DAYS])>,
}

impl ExternalForecast {
    /// The forecast with values rounded to four places, or the first thing that is wrong with it.
    pub fn accepted(self) -> Result<AcceptedForecast, ExternalRefusal> {
        let model = self.model.trim();
        if model.is_empty() || model.chars().count() > MAX_MODEL_CHARS {
            return Err(ExternalRefusal::NoModel);
        }
        let daily = days("daily", &self.daily)?;
        let percents = || self.quantiles.iter().map(|quantile| quantile.percent);
        let rising = percents().zip(percents().skip(1)).all(|(lower, upper)| lower < upper);
        let within = percents().all(|percent| (1..=99).contains(&percent));
        if !rising || !within || self.quantiles.len() > MAX_QUANTILES {
            return Err(ExternalRefusal::QuantilesDisordered);
        }
        let quantiles = self.quantiles.iter();
        Ok(AcceptedForecast {
            model: model.to_owned(),
            forecast: DailyForecast::new(Method::External, daily),
            quantiles: quantiles
                .map(|quantile| Ok((quantile.percent, days("quantiles", &quantile.daily)?)))
                .collect::<Result<_, ExternalRefusal>>()?,
        })
    }
}

fn days(field: &'static str, values: &[Decimal]) -> Result<[Rate; HORIZON_DAYS], ExternalRefusal> {
    if values.len() < HORIZON_DAYS {
        return Err(ExternalRefusal::TooFewDays { field, days: values.len() });
    }
    let mut daily = [Rate::ZERO; HORIZON_DAYS];
    for (rate, value) in daily.iter_mut().zip(values) {
        *rate = Rate::from_decimal(*value).ok_or(ExternalRefusal::TooLarge { field })?;
        if *rate < Rate::ZERO {
            return Err(ExternalRefusal::Negative { field });
        }
        if *value > Decimal::from(MAX_QUANTITY) {
            return Err(ExternalRefusal::TooLarge { field });
        }
    }
    Ok(daily)
}

/// Lists of decimals as lists of texts.
mod decimals {
    use std::str::FromStr;

    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(values: &[Decimal], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(Decimal::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Decimal>, D::Error> {
        let texts = Vec::<serde_json::Value>::deserialize(deserializer)?;
        texts.iter().map(|value| read(value).ok_or_else(|| de::Error::custom("no decimal"))).collect()
    }

    /// A decimal text or a JSON number, by its digits.
    fn read(value: &serde_json::Value) -> Option<Decimal> {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
    }
}

//! Forecasts that were made elsewhere and are brought in, as a run publishes them.

use rust_decimal::Decimal;

use crate::planning::event::{PublishedForecast, PublishedQuantile};
use crate::planning::forecast::external::{AcceptedForecast, ExternalForecast, ExternalRefusal, Quantile};
use crate::planning::forecast::{HORIZON_DAYS, SHORT_HORIZON_DAYS};
use crate::planning::number::{Overflow, Rate};
use crate::shared::ids::ItemId;
use crate::shared::quantity::MAX_QUANTITY;

/// What another program says of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedForecast {
    /// The item, as the program names it.
    pub item_id: ItemId,
    /// Name and version of the model.
    pub model: String,
    /// What it expects.
    pub figures: Figures,
    /// How much less or more it may be, rising.
    pub quantiles: Vec<Quantile>,
}

/// What is expected, in units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Figures {
    /// Of each day, the first for the day after the last complete one; [`HORIZON_DAYS`] or more.
    Daily(Vec<Decimal>),
    /// Of 14 and of 30 days; within them every day is the same, but for the last place.
    Totals {
        /// Demand of the first 14 days.
        forecast_14d: Decimal,
        /// Demand of 30 days, those 14 among them.
        forecast_30d: Decimal,
    },
}

impl ImportedForecast {
    /// The forecast as it is published, or the first thing that is wrong with it.
    pub fn published(self) -> Result<PublishedForecast, ExternalRefusal> {
        let daily = match self.figures {
            Figures::Daily(daily) => daily,
            Figures::Totals { forecast_14d, forecast_30d } => spread(forecast_14d, forecast_30d)?,
        };
        let accepted = ExternalForecast { model: self.model, daily, quantiles: self.quantiles }.accepted()?;
        accepted
            .published(&self.item_id)
            .map_err(|Overflow { value }| ExternalRefusal::TooLarge { field: value })
    }
}

/// Days that add up to both totals exactly, in steps of the last place.
fn spread(forecast_14d: Decimal, forecast_30d: Decimal) -> Result<Vec<Decimal>, ExternalRefusal> {
    let short_days = i64::from(SHORT_HORIZON_DAYS);
    let rest_days = i64::try_from(HORIZON_DAYS).unwrap_or(short_days) - short_days;
    let short = total("forecast_14d", forecast_14d, short_days)?;
    let whole = total("forecast_30d", forecast_30d, short_days + rest_days)?;
    if whole < short {
        return Err(ExternalRefusal::TotalsCross);
    }
    Ok(evenly(short.steps(), short_days).chain(evenly(whole.steps() - short.steps(), rest_days)).collect())
}

fn total(field: &'static str, value: Decimal, days: i64) -> Result<Rate, ExternalRefusal> {
    let within = Some(value).filter(|value| *value <= Decimal::from(MAX_QUANTITY * days));
    let rate = within.and_then(Rate::from_decimal).ok_or(ExternalRefusal::TooLarge { field })?;
    if rate < Rate::ZERO { Err(ExternalRefusal::Negative { field }) } else { Ok(rate) }
}

fn evenly(steps: i64, days: i64) -> impl Iterator<Item = Decimal> {
    let (each, left) = (steps / days, steps % days);
    (0..days).map(move |day| Rate::of_steps(each + i64::from(day < left)).decimal())
}

impl AcceptedForecast {
    /// The forecast of an item as it is published (R7).
    pub fn published(self, item_id: &ItemId) -> Result<PublishedForecast, Overflow> {
        let quantiles = self.quantiles.into_iter();
        Ok(PublishedForecast {
            model: Some(self.model),
            quantiles: quantiles
                .map(|(percent, daily)| PublishedQuantile { percent, daily: daily.to_vec() })
                .collect(),
            ..PublishedForecast::of_days(item_id, &self.forecast)?
        })
    }
}

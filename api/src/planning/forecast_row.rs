//! A forecast of one item as other programs write it.

use commands::{RefusalKind, Refused};
use domain::planning::event::PublishedForecast;
use domain::planning::forecast::external::{ExternalRefusal, Quantile};
use domain::planning::forecast::imported::{Figures, ImportedForecast};
use domain::shared::ids::ItemId;
use rust_decimal::Decimal;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::catalogue::Amount;

/// What another program expects of an item: `daily`, or `forecast_14d` and `forecast_30d`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForecastRow {
    /// Item id, sku or barcode of the product.
    #[serde(alias = "sku")]
    #[schema(example = "85123A")]
    item_id: String,
    /// Name and version of the model, at most 100 characters.
    #[schema(example = "chronos-2")]
    model: String,
    /// Units of each day, the first for the day after the last complete one; 30 or more, of which 30 count.
    #[serde(default)]
    #[schema(value_type = Option<Vec<f64>>)]
    daily: Option<Vec<Amount>>,
    /// Units of the first 14 days; within them every day is the same.
    #[serde(default)]
    #[schema(value_type = Option<f64>, example = 42)]
    forecast_14d: Option<Amount>,
    /// Units of 30 days, those 14 among them.
    #[serde(default)]
    #[schema(value_type = Option<f64>, example = 90.5)]
    forecast_30d: Option<Amount>,
    /// How much less or more it may be, by rising percent; at most 20.
    #[serde(default)]
    quantiles: Vec<QuantileRow>,
}

/// Demand that is exceeded only with a certain chance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ForecastQuantile)]
struct QuantileRow {
    /// Chance in percent that demand is at most this, 1 to 99.
    #[schema(minimum = 1, maximum = 99, example = 90)]
    percent: u8,
    /// Units of each day, 30 or more.
    #[schema(value_type = Vec<f64>)]
    daily: Vec<Amount>,
}

impl ForecastRow {
    /// The forecast of the item that it names.
    pub(super) fn into_forecast(self) -> Result<PublishedForecast, Refused> {
        let item_id = ItemId::new(&self.item_id).map_err(|error| {
            Refused::new("invalid_key", RefusalKind::Invalid, error.to_string()).at("/item_id")
        })?;
        let figures = match (self.daily, self.forecast_14d, self.forecast_30d) {
            (Some(daily), None, None) => Figures::Daily(decimals(daily)),
            (None, Some(short), Some(whole)) => {
                Figures::Totals { forecast_14d: short.0, forecast_30d: whole.0 }
            }
            _ => {
                let message = "give daily, or forecast_14d and forecast_30d";
                return Err(Refused::new("unclear_figures", RefusalKind::Invalid, message));
            }
        };
        let quantile = |row: QuantileRow| Quantile { percent: row.percent, daily: decimals(row.daily) };
        let quantiles = self.quantiles.into_iter().map(quantile).collect();
        let forecast = ImportedForecast { item_id, model: self.model, figures, quantiles };
        forecast.published().map_err(|refusal| refusal_of(&refusal))
    }
}

fn decimals(amounts: Vec<Amount>) -> Vec<Decimal> {
    amounts.into_iter().map(|amount| amount.0).collect()
}

fn refusal_of(refusal: &ExternalRefusal) -> Refused {
    let refused = |code: &'static str, place: &str| {
        Refused::new(code, RefusalKind::Invalid, refusal.to_string()).at(format!("/{place}"))
    };
    match refusal {
        ExternalRefusal::NoModel => refused("invalid_model", "model"),
        ExternalRefusal::TooFewDays { field, .. } => refused("too_few_days", field),
        ExternalRefusal::Negative { field } => refused("negative", field),
        ExternalRefusal::TooLarge { field } => refused("too_large", field),
        ExternalRefusal::TotalsCross => refused("totals_cross", "forecast_30d"),
        ExternalRefusal::QuantilesDisordered => refused("quantiles_disordered", "quantiles"),
    }
}

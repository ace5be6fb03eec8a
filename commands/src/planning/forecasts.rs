//! Runs of forecasts, the product's own and those of others.

use std::collections::HashSet;
use std::sync::Arc;

use domain::planning::PublishForecasts;
use domain::planning::event::{ForecastRunPublished, PublishedForecast};
use domain::planning::state::ForecastRun;

use super::key_of;
use crate::operation::Outcome;
use crate::refused::{RefusalKind, Refused};
use crate::workspace::{Stop, Workspace};

impl Workspace<'_> {
    /// Publishes a run as a whole: the forecasts of the items that are known, each once; what is said of the others is
    /// refused by itself. Nothing is published where nothing is left.
    pub(crate) fn publish_forecasts(
        &mut self,
        run: &ForecastRunPublished,
        forecasts: &[PublishedForecast],
    ) -> Result<Outcome, Stop> {
        self.founded()?;
        if let Some(location_id) = &run.location_id {
            self.known_location(location_id, RefusalKind::NotFound)?;
        }
        let mut refused = Vec::new();
        let mut taken = Vec::with_capacity(forecasts.len());
        let mut items = HashSet::with_capacity(forecasts.len());
        for (index, forecast) in forecasts.iter().enumerate() {
            match self.directory()?.resolve(&forecast.item_id) {
                Ok(key) if items.insert(key.clone()) => {
                    taken.push(PublishedForecast { item_id: key_of(&key)?, ..forecast.clone() });
                }
                Ok(_) => refused.push((index, item_twice(forecast))),
                Err(unknown) => refused.push((index, unknown)),
            }
        }
        let count = taken.len();
        if count > 0 {
            let stream: Arc<str> = Arc::from(run.run_id.to_string());
            let command = PublishForecasts { run: run.clone(), forecasts: taken };
            self.change_planning::<ForecastRun>(&stream, command)?;
        }
        Ok(Outcome::ForecastsPublished { run_id: run.run_id, items: count, refused })
    }
}

fn item_twice(forecast: &PublishedForecast) -> Refused {
    let message = format!("{} has a forecast in this run already", forecast.item_id);
    Refused::new("item_twice", RefusalKind::Invalid, message).at("/item_id")
}

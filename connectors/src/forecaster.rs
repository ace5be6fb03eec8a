//! A model outside that forecasts over HTTP: it is told histories and what is known of days, and answers how much will be
//! sold (`docs/forecasting.md` shows both).
//!
//! Nothing of it is trusted: an answer comes in time and in bounds, every forecast is checked, and an item of which
//! nothing usable is said stays without. Only whoever runs the server names the address, and no redirect is followed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::NaiveDate;
use domain::planning::Overflow;
use domain::planning::covariate::DayCovariates;
use domain::planning::event::PublishedForecast;
use domain::planning::forecast::HORIZON_DAYS;
use domain::planning::forecast::external::{ExternalForecast, ExternalRefusal};
use domain::shared::ids::ItemId;
use domain::shared::quantity::Units;
use futures::StreamExt;
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};

/// Items of one request.
const ITEMS_AT_ONCE: usize = 100;
/// Most bytes of one answer.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Requests in a row that may fail before the rest is not asked.
const MAX_FAILURES: usize = 3;
/// Chances in percent of which demand is asked.
const QUANTILES: [u8; 3] = [10, 50, 90];

/// Where the model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecasterConfig {
    /// Address to which questions are posted, `http://…`.
    pub url: Url,
    /// How long it may take to answer one request.
    pub time_out: Duration,
}

/// Why a model cannot be spoken to.
#[derive(Debug, thiserror::Error)]
#[error("no requests can be made")]
pub struct NoClient(#[from] reqwest::Error);

/// What the model is told of one item.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Question<'a> {
    /// The item.
    pub item_id: &'a ItemId,
    /// Last complete day, the last of the history.
    pub until: NaiveDate,
    /// Units sold on consecutive days, from the first sale on.
    pub history: &'a [Units],
    /// What is known of those days.
    pub covariates: &'a [DayCovariates],
    /// What is known of the days to come.
    pub future_covariates: &'a [DayCovariates],
}

/// What the model said.
#[derive(Debug, Default)]
pub struct Answers {
    /// What can be planned with, by item.
    pub forecasts: BTreeMap<ItemId, PublishedForecast>,
    /// Why the first request failed, or the first forecast was not taken; none where all is well.
    pub failure: Option<Failure>,
}

/// Why a forecast was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There was no answer, or not in time.
    #[error("the model did not answer")]
    NoAnswer(#[source] reqwest::Error),
    /// It answered that it cannot.
    #[error("the model answered with status {0}")]
    Status(u16),
    /// Its answer is longer than any may be.
    #[error("the model's answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
    /// Its answer is not as agreed.
    #[error("the model's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// It answered of an item that nobody asked about, or twice.
    #[error("the model answered of {0:?}, which was not asked")]
    NotAsked(String),
    /// It said nothing of an item.
    #[error("the model said nothing of {0}")]
    Silent(ItemId),
    /// A forecast cannot be planned with.
    #[error("the model's forecast of {item_id} is not taken")]
    Refused {
        /// The item.
        item_id: ItemId,
        /// Why.
        #[source]
        refusal: ExternalRefusal,
    },
    /// A forecast is too large.
    #[error("the model's forecast of {item_id} is not taken")]
    TooLarge {
        /// The item.
        item_id: ItemId,
        /// Why.
        #[source]
        overflow: Overflow,
    },
}

#[derive(Serialize)]
struct Request<'a> {
    horizon_days: usize,
    quantiles: [u8; 3],
    items: &'a [Question<'a>],
}

#[derive(Deserialize)]
struct Response {
    forecasts: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    item_id: String,
    #[serde(flatten)]
    forecast: serde_json::Value,
}

/// Speaks to the model.
#[derive(Debug, Clone)]
pub struct Forecaster {
    client: Client,
    url: Url,
}

impl Forecaster {
    /// A client of this model.
    pub fn new(config: &ForecasterConfig) -> Result<Self, NoClient> {
        let client =
            Client::builder().timeout(config.time_out).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { client, url: config.url.clone() })
    }

    /// Asks about items, some at once. Once it has failed three times in a row, it is not asked any more.
    pub async fn ask(&self, questions: &[Question<'_>]) -> Answers {
        let (mut answers, mut failures) = (Answers::default(), 0);
        for questions in questions.chunks(ITEMS_AT_ONCE) {
            match self.request(questions).await {
                Ok(rows) => {
                    failures = 0;
                    answers.take(rows, questions);
                }
                Err(failure) => {
                    failures += 1;
                    answers.failed(failure);
                }
            }
            if failures == MAX_FAILURES {
                break;
            }
        }
        answers
    }

    async fn request(&self, items: &[Question<'_>]) -> Result<Vec<Row>, Failure> {
        let request = Request { horizon_days: HORIZON_DAYS, quantiles: QUANTILES, items };
        let answer = self.client.post(self.url.clone()).json(&request).send().await;
        let answer = answer.map_err(Failure::NoAnswer)?;
        if !answer.status().is_success() {
            return Err(Failure::Status(answer.status().as_u16()));
        }
        let (mut bytes, mut body) = (answer.bytes_stream(), Vec::new());
        while let Some(chunk) = bytes.next().await {
            body.extend_from_slice(&chunk.map_err(Failure::NoAnswer)?);
            if body.len() > MAX_ANSWER {
                return Err(Failure::TooLong);
            }
        }
        let Response { forecasts } = serde_json::from_slice(&body).map_err(Failure::Unreadable)?;
        Ok(forecasts)
    }
}

impl Answers {
    /// Takes what can be planned with of the answer to some questions.
    fn take(&mut self, rows: Vec<Row>, questions: &[Question<'_>]) {
        let mut asked: BTreeSet<&ItemId> = questions.iter().map(|question| question.item_id).collect();
        for row in rows {
            let item = ItemId::new(&row.item_id).ok().and_then(|item| asked.take(&item));
            let Some(item) = item else {
                self.failed(Failure::NotAsked(row.item_id));
                continue;
            };
            match published(item, row.forecast) {
                Ok(forecast) => {
                    self.forecasts.insert(item.clone(), forecast);
                }
                Err(failure) => self.failed(failure),
            }
        }
        if let Some(item) = asked.first() {
            self.failed(Failure::Silent((*item).clone()));
        }
    }

    /// Keeps the first failure; later ones mostly follow from it.
    fn failed(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
    }
}

fn published(item_id: &ItemId, forecast: serde_json::Value) -> Result<PublishedForecast, Failure> {
    let forecast: ExternalForecast = serde_json::from_value(forecast).map_err(Failure::Unreadable)?;
    let accepted =
        forecast.accepted().map_err(|refusal| Failure::Refused { item_id: item_id.clone(), refusal })?;
    accepted.published(item_id).map_err(|overflow| Failure::TooLarge { item_id: item_id.clone(), overflow })
}

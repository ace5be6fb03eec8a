//! Job `forecast_run`: computes what items are expected to sell and publishes it as a run, which bears the job's id. So
//! an attempt that is made again publishes nothing twice.

use std::time::Duration;

use commands::accounts::jobs::{JobContext, JobError, JobHandler, NewJob};
use commands::{Operation, Outcome, Submission, Verdict};
use connectors::auto_ets::AutoEts;
use connectors::forecaster::{Answers, Failure, Forecaster, NoClient, Question};
use domain::planning::PlanDay;
use domain::planning::event::{ForecastPolicy, ForecastRunPublished, ForecastTrigger, PublishedForecast};
use domain::planning::forecast::run::{RunItem, automatic};
use domain::shared::ids::{CompanyId, ForecastRunId, LocationId};
use domain::shared::moment::local_date;
use event_log::event::Metadata;
use futures::future::BoxFuture;
use projections::planning::firm::Firm;
use projections::planning::queries;
use projections::planning::run_inputs::{self, ItemInputs, RunInputs};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::state::AppState;

/// Read models that a run is computed from.
const READ_MODELS: [&str; 2] = ["planning", "planning_settings"];
/// How long an attempt waits for them.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two looks whether a day has begun.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Who publishes what nobody asked for.
const SCHEDULER: &str = "system:scheduler";

/// What a run shall be of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunOrder {
    /// The day that began; none where somebody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<chrono::NaiveDate>,
    /// Location that it is for; the whole company where none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location_id: Option<LocationId>,
    /// How its forecasts are made; as the company chose where none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<ForecastPolicy>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_by: Option<String>,
    /// What the read models must hold.
    #[serde(default)]
    min_position: i64,
}

impl RunOrder {
    /// A run that somebody asks for; `min_position` is what the read models must hold then.
    pub(super) fn asked(
        (location_id, policy): (Option<LocationId>, Option<ForecastPolicy>),
        asked_by: String,
        min_position: i64,
    ) -> Self {
        Self { date: None, location_id, policy, asked_by: Some(asked_by), min_position }
    }

    /// The job; beside an open one of the same location and policy there is none.
    pub(super) fn job(&self, company_id: Uuid) -> Result<NewJob, serde_json::Error> {
        let key = serde_json::to_string(&(&self.location_id, self.policy))?;
        let job = NewJob::new(company_id, RunForecasts::KIND, serde_json::to_value(self)?);
        Ok(job.deduplicated(key).in_lane(RunForecasts::KIND))
    }
}

/// What became of a run.
#[derive(Debug, Serialize)]
struct RunResult {
    run_id: Uuid,
    /// Items that it has forecasts of; nothing is published where there are none.
    items: usize,
    /// Whether this attempt published it.
    published: bool,
    /// What first went wrong with a model outside; the rules spoke for the items of which it said nothing usable.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl RunResult {
    fn new(run_id: Uuid, items: usize, published: bool) -> Self {
        Self { run_id, items, published, failure: None }
    }
}

/// Handler of `forecast_run` jobs.
pub(crate) struct RunForecasts {
    state: AppState,
    forecaster: Option<Forecaster>,
}

impl RunForecasts {
    /// Kind of its jobs.
    pub(crate) const KIND: &'static str = "forecast_run";

    pub(crate) fn new(state: AppState) -> Result<Self, NoClient> {
        let forecaster = state.config.forecaster.as_ref().map(Forecaster::new).transpose()?;
        Ok(Self { state, forecaster })
    }
}

impl JobHandler for RunForecasts {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run(
        &self,
        context: JobContext,
        payload: serde_json::Value,
    ) -> BoxFuture<'_, Result<serde_json::Value, JobError>> {
        Box::pin(async move {
            let order =
                serde_json::from_value(payload).map_err(|error| JobError::Never(error.to_string()))?;
            let result = self.make(&context, &order).await?;
            serde_json::to_value(result).map_err(|error| JobError::Never(error.to_string()))
        })
    }
}

impl RunForecasts {
    async fn make(&self, context: &JobContext, order: &RunOrder) -> Result<RunResult, JobError> {
        let (company_id, run_id) = (context.company_id(), context.job().job_id);
        let nothing = RunResult::new(run_id, 0, false);
        let firm = self.begun(company_id, order).await?;
        if order.date.is_some_and(|date| date < local_date(self.state.clock.now(), firm.time_zone)) {
            // What was not published on its day says nothing about how good forecasts were.
            return Ok(nothing);
        }
        let location = order.location_id.as_ref().map(LocationId::as_str);
        let inputs = run_inputs::read(&self.state.reads, company_id, location, order.policy).await;
        let Some(inputs) = inputs.map_err(|error| JobError::again(&error))? else { return Ok(nothing) };
        context.progress(0, i64::try_from(inputs.items.len()).ok()).await?;
        let answers = self.ask(context, &inputs).await?;
        let computed = tokio::task::spawn_blocking(move || Computed::of(&inputs, answers.as_ref()));
        let computed = computed.await.map_err(|error| JobError::again(&error))?;
        let computed = computed.map_err(|error| JobError::Never(error.to_string()))?;
        let Computed { day, policy, inputs_hash, forecasts, failure } = computed;
        let run = ForecastRunPublished {
            run_id: ForecastRunId(run_id),
            trigger: order.date.map_or(ForecastTrigger::Requested, |_| ForecastTrigger::DayStarted),
            published_on: day.stock_on,
            demand_until: day.demand_until,
            policy,
            location_id: order.location_id.clone(),
            inputs_hash,
            items: 0,
        };
        Ok(RunResult { failure, ..self.publish(company_id, order, run, forecasts).await? })
    }

    /// What the model outside says, where it is to be asked and there is one.
    async fn ask(&self, context: &JobContext, inputs: &RunInputs) -> Result<Option<Answers>, JobError> {
        let Some(forecaster) = &self.forecaster else { return Ok(None) };
        if inputs.policy != ForecastPolicy::External {
            return Ok(None);
        }
        let with_history = inputs.items.iter().filter(|item| item.facts.sold.is_some());
        let questions: Vec<Question<'_>> = with_history.map(question).collect();
        tokio::select! {
            () = context.stop().cancelled() => Err(JobError::Cancelled),
            answers = forecaster.ask(&questions) => Ok(Some(answers)),
        }
    }

    /// The company on the day that the run is for, once its read models are there.
    async fn begun(&self, company_id: Uuid, order: &RunOrder) -> Result<Firm, JobError> {
        let waited = self.state.wait(company_id, &READ_MODELS, order.min_position, PATIENCE).await;
        waited.map_err(|error| JobError::again(&error))?;
        let begins = async {
            loop {
                let mut tx = queries::begin(&self.state.reads, company_id).await?;
                let firm = Firm::read(&mut tx, company_id).await?;
                if let Some(firm) = firm.filter(|firm| order.date.is_none_or(|date| date <= firm.day)) {
                    return Ok::<Firm, sqlx::Error>(firm);
                }
                drop(tx);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let late = |_| JobError::Again("the day has not begun yet".to_owned());
        let firm = tokio::time::timeout(PATIENCE, begins).await.map_err(late)?;
        firm.map_err(|error| JobError::again(&error))
    }

    async fn publish(
        &self,
        company_id: Uuid,
        order: &RunOrder,
        run: ForecastRunPublished,
        forecasts: Vec<PublishedForecast>,
    ) -> Result<RunResult, JobError> {
        let (id, run_id, items) = (self.state.ids.next(), run.run_id.0, forecasts.len());
        let submission = Submission {
            company_id: CompanyId(company_id),
            metadata: Metadata {
                actor: order.asked_by.clone().unwrap_or_else(|| SCHEDULER.to_owned()),
                command_id: id,
                correlation_id: id,
                causation_id: None,
                source: format!("job:{}", Self::KIND),
            },
            request_key: None,
            operations: vec![Operation::PublishForecasts { run: Box::new(run), forecasts }],
        };
        let receipt = self.state.committers.submit(submission).await;
        let verdict = receipt.map_err(|error| JobError::again(&error))?.verdicts.into_iter().next();
        match verdict {
            Some(Verdict::Accepted(Outcome::ForecastsPublished { items, .. })) => {
                Ok(RunResult::new(run_id, items, items > 0))
            }
            // The attempt before published what it knew then.
            Some(Verdict::Refused(refused)) if refused.code == "run_differs" => {
                Ok(RunResult::new(run_id, items, false))
            }
            Some(Verdict::Refused(refused)) => Err(JobError::Never(refused.message)),
            _ => Err(JobError::Again("the log answered something else".to_owned())),
        }
    }
}

/// What a run says, and what of.
struct Computed {
    day: PlanDay,
    policy: ForecastPolicy,
    inputs_hash: String,
    forecasts: Vec<PublishedForecast>,
    failure: Option<String>,
}

impl Computed {
    fn of(inputs: &RunInputs, answers: Option<&Answers>) -> Result<Self, serde_json::Error> {
        let items: Vec<RunItem<'_>> = inputs.items.iter().map(ItemInputs::item).collect();
        let outside = |item: &RunItem<'_>| answers?.forecasts.get(item.item_id).cloned();
        let (policy, forecasts) = match (inputs.policy, answers) {
            (ForecastPolicy::Automatic, _) => (ForecastPolicy::Automatic, automatic(&items, &[])),
            (ForecastPolicy::AutoEts, _) => {
                (ForecastPolicy::AutoEts, items.iter().map(|item| item.by_method(&AutoEts)).collect())
            }
            (ForecastPolicy::External, Some(_)) => {
                let said = items.iter().map(|item| outside(item).unwrap_or_else(|| item.by_rules()));
                (ForecastPolicy::External, said.collect())
            }
            // Without a model outside it is the rules that speak.
            (ForecastPolicy::MovingAverage, _) | (ForecastPolicy::External, None) => {
                (ForecastPolicy::MovingAverage, items.iter().map(RunItem::by_rules).collect())
            }
        };
        let failure = answers.and_then(|answers| answers.failure.as_ref()).map(told);
        let day = PlanDay::live(inputs.firm.day);
        Ok(Self { day, policy, inputs_hash: hash(policy, inputs)?, forecasts, failure })
    }
}

/// What a model outside is told of an item.
fn question(item: &ItemInputs) -> Question<'_> {
    Question {
        item_id: &item.facts.item_id,
        until: item.facts.day.demand_until,
        history: &item.facts.demand,
        covariates: &item.known,
        future_covariates: &item.to_come,
    }
}

/// A failure with its causes.
fn told(failure: &Failure) -> String {
    JobError::again(failure).to_string()
}

/// SHA-256 over everything that a run is computed from, in hexadecimal digits.
fn hash(policy: ForecastPolicy, inputs: &RunInputs) -> Result<String, serde_json::Error> {
    let mut hasher = Sha256::new();
    hasher.update(serde_json::to_vec(&policy)?);
    for item in &inputs.items {
        hasher.update(serde_json::to_vec(&item.fingerprint())?);
    }
    Ok(event_log::hex::text(&hasher.finalize()))
}

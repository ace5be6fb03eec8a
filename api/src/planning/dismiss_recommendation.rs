//! POST /recommendations/{id}/dismiss: do not show a recommendation.

use std::time::Duration;

use axum::extract::State;
use chrono::NaiveDate;
use commands::{Operation, Outcome};
use domain::planning::event::RecommendationDismissed;
use domain::planning::recommendation::{DismissalScope, RecommendationId};
use domain::shared::ids::UserId;
use projections::catalogue::queries;
use projections::planning::Planned;
use projections::planning::queries::Question;
use projections::planning::recommendation_queries;
use projections::tenant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::Written;
use crate::body::Body;
use crate::calendar;
use crate::context::Caller;
use crate::extract::Path;
use crate::planning::find::plans;
use crate::planning::unexpected;
use crate::problem::Problem;
use crate::state::AppState;

/// For how long, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DismissalBody {
    /// For how long it is not shown.
    #[serde(default)]
    #[schema(inline)]
    scope: ScopeBody,
    /// With `until`: the last day without it, today or later.
    #[serde(default)]
    until: Option<NaiveDate>,
    /// Why, at most 2,000 characters.
    #[serde(default)]
    notes: Option<String>,
}

/// For how long a recommendation is not shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ScopeBody {
    /// Until it was gone and comes back.
    #[default]
    Episode,
    /// Up to and with a day.
    Until,
    /// For ever.
    Forever,
}

/// A dismissed recommendation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DismissalAnswer {
    /// The recommendation.
    id: String,
    /// What was recommended.
    #[serde(rename = "type")]
    #[schema(example = "REORDER")]
    kind: &'static str,
    /// The product, by the item id that it bore first.
    item_id: String,
    /// Location of the plan that it stands in; null for the company's.
    location_id: Option<String>,
    /// `episode`, `until` or `forever`.
    scope: &'static str,
    /// The last day without it.
    until: Option<NaiveDate>,
    /// Why.
    notes: Option<String>,
    /// Position of the dismissal.
    position: Option<i64>,
}

/// Dismiss a recommendation.
///
/// For this episode, which ends when the recommendation is gone for a time; until a day; or for ever. Nothing happens
/// where it was dismissed for the same time. 404 where the plan does not have it at present.
#[utoipa::path(post, path = "/recommendations/{id}/dismiss", operation_id = "dismiss_recommendation", tag = "planning",
    params(("id" = String, Path, description = "Id of the recommendation, for example `REORDER~1~85123A`")),
    request_body = DismissalBody,
    responses((status = 200, description = "The dismissal", body = DismissalAnswer)),
    extensions(("x-room" = json!("planning"))))]
pub(crate) async fn dismiss(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Body { value, digest }: Body<DismissalBody>,
) -> Result<Written<DismissalAnswer>, Problem> {
    let id = recommendation_named(&id)?;
    let dismissal = value.dismissal(id.episode)?;
    is_there(&state, &caller, &id).await?;
    let dismissed = RecommendationDismissed {
        item_id: id.item_id.clone(),
        location_id: id.location_id.clone(),
        kind: id.kind,
        dismissal,
        dismissed_by: caller.user_id().map(UserId),
        notes: value.notes,
    };
    let operation = Operation::DismissRecommendation(Box::new(dismissed));
    let (outcome, done) = state.submit_one(&caller, digest, operation).await?;
    let Outcome::Dismissed { dismissed } = outcome else { return Err(unexpected()) };
    Ok(Written::ok(DismissalAnswer::new(&id, dismissed, done.position), done))
}

/// How long the plans may take to come to what was recorded last.
const PATIENCE: Duration = Duration::from_secs(5);

/// 404 unless the plan has the recommendation at present. Whether there is such a product and location at all, the
/// committer says.
async fn is_there(state: &AppState, caller: &Caller, id: &RecommendationId) -> Result<(), Problem> {
    let (company_id, item) = (caller.company_id, [id.item_id.as_str().to_owned()]);
    let head = state.committers.head(company_id);
    state.wait(company_id, &["planning"], head, PATIENCE).await?;
    let mut tx = tenant::begin(&state.reads, company_id).await?;
    let is_there = match &id.location_id {
        None => recommendation_queries::is_there(&mut tx, company_id, id).await?,
        Some(location) if queries::location(&mut tx, company_id, location.as_str()).await?.is_some() => {
            let episodes = recommendation_queries::episodes(&mut tx, company_id, &item).await?;
            let episode = episodes.get(&(id.item_id.as_str().to_owned(), id.kind));
            let newest = episode.map_or(1, |episode| episode.number.max(1));
            let question = Question { as_of: None, location: Some(location.as_str()), items: Some(&item) };
            let planned = plans(state, caller, &question).await?;
            let holds = |planned: &Planned| planned.plan.recommendation_types.contains(id.kind);
            planned.first().map(|planned| planned.is_active && newest == id.episode && holds(planned))
        }
        Some(_) => None,
    };
    if is_there == Some(false) { Err(Problem::not_found("recommendation")) } else { Ok(()) }
}

/// The recommendation that an id in a path means; 404 for what no recommendation can have as its id.
fn recommendation_named(id: &str) -> Result<RecommendationId, Problem> {
    id.parse().map_err(|_| Problem::not_found("recommendation"))
}

impl DismissalBody {
    fn dismissal(&self, episode: u32) -> Result<DismissalScope, Problem> {
        match (self.scope, self.until) {
            (ScopeBody::Episode, None) => Ok(DismissalScope::Episode { episode }),
            (ScopeBody::Forever, None) => Ok(DismissalScope::Forever),
            (ScopeBody::Until, Some(date)) => {
                Ok(DismissalScope::Until { date: calendar::in_body("/until", date)? })
            }
            (ScopeBody::Until, None) => Err(Problem::invalid("missing", "/until", "must be given")),
            (ScopeBody::Episode | ScopeBody::Forever, Some(_)) => {
                Err(Problem::invalid("invalid_value", "/until", "belongs to the scope until"))
            }
        }
    }
}

impl DismissalAnswer {
    fn new(id: &RecommendationId, dismissed: RecommendationDismissed, position: Option<i64>) -> Self {
        let (scope, until) = match dismissed.dismissal {
            DismissalScope::Episode { .. } => ("episode", None),
            DismissalScope::Until { date } => ("until", Some(date)),
            DismissalScope::Forever => ("forever", None),
        };
        Self {
            id: id.to_string(),
            kind: dismissed.kind.name(),
            item_id: dismissed.item_id.into(),
            location_id: dismissed.location_id.map(String::from),
            scope,
            until,
            notes: dismissed.notes,
            position,
        }
    }
}

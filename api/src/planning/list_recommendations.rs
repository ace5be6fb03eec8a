//! GET /recommendations: what to do, for whom, the most urgent first.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::planning::recommendation::{Audience, RecommendationType, RecommendationTypes};
use domain::shared::ids::LocationId;
use projections::planning::Firm;
use projections::planning::queries::Question;
use projections::planning::recommendation_queries;
use projections::stock::board::{Filter, FoundRecommendations, RecommendationAsk};
use projections::tenant;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::context::Caller;
use crate::extract::Query;
use crate::list::{List, ListParams, Listing, download, in_memory};
use crate::planning::as_of::{PlanParams, firm};
use crate::planning::find::plans;
use crate::planning::recommendation_row::{Of, RecommendationRow};
use crate::problem::Problem;
use crate::room::Room;
use crate::state::AppState;

/// Read models that recommendations stand in.
pub(super) const READ_MODELS: [&str; 4] = ["catalogue", "inventory", "planning", "planning_settings"];

/// Which recommendations are listed. All conditions hold together.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecommendationFilters {
    /// `URGENT`, `REORDER`, `DEAD_STOCK`, `REDUCE_ORDER` or `PROMOTE`; one of several, separated by commas.
    r#type: Option<String>,
    /// What the company's rules make for this role.
    #[param(inline)]
    role: Option<ForRole>,
    /// `true` lists those that were dismissed, too.
    dismissed: Option<bool>,
    /// Exactly this category.
    category: Option<String>,
    /// Item id, sku or name contain this text, whatever its case.
    search: Option<String>,
}

/// Whom recommendations are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum ForRole {
    /// Owners and directors.
    Ceo,
    /// Who orders.
    Procurement,
    /// Who promotes.
    Marketing,
}

/// List recommendations.
///
/// What the rules of planning recommend and the company's rules let through, in the order of their types, the most urgent
/// first; with `format` the whole list as a file (not for the role WAREHOUSE). An id names one episode: when a
/// recommendation comes back after it was gone, it has another one. Dismissed ones are left out unless `dismissed` asks
/// for them. With `as_of` it is what was recommended then, whatever was dismissed.
#[utoipa::path(
    get,
    path = "/recommendations",
    operation_id = "list_recommendations",
    tag = "planning",
    params(ListParams, PlanParams, RecommendationFilters),
    responses((status = 200, description = "A page of recommendations", body = List<RecommendationRow>)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404])))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
    Query(params): Query<PlanParams>,
    Query(filters): Query<RecommendationFilters>,
) -> Result<Response, Problem> {
    let file = listing.format.is_download();
    if file {
        caller.require(Room::Money)?;
    }
    listing.sort_by(&[], "")?;
    let kinds = filters.kinds()?;
    let mut tx = caller.read(&state, &READ_MODELS).await?;
    let day = params.day(&mut tx, &state, &caller).await?;
    let location = params.location(&mut tx, &caller).await?;
    drop(tx);
    let question = Question { as_of: day, location: location.as_deref(), items: None };
    let firm = firm(&state, &caller).await?;
    let is_past = question.as_of.is_some_and(|day| day != firm.day);
    let dismissed = if is_past { Vec::new() } else { dismissed(&state, &caller, &firm, &question).await? };
    let hides = filters.dismissed != Some(true);
    let (offset, limit) = listing.window();
    let ask = RecommendationAsk {
        kinds: firm.rules.seen_by(filters.role.map(Audience::from)).and(kinds),
        filter: Filter { category: filters.category, search: filters.search, ..Filter::default() },
        hidden: if hides { dismissed.clone() } else { Vec::new() },
        offset,
        limit,
    };
    let is_other = is_past || question.location.is_some();
    let plans = if is_other { Some(plans(&state, &caller, &question).await?) } else { None };
    let found = state.boards.recommendations(caller.company_id, &ask, plans, caller.freshness()).await?;
    let total = i64::try_from(found.total).unwrap_or(i64::MAX);
    let location = location.as_deref().and_then(|name| LocationId::new(name).ok());
    let rows = rows(&state, &caller, found, &Of { location, dismissed, is_past }).await?;
    if file {
        return download(&listing, "recommendations", in_memory(rows.into_iter())).await;
    }
    Ok(List::new(rows, total, &listing).into_response())
}

async fn dismissed(
    state: &AppState,
    caller: &Caller,
    firm: &Firm,
    question: &Question<'_>,
) -> Result<Vec<(String, RecommendationType)>, Problem> {
    let mut tx = tenant::begin(&state.reads, caller.company_id).await?;
    let (company_id, location) = (caller.company_id, question.location);
    Ok(recommendation_queries::dismissed(&mut tx, company_id, location, firm.day).await?)
}

async fn rows(
    state: &AppState,
    caller: &Caller,
    found: FoundRecommendations,
    of: &Of,
) -> Result<Vec<RecommendationRow>, Problem> {
    let keys: Vec<String> = found.items.iter().map(|row| row.item.item_key.clone()).collect();
    let mut tx = tenant::begin(&state.reads, caller.company_id).await?;
    let episodes = recommendation_queries::episodes(&mut tx, caller.company_id, &keys).await?;
    let row = |row| RecommendationRow::new(row, &episodes, of);
    Ok(found.items.into_iter().filter_map(row).collect())
}

impl RecommendationFilters {
    fn kinds(&self) -> Result<RecommendationTypes, Problem> {
        let Some(text) = &self.r#type else { return Ok(RecommendationTypes::all()) };
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let kind = |name: &str| {
            let kind = RecommendationType::named(&name.to_uppercase());
            kind.ok_or_else(|| Problem::invalid("invalid_parameter", "?type", format!("{name:?} is no type")))
        };
        names.map(kind).collect()
    }
}

impl From<ForRole> for Audience {
    fn from(role: ForRole) -> Self {
        match role {
            ForRole::Ceo => Self::Ceo,
            ForRole::Procurement => Self::Procurement,
            ForRole::Marketing => Self::Marketing,
        }
    }
}

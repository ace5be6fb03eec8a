//! `GET /inventory/{item_id}/explain`: the stock of one product now or at a past instant with the events behind it, and
//! its plan with the rules and inputs behind that.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use domain::planning::Explanation;
use domain::planning::explain::{Inputs, Step};
use projections::catalogue::queries;
use projections::planning::queries::{Question, material};
use projections::stock::explain::{Cause, Explained, explain};
use projections::stock::past::Moment;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::catalogue::resolve_item;
use crate::context::Caller;
use crate::extract::{Path, Query};
use crate::planning::as_of::PlanParams;
use crate::problem::Problem;
use crate::state::AppState;
use crate::stock::instant::{End, instants};

const MAX_MOVEMENTS: i64 = 500;
const DEFAULT_MOVEMENTS: i64 = 50;
const RULE: &str = "on hand = what was last stated + what happened since";

/// What is explained.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExplainParams {
    /// Only at this location.
    location_id: Option<String>,
    /// Stock as it was at this instant, or at the close of this date.
    as_of: Option<String>,
    /// Stock as it was known at this instant, or at the close of this date.
    known_at: Option<String>,
    /// Movements that are shown per location at most; the rest is summed up.
    #[param(minimum = 0, maximum = 500, default = 50)]
    limit: Option<i64>,
}

/// The stock of a product and where it comes from, in units.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemExplanation {
    /// Business key.
    #[schema(example = "85123A")]
    item_id: String,
    /// Alias for other systems.
    sku: String,
    /// Name.
    product_name: String,
    /// The instant asked about; null for now.
    as_of: Option<DateTime<Utc>>,
    /// The instant of knowledge asked about; null for now.
    known_at: Option<DateTime<Utc>>,
    /// On hand over PHYSICAL locations.
    total_stock: i64,
    /// How the figure of a location is made.
    rule: &'static str,
    /// Every location at which the product has been.
    locations: Vec<LocationExplanation>,
    /// The figures of its plan and how each follows; null where no plan can hold them or it was created a moment ago.
    plan: Option<PlanExplanation>,
}

/// A plan with everything that it follows from: the inputs alone give every figure again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanExplanation {
    /// What it was computed from, by name; decimals as texts with all their places.
    #[schema(value_type = Object)]
    inputs: Inputs,
    /// Its figures, each after those that it follows from: the rule, its cases, the figures that they use, the result.
    #[schema(value_type = Vec<Object>)]
    steps: Vec<Step>,
}

/// The stock of a product at a location and where it comes from, in units.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LocationExplanation {
    /// Where.
    #[schema(example = "MAIN")]
    location_id: String,
    /// PHYSICAL, or MIRROR: not part of the total.
    #[schema(example = "PHYSICAL")]
    stock_role: String,
    /// On hand.
    quantity: i64,
    /// The newest statement of stock; null where none was made: on hand then begins with 0.
    stated: Option<MovementCause>,
    /// Movements after it that are not shown.
    earlier_movements: i64,
    /// What these add up to.
    earlier_quantity: i64,
    /// Movements after it, newest first.
    movements: Vec<MovementCause>,
}

/// A movement behind a figure.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MovementCause {
    /// Its id.
    movement_id: Uuid,
    /// INBOUND, OUTBOUND, TRANSFER, ADJUSTMENT, `SYNC_UPDATE` or `INITIAL_LOAD`.
    #[schema(example = "OUTBOUND")]
    movement_type: String,
    /// What happened, signed; the variance where stock was stated.
    quantity: i64,
    /// The stock that was stated, where it was.
    stated_quantity: Option<i64>,
    /// When it happened.
    moved_at: DateTime<Utc>,
    /// When it was recorded.
    recorded_at: DateTime<Utc>,
    /// What it refers to, for example SALE.
    reference_type: String,
    /// Order, delivery or channel that it refers to.
    reference_id: Option<String>,
    /// Free text.
    notes: Option<String>,
    /// Who recorded it.
    created_by: String,
    /// Position of its event.
    position: i64,
    /// Path of its event.
    #[schema(example = "/api/v1/events?after=41&limit=1")]
    event: String,
}

/// Explain a product's stock.
///
/// Per location the newest statement of stock and the movements since then, which add up to what is on hand, each with
/// the path of its event; and every figure of the plan with its rule and inputs. `as_of` and `known_at` look at the past;
/// the plan is as of the day of `as_of`, by what is known now.
#[utoipa::path(
    get,
    path = "/inventory/{item_id}/explain",
    operation_id = "explain_item",
    tag = "inventory",
    params(("item_id" = String, Path, description = "Item id, sku, barcode or id of a listing"), ExplainParams),
    responses((status = 200, description = "The figure and its movements", body = ItemExplanation)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([409])))
)]
pub(crate) async fn explain_item(
    State(state): State<AppState>,
    caller: Caller,
    Path(item_id): Path<String>,
    Query(params): Query<ExplainParams>,
) -> Result<Json<ItemExplanation>, Problem> {
    let limit = params.limit.unwrap_or(DEFAULT_MOVEMENTS);
    if !(0..=MAX_MOVEMENTS).contains(&limit) {
        return Err(Problem::invalid("invalid_parameter", "?limit", "must lie between 0 and 500"));
    }
    let mut tx = caller.read(&state, &["catalogue", "companies", "movements", "planning"]).await?;
    let asked = [
        ("?as_of", params.as_of.as_deref(), End::Close),
        ("?known_at", params.known_at.as_deref(), End::Close),
    ];
    let [as_of, known_at] = instants(&mut tx, &state, &caller, asked).await?;
    let item_key = resolve_item(&mut tx, &caller, &item_id).await?;
    let company_id = caller.company_id;
    let product = queries::product(&mut tx, company_id, &item_key).await?;
    let product = product.ok_or_else(|| Problem::not_found("product"))?;
    let mirrors: Vec<String> = queries::locations(&mut tx, company_id)
        .await?
        .into_iter()
        .filter(|location| location.stock_role == "MIRROR")
        .map(|location| location.location_id)
        .collect();
    let explained = explain(&mut tx, company_id, &item_key, Moment::new(as_of, known_at), limit).await?;
    let physical = explained.iter().filter(|place| !mirrors.contains(&place.location_id));
    let total_stock = physical.map(|place| place.on_hand).fold(0, i64::saturating_add);
    let plans = PlanParams { as_of: params.as_of.clone(), location_id: params.location_id.clone() };
    let day = plans.day(&mut tx, &state, &caller).await?;
    drop(tx);
    let plan = plan_of(&state, &caller, day, params.location_id.as_deref(), item_key).await?;
    let wanted = |place: &Explained| params.location_id.as_ref().is_none_or(|id| *id == place.location_id);
    let locations = explained.into_iter().filter(wanted);
    Ok(Json(ItemExplanation {
        item_id: product.item_id,
        sku: product.sku,
        product_name: product.product_name,
        as_of,
        known_at,
        total_stock,
        rule: RULE,
        locations: locations.map(|place| LocationExplanation::new(place, &mirrors)).collect(),
        plan,
    }))
}

/// The plan of a product, explained.
async fn plan_of(
    state: &AppState,
    caller: &Caller,
    as_of: Option<NaiveDate>,
    location: Option<&str>,
    item_key: String,
) -> Result<Option<PlanExplanation>, Problem> {
    let items = [item_key];
    let question = Question { as_of, location, items: Some(&items) };
    let Some(material) = material(&state.reads, caller.company_id, &question).await? else { return Ok(None) };
    let Some(facts) = material.facts.first() else { return Ok(None) };
    let seed = material.seeds.get(&facts.category).copied();
    let explained = facts.with(seed, Explanation::of).ok();
    Ok(explained.map(|Explanation { inputs, steps, .. }| PlanExplanation { inputs, steps }))
}

impl LocationExplanation {
    fn new(place: Explained, mirrors: &[String]) -> Self {
        let role = if mirrors.contains(&place.location_id) { "MIRROR" } else { "PHYSICAL" };
        Self {
            location_id: place.location_id,
            stock_role: role.to_owned(),
            quantity: place.on_hand,
            stated: place.stated.map(MovementCause::from),
            earlier_movements: place.earlier,
            earlier_quantity: place.earlier_quantity,
            movements: place.movements.into_iter().map(MovementCause::from).collect(),
        }
    }
}

impl From<Cause> for MovementCause {
    fn from(cause: Cause) -> Self {
        Self {
            movement_id: cause.movement_id,
            movement_type: cause.movement_type,
            quantity: cause.quantity,
            stated_quantity: cause.anchored_at,
            moved_at: cause.effective_at,
            recorded_at: cause.recorded_at,
            reference_type: cause.reference_type,
            reference_id: cause.reference_id,
            notes: cause.notes,
            created_by: cause.created_by,
            position: cause.position,
            event: format!("/api/v1/events?after={}&limit=1", cause.position - 1),
        }
    }
}

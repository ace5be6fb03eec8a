//! GET /settings/planning: settings of a category or an item.

use axum::Json;
use axum::extract::State;
use domain::companies::Settings;
use domain::planning::event::PlanningScope;
use domain::planning::state::PlanningSettings;
use domain::shared::ids::ItemId;
use projections::catalogue::queries::product;
use projections::companies::queries::company;
use projections::planning_settings::queries::chosen;
use sqlx::PgConnection;

use crate::catalogue::resolve_item;
use crate::companies;
use crate::context::Caller;
use crate::extract::Query;
use crate::planning::scope::{PlanningSettingsView, ScopeParams};
use crate::problem::Problem;
use crate::state::AppState;

/// Read settings of a category or an item.
#[utoipa::path(get, path = "/settings/planning", operation_id = "read_planning_settings", tag = "settings",
    params(ScopeParams),
    responses((status = 200, description = "What was chosen for it and what holds", body = PlanningSettingsView)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404, 409]))))]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Query(params): Query<ScopeParams>,
) -> Result<Json<PlanningSettingsView>, Problem> {
    let scope = params.scope()?;
    let mut tx = caller.read(&state, &["companies", "planning_settings", "catalogue"]).await?;
    let settings = company(&mut tx, caller.company_id).await?;
    let settings = settings.map_or_else(Settings::default, |company| company.settings());
    let (scope, around) = around(&mut tx, &caller, scope, settings).await?;
    let own: PlanningSettings = chosen(&mut tx, caller.company_id, &scope.stream_id()).await?;
    let holds = around.folded(&own.chosen).document();
    let currency = companies::currency(&mut tx, &state, &caller).await?;
    Ok(Json(PlanningSettingsView::new(scope, own.chosen, holds, currency, None)))
}

/// The scope by the name of its stream, and the settings that hold around it.
async fn around(
    conn: &mut PgConnection,
    caller: &Caller,
    scope: PlanningScope,
    company: Settings,
) -> Result<(PlanningScope, Settings), Problem> {
    match scope {
        PlanningScope::Category { category } => {
            Ok((PlanningScope::Category { category: category.trim().to_owned() }, company))
        }
        PlanningScope::Item { item_id } => {
            let item_key = resolve_item(conn, caller, item_id.as_str()).await?;
            let known = product(conn, caller.company_id, &item_key).await?;
            let category = known.map(|known| known.category).unwrap_or_default();
            let stream_id = PlanningScope::Category { category }.stream_id();
            let of_category = chosen(conn, caller.company_id, &stream_id).await?;
            let item_id = ItemId::new(&item_key).map_err(|_| Problem::not_found("product"))?;
            Ok((PlanningScope::Item { item_id }, company.folded(&of_category.chosen)))
        }
    }
}

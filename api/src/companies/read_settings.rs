//! `GET /settings`: every setting, chosen or by default.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use domain::companies::Settings;
use projections::companies::queries;

use crate::companies::lookup;
use crate::companies::settings_document::{SettingsDocument, answered};
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// Read all settings.
#[utoipa::path(
    get,
    path = "/settings",
    operation_id = "read_settings",
    tag = "settings",
    responses((status = 200, description = "Every setting that holds", body = SettingsDocument)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404])))
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<Map<String, Value>>, Problem> {
    let mut tx = caller.read(&state, &["companies"]).await?;
    let company = queries::company(&mut tx, caller.company_id).await?;
    let settings = company.map_or_else(Settings::default, |company| company.settings());
    let currency = lookup::currency(&mut tx, &state, &caller).await?;
    Ok(Json(answered(settings.document(), currency)))
}

//! `PUT /settings`: choose some settings; the answer is the whole document.

use axum::extract::State;
use serde_json::{Map, Value};

use commands::{Operation, Outcome};

use crate::answer::Written;
use crate::body::Body;
use crate::catalogue::company_currency;
use crate::companies::settings_document::{SettingsChange, SettingsDocument, answered};
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// Choose settings.
///
/// Keys that are absent stay, null takes a key back to its default. One value that is not allowed (422) refuses all.
#[utoipa::path(
    put,
    path = "/settings",
    operation_id = "edit_settings",
    tag = "settings",
    request_body = SettingsChange,
    responses((status = 200, description = "Every setting as it stands now", body = SettingsDocument)),
    extensions(("x-room" = json!("settings")), ("x-problems" = json!([404])))
)]
pub(crate) async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Body { mut value, digest }: Body<Map<String, Value>>,
) -> Result<Written<Map<String, Value>>, Problem> {
    // A document that was answered may be sent back.
    value.remove("position");
    let (outcome, done) =
        state.submit_one(&caller, digest, Operation::ChooseSettings { changes: value }).await?;
    let Outcome::Settings(Value::Object(document)) = outcome else {
        return Err(Problem::unavailable("the log answered something else", 1));
    };
    let mut document = answered(document, company_currency(&state, &caller).await?);
    document.insert("position".to_owned(), Value::from(done.position));
    Ok(Written::ok(document, done))
}

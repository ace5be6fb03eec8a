//! `GET /settings/history`: who chose which settings when.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use projections::companies::queries::{self, SettingsChoice};

use crate::context::Caller;
use crate::list::{Cell, List, ListParams, Listing, Row, chunks, download};
use crate::problem::Problem;
use crate::room::Room;
use crate::state::AppState;

/// One choice of settings.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SettingsChoiceView {
    /// Position of the choice.
    position: i64,
    /// When it was recorded.
    recorded_at: DateTime<Utc>,
    /// Who chose, for example `user:0191…`.
    actor: String,
    /// For whom: `company`, `category/` and the category, or `item/` and the item id that the product bore first.
    #[schema(example = "company")]
    scope: String,
    /// New values by key; null took a key back to its default.
    #[schema(value_type = Object)]
    changes: Map<String, Value>,
}

/// List choices of settings.
///
/// Of the company, and of planning for categories and items. Newest first, unless `sort=position` asks for the oldest
/// first.
#[utoipa::path(
    get,
    path = "/settings/history",
    operation_id = "list_settings_history",
    tag = "settings",
    params(ListParams),
    responses((status = 200, description = "A page of choices", body = List<SettingsChoiceView>)),
    extensions(("x-room" = json!("read")))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
) -> Result<Response, Problem> {
    let sort = listing.sort_by(&["position", "recorded_at"], "-position")?;
    let oldest_first = sort.first().is_some_and(|sort| !sort.descending);
    if listing.format.is_download() {
        caller.require(Room::Money)?;
        let rows = chunks((state, caller), move |held, offset, limit| async move {
            let (rows, _) = page(&held.0, &held.1, oldest_first, (offset, limit)).await?;
            Ok((held, rows))
        });
        return download(&listing, "settings-history", rows).await;
    }
    let (rows, total) = page(&state, &caller, oldest_first, (listing.offset(), listing.limit())).await?;
    Ok(List::new(rows, total, &listing).into_response())
}

async fn page(
    state: &AppState,
    caller: &Caller,
    oldest_first: bool,
    (offset, limit): (i64, i64),
) -> Result<(Vec<SettingsChoiceView>, i64), Problem> {
    let mut tx = caller.read(state, &["companies", "planning_settings"]).await?;
    let total = queries::settings_choices(&mut tx, caller.company_id).await?;
    let choices = queries::settings_history(&mut tx, caller.company_id, oldest_first, offset, limit).await?;
    Ok((choices.into_iter().map(SettingsChoiceView::from).collect(), total))
}

impl From<SettingsChoice> for SettingsChoiceView {
    fn from(choice: SettingsChoice) -> Self {
        Self {
            position: choice.position,
            recorded_at: choice.recorded_at,
            actor: choice.actor,
            scope: choice.scope,
            changes: choice.changes.0,
        }
    }
}

impl Row for SettingsChoiceView {
    const COLUMNS: &'static [&'static str] = &["position", "recorded_at", "actor", "scope", "changes"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::from(self.position),
            Cell::from(self.recorded_at),
            Cell::from(self.actor.as_str()),
            Cell::from(self.scope.as_str()),
            Cell::from(Value::Object(self.changes.clone()).to_string()),
        ]
    }
}

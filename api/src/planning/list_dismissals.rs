//! GET /recommendations/dismissed: what somebody did not want to see.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use projections::planning_settings::queries::{self, DismissalRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::context::Caller;
use crate::list::{self, Cell, List, ListParams, Listing};
use crate::problem::Problem;
use crate::state::AppState;

/// A dismissal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DismissalView {
    /// What was recommended.
    #[serde(rename = "type")]
    kind: String,
    /// The product.
    item_id: String,
    /// Location of the plan; null for the company's.
    location_id: Option<String>,
    /// `episode`, `until` or `forever`.
    scope: String,
    /// The dismissed episode.
    episode: Option<i64>,
    /// The last day without it.
    until: Option<NaiveDate>,
    /// Who said so; null where an API key did.
    dismissed_by: Option<Uuid>,
    /// When.
    dismissed_at: DateTime<Utc>,
    /// Why.
    notes: Option<String>,
    /// Position of the dismissal.
    position: i64,
}

/// List dismissals.
///
/// Newest first, those that hide nothing any more among them.
#[utoipa::path(get, path = "/recommendations/dismissed", operation_id = "list_dismissals", tag = "planning",
    params(ListParams),
    responses((status = 200, description = "A page of dismissals", body = List<DismissalView>)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
) -> Result<Response, Problem> {
    listing.sort_by(&["dismissed_at"], "-dismissed_at")?;
    let mut tx = caller.read(&state, &["planning_settings", "catalogue"]).await?;
    if listing.format.is_download() {
        let company_id = caller.company_id;
        let rows = list::chunks(tx, move |mut tx, offset, limit| async move {
            let rows = queries::dismissals(&mut tx, company_id, offset, limit).await?;
            Ok((tx, rows.into_iter().map(DismissalView::from).collect()))
        });
        return list::download(&listing, "dismissals", rows).await;
    }
    let total = queries::count_dismissals(&mut tx, caller.company_id).await?;
    let rows = queries::dismissals(&mut tx, caller.company_id, listing.offset(), listing.limit()).await?;
    let items = rows.into_iter().map(DismissalView::from).collect();
    Ok(List::<DismissalView>::new(items, total, &listing).into_response())
}

impl From<DismissalRow> for DismissalView {
    fn from(row: DismissalRow) -> Self {
        Self {
            kind: row.kind,
            item_id: row.item_id,
            location_id: row.location_id,
            scope: row.scope,
            episode: row.episode,
            until: row.until,
            dismissed_by: row.dismissed_by,
            dismissed_at: row.dismissed_at,
            notes: row.notes,
            position: row.position,
        }
    }
}

impl list::Row for DismissalView {
    const COLUMNS: &'static [&'static str] = &[
        "type",
        "item_id",
        "location_id",
        "scope",
        "episode",
        "until",
        "dismissed_by",
        "dismissed_at",
        "notes",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::from(self.kind.as_str()),
            Cell::from(self.item_id.as_str()),
            Cell::from(self.location_id.clone()),
            Cell::from(self.scope.as_str()),
            Cell::from(self.episode),
            Cell::from(self.until),
            Cell::from(self.dismissed_by.map(|user| user.to_string())),
            Cell::from(self.dismissed_at),
            Cell::from(self.notes.clone()),
        ]
    }
}

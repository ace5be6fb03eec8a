//! Rows of `dismissals`: every recommendation that somebody does not want to see, as it was said.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::planning::event::{RecommendationDismissed, RecommendationEvent};
use domain::planning::recommendation::DismissalScope;
use domain::shared::ids::LocationId;
use event_log::event::StoredEvent;

use crate::projection::{ProjectionError, decode};
use crate::rows;
use crate::streams;

/// A dismissal on its way into the table.
#[derive(Serialize)]
struct Row {
    company_id: Uuid,
    position: i64,
    item_key: String,
    location_id: Option<LocationId>,
    kind: &'static str,
    scope: &'static str,
    episode: Option<u32>,
    until: Option<NaiveDate>,
    dismissed_by: Option<Uuid>,
    dismissed_at: DateTime<Utc>,
    notes: Option<String>,
}

/// Folds the dismissals of a block.
pub(super) async fn apply(conn: &mut PgConnection, block: &[StoredEvent]) -> Result<(), ProjectionError> {
    let mut dismissals = Vec::new();
    for event in streams::of::<RecommendationEvent>(block) {
        let RecommendationEvent::RecommendationDismissed(dismissed) = decode(event)?;
        dismissals.push(Row::new(event, dismissed));
    }
    if dismissals.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into dismissals (company_id, position, item_key, location_id, kind, scope, episode, until,
             dismissed_by, dismissed_at, notes)
         select company_id, position, item_key, location_id, kind, scope, episode, until, dismissed_by,
             dismissed_at, notes
         from json_populate_recordset(null::dismissals, $1::json)
         on conflict (company_id, position) do nothing",
    )
    .bind(rows::json(&dismissals)?)
    .execute(conn)
    .await?;
    Ok(())
}

impl Row {
    fn new(event: &StoredEvent, dismissed: RecommendationDismissed) -> Self {
        let (scope, episode, until) = match dismissed.dismissal {
            DismissalScope::Episode { episode } => ("episode", Some(episode), None),
            DismissalScope::Until { date } => ("until", None, Some(date)),
            DismissalScope::Forever => ("forever", None, None),
        };
        Self {
            company_id: event.company_id,
            position: event.position,
            item_key: event.stream_id.as_ref().to_owned(),
            location_id: dismissed.location_id,
            kind: dismissed.kind.name(),
            scope,
            episode,
            until,
            dismissed_by: dismissed.dismissed_by.map(|user| user.0),
            dismissed_at: event.recorded_at,
            notes: dismissed.notes,
        }
    }
}

//! Pages of a company's events as people see them, under row-level security.
//!
//! The connection must belong to a transaction whose `app.company_id` names the company; without it there are no rows.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::LogError;
use crate::event::StoredEvent;
use crate::read;

const COLUMNS: &str = "select partition, position, company_id, stream_type, stream_id, version, event_id, event_type,
    schema_version, effective_at, recorded_at, payload::text, metadata::text from log.events where company_id = ";

/// Which events of a company, and in which order.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Tenant.
    pub company_id: Uuid,
    /// Only streams of this type.
    pub stream_type: Option<String>,
    /// Only streams of this id (an item's stream carries its key).
    pub stream_id: Option<String>,
    /// Only events of these stored names; empty: all.
    pub event_types: Vec<String>,
    /// Only what was recorded at or after.
    pub recorded_from: Option<DateTime<Utc>>,
    /// Only what was recorded before.
    pub recorded_before: Option<DateTime<Utc>>,
    /// Only what happened at or after.
    pub effective_from: Option<DateTime<Utc>>,
    /// Only what happened before.
    pub effective_before: Option<DateTime<Utc>>,
    /// Only events beyond this position in any order: those up to it are archived.
    pub beyond: i64,
    /// Cursor: events beyond this position in the asked order; none: from the start.
    pub after: Option<i64>,
    /// Newest first.
    pub descending: bool,
    /// At most so many.
    pub limit: i64,
}

/// One page of a company's events.
pub async fn page(conn: &mut PgConnection, filter: &Filter) -> Result<Vec<StoredEvent>, LogError> {
    let rows = query_for(filter).build().fetch_all(conn).await?;
    read::events_of(&rows)
}

/// Position of the company's newest event; 0 when it has none.
pub async fn newest(conn: &mut PgConnection, company_id: Uuid) -> Result<i64, LogError> {
    let position: Option<i64> = sqlx::query_scalar(
        "select position from log.events where company_id = $1 order by position desc limit 1",
    )
    .bind(company_id)
    .fetch_optional(conn)
    .await?;
    Ok(position.unwrap_or(0))
}

fn query_for(filter: &Filter) -> QueryBuilder<'_, Postgres> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push_bind(filter.company_id);
    if let Some(stream_type) = &filter.stream_type {
        query.push(" and stream_type = ").push_bind(stream_type);
    }
    if let Some(stream_id) = &filter.stream_id {
        query.push(" and stream_id = ").push_bind(stream_id);
    }
    if !filter.event_types.is_empty() {
        query.push(" and event_type = any(").push_bind(&filter.event_types).push(")");
    }
    let instants = [
        (" and recorded_at >= ", filter.recorded_from),
        (" and recorded_at < ", filter.recorded_before),
        (" and effective_at >= ", filter.effective_from),
        (" and effective_at < ", filter.effective_before),
    ];
    for (condition, instant) in instants {
        if let Some(instant) = instant {
            query.push(condition).push_bind(instant);
        }
    }
    if filter.beyond > 0 {
        query.push(" and position > ").push_bind(filter.beyond);
    }
    if let Some(after) = filter.after {
        query.push(if filter.descending { " and position < " } else { " and position > " }).push_bind(after);
    }
    query.push(if filter.descending {
        " order by position desc limit "
    } else {
        " order by position limit "
    });
    query.push_bind(filter.limit);
    query
}

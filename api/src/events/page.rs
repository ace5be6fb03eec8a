//! GET /events: a page of the company's log.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use projections::events::Filter;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::row::EventRow;
use crate::calendar;
use crate::context::Caller;
use crate::extract::Query;
use crate::problem::Problem;
use crate::state::AppState;

const MAX_EVENTS: i64 = 1_000;
const DEFAULT_EVENTS: i64 = 100;

/// Which events.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventFilters {
    /// Only events beyond this position in the asked order.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// At most so many events.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
    /// Oldest or newest first.
    #[param(inline)]
    order: Option<Order>,
    /// Only this stream: a type (`stock_item`) or type and id (`stock_item:22086`).
    stream: Option<String>,
    /// Only these event types, comma separated.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Only the stock of this item, by its first item id.
    item: Option<String>,
    /// Only what was recorded at or after this instant.
    from: Option<DateTime<Utc>>,
    /// Only what was recorded before this instant.
    to: Option<DateTime<Utc>>,
    /// Only what happened at or after this instant.
    effective_from: Option<DateTime<Utc>>,
    /// Only what happened before this instant.
    effective_to: Option<DateTime<Utc>>,
}

/// Order of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPage {
    /// The events.
    items: Vec<EventRow>,
    /// `after` of the next page; null when this page was not full.
    next_after: Option<i64>,
    /// Events up to this position are archived and not listed; null while all are here.
    archived_until: Option<i64>,
}

/// List events.
///
/// The append-only log of the company, from which every figure is made. Events of years ago may have been archived: the
/// list then begins behind them, and asking for them with `after` is refused.
#[utoipa::path(get, path = "/events", operation_id = "list_events", tag = "log", params(EventFilters),
    responses((status = 200, description = "A page of events", body = EventPage)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([409]))))]
pub(crate) async fn list_events(
    State(state): State<AppState>,
    caller: Caller,
    Query(filters): Query<EventFilters>,
) -> Result<Json<EventPage>, Problem> {
    let mut filter = filters.into_filter(caller.company_id)?;
    let mut tx = caller.read(&state, &[]).await?;
    filter.beyond = archived_until(&mut tx).await?;
    if !filter.descending {
        refuse_archived(filter.after, filter.beyond)?;
    }
    let events =
        projections::events::page(&mut tx, &filter).await.map_err(|error| Problem::internal(&error))?;
    let items: Vec<EventRow> = events.into_iter().map(EventRow::from).collect();
    let full = i64::try_from(items.len()).is_ok_and(|count| count == filter.limit);
    let next_after = items.last().filter(|_| full).map(EventRow::position);
    let archived_until = Some(filter.beyond).filter(|until| *until > 0);
    Ok(Json(EventPage { items, next_after, archived_until }))
}

/// Position up to which the company's events are archived; 0 where none is.
pub(super) async fn archived_until(conn: &mut PgConnection) -> Result<i64, Problem> {
    projections::events::gone_until(conn).await.map_err(|error| Problem::internal(&error))
}

/// 409 where events beyond `after` are archived.
pub(super) fn refuse_archived(after: Option<i64>, archived_until: i64) -> Result<(), Problem> {
    if after.is_none_or(|after| after >= archived_until) {
        return Ok(());
    }
    let detail = format!("the events up to position {archived_until} are archived");
    Err(Problem::conflict("archived", detail).with("archived_until", archived_until))
}

impl EventFilters {
    fn into_filter(self, company_id: uuid::Uuid) -> Result<Filter, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_EVENTS);
        if !(1..=MAX_EVENTS).contains(&limit) {
            return Err(Problem::invalid("invalid_parameter", "?limit", "must lie between 1 and 1000"));
        }
        if self.after.is_some_and(|after| after < 0) {
            return Err(Problem::invalid("invalid_parameter", "?after", "must be a position, 0 or more"));
        }
        let (mut stream_type, mut stream_id) = match self.stream {
            Some(stream) => match stream.split_once(':') {
                Some((kind, id)) => (Some(kind.to_owned()), Some(id.to_owned())),
                None => (Some(stream), None),
            },
            None => (None, None),
        };
        if let Some(item) = self.item {
            stream_type = Some("stock_item".to_owned());
            stream_id = Some(item);
        }
        let types = self.event_type.unwrap_or_default();
        Ok(Filter {
            company_id,
            stream_type,
            stream_id,
            event_types: types
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            recorded_from: calendar::in_query("?from", self.from)?,
            recorded_before: calendar::in_query("?to", self.to)?,
            effective_from: calendar::in_query("?effective_from", self.effective_from)?,
            effective_before: calendar::in_query("?effective_to", self.effective_to)?,
            beyond: 0,
            after: self.after,
            descending: self.order == Some(Order::Desc),
            limit,
        })
    }
}

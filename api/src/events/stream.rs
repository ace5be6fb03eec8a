//! GET /events/stream: the company's log as server-sent events, without gaps.
//!
//! Each event's id is its position, so a client that reconnects with `Last-Event-ID` goes on where it was. Events come
//! from the log; the committer's head only says that there is something to read.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt};
use projections::events::Filter;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::page::{archived_until, refuse_archived};
use super::row::EventRow;
use crate::context::Caller;
use crate::extract::Query;
use crate::problem::Problem;
use crate::state::AppState;

/// Events that are read at once.
const CHUNK: i64 = 500;
/// Pause between looks at the log when no head moves.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where the stream begins.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamStart {
    /// Begin after this position, unless `Last-Event-ID` is sent. Without both: with the next event.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// Follow events.
///
/// Server-sent events; `id` is the position, `event` the event type, `data` the event as in GET /events. A
/// reconnecting client sends `Last-Event-ID` and misses nothing.
#[utoipa::path(get, path = "/events/stream", operation_id = "stream_events", tag = "log",
    params(StreamStart, ("Last-Event-ID" = Option<i64>, Header, description = "Position after which to go on", minimum = 0)),
    responses((status = 200, description = "Events as they are recorded", body = String, content_type = "text/event-stream")),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([409]))))]
pub(crate) async fn stream_events(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    Query(start): Query<StreamStart>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?").trim().parse());
    let asked = match last {
        Some(Ok(position)) => Some(position),
        Some(Err(_)) => {
            return Err(Problem::invalid("invalid_parameter", "?Last-Event-ID", "must be a position"));
        }
        None => start.after,
    };
    let after = match asked {
        Some(position) if position >= 0 => {
            let mut tx = caller.read(&state, &[]).await?;
            refuse_archived(Some(position), archived_until(&mut tx).await?)?;
            position
        }
        Some(_) => {
            return Err(Problem::invalid("invalid_parameter", "?after", "must be a position, 0 or more"));
        }
        None => {
            let mut tx = caller.read(&state, &[]).await?;
            let newest = projections::events::newest(&mut tx, caller.company_id).await;
            newest.map_err(|error| Problem::internal(&error))?
        }
    };
    let stop = state.stop.clone();
    let follower = Follower { company_id: caller.company_id, position: after, state };
    let events = futures::stream::unfold(follower, Follower::next).flat_map(futures::stream::iter);
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(events.take_until(stop.cancelled_owned())).keep_alive(keep_alive))
}

struct Follower {
    company_id: Uuid,
    position: i64,
    state: AppState,
}

impl Follower {
    /// The next events, at least one.
    async fn next(mut self) -> Option<(Vec<Result<Event, Infallible>>, Self)> {
        loop {
            let partition = self.state.committers.partition_of(self.company_id);
            let mut head = self.state.heads.subscribe(partition)?;
            let seen = *head.borrow_and_update();
            match self.read().await {
                Ok(rows) if !rows.is_empty() => {
                    let events = rows.iter().map(sent).map(Ok).collect();
                    return Some((events, self));
                }
                Ok(_) => {}
                // The client reconnects and goes on after the last event that it has.
                Err(problem) => {
                    tracing::warn!(detail = problem.detail(), "an event stream ends");
                    return None;
                }
            }
            // A quiet company's events are looked for now and then, whatever the head says.
            let _ = tokio::time::timeout(PATIENCE, head.wait_for(|at| *at > seen)).await;
        }
    }

    async fn read(&mut self) -> Result<Vec<EventRow>, Problem> {
        let filter = Filter {
            company_id: self.company_id,
            after: Some(self.position),
            limit: CHUNK,
            ..Filter::default()
        };
        let mut tx = projections::tenant::begin(&self.state.reads, self.company_id).await?;
        let events =
            projections::events::page(&mut tx, &filter).await.map_err(|error| Problem::internal(&error))?;
        self.position = events.last().map_or(self.position, |event| event.position);
        Ok(events.into_iter().map(EventRow::from).collect())
    }
}

fn sent(row: &EventRow) -> Event {
    let event = Event::default().id(row.position().to_string()).event(row.event_type());
    event.data(serde_json::to_string(row).unwrap_or_default())
}

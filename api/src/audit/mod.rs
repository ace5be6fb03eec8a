//! What auditors ask: where does the log stand, is it as it was written, was this event in it?
//!
//! Companies share partitions of the log. What is answered is about the whole partition of the caller's company, never
//! with another company's events in it.

mod checkpoint;
mod proof;
mod verify;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use event_log::archive::Archive;
use event_log::signing::SigningKey;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::sync::{Mutex, MutexGuard};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(checkpoint::read_checkpoint))
        .routes(routes!(verify::verify_log))
        .routes(routes!(proof::read_proof))
}

/// What audits read with, and the key that signs.
pub(crate) struct Audit {
    log: PgPool,
    archive: Archive,
    key: SigningKey,
    /// They read much of the log: one at a time.
    turn: Mutex<()>,
}

impl Audit {
    /// `log` sees the events of every company; `archive` has those that left it.
    pub(crate) fn new(log: PgPool, archive: Archive, key: SigningKey) -> Self {
        Self { log, archive, key, turn: Mutex::new(()) }
    }

    /// Waits for its turn.
    async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Waits for its turn and takes a connection.
    async fn read(&self) -> Result<(MutexGuard<'_, ()>, PoolConnection<Postgres>), Problem> {
        let turn = self.turn().await;
        Ok((turn, self.log.acquire().await?))
    }
}

/// JSON that was written elsewhere and must reach the client byte for byte.
pub(crate) struct AsWritten(String);

impl AsWritten {
    fn new(text: Result<String, serde_json::Error>) -> Result<Self, Problem> {
        text.map(Self).map_err(|error| Problem::internal(&error))
    }
}

impl IntoResponse for AsWritten {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

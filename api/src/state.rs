//! What handlers share. Cheap to clone.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use commands::accounts::Accounts;
use commands::accounts::jobs::Jobs;
use commands::clock::{Clock, Ids};
use commands::{Committers, Operation, Outcome, Receipt, Verdict};
use metrics_exporter_prometheus::PrometheusHandle;
use migrations::Database;
use projections::heads::Heads;
use projections::positions::{NotYet, Positions};
use projections::stock::board::Boards;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::answer::Done;
use crate::audit::Audit;
use crate::body::Digest;
use crate::config::Config;
use crate::context::Caller;
use crate::problem::Problem;
use crate::rate::Limiter;
use crate::room::OperationRooms;

/// The shared state of the server.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// See [`AppState`], which dereferences to this.
pub struct Shared {
    /// Settings.
    pub config: Config,
    /// The database, for owners' work such as rebuilds.
    pub database: Database,
    /// Where commands go.
    pub committers: Committers,
    /// Connections of the role `stocktrail_api`; see [`projections::tenant`].
    pub reads: PgPool,
    /// People, keys and jobs.
    pub accounts: Accounts,
    /// What audits of the log need.
    pub(crate) audit: Audit,
    /// Work that outlives a request.
    pub jobs: Jobs,
    /// The inventory tables of companies in memory.
    pub boards: Boards,
    /// How far the read models are.
    pub positions: Positions,
    /// How long the log is.
    pub heads: Heads,
    /// The server's clock.
    pub clock: Clock,
    /// Source of ids.
    pub ids: Ids,
    /// Requests per second.
    pub limiter: Limiter,
    /// Which roles may call what.
    pub rooms: OperationRooms,
    /// The OpenAPI document, ready to be sent.
    pub openapi: Bytes,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Set once the read models have caught up after the start.
    pub ready: std::sync::atomic::AtomicBool,
    /// Cancelled when the server stops; long answers end then.
    pub stop: CancellationToken,
}

impl std::ops::Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl AppState {
    /// Shares this state.
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Hands operations to the committer and waits until their events are durable.
    pub(crate) async fn submit(
        &self,
        caller: &Caller,
        digest: Digest,
        operations: Vec<Operation>,
    ) -> Result<Receipt, Problem> {
        Ok(self.committers.submit(caller.submission(digest, operations)).await?)
    }

    /// The same for a single operation; a refusal is a problem, a repeated outside fact is 409 `duplicate`.
    pub(crate) async fn submit_one(
        &self,
        caller: &Caller,
        digest: Digest,
        operation: Operation,
    ) -> Result<(Outcome, Done), Problem> {
        let mut receipt = self.submit(caller, digest, vec![operation]).await?;
        let done = Done::from(&receipt);
        match receipt.verdicts.pop() {
            Some(Verdict::Accepted(outcome)) => Ok((outcome, done)),
            Some(Verdict::Refused(refused)) => Err(Problem::from(refused)),
            Some(Verdict::Duplicate) => {
                Err(Problem::conflict("duplicate", "the same fact was recorded before"))
            }
            None => Err(Problem::unavailable("the log gave no verdict", 1)),
        }
    }

    /// Hands over rows that were read one by one, some of them in vain: a verdict for each that could be read, in order.
    pub(crate) async fn submit_rows<E>(
        &self,
        caller: &Caller,
        digest: Digest,
        rows: Vec<Result<Operation, E>>,
    ) -> Result<(Vec<Result<Verdict, E>>, Done), Problem> {
        let (mut operations, mut errors) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in rows {
            match row {
                Ok(operation) => {
                    operations.push(operation);
                    errors.push(None);
                }
                Err(error) => errors.push(Some(error)),
            }
        }
        let (done, verdicts) = if operations.is_empty() {
            (Done { position: None, replayed: false }, Vec::new())
        } else {
            let receipt = self.submit(caller, digest, operations).await?;
            (Done::from(&receipt), receipt.verdicts)
        };
        let mut verdicts = verdicts.into_iter();
        let rows = errors.into_iter().filter_map(|error| match error {
            Some(error) => Some(Err(error)),
            None => verdicts.next().map(Ok),
        });
        Ok((rows.collect(), done))
    }

    /// Waits until these projections have folded `position` of the company's partition.
    pub async fn wait(
        &self,
        company_id: Uuid,
        projections: &[&'static str],
        position: i64,
        patience: Duration,
    ) -> Result<(), NotYet> {
        let partition = self.committers.partition_of(company_id);
        self.positions.wait(projections, partition, position, patience).await
    }
}

//! `GET /audit/verify`: is the log as it was written?

use axum::Json;
use axum::extract::State;
use event_log::append::Head;
use event_log::hex;
use event_log::verify::{Fault, Report, verify_part};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::context::Caller;
use crate::extract::Query;
use crate::problem::Problem;
use crate::state::AppState;

/// Where to begin.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerifyStart {
    /// Verify what comes after this batch: `next_after_batch` of the answer before, from the first event when absent.
    #[param(minimum = 0)]
    after_batch: Option<i64>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verified {
    /// Partition of the log, which the company shares with others.
    partition: i16,
    /// Where it began, on the word of the batch there.
    from: ChainHead,
    /// Where it ended: the chain holds up to here.
    to: ChainHead,
    /// Events that were read, of all companies.
    events: i64,
    /// Whether all of them are as they were recorded.
    holds: bool,
    /// The first thing that is wrong.
    fault: Option<FaultBody>,
    /// Where to go on; null at the end of the log.
    next_after_batch: Option<i64>,
}

/// A place in the hash chain.
#[derive(Debug, Serialize, ToSchema)]
struct ChainHead {
    /// Number of a batch, 0 before the first.
    batch: i64,
    /// Position of its last event.
    position: i64,
    /// Its hash.
    hash: String,
}

/// Something that is not as it was recorded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogFault)]
struct FaultBody {
    /// `altered`, `missing`, `inserted`, `out_of_order`, `batch` or `head`.
    kind: &'static str,
    /// In words; of another company's event only where it stands.
    detail: String,
}

/// Verify the log.
///
/// Recomputes the hash chain over the events themselves, some hundred thousand at a time. Ask again with
/// `next_after_batch` until it is null; `from` of each answer must be `to` of the one before. Archived events are read
/// from their files, where the server knows the folder.
#[utoipa::path(get, path = "/audit/verify", operation_id = "verify_log", tag = "log", params(VerifyStart),
    responses((status = 200, description = "What was found", body = Verified)),
    extensions(("x-room" = json!("settings")), ("x-problems" = json!([409]))))]
pub(crate) async fn verify_log(
    State(state): State<AppState>,
    caller: Caller,
    Query(start): Query<VerifyStart>,
) -> Result<Json<Verified>, Problem> {
    let partition = state.committers.partition_of(caller.company_id);
    let _turn = state.audit.turn().await;
    let (log, archive) = (&state.audit.log, &state.audit.archive);
    let report = verify_part(log, archive, partition, start.after_batch.unwrap_or(0)).await?;
    let report = report.ok_or_else(|| {
        Problem::invalid("invalid_parameter", "?after_batch", "the log has no batch of this number")
    })?;
    Ok(Json(Verified::new(&report, caller.company_id)))
}

impl Verified {
    fn new(report: &Report, company_id: Uuid) -> Self {
        let Report { partition, from, events, head, fault, is_complete } = report;
        let goes_on = fault.is_none() && !is_complete;
        Self {
            partition: *partition,
            from: ChainHead::of(from),
            to: ChainHead::of(head),
            events: *events,
            holds: fault.is_none(),
            fault: fault.as_ref().map(|fault| FaultBody::new(fault, company_id)),
            next_after_batch: goes_on.then_some(head.batch),
        }
    }
}

impl ChainHead {
    fn of(head: &Head) -> Self {
        Self { batch: head.batch, position: head.position, hash: hex::text(&head.hash) }
    }
}

impl FaultBody {
    fn new(fault: &Fault, company_id: Uuid) -> Self {
        let detail = match fault.event() {
            Some(event) if event.company_id != company_id => {
                format!("{}: an event of another company at position {}", fault.kind(), event.position)
            }
            _ => fault.to_string(),
        };
        Self { kind: fault.kind(), detail }
    }
}

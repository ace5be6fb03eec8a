//! `POST /locations/{location_id}/deactivate`, and `DELETE /locations/{location_id}`, which means the same (decision 49).

use std::time::Duration;

use axum::extract::State;

use commands::operation::Occupancy;
use commands::{Operation, Outcome, Refused, Verdict};
use domain::shared::ids::LocationId;
use projections::stock::queries::occupied;

use crate::answer::{Done, Written};
use crate::body::Digest;
use crate::catalogue::lookup::{location_named, location_of};
use crate::catalogue::view::LocationAnswer;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// How often stock may move there while we look.
const ATTEMPTS: usize = 4;
/// How long we wait for the read model of stock.
const PATIENCE: Duration = Duration::from_secs(2);

/// Deactivate a location.
///
/// Refused (409) for the primary location and while any product has stock or reservations there.
#[utoipa::path(
    post,
    path = "/locations/{location_id}/deactivate",
    operation_id = "deactivate_location",
    tag = "catalogue",
    params(("location_id" = String, Path, description = "External code of the location")),
    responses((status = 200, description = "The location as it stands now", body = LocationAnswer)),
    extensions(("x-room" = json!("catalogue")))
)]
pub(crate) async fn deactivate(
    State(state): State<AppState>,
    caller: Caller,
    Path(location_id): Path<String>,
    digest: Digest,
) -> Result<Written<LocationAnswer>, Problem> {
    let location_id = location_named(&location_id)?;
    let (outcome, done) = close(&state, &caller, digest, &location_id).await?;
    let answer = LocationAnswer { location: location_of(outcome)?, position: done.position };
    let version = answer.location.version;
    Ok(Written::ok(answer, done).etag(version))
}

/// Delete a location: deactivate it.
///
/// Nothing that has an event is deleted; the answer is the location as it stands now.
#[utoipa::path(
    delete,
    path = "/locations/{location_id}",
    operation_id = "delete_location",
    tag = "catalogue",
    params(("location_id" = String, Path, description = "External code of the location")),
    responses((status = 200, description = "The location as it stands now", body = LocationAnswer)),
    extensions(("x-room" = json!("catalogue")))
)]
pub(crate) async fn delete(
    state: State<AppState>,
    caller: Caller,
    location_id: Path<String>,
    digest: Digest,
) -> Result<Written<LocationAnswer>, Problem> {
    deactivate(state, caller, location_id, digest).await
}

/// Looks what lies there and closes the location; looks again where stock moved meanwhile.
async fn close(
    state: &AppState,
    caller: &Caller,
    digest: Digest,
    location_id: &LocationId,
) -> Result<(Outcome, Done), Problem> {
    let partition = state.committers.partition_of(caller.company_id);
    for _ in 0..ATTEMPTS {
        let position = state.positions.at("inventory", partition);
        let mut tx = caller.read(state, &["inventory"]).await?;
        let (with_stock, with_reservations) =
            occupied(&mut tx, caller.company_id, location_id.as_str()).await?;
        drop(tx);
        let operation = Operation::DeactivateLocation {
            location_id: location_id.clone(),
            seen: Occupancy {
                items_with_stock: u64::try_from(with_stock).unwrap_or(0),
                items_with_reservations: u64::try_from(with_reservations).unwrap_or(0),
                position,
            },
        };
        let mut receipt = state.submit(caller, digest, vec![operation]).await?;
        let done = Done::from(&receipt);
        match receipt.verdicts.pop() {
            Some(Verdict::Accepted(outcome)) => return Ok((outcome, done)),
            Some(Verdict::Refused(refused)) if moved_meanwhile(&refused) => {
                state.wait(caller.company_id, &["inventory"], receipt.position, PATIENCE).await?;
            }
            Some(Verdict::Refused(refused)) => return Err(Problem::from(refused)),
            Some(Verdict::Duplicate) | None => break,
        }
    }
    Err(Problem::unavailable("stock keeps moving there", 1))
}

fn moved_meanwhile(refused: &Refused) -> bool {
    refused.code == "stock_moved_meanwhile"
}

//! `POST /jobs/{job_id}/retry`: once more.

use axum::extract::State;
use uuid::Uuid;

use super::view::JobView;
use crate::answer::{Done, Written};
use crate::body::Digest;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Retry a job.
///
/// Enqueues a failed or cancelled job again, with all its attempts. 409 in any other state.
#[utoipa::path(post, path = "/jobs/{job_id}/retry", operation_id = "retry_job", tag = "operations",
    params(("job_id" = Uuid, Path, description = "The job")),
    responses((status = 202, description = "The job, queued", body = JobView)),
    extensions(("x-room" = json!("people"))))]
pub(crate) async fn retry_job(
    State(state): State<AppState>,
    caller: Caller,
    Path(job_id): Path<Uuid>,
    digest: Digest,
) -> Result<Written<JobView>, Problem> {
    let request = caller.accounts_key(digest);
    let answer = state.jobs.retry(&state.accounts, caller.company_id, job_id, request.as_ref()).await?;
    let done = Done::from(&answer);
    Ok(Written::accepted(answer.value.into(), done).location(&format!("/jobs/{job_id}")))
}

//! `GET /jobs/{job_id}`: one job.

use axum::Json;
use axum::extract::State;
use uuid::Uuid;

use super::view::JobView;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Read a job.
#[utoipa::path(get, path = "/jobs/{job_id}", operation_id = "read_job", tag = "operations",
    params(("job_id" = Uuid, Path, description = "The job")),
    responses((status = 200, description = "The job", body = JobView)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn read_job(
    State(state): State<AppState>,
    caller: Caller,
    Path(job_id): Path<Uuid>,
) -> Result<Json<JobView>, Problem> {
    Ok(Json(state.jobs.get(caller.company_id, job_id).await?.into()))
}

//! Starting a job, once for a request however often that comes.

use commands::accounts::jobs::NewJob;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Done, Written};
use crate::body::Digest;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// A job that was started.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct StartedJob {
    /// The job; see GET /jobs/{id}.
    pub(crate) job_id: Uuid,
}

/// 202 with the job and where to read it. While one of the same key waits or runs, it is that one.
pub(crate) async fn start(
    state: &AppState,
    caller: &Caller,
    digest: Digest,
    job: NewJob,
) -> Result<Written<StartedJob>, Problem> {
    let jobs = state.jobs.clone();
    let answer = state
        .accounts
        .once(caller.company_id, caller.accounts_key(digest).as_ref(), |conn| {
            Box::pin(async move { Ok(StartedJob { job_id: jobs.enqueue(conn, job).await? }) })
        })
        .await?;
    state.jobs.wake();
    let location = format!("/jobs/{}", answer.value.job_id);
    let done = Done::from(&answer);
    Ok(Written::accepted(answer.value, done).location(&location))
}

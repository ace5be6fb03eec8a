//! GET /channels/{channel}: how one channel sells.

use axum::Json;
use axum::extract::State;
use projections::sales::queries;

use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::sales::list_channels::ChannelView;
use crate::state::AppState;

/// Read a channel.
#[utoipa::path(get, path = "/channels/{channel}", operation_id = "read_channel", tag = "sales",
    params(("channel" = String, Path, description = "Name of the channel")),
    responses((status = 200, description = "The channel", body = ChannelView)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Path(channel): Path<String>,
) -> Result<Json<ChannelView>, Problem> {
    let mut tx = caller.read(&state, &["sales"]).await?;
    let rows = queries::channels(&mut tx, caller.company_id).await?;
    let row = rows.into_iter().find(|row| row.channel == channel.trim());
    row.map(|row| Json(ChannelView::from(row))).ok_or_else(|| Problem::not_found("channel"))
}

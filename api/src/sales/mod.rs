//! Sales: lines of channels, daily reports, channels, the quarantine, and demand.
//!
//! One endpoint, one file. [`line_body`] is what a line looks like from outside, [`verdicts`] counts what became of
//! many at once.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

mod line_body;
mod verdicts;
mod record_order;
mod record_batch;
mod record_days;
mod cancel_order;
mod list_lines;
mod list_channels;
mod read_channel;
mod configure_channel;
mod list_quarantine;
mod retry_quarantined;
mod read_demand;

pub(crate) use verdicts::{LineError, unreadable};

/// Operations of this room.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_lines::list, record_order::record))
        .routes(routes!(record_batch::record))
        .routes(routes!(record_days::record))
        .routes(routes!(cancel_order::cancel))
        .routes(routes!(list_channels::list))
        .routes(routes!(read_channel::read, configure_channel::configure))
        .routes(routes!(list_quarantine::list))
        .routes(routes!(retry_quarantined::retry))
        .routes(routes!(read_demand::read))
}

//! The company at the edge: its profile, its settings and who chose them when.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

mod lookup;
mod profile;
mod settings_document;
mod read_company;
mod edit_company;
mod read_settings;
mod edit_settings;
mod settings_history;

pub(crate) use lookup::{currency, time_zone};
pub(crate) use settings_document::{SettingsChange, answered};

/// Operations of this room.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read_company::read, edit_company::edit))
        .routes(routes!(read_settings::read, edit_settings::edit))
        .routes(routes!(settings_history::list))
}

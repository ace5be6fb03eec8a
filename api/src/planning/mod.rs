//! Planning at the edge: figures, lists and what follows from them; what people choose for it and know of days,
//! forecasts from elsewhere, and recommendations that they do not want to see.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::state::AppState;

pub(crate) mod as_of;
pub(crate) mod figures;
pub(crate) mod plan_columns;
pub(crate) mod plan_filters;
pub(crate) mod find;
mod read_metrics;
mod what_if;
mod recommendation_row;
mod list_recommendations;
mod suggestion_row;
mod list_suggestions;
mod rules_document;
mod read_rules;
mod edit_rules;
mod scope;
mod read_settings;
mod edit_settings;
mod read_policy;
mod edit_policy;
mod list_holidays;
mod set_holiday;
mod remove_holiday;
mod set_covariates;
mod forecast_row;
mod import_forecasts;
pub(crate) mod run_job;
mod start_run;
mod run_view;
mod read_run;
mod read_latest_run;
pub(crate) mod accuracy_view;
mod read_accuracy;
mod compare_forecasts;
mod dismiss_recommendation;
mod list_dismissals;
mod refresh_metrics;
mod read_refresh;

pub(crate) use refresh_metrics::RefreshMetrics;

/// Operations of this room.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read_metrics::read))
        .routes(routes!(what_if::what_if))
        .routes(routes!(list_recommendations::list))
        .routes(routes!(list_suggestions::list))
        .merge(choices())
        .merge(forecasts())
        .routes(routes!(dismiss_recommendation::dismiss))
        .routes(routes!(list_dismissals::list))
        .routes(routes!(refresh_metrics::refresh, read_refresh::read))
}

/// What people choose and know.
fn choices() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read_rules::read, edit_rules::edit))
        .routes(routes!(read_settings::read, edit_settings::edit))
        .routes(routes!(read_policy::read, edit_policy::edit))
        .routes(routes!(list_holidays::list))
        .routes(routes!(set_holiday::set, remove_holiday::remove))
        .routes(routes!(set_covariates::set))
}

/// Runs of forecasts, the product's own and those of others.
fn forecasts() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(import_forecasts::import))
        .routes(routes!(start_run::start))
        .routes(routes!(read_latest_run::read))
        .routes(routes!(read_run::read))
        .routes(routes!(read_accuracy::read))
        .routes(routes!(compare_forecasts::read))
}

/// An outcome that no operation of this room has.
fn unexpected() -> Problem {
    Problem::unavailable("the log answered something else", 1)
}

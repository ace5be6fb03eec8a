//! `/warehouses`: the operations of `/locations` under the name that older clients know (decision 3).

use axum::http::Method;
use utoipa::openapi::path::Operation;
use utoipa_axum::router::UtoipaMethodRouter;

use crate::openapi::operations;
use crate::state::AppState;

/// The same handlers at `/warehouses`, with words of their own in the document.
pub(crate) fn alias(
    (schemas, mut paths, handlers): UtoipaMethodRouter<AppState>,
) -> UtoipaMethodRouter<AppState> {
    let locations = std::mem::take(&mut paths.paths);
    for (path, mut item) in locations {
        for (method, operation) in operations(&mut item) {
            rename(&method, &path, operation);
        }
        paths.paths.insert(path.replace("/locations", "/warehouses"), item);
    }
    (schemas, paths, handlers)
}

/// "List locations." becomes "List warehouses: the same as `GET /locations`."
fn rename(method: &Method, path: &str, operation: &mut Operation) {
    let warehouse = |text: &str| text.replace("location", "warehouse");
    operation.operation_id = operation.operation_id.as_deref().map(warehouse);
    let summary = operation.summary.as_deref().unwrap_or_default();
    let what = summary.split(['.', ':']).next().unwrap_or_default();
    operation.summary = Some(format!("{}: the same as `{method} {path}`.", warehouse(what)));
    operation.description = None;
}

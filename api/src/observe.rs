//! Around every request: its id, one trace line, count and latency per route, caught panics, rendered problems.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::context::RequestId;
use crate::problem::{Problem, Status};
use crate::state::AppState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Upper bounds of latency histograms, in seconds.
const LATENCY: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Upper bounds of size histograms (events or commands of a batch).
const SIZES: [f64; 12] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 2048.0, 10_240.0];

/// The layer around all routes.
pub(crate) async fn observe(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = state.ids.next();
    let method = request.method().clone();
    let uri = request.uri().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(RequestId(id));
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| {
        tracing::error!(%id, %method, path = uri.path(), "request panicked");
        Problem::new(Status::Internal, "internal", "the request failed on our side; its id is in instance")
            .into_response()
    });
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        tracing::debug!(%id, code = problem.code(), detail = problem.detail(), "problem");
        response = problem.render(format!("{}#{id}", uri.path()));
    }
    let mut text = uuid::Uuid::encode_buffer();
    if let Ok(value) = HeaderValue::from_str(id.as_hyphenated().encode_lower(&mut text)) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let took = started.elapsed();
    let status = response.status().as_u16();
    record(&method, route.as_ref().map_or("none", MatchedPath::as_str), status, took);
    tracing::debug!(target: "http", %id, %method, path = uri.path(), status, micros = took.as_micros(), "request");
    response
}

/// Count by class of status, and latency.
struct Route {
    classes: [Counter; 5],
    latency: Histogram,
}

thread_local! {
    /// Looking a metric up by its labels costs more than counting it.
    static ROUTES: RefCell<HashMap<String, Vec<(Method, Route)>>> = RefCell::new(HashMap::new());
}

fn record(method: &Method, path: &str, status: u16, took: Duration) {
    ROUTES.with_borrow_mut(|routes| {
        if !routes.contains_key(path) {
            routes.insert(path.to_owned(), Vec::new());
        }
        let Some(methods) = routes.get_mut(path) else { return };
        if !methods.iter().any(|(known, _)| known == method) {
            methods.push((method.clone(), Route::new(method, path)));
        }
        let Some((_, route)) = methods.iter().find(|(known, _)| known == method) else { return };
        route.latency.record(took);
        if let Some(class) = route.classes.get(usize::from(status / 100).saturating_sub(1)) {
            class.increment(1);
        }
    });
}

impl Route {
    fn new(method: &Method, path: &str) -> Self {
        // Unknown methods share one label, so that no client can make labels without end.
        let known = [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::HEAD];
        let method = if known.contains(method) { method.as_str() } else { "other" }.to_owned();
        let path = path.to_owned();
        let class = |class: &'static str| metrics::counter!("stocktrail_http_requests_total", "method" => method.clone(), "route" => path.clone(), "status" => class);
        Self {
            classes: [class("1xx"), class("2xx"), class("3xx"), class("4xx"), class("5xx")],
            latency: metrics::histogram!("stocktrail_http_request_seconds", "method" => method.clone(), "route" => path.clone()),
        }
    }
}

/// The process's one recorder; installed at the first call.
pub(crate) fn metrics_handle() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = PrometheusBuilder::new();
            let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY);
            let builder = builder.and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES)
            });
            let recorder = builder.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is installed; /metrics stays empty");
            }
            handle
        })
        .clone()
}

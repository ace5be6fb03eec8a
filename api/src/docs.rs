//! Files of the console and the page that shows the OpenAPI document, embedded in the binary; the documents themselves.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connectors::kafka::{self, KafkaConfig};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::Problem;
use crate::state::AppState;

#[derive(RustEmbed)]
#[folder = "../console"]
struct Console;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The page, the document and the console's files.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/docs", get(|headers: HeaderMap| async move { file("docs.html", &headers) }))
        .route("/api/v1/openapi.json", get(openapi))
        .route("/api/openapi.json", get(openapi))
        .route("/api/v1/asyncapi.json", get(asyncapi))
        .route("/api/asyncapi.json", get(asyncapi))
        .route("/", get(home))
        .route("/console/{*path}", get(asset))
}

async fn openapi(State(state): State<AppState>) -> Response {
    let mut response = Response::new(Body::from(state.openapi.clone()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The messages of the Kafka topic, also where no broker is named.
async fn asyncapi(State(state): State<AppState>) -> Json<serde_json::Value> {
    let kafka = state.config.kafka.clone().unwrap_or_else(|| KafkaConfig::new(""));
    Json(kafka::asyncapi::document(&kafka, Some(state.heads.partitions())))
}

async fn home(headers: HeaderMap) -> Response {
    if Console::get("index.html").is_some() {
        file("index.html", &headers)
    } else {
        Redirect::temporary("/api/docs").into_response()
    }
}

async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    file(uri.path().trim_start_matches("/console/"), &headers)
}

fn file(path: &str, headers: &HeaderMap) -> Response {
    let Some(EmbeddedFile { data, metadata }) = Console::get(path) else {
        return Problem::not_found("file").into_response();
    };
    let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(metadata.sha256_hash()));
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(data.into_owned()))
    };
    let answer = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(metadata.mimetype()) {
        answer.insert(header::CONTENT_TYPE, kind);
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        answer.insert(header::ETAG, etag);
    }
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    answer.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

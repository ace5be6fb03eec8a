//! Answers of writes: the new state, the position that holds it, and whether it is a repeat.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use commands::Receipt;
use commands::accounts::Answer;
use serde::Serialize;

/// Header with the position of the last event of a write.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("stocktrail-position");
/// Header that marks the answer of a repeated request.
pub(crate) const REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");

/// What every accepted write has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Done {
    /// Position of the last event, or of the partition's head where nothing was written.
    pub(crate) position: Option<i64>,
    /// The request key had been answered before.
    pub(crate) replayed: bool,
}

impl From<&Receipt> for Done {
    fn from(receipt: &Receipt) -> Self {
        Self { position: Some(receipt.position), replayed: receipt.replayed }
    }
}

/// Of what stands in plain tables, apart from the log.
impl<T> From<&Answer<T>> for Done {
    fn from(answer: &Answer<T>) -> Self {
        Self { position: None, replayed: answer.replayed }
    }
}

/// JSON answer of a write.
#[derive(Debug)]
pub(crate) struct Written<T> {
    status: StatusCode,
    body: T,
    done: Done,
    etag: Option<i64>,
    location: Option<String>,
}

impl<T: Serialize> Written<T> {
    /// 200.
    pub(crate) fn ok(body: T, done: Done) -> Self {
        Self { status: StatusCode::OK, body, done, etag: None, location: None }
    }

    /// 201.
    pub(crate) fn created(body: T, done: Done) -> Self {
        Self { status: StatusCode::CREATED, ..Self::ok(body, done) }
    }

    /// 202.
    pub(crate) fn accepted(body: T, done: Done) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::ok(body, done) }
    }

    /// The same with another body.
    pub(crate) fn map<U>(self, body: impl FnOnce(T) -> U) -> Written<U> {
        let Self { status, body: former, done, etag, location } = self;
        Written { status, body: body(former), done, etag, location }
    }

    /// 200 or 201 or 202 or whatever else.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Adds `ETag: "version"`.
    pub(crate) fn etag(mut self, version: i64) -> Self {
        self.etag = Some(version);
        self
    }

    /// Adds `Location: /api/v1<path>`.
    pub(crate) fn location(mut self, path: &str) -> Self {
        self.location = Some(format!("/api/v1{path}"));
        self
    }
}

impl<T: Serialize> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body)).into_response();
        let headers = response.headers_mut();
        if let Some(position) = self.done.position {
            headers.insert(POSITION, HeaderValue::from(position));
        }
        if self.done.replayed {
            headers.insert(REPLAY, HeaderValue::from_static("true"));
        }
        if let Some(value) =
            self.etag.and_then(|version| HeaderValue::try_from(format!("\"{version}\"")).ok())
        {
            headers.insert(header::ETAG, value);
        }
        if let Some(value) = self.location.and_then(|path| HeaderValue::try_from(path).ok()) {
            headers.insert(header::LOCATION, value);
        }
        response
    }
}

//! Errors as clients see them: RFC 9457 problems, and the one table of statuses.
//!
//! A problem has a stable `code`, never a stack or SQL. What went wrong inside is logged once, here or where it is
//! handled; the client gets the request's id to ask with. `from` turns the errors of the other layers into problems.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

mod from;

pub use from::row_error;

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// The request cannot be read.
    Unreadable,
    /// Nobody is signed in.
    NotSignedIn,
    /// The caller's role does not allow it.
    Forbidden,
    /// No such thing.
    NotFound,
    /// The path exists, not with this method.
    MethodNotAllowed,
    /// The present state forbids it.
    Conflict,
    /// The caller saw an older state.
    Stale,
    /// The body is too large.
    TooLarge,
    /// The body is of a type that is not read here.
    UnsupportedMediaType,
    /// Values that no state would allow.
    Invalid,
    /// Too many requests; a later one will do.
    TooManyRequests,
    /// Our fault.
    Internal,
    /// Not at the moment; a later request will do.
    Unavailable,
}

impl Status {
    /// Every status that a problem can have.
    pub const ALL: [Self; 13] = [
        Self::Unreadable,
        Self::NotSignedIn,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::Stale,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::TooManyRequests,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The table: HTTP status and title.
    pub const fn entry(self) -> (StatusCode, &'static str) {
        match self {
            Self::Unreadable => (StatusCode::BAD_REQUEST, "The request cannot be read"),
            Self::NotSignedIn => (StatusCode::UNAUTHORIZED, "Nobody is signed in"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Not allowed"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed here"),
            Self::Conflict => (StatusCode::CONFLICT, "The present state forbids it"),
            Self::Stale => (StatusCode::PRECONDITION_FAILED, "The state has changed since it was read"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The media type is not supported")
            }
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "The values are not allowed"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal failure"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Not available at the moment"),
        }
    }
}

/// The JSON of a problem. Further members may follow, for example `confirm`, `on_hand`, `asked`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Where the code is explained.
    #[serde(rename = "type")]
    #[schema(example = "/api/docs#would_go_below_zero")]
    kind: String,
    /// What kind of problem it is, in words.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// What happened this time.
    detail: String,
    /// Path of the request and its id.
    instance: String,
    /// Stable code.
    #[schema(example = "would_go_below_zero")]
    code: Cow<'static, str>,
    /// Places in the request that are wrong.
    errors: Vec<FieldError>,
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
}

/// One wrong place in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer into the body, or `?name` for a query parameter.
    #[schema(example = "/quantity")]
    pub pointer: String,
    /// Stable code.
    pub code: Cow<'static, str>,
    /// What is wrong.
    pub message: String,
}

/// A problem on its way to the client.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: Status,
    code: Cow<'static, str>,
    detail: String,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    retry_after: Option<u64>,
}

impl Problem {
    /// A problem with this code.
    pub fn new(status: Status, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            members: Map::new(),
            retry_after: None,
        }))
    }

    /// 422 about one place of the body (JSON pointer) or query (`?name`).
    pub fn invalid(code: &'static str, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(Status::Invalid, code, message.clone()).field(pointer, code, message)
    }

    /// 404 `not_found`; `what` for example "product".
    pub fn not_found(what: &str) -> Self {
        Self::new(Status::NotFound, "not_found", format!("there is no such {what}"))
    }

    /// 409 with this code.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Status::Conflict, code, detail)
    }

    /// 412 `stale`.
    pub fn stale(detail: impl Into<String>) -> Self {
        Self::new(Status::Stale, "stale", detail)
    }

    /// 403 `forbidden`.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Status::Forbidden, "forbidden", detail)
    }

    /// 503 `unavailable` with Retry-After in seconds.
    pub fn unavailable(detail: impl Into<String>, retry_after: u64) -> Self {
        Self::new(Status::Unavailable, "unavailable", detail).retry_after(retry_after)
    }

    /// 500 that says nothing; the cause goes to the log.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        let mut chain = cause.to_string();
        let mut source = cause.source();
        while let Some(inner) = source {
            chain.push_str(": ");
            chain.push_str(&inner.to_string());
            source = inner.source();
        }
        tracing::error!(cause = chain, "request failed");
        Self::new(Status::Internal, "internal", "the request failed on our side; its id is in instance")
    }

    /// Names one more wrong place.
    #[must_use]
    pub fn field(
        mut self,
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        self.0.errors.push(FieldError {
            pointer: pointer.into(),
            code: code.into(),
            message: message.into(),
        });
        self
    }

    /// Names more wrong places.
    #[must_use]
    pub fn fields(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        self.0.errors.extend(errors);
        self
    }

    /// Adds a member beside the fixed ones.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Says after how many seconds another request makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds.max(1));
        self
    }

    /// Its stable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What happened, for per-row verdicts.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The wrong places that it names.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The first wrong place that it names.
    pub fn first_pointer(&self) -> Option<&str> {
        self.0.errors.first().map(|error| error.pointer.as_str())
    }

    /// What kind of problem it is.
    pub fn status(&self) -> Status {
        self.0.status
    }

    /// The whole answer; `instance` is path and id of the request.
    pub(crate) fn render(self, instance: String) -> Response {
        let parts = *self.0;
        let (status, title) = parts.status.entry();
        let body = ProblemBody {
            kind: format!("/api/docs#{}", parts.code),
            title,
            status: status.as_u16(),
            detail: parts.detail,
            instance,
            code: parts.code,
            errors: parts.errors,
            members: parts.members,
        };
        let mut response = Response::new(Body::from(serde_json::to_vec(&body).unwrap_or_default()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = parts.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if parts.status == Status::NotSignedIn {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The problem travels as an extension; `observe` renders it, knowing the request's path and id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.status.entry().0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, Status};

    #[test]
    fn every_status_stands_in_the_table_once() {
        let mut codes: Vec<u16> = Status::ALL.iter().map(|status| status.entry().0.as_u16()).collect();
        codes.dedup();
        assert_eq!(codes, [400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 500, 503]);
    }

    #[test]
    fn a_full_queue_says_when_to_come_back() {
        let problem = Problem::from(commands::SubmitError::Busy { retry_after_seconds: 2 });
        let response = problem.render("/x#1".to_owned());
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
}

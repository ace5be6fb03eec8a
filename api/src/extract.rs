//! Path and query parameters; rejections are problems.

use axum::extract::{FromRequestParts, rejection::PathRejection};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::{Problem, Status};

/// Path parameters, percent-decoded.
#[derive(Debug, Clone)]
pub(crate) struct Path<T>(pub(crate) T);

/// Query parameters.
#[derive(Debug, Clone)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                // A path that cannot be an id names nothing.
                tracing::debug!(%error, "path refused");
                Err(Problem::not_found("resource"))
            }
            Err(error) => Err(Problem::new(Status::Unreadable, "unreadable_path", error.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        query(parts).map(Self)
    }
}

/// Reads the query as `T`; 422 names the parameter. A parameter without a value counts as absent.
pub(crate) fn query<T: DeserializeOwned>(parts: &Parts) -> Result<T, Problem> {
    let text = parts.uri.query().unwrap_or_default();
    let pairs = form_urlencoded::parse(text.as_bytes()).filter(|(_, value)| !value.is_empty());
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let name = error.path().to_string();
        let name = if name == "." { String::new() } else { name };
        Problem::invalid("invalid_parameter", format!("?{name}"), error.into_inner().to_string())
    })
}

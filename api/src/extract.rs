//! Path and query parameters; rejections are problems.

use axum::extract::{FromRequestParts, rejection::PathRejection};
use axum::http::request::Parts;
use serde::Serialize;
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
            // No id holds a control character, and the database would not even look for some.
            Ok(_) if holds_control(parts.uri.path()) => Err(Problem::not_found("resource")),
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

/// Refuses a query with parameters that the operation does not read, or with text that nothing stored can hold.
pub(crate) fn check_query(query: &str, known: &[String]) -> Result<(), Problem> {
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let pointer = || format!("?{}", name.escape_default());
        if !known.iter().any(|known| *known == name) {
            let message = "the operation reads no such parameter";
            return Err(Problem::invalid("unknown_parameter", pointer(), message));
        }
        if value.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
            let message = "must be UTF-8 without control characters";
            return Err(Problem::invalid("invalid_parameter", pointer(), message));
        }
    }
    Ok(())
}

/// Whether a percent-encoded path holds a control character of ASCII.
fn holds_control(path: &str) -> bool {
    path.split('%')
        .skip(1)
        .filter_map(|rest| rest.get(..2))
        .any(|code| u8::from_str_radix(code, 16).is_ok_and(|byte| byte.is_ascii_control()))
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

/// The word that stands for a filter's choice, as the read models keep it.
pub(crate) fn word<T: Serialize>(choice: &T) -> String {
    serde_json::to_value(choice).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{check_query, holds_control};

    #[test]
    fn a_query_is_refused_for_what_nobody_reads_and_what_nothing_can_hold() {
        let known = ["search".to_owned()];
        assert!(check_query("search=caf%C3%A9+au+lait&", &known).is_ok());
        let refused = |query: &str| {
            let problem = check_query(query, &known).unwrap_err();
            (problem.code().to_owned(), problem.first_pointer().unwrap().to_owned())
        };
        assert_eq!(refused("serach=x"), ("unknown_parameter".to_owned(), "?serach".to_owned()));
        for query in ["search=%00", "search=a%0Ab", "search=%ff", "search=%C2%85"] {
            assert_eq!(refused(query), ("invalid_parameter".to_owned(), "?search".to_owned()), "{query}");
        }
    }

    #[test]
    fn only_encoded_control_characters_count() {
        assert!(holds_control("/products/%00") && holds_control("/products/a%7fb"));
        assert!(
            !holds_control("/products/100%25") && !holds_control("/products/%C3%A9") && !holds_control("/%")
        );
    }
}

//! `If-Match` of edits: the version that the caller saw.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

/// Version out of `If-Match: "5"`; none where the header is absent or `*`.
///
/// A text that is none of our versions matches no version, so it becomes one that no stream has, and the edit is refused
/// as stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IfMatch(pub(crate) Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let value = parts.headers.get(header::IF_MATCH).map(|value| value.to_str().unwrap_or_default());
        Ok(Self(value.and_then(version)))
    }
}

fn version(text: &str) -> Option<i64> {
    let text = text.trim();
    if text == "*" {
        return None;
    }
    let tag = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
    Some(tag.parse().ok().filter(|version| *version > 0).unwrap_or(-1))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn an_etag_is_a_version_and_anything_else_matches_none() {
        assert_eq!(version("\"5\""), Some(5));
        assert_eq!(version("W/\"5\""), Some(5));
        assert_eq!(version("*"), None);
        assert_eq!(version("\"abc\""), Some(-1));
    }
}

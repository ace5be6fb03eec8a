//! Request bodies: JSON with rejections that point at the wrong place, raw bytes with a limit, and their digest.

use std::fmt;
use std::marker::PhantomData;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor, value};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::problem::{Problem, Status};

/// Name of the header that makes a write repeatable.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A JSON body of at most so many MiB, 1 unless said otherwise.
#[derive(Debug)]
pub(crate) struct Body<T, const MIB: usize = 1> {
    /// What it says.
    pub(crate) value: T,
    /// Stands for method, path and body.
    pub(crate) digest: Digest,
}

/// A body of at most so many MiB, as it came.
#[derive(Debug)]
pub(crate) struct RawBody<const MIB: usize> {
    /// The bytes.
    pub(crate) bytes: Bytes,
    /// Stands for method, path and body.
    pub(crate) digest: Digest,
    /// `Content-Type` without parameters, lower case; empty when none was given.
    pub(crate) content_type: String,
}

/// SHA-256 over method, path, query and body of a request. All zero when the request bears no idempotency key. As an
/// extractor it stands for a request without a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// Stands for nothing: of submissions that bear no idempotency key.
    pub(crate) const NONE: Self = Self([0; 32]);

    /// All 32 bytes.
    pub(crate) fn bytes(self) -> [u8; 32] {
        self.0
    }

    /// The first half.
    pub(crate) fn half(self) -> Uuid {
        let mut half = [0_u8; 16];
        for (to, from) in half.iter_mut().zip(self.0) {
            *to = from;
        }
        Uuid::from_bytes(half)
    }

    fn of(parts: &RequestLine, body: &[u8]) -> Self {
        let Some(line) = &parts.0 else { return Self([0; 32]) };
        let mut hasher = Sha256::new();
        hasher.update(line.len().to_be_bytes());
        hasher.update(line);
        hasher.update(body);
        Self(hasher.finalize().into())
    }
}

/// Method, path and query, if the request bears an idempotency key.
struct RequestLine(Option<String>);

impl RequestLine {
    fn new(headers: &HeaderMap, method: &axum::http::Method, uri: &axum::http::Uri) -> Self {
        let line = headers.contains_key(IDEMPOTENCY_KEY).then(|| format!("{method} {uri}"));
        Self(line)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Digest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Ok(Self::of(&RequestLine::new(&parts.headers, &parts.method, &parts.uri), &[]))
    }
}

impl<T: DeserializeOwned, S: Send + Sync, const MIB: usize> FromRequest<S> for Body<T, MIB> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let kind = content_type(request.headers());
        if !(kind == "application/json" || kind.ends_with("+json")) {
            let detail = "the body must be application/json".to_owned();
            return Err(Problem::new(Status::UnsupportedMediaType, "unsupported_media_type", detail));
        }
        let line = RequestLine::new(request.headers(), request.method(), request.uri());
        let bytes = read(request, MIB << 20).await?;
        let value = parse(&bytes)?;
        Ok(Self { value, digest: Digest::of(&line, &bytes) })
    }
}

impl<S: Send + Sync, const MIB: usize> FromRequest<S> for RawBody<MIB> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let content_type = content_type(request.headers());
        let line = RequestLine::new(request.headers(), request.method(), request.uri());
        let bytes = read(request, MIB << 20).await?;
        let digest = Digest::of(&line, &bytes);
        Ok(Self { bytes, digest, content_type })
    }
}

/// Reads JSON; the problem names the place.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value = serde_json::from_slice(bytes).map_err(|error| explain::<T>(bytes, &error))?;
    refuse_control_characters(bytes)?;
    Ok(value)
}

/// 422 for texts with control characters other than tabs and line breaks; no field is meant to hold them, and the
/// database refuses some.
fn refuse_control_characters(bytes: &[u8]) -> Result<(), Problem> {
    // In JSON they stand escaped, but for DEL.
    if !bytes.iter().any(|byte| matches!(byte, b'\\' | 0x7f)) {
        return Ok(());
    }
    let place = serde_json::from_slice(bytes).ok().and_then(|value| control_character(&value));
    place.map_or(Ok(()), |place| {
        Err(Problem::invalid("control_character", place, "must not hold control characters"))
    })
}

/// Pointer to the first text with a control character.
fn control_character(value: &Value) -> Option<String> {
    let odd = |text: &str| text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r'));
    let below = |step: &str, inner: &Value| control_character(inner).map(|place| format!("/{step}{place}"));
    match value {
        Value::String(text) => odd(text).then(String::new),
        Value::Array(all) => {
            all.iter().enumerate().find_map(|(index, inner)| below(&index.to_string(), inner))
        }
        Value::Object(all) => all
            .iter()
            .find_map(|(key, inner)| if odd(key) { Some(String::new()) } else { below(&escape(key), inner) }),
        _ => None,
    }
}

/// A step of a JSON pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn content_type(headers: &HeaderMap) -> String {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

async fn read(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("the body may have at most {} MiB", limit >> 20);
        Problem::new(Status::TooLarge, "body_too_large", detail)
    };
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(too_large());
    }
    to_bytes(request.into_body(), limit).await.map_err(|error| {
        // The only other failure is a client that went away in the middle.
        let text = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        if text.contains("length limit") {
            too_large()
        } else {
            Problem::new(Status::Unreadable, "body_cut_off", "the body ended before its end")
        }
    })
}

/// Reads again, slower, to learn where it went wrong.
fn explain<T: DeserializeOwned>(bytes: &[u8], first: &serde_json::Error) -> Problem {
    let unreadable = |detail: String| Problem::new(Status::Unreadable, "unreadable_json", detail);
    if std::str::from_utf8(bytes).is_err() {
        return Problem::new(Status::Unreadable, "not_utf8", "the body is not UTF-8");
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return unreadable("the body is empty".to_owned());
    }
    if !first.is_data() || serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_err() {
        return unreadable(format!("the body is not JSON: {first}"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let (pointer, message) = match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Ok(_) => (String::new(), first.to_string()),
        Err(error) => (pointer(error.path()), error.into_inner().to_string()),
    };
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    Problem::invalid(code_of(&message), pointer, message)
}

/// The code of what the reader of JSON says about a value.
pub(crate) fn code_of(message: &str) -> &'static str {
    match message {
        text if text.starts_with("unknown field") => "unknown_field",
        text if text.starts_with("missing field") => "missing_field",
        text if text.starts_with("duplicate field") => "duplicate_field",
        _ => "invalid_value",
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escape(key)),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        })
        .collect()
}

/// One object or an array of them.
#[derive(Debug, Clone, utoipa::ToSchema)]
#[serde(untagged)]
pub(crate) enum OneOrMany<T> {
    /// A single object.
    One(T),
    /// An array.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// Whether it was an array.
    pub(crate) fn is_many(&self) -> bool {
        matches!(self, Self::Many(_))
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(all) => all.len(),
        }
    }

    /// All of them.
    pub(crate) fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(all) => all,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(value::MapAccessDeserializer::new(map)).map(OneOrMany::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(value::SeqAccessDeserializer::new(seq)).map(OneOrMany::Many)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{OneOrMany, parse};
    use crate::problem::Status;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        #[serde(alias = "count")]
        quantity: i64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only reading is tested")]
    struct Order {
        lines: Vec<Line>,
    }

    fn refused(body: &[u8]) -> (Status, String, String) {
        let problem = parse::<Order>(body).unwrap_err();
        let pointer = problem.errors().first().map(|error| error.pointer.clone()).unwrap_or_default();
        (problem.status(), problem.code().to_owned(), pointer)
    }

    #[test]
    fn a_refused_body_names_the_place() {
        let invalid = |code: &str, pointer: &str| (Status::Invalid, code.to_owned(), pointer.to_owned());
        assert_eq!(
            refused(br#"{"lines":[{"count":1},{"quantity":"x"}]}"#),
            invalid("invalid_value", "/lines/1/quantity")
        );
        assert_eq!(
            refused(br#"{"lines":[{"quantity":1.5}]}"#),
            invalid("invalid_value", "/lines/0/quantity")
        );
        assert_eq!(refused(br#"{"lines":[{}]}"#), invalid("missing_field", "/lines/0"));
        assert_eq!(refused(br#"{"lines":[],"a/b":1}"#), invalid("unknown_field", "/a~1b"));
        assert_eq!(refused(b"[1]").0, Status::Invalid);
    }

    #[test]
    fn control_characters_are_refused_where_they_stand() {
        let place = |body: &[u8]| {
            parse::<serde_json::Value>(body).err().map(|problem| problem.first_pointer().unwrap().to_owned())
        };
        assert_eq!(place(br#"{"a":[{"b/c":"x\u0000"}]}"#), Some("/a/0/b~1c".to_owned()));
        assert_eq!(place(b"{\"a\":\"x\x7f\"}"), Some("/a".to_owned()));
        assert_eq!(place(br#"{"a":{"\u0001":1}}"#), Some("/a".to_owned()));
        assert_eq!(place(br#"{"notes":"one\ntwo \"three\" \u00e9"}"#), None);
    }

    #[test]
    fn what_is_not_json_is_unreadable() {
        for body in [&b""[..], b"  ", b"{", b"{\"lines\":[}", b"\xff\xfe", b"nonsense"] {
            assert_eq!(refused(body).0, Status::Unreadable, "{body:?}");
        }
    }

    #[test]
    fn one_object_and_an_array_are_both_understood() {
        let one: OneOrMany<Line> = parse(br#"{"quantity":1}"#).unwrap();
        assert!(!one.is_many());
        let many: OneOrMany<Line> = parse(br#"[{"quantity":1},{"quantity":2}]"#).unwrap();
        assert_eq!(many.into_vec().iter().map(|line| line.quantity).sum::<i64>(), 3);
        let refused = parse::<OneOrMany<Line>>(br#"[{"quantity":1},{"amount":2}]"#).unwrap_err();
        assert_eq!(refused.code(), "unknown_field");
        assert!(parse::<OneOrMany<Line>>(b"7").is_err());
    }
}

//! Every refusal outwards: a stable code, a kind that decides the status, where in the request, and the numbers.
//!
//! Domain refusals stay enums with one variant per rule; here each gets its code. A refusal is stored with the answer
//! of a request key, so it is a plain value.

use std::borrow::Cow;

use domain::shared::field::InvalidField;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Why an operation is refused, as a client sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// Stable code, for example `would_go_below_zero`.
    pub code: Cow<'static, str>,
    /// What kind of refusal it is.
    pub kind: RefusalKind,
    /// JSON pointer to the part of the operation that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<Cow<'static, str>>,
    /// Sentence for people.
    pub message: String,
    /// Figures by name, for example `on_hand` and `asked`, or `confirm`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub figures: Map<String, Value>,
}

/// What kind of refusal it is; decides the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// No such thing (404).
    NotFound,
    /// The present state forbids it (409).
    Conflict,
    /// The caller saw an older state (412).
    Stale,
    /// No state would allow these values (422).
    Invalid,
}

impl Refused {
    /// A refusal without figures.
    pub fn new(code: &'static str, kind: RefusalKind, message: impl Into<String>) -> Self {
        Self { code: Cow::Borrowed(code), kind, pointer: None, message: message.into(), figures: Map::new() }
    }

    /// A value that no state would allow, by the name of its field.
    pub(crate) fn field(field: &InvalidField) -> Self {
        let pointer = format!("/{}", field.field.replace('.', "/"));
        Self::new(field.problem.code(), RefusalKind::Invalid, field.to_string()).at(pointer)
    }

    /// The same, about this part of the operation.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<Cow<'static, str>>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// The same, with one more figure.
    #[must_use]
    pub fn figure(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.figures.insert(name.to_owned(), value.into());
        self
    }
}

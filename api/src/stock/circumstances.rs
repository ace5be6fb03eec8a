//! What every order of a person says besides what it is about: keys, instant, notes, confirmations, expectations.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use chrono::{DateTime, FixedOffset};
use domain::shared::field;
use domain::shared::ids::{ItemId, LocationId, MAX_KEY_CHARS};
use domain::shared::moment::Stamp;
use domain::stock::Confirm;
use domain::stock::command::Human;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::calendar;
use crate::problem::Problem;

/// Longest note, in characters.
const MAX_NOTES: usize = 2_000;

/// What a person must say twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = Confirm)]
pub(crate) enum ConfirmBody {
    /// The fact lies further back than usual.
    Backdated,
    /// The change is large against the stock.
    LargeChange,
}

/// The on hand that the caller saw, out of `If-Match: "12"`; none where the header is absent or `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeenQuantity(Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for SeenQuantity {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let value =
            parts.headers.get(header::IF_MATCH).map(|value| value.to_str().unwrap_or_default().trim());
        Ok(Self(value.filter(|text| *text != "*").map(seen)))
    }
}

/// A text that is none of our tags matches no stock, so it becomes a figure that no location can have.
fn seen(text: &str) -> i64 {
    let tag = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
    tag.parse().unwrap_or(i64::MIN)
}

impl SeenQuantity {
    /// What the body expects, else what the header saw.
    pub(crate) fn or_stated(self, stated: Option<i64>) -> Option<i64> {
        stated.or(self.0)
    }
}

/// The circumstances of an order, whose instant stands at `pointer`.
pub(crate) fn human(
    pointer: &'static str,
    at: Option<DateTime<FixedOffset>>,
    notes: Option<String>,
    expected_quantity: Option<i64>,
    confirm: &[ConfirmBody],
) -> Result<Human, Problem> {
    let at = at.map(|at| calendar::in_body(pointer, at)).transpose()?;
    Ok(Human {
        at: at.map(Stamp::from),
        notes: checked_notes(notes)?,
        expected_quantity,
        confirm: confirm.iter().copied().map(Confirm::from).collect(),
    })
}

/// Trimmed notes; none where nothing is left.
pub(crate) fn checked_notes(notes: Option<String>) -> Result<Option<String>, Problem> {
    let notes = notes.map(|notes| notes.trim().to_owned()).filter(|notes| !notes.is_empty());
    match &notes {
        Some(text) if text.chars().count() > MAX_NOTES => {
            Err(Problem::invalid("too_long", "/notes", format!("must have at most {MAX_NOTES} characters")))
        }
        _ => Ok(notes),
    }
}

/// Number of a delivery, return or order.
pub(crate) fn checked_reference(reference: Option<String>) -> Result<Option<String>, Problem> {
    let reference = reference.filter(|text| !text.trim().is_empty());
    let checked = reference.map(|text| field::text("reference", &text, MAX_KEY_CHARS)).transpose();
    checked.map_err(|error| Problem::invalid(error.problem.code(), "/reference", error.to_string()))
}

/// The product that an order names.
pub(crate) fn item(text: &str) -> Result<ItemId, Problem> {
    ItemId::new(text).map_err(|error| Problem::invalid("invalid_key", "/item_id", error.to_string()))
}

/// The location that an order names at `pointer`.
pub(crate) fn location(text: &str, pointer: &str) -> Result<LocationId, Problem> {
    LocationId::new(text).map_err(|error| Problem::invalid("invalid_key", pointer, error.to_string()))
}

impl From<ConfirmBody> for Confirm {
    fn from(confirm: ConfirmBody) -> Self {
        match confirm {
            ConfirmBody::Backdated => Self::Backdated,
            ConfirmBody::LargeChange => Self::LargeChange,
        }
    }
}

impl From<Confirm> for ConfirmBody {
    fn from(confirm: Confirm) -> Self {
        match confirm {
            Confirm::Backdated => Self::Backdated,
            Confirm::LargeChange => Self::LargeChange,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::seen;

    #[test]
    fn an_etag_is_a_figure_and_anything_else_matches_none() {
        assert_eq!(seen("\"12\""), 12);
        assert_eq!(seen("W/\"-3\""), -3);
        assert_eq!(seen("\"abc\""), i64::MIN);
    }
}

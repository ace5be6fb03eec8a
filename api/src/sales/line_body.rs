//! A sale line as clients write it. Reading one borrows its texts, so that a batch of thousands is read quickly.

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset};
use commands::{RefusalKind, Refused};
use domain::sales::event::{LineKind, ReportedLine};
use domain::shared::field;
use domain::shared::ids::{ChannelId, ItemId, KeyError, LocationId, MAX_KEY_CHARS};
use domain::shared::moment::Stamp;
use domain::shared::money::{Currency, Money};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::calendar;
use crate::catalogue::Amount;

/// A line of an order of a channel.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineBody<'a> {
    /// What happened to the line.
    #[serde(default)]
    pub(crate) kind: LineKindBody,
    /// Sales channel, at most 100 characters.
    #[serde(borrow)]
    #[schema(value_type = String, example = "web")]
    pub(crate) channel: Cow<'a, str>,
    /// The channel's order, at most 100 characters.
    #[serde(borrow)]
    #[schema(value_type = String, example = "536365")]
    pub(crate) order_id: Cow<'a, str>,
    /// The channel's line, unique within channel and kind, at most 100 characters. A cancellation and a shipment bear
    /// the line id of their sale.
    #[serde(borrow)]
    #[schema(value_type = String, example = "536365-1")]
    pub(crate) line_id: Cow<'a, str>,
    /// Item id, sku or barcode of the product. An unknown one goes to quarantine.
    #[serde(borrow, alias = "sku")]
    #[schema(value_type = String, example = "85123A")]
    pub(crate) item_id: Cow<'a, str>,
    /// Where it was sold; the channel's location, else the primary one, where absent.
    #[serde(default)]
    #[schema(example = "MAIN")]
    pub(crate) location_id: Option<String>,
    /// Units.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 2)]
    pub(crate) quantity: i64,
    /// Price of one unit, at most four decimals.
    #[serde(default, borrow)]
    #[schema(value_type = Option<crate::schema::MoneySchema>)]
    pub(crate) unit_price: Option<PriceBody<'a>>,
    /// When it happened, with offset; at most 5 minutes in the future.
    #[schema(value_type = chrono::DateTime<chrono::Utc>, example = "2011-11-30T08:26:00+00:00")]
    pub(crate) sold_at: DateTime<FixedOffset>,
}

/// What happened to a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LineKind)]
pub(crate) enum LineKindBody {
    /// Units were sold.
    #[default]
    Sale,
    /// A reserved line left.
    Shipment,
    /// A line was cancelled.
    Cancellation,
    /// Units came back.
    Return,
}

/// Price of one unit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceBody<'a> {
    pub(crate) amount: Amount,
    #[serde(borrow)]
    pub(crate) currency: Cow<'a, str>,
}

impl LineBody<'_> {
    /// The reported line that it means, or what is wrong with it.
    pub(crate) fn into_line(self) -> Result<ReportedLine, Refused> {
        let stamp = Stamp::from(calendar::in_body("/sold_at", self.sold_at)?);
        let location_id = self.location_id.as_deref().filter(|text| !text.trim().is_empty());
        Ok(ReportedLine {
            kind: self.kind.into(),
            channel: key("/channel", ChannelId::new(&self.channel))?,
            order_id: text("/order_id", "order_id", &self.order_id)?,
            line_id: text("/line_id", "line_id", &self.line_id)?,
            item_id: key("/item_id", ItemId::new(&self.item_id))?,
            location_id: location_id.map(LocationId::new).map(|id| key("/location_id", id)).transpose()?,
            quantity: self.quantity,
            unit_price: self.unit_price.as_ref().map(money).transpose()?,
            sold_at: stamp.at,
            offset_minutes: stamp.offset_minutes,
        })
    }
}

impl From<LineKindBody> for LineKind {
    fn from(kind: LineKindBody) -> Self {
        match kind {
            LineKindBody::Sale => Self::Sale,
            LineKindBody::Shipment => Self::Shipment,
            LineKindBody::Cancellation => Self::Cancellation,
            LineKindBody::Return => Self::Return,
        }
    }
}

/// A key that cannot be one is refused at `pointer`.
pub(super) fn key<T>(pointer: &'static str, checked: Result<T, KeyError>) -> Result<T, Refused> {
    checked.map_err(|error| Refused::new("invalid_key", RefusalKind::Invalid, error.to_string()).at(pointer))
}

fn text(pointer: &'static str, name: &'static str, value: &str) -> Result<String, Refused> {
    field::text(name, value, MAX_KEY_CHARS).map_err(|error| {
        Refused::new(error.problem.code(), RefusalKind::Invalid, error.to_string()).at(pointer)
    })
}

fn money(price: &PriceBody<'_>) -> Result<Money, Refused> {
    let invalid = |code: &'static str, message: String| {
        Refused::new(code, RefusalKind::Invalid, message).at("/unit_price")
    };
    let currency =
        Currency::new(&price.currency).map_err(|error| invalid("unknown_currency", error.to_string()))?;
    let money = Money { amount: price.amount.0, currency };
    field::price("unit_price", Some(money), 4)
        .map_err(|error| invalid(error.problem.code(), error.to_string()))?;
    Ok(money)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"channel":"web","order_id":" 1 ","line_id":"1-1","item_id":"85123A","quantity":2,
        "unit_price":{"amount":"2.55","currency":"GBP"},"sold_at":"2011-11-30T08:26:00+01:00"}"#;

    fn refusal(from: &str, to: &str) -> String {
        let json = LINE.replace(from, to);
        let line: LineBody<'_> = serde_json::from_str(&json).unwrap();
        line.into_line().unwrap_err().code.into_owned()
    }

    #[test]
    fn a_line_is_read_as_it_is_written() {
        let line = serde_json::from_str::<LineBody<'_>>(LINE).unwrap().into_line().unwrap();
        assert_eq!((line.kind, line.order_id.as_str(), line.offset_minutes), (LineKind::Sale, "1", 60));
        assert_eq!(line.sold_at.to_rfc3339(), "2011-11-30T07:26:00+00:00");
        assert_eq!(line.unit_price.unwrap().amount.to_string(), "2.55");
        assert_eq!(line.location_id, None);
    }

    #[test]
    fn what_no_state_would_allow_is_named() {
        assert_eq!(refusal("\"web\"", "\" \""), "invalid_key");
        assert_eq!(refusal("\"1-1\"", "\"\\u0000\""), "control_character");
        assert_eq!(refusal("GBP", "gbp"), "unknown_currency");
        assert_eq!(refusal("2.55", "-2.55"), "negative");
        assert_eq!(refusal("2.55", "2.55555"), "too_many_decimals");
        assert_eq!(refusal("2011-11", "1011-11"), "year_out_of_range");
    }
}

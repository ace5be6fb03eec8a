//! What each setting may hold, and the one shape in which its values are stored.

use std::str::FromStr;

use chrono::NaiveTime;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value};

use crate::companies::settings::Weekday;
use crate::shared::money::{Currency, MAX_AMOUNT, Money};

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// A whole number in a range.
    Whole {
        /// Least value.
        least: u32,
        /// Greatest value.
        most: u32,
    },
    /// A ratio or percentage of at most 2 decimals, from this on.
    Exact {
        /// Least value.
        least: u32,
    },
    /// An amount in the company's currency, 0 or more, at most 2 decimals.
    Amount,
    /// Yes or no.
    Flag,
    /// `HH:MM`.
    TimeOfDay,
    /// `MON` to `SUN`.
    Weekday,
}

/// Greatest whole number, ratio or percentage of a setting without a narrower limit.
pub const MOST: u32 = 1_000_000;

const WHOLE: SettingKind = SettingKind::Whole { least: 0, most: MOST };

/// Every key with what it may hold.
pub const KEYS: &[(&str, SettingKind)] = &[
    ("low_stock_threshold_days", WHOLE),
    ("safety_buffer_days", WHOLE),
    ("default_lead_time_days", WHOLE),
    ("understocked_threshold", WHOLE),
    ("overstocked_threshold", WHOLE),
    ("dead_stock_days", SettingKind::Whole { least: 1, most: MOST }),
    ("high_value_threshold", SettingKind::Amount),
    ("volatility_high_ratio", SettingKind::Exact { least: 1 }),
    ("urgent_risk", SettingKind::Exact { least: 0 }),
    ("reduce_order_dir", WHOLE),
    ("promote_dir", WHOLE),
    ("suggestion_min_risk", SettingKind::Exact { least: 0 }),
    ("marketing_threshold_days", WHOLE),
    ("backdate_confirm_days", WHOLE),
    ("large_change_percent", WHOLE),
    ("zeroing_confirm_percent", WHOLE),
    ("over_receipt_percent", WHOLE),
    ("history_days", SettingKind::Whole { least: 0, most: 730 }),
    ("count_returns", SettingKind::Flag),
    ("censor_stockouts", SettingKind::Flag),
    ("digest_time", SettingKind::TimeOfDay),
    ("digest_weekday", SettingKind::Weekday),
];

/// What is wrong with a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsProblem {
    /// No setting bears this key.
    #[error("is not known")]
    UnknownKey,
    /// A value of another type.
    #[error("must be {0}")]
    WrongType(&'static str),
    /// Below the range.
    #[error("must be at least {0}")]
    TooSmall(u32),
    /// Above the range.
    #[error("must be at most {0}")]
    TooLarge(i64),
    /// More decimals than are kept.
    #[error("must have at most 2 decimals")]
    TooManyDecimals,
    /// Money in another currency.
    #[error("must be in {0}, the company's currency")]
    OtherCurrency(Currency),
    /// Overstocked must lie above understocked.
    #[error(
        "does not go with the others: overstocked {overstocked} is not above understocked {understocked}"
    )]
    ThresholdsCross {
        /// Days that would hold.
        understocked: u32,
        /// Days that would hold.
        overstocked: u32,
    },
}

/// A money threshold in the company's currency as its bare amount; every other value as it is.
pub(super) fn without_currency(
    key: &str,
    value: &Value,
    currency: Currency,
) -> Result<Value, SettingsProblem> {
    if !value.is_object() || kind_of(key) != Some(SettingKind::Amount) {
        return Ok(value.clone());
    }
    let money: Money = serde_json::from_value(value.clone())
        .map_err(|_| SettingsProblem::WrongType("a decimal or money"))?;
    if money.currency != currency {
        return Err(SettingsProblem::OtherCurrency(currency));
    }
    Ok(Value::String(money.amount.to_string()))
}

/// The value of a key in the one shape that `Settings` writes.
pub(super) fn canonical(
    key: &str,
    value: &Value,
    defaults: &Map<String, Value>,
) -> Result<Value, SettingsProblem> {
    let kind = kind_of(key).ok_or(SettingsProblem::UnknownKey)?;
    if value.is_null() {
        return Ok(defaults.get(key).cloned().unwrap_or_default());
    }
    match kind {
        SettingKind::Whole { least, most } => whole(value, least, most),
        SettingKind::Exact { least } => exact(value, least),
        SettingKind::Amount => amount(value),
        SettingKind::Flag => {
            value.as_bool().map(Value::Bool).ok_or(SettingsProblem::WrongType("true or false"))
        }
        SettingKind::TimeOfDay => time(value),
        SettingKind::Weekday => serde_json::from_value::<Weekday>(value.clone())
            .map(|_| value.clone())
            .map_err(|_| SettingsProblem::WrongType("MON, TUE, WED, THU, FRI, SAT or SUN")),
    }
}

fn whole(value: &Value, least: u32, most: u32) -> Result<Value, SettingsProblem> {
    const EXPECTED: SettingsProblem = SettingsProblem::WrongType("a whole number");
    if !value.is_number() {
        return Err(EXPECTED);
    }
    let number = within(value, Decimal::from(least), i64::from(most), least)?;
    if !number.fract().is_zero() {
        return Err(EXPECTED);
    }
    number.to_u32().map(Value::from).ok_or(EXPECTED)
}

fn exact(value: &Value, least: u32) -> Result<Value, SettingsProblem> {
    let number = within(value, Decimal::from(least), i64::from(MOST), least)?;
    if number.normalize().scale() > 2 {
        return Err(SettingsProblem::TooManyDecimals);
    }
    exact_number::value(number).ok_or(SettingsProblem::WrongType("a number"))
}

fn amount(value: &Value) -> Result<Value, SettingsProblem> {
    let mut number = within(value, Decimal::ZERO, MAX_AMOUNT - 1, 0)?;
    if number.normalize().scale() > 2 {
        return Err(SettingsProblem::TooManyDecimals);
    }
    number.rescale(2);
    Ok(Value::String(number.to_string()))
}

fn time(value: &Value) -> Result<Value, SettingsProblem> {
    let expected = SettingsProblem::WrongType("a time HH:MM");
    let time = value.as_str().and_then(|text| NaiveTime::parse_from_str(text, time_of_day::FORMAT).ok());
    time.map(|time| Value::String(time.format(time_of_day::FORMAT).to_string())).ok_or(expected)
}

fn kind_of(key: &str) -> Option<SettingKind> {
    KEYS.iter().find(|(known, _)| *known == key).map(|(_, kind)| *kind)
}

/// A JSON number or decimal string within a range.
fn within(value: &Value, least: Decimal, most: i64, shown_least: u32) -> Result<Decimal, SettingsProblem> {
    const EXPECTED: SettingsProblem = SettingsProblem::WrongType("a number");
    let number = match value {
        Value::Number(number) => parsed(&number.to_string()).ok_or(SettingsProblem::TooLarge(most))?,
        Value::String(text) => parsed(text).ok_or(EXPECTED)?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(EXPECTED),
    };
    if number < least {
        return Err(SettingsProblem::TooSmall(shown_least));
    }
    if number > Decimal::from(most) {
        return Err(SettingsProblem::TooLarge(most));
    }
    Ok(number)
}

fn parsed(text: &str) -> Option<Decimal> {
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

/// Decimals as JSON numbers of the same digits.
pub(super) mod exact_number {
    use std::str::FromStr;

    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
    use serde_json::{Number, Value};

    pub(in crate::companies) fn value(number: Decimal) -> Option<Value> {
        Number::from_str(&number.normalize().to_string()).ok().map(Value::Number)
    }

    pub(in crate::companies) fn serialize<S: Serializer>(
        number: &Decimal,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value(*number).ok_or_else(|| ser::Error::custom("no JSON number"))?.serialize(serializer)
    }

    pub(in crate::companies) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Decimal, D::Error> {
        let number = Number::deserialize(deserializer)?;
        super::parsed(&number.to_string()).ok_or_else(|| de::Error::custom("no decimal"))
    }
}

/// Times of day as `HH:MM`.
pub(super) mod time_of_day {
    use chrono::NaiveTime;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(in crate::companies) const FORMAT: &str = "%H:%M";

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(in crate::companies) fn serialize<S: Serializer>(
        time: &NaiveTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&time.format(FORMAT))
    }

    pub(in crate::companies) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<NaiveTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        NaiveTime::parse_from_str(&text, FORMAT).map_err(de::Error::custom)
    }
}

//! Prices and costs as clients write them: money, or a bare decimal in the company's currency (decision 41).

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use utoipa::ToSchema;

use commands::{RefusalKind, Refused};
use domain::shared::money::{Currency, Money};

/// A price: `{"amount": "12.50", "currency": "EUR"}`, or the amount alone in the company's currency.
#[derive(Debug, Clone, serde::Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be an amount, or an amount with its currency, of at most two decimals")]
pub(crate) enum Price {
    /// With its currency.
    Money {
        /// Exact amount, at most two decimals.
        #[schema(value_type = String, example = "12.50")]
        amount: Amount,
        /// ISO 4217 code.
        #[schema(example = "EUR")]
        currency: String,
    },
    /// In the company's currency.
    #[schema(value_type = String, example = "12.50")]
    Amount(Amount),
}

/// An exact decimal from a JSON string or number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) Decimal);

impl Price {
    /// The money it means, or a refusal at `pointer`.
    pub(crate) fn money(&self, company: Currency, pointer: &'static str) -> Result<Money, Refused> {
        match self {
            Self::Amount(amount) => Ok(Money { amount: amount.0, currency: company }),
            Self::Money { amount, currency } => {
                Currency::new(currency).map(|currency| Money { amount: amount.0, currency }).map_err(|e| {
                    Refused::new("unknown_currency", RefusalKind::Invalid, e.to_string()).at(pointer)
                })
            }
        }
    }

    /// Whether it is nothing.
    pub(crate) fn is_zero(&self) -> bool {
        let (Self::Amount(amount) | Self::Money { amount, .. }) = self;
        amount.0.is_zero()
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal as string or number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        Decimal::from_str(text.trim()).map(Amount).map_err(|_| E::custom("not a decimal"))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount, E> {
        Ok(Amount(Decimal::from(number)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
        Ok(Amount(Decimal::from(number)))
    }

    /// A JSON number with a point: its shortest text is what the client wrote, up to 15 digits.
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Amount, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_money_or_a_bare_decimal() {
        let euro = Currency::new("EUR").unwrap();
        for (json, amount, code) in [
            (r#""12.50""#, "12.50", "EUR"),
            ("12.5", "12.5", "EUR"),
            ("3", "3", "EUR"),
            (r#"{"amount":"0.10","currency":"USD"}"#, "0.10", "USD"),
            (r#"{"amount":0.1,"currency":"USD"}"#, "0.1", "USD"),
        ] {
            let price: Price = serde_json::from_str(json).unwrap();
            let money = price.money(euro, "/unit_cost").unwrap();
            assert_eq!((money.amount.to_string().as_str(), money.currency.code()), (amount, code));
        }
    }
}

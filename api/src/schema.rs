//! Shapes that several rooms share in the OpenAPI document.

use domain::shared::money::Money;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::list::Cell;

/// An exact amount with its currency. For fields of the domain's `Money`: `#[schema(value_type = MoneySchema)]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Money)]
pub(crate) struct MoneySchema {
    /// Exact decimal.
    #[schema(example = "12.50")]
    amount: String,
    /// ISO 4217 code.
    #[schema(example = "EUR")]
    currency: String,
}

impl From<Money> for MoneySchema {
    fn from(money: Money) -> Self {
        Self { amount: money.amount.to_string(), currency: money.currency.code().to_owned() }
    }
}

impl MoneySchema {
    /// An amount in the currency of this code.
    pub(crate) fn new(amount: Decimal, currency: &str) -> Self {
        Self { amount: amount.to_string(), currency: currency.to_owned() }
    }

    /// Amount and currency as two cells of a file.
    pub(crate) fn cells(money: Option<&Self>) -> (Cell, Cell) {
        let amount = money.and_then(|money| Decimal::from_str_exact(&money.amount).ok());
        (Cell::from(amount), Cell::from(money.map(|money| money.currency.clone())))
    }
}

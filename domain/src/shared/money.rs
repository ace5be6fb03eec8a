//! Exact decimal money with an ISO 4217 currency. Never binary floating point.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A currency by its ISO 4217 code, for example `EUR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// An amount in one currency. Serialised as `{"amount": "12.50", "currency": "EUR"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Exact amount; at most two decimals for prices and costs of the catalogue, four for prices of sale lines.
    #[serde(with = "rust_decimal::serde::str")]
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
}

/// Why an amount or currency is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a known ISO 4217 code.
    #[error("{0} is not a known ISO 4217 currency")]
    UnknownCurrency(String),
    /// More decimals than allowed.
    #[error("must have at most {0} decimals")]
    TooManyDecimals(u32),
    /// Below zero.
    #[error("must not be negative")]
    Negative,
    /// Beyond what a price can sensibly be.
    #[error("must be below {MAX_AMOUNT}")]
    TooLarge,
}

/// Amounts of one price or cost lie below this.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000;

/// Codes of ISO 4217 in use, sorted.
pub const CURRENCIES: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF",
    "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP",
    "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP",
    "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD",
    "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK",
    "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR",
    "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP",
    "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP",
    "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD",
    "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED", "VES", "VND", "VUV", "WST", "XAF", "XCD", "XOF",
    "XPF", "YER", "ZAR", "ZMW", "ZWG",
];

impl Currency {
    /// Reads an ISO code, upper case.
    pub fn new(code: &str) -> Result<Self, MoneyError> {
        match (code.as_bytes(), CURRENCIES.binary_search(&code)) {
            (&[a, b, c], Ok(_)) => Ok(Self([a, b, c])),
            _ => Err(MoneyError::UnknownCurrency(code.to_owned())),
        }
    }

    /// The ISO code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(code: String) -> Result<Self, MoneyError> {
        Self::new(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Money {
    /// A price or cost: not negative, below [`MAX_AMOUNT`], at most `decimals` places.
    pub fn price(amount: Decimal, currency: Currency, decimals: u32) -> Result<Self, MoneyError> {
        if amount.is_sign_negative() && !amount.is_zero() {
            return Err(MoneyError::Negative);
        }
        if amount >= Decimal::from(MAX_AMOUNT) {
            return Err(MoneyError::TooLarge);
        }
        if amount.normalize().scale() > decimals {
            return Err(MoneyError::TooManyDecimals(decimals));
        }
        Ok(Self { amount, currency })
    }
}

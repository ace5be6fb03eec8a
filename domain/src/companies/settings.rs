//! The settings of rule R28: keys, defaults, ranges.
//!
//! As JSON, whole numbers, ratios and percentages are exact JSON numbers (the decimal's own digits, never computed
//! with as floats), the money threshold is a decimal string, the time of day `HH:MM`, the weekday `MON` to `SUN`.
//! Ratios and percentages are accepted as number or decimal string. A missing key means its default; null takes a key
//! back to it.

use chrono::NaiveTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::companies::setting_values::{KEYS, MOST, SettingKind, SettingsProblem};
use crate::companies::setting_values::{canonical, exact_number, time_of_day, without_currency};
use crate::shared::money::Currency;
use crate::stock::StockRules;

/// What a company chose, or the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Days of runway up to which stock is low (R16, R18).
    pub low_stock_threshold_days: u32,
    /// Days of safety stock of products without their own; the system's 3 where absent (R13).
    pub safety_buffer_days: Option<u32>,
    /// Lead time in days where neither product nor supplier has one (R14).
    pub default_lead_time_days: u32,
    /// Days of inventory below which an item is understocked (R23).
    pub understocked_threshold: u32,
    /// Days of inventory above which an item is overstocked (R23).
    pub overstocked_threshold: u32,
    /// Days without a sale after which stock is dead (R23).
    pub dead_stock_days: u32,
    /// Value of 14 days of demand above which an item is of high value, in the company's currency (R20).
    #[serde(with = "rust_decimal::serde::str")]
    pub high_value_threshold: Decimal,
    /// Ratio of deviations above which demand is volatile (R6).
    #[serde(with = "exact_number")]
    pub volatility_high_ratio: Decimal,
    /// Stockout risk in percent from which ordering is urgent (R25).
    #[serde(with = "exact_number")]
    pub urgent_risk: Decimal,
    /// Days of inventory above which orders shall be reduced (R25).
    pub reduce_order_dir: u32,
    /// Days of inventory above which an item shall be promoted (R25).
    pub promote_dir: u32,
    /// Stockout risk in percent from which an order is suggested (R24).
    #[serde(with = "exact_number")]
    pub suggestion_min_risk: Decimal,
    /// Days of inventory that marketing filters by; `promote_dir` where absent (R25).
    pub marketing_threshold_days: Option<u32>,
    /// Human facts older than this many days must be confirmed (decision 13).
    pub backdate_confirm_days: u32,
    /// Adjustments beyond this many percent must be confirmed (decision 13).
    pub large_change_percent: u32,
    /// Zeroing more than this many percent of the rows must be confirmed (decision 21).
    pub zeroing_confirm_percent: u32,
    /// Receipts more than this many percent above the order must be confirmed (decision 37).
    pub over_receipt_percent: u32,
    /// Days of history that are fetched at first (decision 17).
    pub history_days: u32,
    /// Whether returns lower demand (decision 20).
    pub count_returns: bool,
    /// Whether days without stock stay out of averages (decision 35).
    pub censor_stockouts: bool,
    /// Local time of the daily digest.
    #[serde(with = "time_of_day")]
    pub digest_time: NaiveTime,
    /// Day of the weekly digest.
    pub digest_weekday: Weekday,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A setting that rule R28 does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting {key} {reason}")]
pub struct SettingsRefusal {
    /// The key.
    pub key: String,
    /// What is wrong with it.
    pub reason: SettingsProblem,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            low_stock_threshold_days: 7,
            safety_buffer_days: None,
            default_lead_time_days: 7,
            understocked_threshold: 14,
            overstocked_threshold: 90,
            dead_stock_days: 90,
            high_value_threshold: Decimal::new(100_000, 2),
            volatility_high_ratio: Decimal::new(120, 2),
            urgent_risk: Decimal::new(7_000, 2),
            reduce_order_dir: 90,
            promote_dir: 30,
            suggestion_min_risk: Decimal::ZERO,
            marketing_threshold_days: None,
            backdate_confirm_days: 30,
            large_change_percent: 50,
            zeroing_confirm_percent: 20,
            over_receipt_percent: 10,
            history_days: 90,
            count_returns: true,
            censor_stockouts: false,
            digest_time: NaiveTime::from_hms_opt(8, 0, 0).unwrap_or_default(),
            digest_weekday: Weekday::Mon,
        }
    }
}

impl Settings {
    /// The settings after `changes`, or the first change that rule R28 does not allow.
    pub fn with(&self, changes: &Map<String, Value>) -> Result<Self, SettingsRefusal> {
        let refused = |key: &String, reason| SettingsRefusal { key: key.clone(), reason };
        let defaults = Self::default().document();
        let mut document = self.document();
        for (key, value) in changes {
            let value = canonical(key, value, &defaults).map_err(|reason| refused(key, reason))?;
            document.insert(key.clone(), value);
        }
        let settings = self.read(document);
        settings.check_thresholds(changes)?;
        Ok(settings)
    }

    /// Refuses thresholds that do not go together, naming the one that `changes` set.
    pub fn check_thresholds(&self, changes: &Map<String, Value>) -> Result<(), SettingsRefusal> {
        let Self { understocked_threshold: understocked, overstocked_threshold: overstocked, .. } = *self;
        if overstocked > understocked {
            return Ok(());
        }
        let asked = changes.contains_key("overstocked_threshold");
        let key = if asked { "overstocked_threshold" } else { "understocked_threshold" };
        let reason = SettingsProblem::ThresholdsCross { understocked, overstocked };
        Err(SettingsRefusal { key: key.to_owned(), reason })
    }

    /// Of `asked` what changes anything, in the shape in which it is stored; money thresholds may be money in
    /// `currency`.
    pub fn changes(
        &self,
        asked: &Map<String, Value>,
        currency: Currency,
    ) -> Result<Map<String, Value>, SettingsRefusal> {
        let mut plain = Map::new();
        for (key, value) in asked {
            let value = without_currency(key, value, currency)
                .map_err(|reason| SettingsRefusal { key: key.clone(), reason })?;
            plain.insert(key.clone(), value);
        }
        let before = self.document();
        let after = self.with(&plain)?.document();
        let changed = plain.into_iter().filter(|(key, _)| before.get(key) != after.get(key));
        Ok(changed.map(|(key, value)| chosen(key, &value, &after)).collect())
    }

    /// `asked` in the shape in which it is stored, key by key, whatever holds now; money thresholds may be money in
    /// `currency`.
    pub fn stored(
        asked: &Map<String, Value>,
        currency: Currency,
    ) -> Result<Map<String, Value>, SettingsRefusal> {
        let defaults = Self::default().document();
        let stored = |key: &String, value: &Value| {
            let value = without_currency(key, value, currency)?;
            let checked = canonical(key, &value, &defaults)?;
            Ok(if value.is_null() { value } else { checked })
        };
        let read = |(key, value): (&String, &Value)| match stored(key, value) {
            Ok(value) => Ok((key.clone(), value)),
            Err(reason) => Err(SettingsRefusal { key: key.clone(), reason }),
        };
        asked.iter().map(read).collect()
    }

    /// The settings after stored changes. What cannot be read is left out: history is always loadable.
    #[must_use]
    pub fn folded(&self, changes: &Map<String, Value>) -> Self {
        let defaults = Self::default().document();
        let mut document = self.document();
        for (key, value) in changes {
            if let Ok(value) = canonical(key, value, &defaults) {
                document.insert(key.clone(), value);
            }
        }
        self.read(document)
    }

    /// Every key with its value, as JSON.
    pub fn document(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(document)) => document,
            Ok(_) | Err(_) => Map::new(),
        }
    }

    /// Thresholds of decision 13.
    pub fn stock_rules(&self) -> StockRules {
        StockRules {
            backdate_confirm_days: i64::from(self.backdate_confirm_days),
            large_change_percent: i64::from(self.large_change_percent),
        }
    }

    /// A document of canonical values always reads.
    fn read(&self, document: Map<String, Value>) -> Self {
        serde_json::from_value(Value::Object(document)).unwrap_or_else(|_| self.clone())
    }
}

fn chosen(key: String, asked: &Value, after: &Map<String, Value>) -> (String, Value) {
    let value = if asked.is_null() { Value::Null } else { after.get(&key).cloned().unwrap_or_default() };
    (key, value)
}

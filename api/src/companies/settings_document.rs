//! The settings of rule R28 as a document: what the domain says, with the money threshold as money (decision 41).

use domain::shared::money::Currency;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::catalogue::Price;
use crate::schema::MoneySchema;

/// Settings that are amounts of money.
const MONEY: [&str; 1] = ["high_value_threshold"];

/// All settings that hold.
#[derive(ToSchema)]
#[schema(as = Settings)]
#[expect(dead_code, reason = "it describes the document; the domain makes it")]
pub(crate) struct SettingsDocument {
    /// Days of runway up to which stock is low.
    low_stock_threshold_days: u32,
    /// Days of safety stock of products without their own; 3 where null.
    safety_buffer_days: Option<u32>,
    /// Lead time in days where neither product nor supplier has one.
    default_lead_time_days: u32,
    /// Days of inventory below which an item is understocked.
    understocked_threshold: u32,
    /// Days of inventory above which an item is overstocked.
    overstocked_threshold: u32,
    /// Days without a sale after which stock is dead, 1 or more.
    dead_stock_days: u32,
    /// Value of 14 days of demand above which an item is of high value.
    high_value_threshold: MoneySchema,
    /// Ratio above which demand is volatile, 1 or more.
    volatility_high_ratio: f64,
    /// Stockout risk in percent from which ordering is urgent.
    urgent_risk: f64,
    /// Days of inventory above which orders shall be reduced.
    reduce_order_dir: u32,
    /// Days of inventory above which an item shall be promoted.
    promote_dir: u32,
    /// Stockout risk in percent from which an order is suggested.
    suggestion_min_risk: f64,
    /// Days of inventory that marketing filters by; `promote_dir` where null.
    marketing_threshold_days: Option<u32>,
    /// Human facts older than this many days must be confirmed.
    backdate_confirm_days: u32,
    /// Adjustments beyond this many percent must be confirmed.
    large_change_percent: u32,
    /// Zeroing more than this many percent of the rows must be confirmed.
    zeroing_confirm_percent: u32,
    /// Receipts more than this many percent above the order must be confirmed.
    over_receipt_percent: u32,
    /// Days of history that are fetched at first, at most 730.
    history_days: u32,
    /// Whether returns lower demand.
    count_returns: bool,
    /// Whether days without stock stay out of averages.
    censor_stockouts: bool,
    /// Local time of the daily digest.
    #[schema(example = "08:00")]
    digest_time: String,
    /// Day of the weekly digest, MON to SUN.
    #[schema(example = "MON")]
    digest_weekday: String,
    /// Position of the change, in answers to commands.
    position: Option<i64>,
}

/// Settings to choose: any of the keys; null takes a key back to its default, absent ones stay.
#[derive(ToSchema)]
#[schema(as = SettingsChange)]
#[expect(dead_code, reason = "it describes the document; the domain checks it")]
pub(crate) struct SettingsChange {
    #[schema(maximum = 1_000_000)]
    low_stock_threshold_days: Option<u32>,
    #[schema(maximum = 1_000_000)]
    safety_buffer_days: Option<u32>,
    #[schema(maximum = 1_000_000)]
    default_lead_time_days: Option<u32>,
    #[schema(maximum = 1_000_000)]
    understocked_threshold: Option<u32>,
    /// Greater than `understocked_threshold`.
    #[schema(maximum = 1_000_000)]
    overstocked_threshold: Option<u32>,
    #[schema(minimum = 1, maximum = 1_000_000)]
    dead_stock_days: Option<u32>,
    /// A decimal in the company's currency, or money in it.
    high_value_threshold: Option<Price>,
    #[schema(minimum = 1, maximum = 1_000_000)]
    volatility_high_ratio: Option<f64>,
    #[schema(minimum = 0, maximum = 1_000_000)]
    urgent_risk: Option<f64>,
    #[schema(maximum = 1_000_000)]
    reduce_order_dir: Option<u32>,
    #[schema(maximum = 1_000_000)]
    promote_dir: Option<u32>,
    #[schema(minimum = 0, maximum = 1_000_000)]
    suggestion_min_risk: Option<f64>,
    #[schema(maximum = 1_000_000)]
    marketing_threshold_days: Option<u32>,
    #[schema(maximum = 1_000_000)]
    backdate_confirm_days: Option<u32>,
    #[schema(maximum = 1_000_000)]
    large_change_percent: Option<u32>,
    #[schema(maximum = 1_000_000)]
    zeroing_confirm_percent: Option<u32>,
    #[schema(maximum = 1_000_000)]
    over_receipt_percent: Option<u32>,
    #[schema(maximum = 730)]
    history_days: Option<u32>,
    count_returns: Option<bool>,
    censor_stockouts: Option<bool>,
    digest_time: Option<String>,
    digest_weekday: Option<String>,
}

/// The document with its amounts as money.
pub(crate) fn answered(mut document: Map<String, Value>, currency: Currency) -> Map<String, Value> {
    for key in MONEY {
        if let Some(amount) = document.get_mut(key) {
            *amount = json!({ "amount": amount.take(), "currency": currency.code() });
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::companies::Settings;
    use utoipa::PartialSchema;
    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::Schema;

    fn fields(schema: RefOr<Schema>) -> Vec<String> {
        match schema {
            RefOr::T(Schema::Object(object)) => {
                object.properties.keys().filter(|key| *key != "position").cloned().collect()
            }
            _ => panic!("a document is an object"),
        }
    }

    #[test]
    fn both_descriptions_name_every_setting() {
        let mut keys: Vec<String> = Settings::default().document().into_iter().map(|(key, _)| key).collect();
        keys.sort();
        for schema in [SettingsDocument::schema(), SettingsChange::schema()] {
            let mut named = fields(schema);
            named.sort();
            assert_eq!(named, keys);
        }
    }

    #[test]
    fn the_threshold_is_answered_as_money() {
        let document = answered(Settings::default().document(), Currency::new("EUR").unwrap());
        assert_eq!(document["high_value_threshold"], json!({ "amount": "1000.00", "currency": "EUR" }));
    }
}

//! Where stock comes from: receipts and open orders, safety days, suppliers (R10 to R14).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::planning::input::{ItemInput, Stock};
use crate::planning::number::Overflow;
use crate::purchasing::order::status::OrderStatus;
use crate::shared::quantity::Units;

/// Safety days where neither the product nor the company says anything (R13).
pub const SYSTEM_SAFETY_DAYS: u32 = 3;

/// Days that R11 and R30 look back on stock.
pub const STOCK_WINDOW: u32 = 30;

crate::words! {
    /// Where the safety days come from (R13, R28).
    pub enum SafetySource {
        /// The product's own.
        Product = "PRODUCT",
        /// The company's setting, for all, a category or an item.
        Company = "COMPANY",
        /// Nobody said anything.
        System = "SYSTEM",
    }
}

/// A line of a purchase order, with its status at the stock's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderLine<'a> {
    /// Day of the order.
    pub ordered_on: NaiveDate,
    /// Its order's status.
    pub status: OrderStatus,
    /// Units ordered.
    pub quantity: Units,
    /// Day on which they are expected.
    pub expected_on: Option<NaiveDate>,
    /// What arrived, whenever that was.
    pub receipts: &'a [Receipt],
}

/// Units of an order that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Day of the arrival.
    pub on: NaiveDate,
    /// Units.
    pub quantity: Units,
}

/// What the supplier of an item says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Supply {
    /// Days from order to delivery.
    #[serde(rename = "supplier_lead_time_days")]
    pub lead_time_days: Option<u32>,
    /// Least units of an order.
    #[serde(rename = "supplier_moq")]
    pub moq: Option<Units>,
}

/// A supplier's conditions for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The supplier's external id where it has one, else its id.
    pub supplier: &'a str,
    /// Whether it is the item's primary supplier.
    pub is_primary: bool,
    /// What it says.
    pub supply: Supply,
}

/// The offer that holds: among the primary ones, or all where none is, the first supplier in byte order (R14).
pub fn chosen_offer<'o, 'a>(offers: &'o [Offer<'a>]) -> Option<&'o Offer<'a>> {
    let any_primary = offers.iter().any(|offer| offer.is_primary);
    offers
        .iter()
        .filter(|offer| offer.is_primary || !any_primary)
        .min_by_key(|offer| offer.supplier.as_bytes())
}

/// What an item's supply comes to (R11 to R14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Supplied {
    /// Units ordered that have not arrived.
    pub in_transit: Units,
    /// Whether some of them are overdue.
    pub supplier_delay: bool,
    /// Safety days that hold.
    pub safety_days: u32,
    /// Where they come from.
    pub safety_source: SafetySource,
    /// Lead time that holds.
    pub lead_time_days: u32,
    /// Least units of an order, 1 or more.
    pub moq: Units,
}

impl Supplied {
    /// R12 to R14.
    pub fn of(input: &ItemInput<'_>) -> Result<Self, Overflow> {
        let overflow = Overflow { value: "in_transit" };
        let mut supplied = Self::by_terms(input);
        for line in input.orders {
            let outstanding = line.outstanding(input.day.stock_on).ok_or(overflow)?;
            supplied.in_transit = supplied.in_transit.checked_add(outstanding).ok_or(overflow)?;
            supplied.supplier_delay |=
                outstanding > 0 && line.expected_on.is_some_and(|expected| expected < input.day.stock_on);
        }
        Ok(supplied)
    }

    fn by_terms(input: &ItemInput<'_>) -> Self {
        let (master, settings) = (&input.master, input.settings);
        let (safety_days, safety_source) = match (master.safety_days, settings.safety_buffer_days) {
            (Some(days), _) => (days, SafetySource::Product),
            (None, Some(days)) => (days, SafetySource::Company),
            (None, None) => (SYSTEM_SAFETY_DAYS, SafetySource::System),
        };
        let supply = input.supply.unwrap_or_default();
        let lead_time_days = master.lead_time_days.or(supply.lead_time_days);
        let lead_time_days = lead_time_days.unwrap_or(settings.default_lead_time_days);
        Self {
            in_transit: 0,
            supplier_delay: false,
            safety_days,
            safety_source,
            lead_time_days,
            moq: supply.moq.unwrap_or(1).max(1),
        }
    }

    /// Days from an order until it has arrived and the safety stock is whole: `LT + SS`.
    pub fn buffer_days(&self) -> i64 {
        i64::from(self.lead_time_days) + i64::from(self.safety_days)
    }
}

impl OrderLine<'_> {
    /// Units still to come on `day`; 0 where the order does not exist yet or is not active; none beyond 64 bits.
    fn outstanding(&self, day: NaiveDate) -> Option<Units> {
        if self.ordered_on > day || !self.status.is_active() {
            return Some(0);
        }
        let mut arrived = self.receipts.iter().filter(|receipt| receipt.on <= day);
        let arrived = arrived.try_fold(0_i64, |sum, receipt| sum.checked_add(receipt.quantity))?;
        Some(self.quantity.checked_sub(arrived)?.max(0))
    }
}

impl Stock<'_> {
    /// Whether stock was used up at the close of one of the last [`STOCK_WINDOW`] days (R11). `wanted`: somebody asks
    /// for the item.
    pub fn ran_out(&self, wanted: bool) -> bool {
        wanted && crate::planning::demand::last(self.closes, STOCK_WINDOW).iter().any(|close| *close <= 0)
    }
}

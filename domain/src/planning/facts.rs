//! How facts of other rooms come into a plan: terms of suppliers, lines of orders, campaigns, the catalogue.

use chrono::NaiveDate;

use crate::campaigns::KnownCampaign;
use crate::catalogue::product::event::ProductDetails;
use crate::planning::input::Master;
use crate::planning::number::{Fixed, Rate};
use crate::planning::supply::{Offer, OrderLine, Receipt, Supply};
use crate::purchasing::order::{KnownOrder, OrderedItem};
use crate::purchasing::supplier::SupplierTerms;
use crate::shared::ids::ItemId;
use crate::shared::money::Currency;

impl SupplierTerms {
    /// The terms as planning takes them, of the supplier with that key ([`crate::purchasing::supplier::KnownSupplier::key`]).
    pub fn offer<'a>(&self, supplier: &'a str) -> Offer<'a> {
        let supply = Supply { lead_time_days: self.lead_time_days, moq: self.moq };
        Offer { supplier, is_primary: self.is_primary, supply }
    }
}

impl OrderedItem {
    /// What arrived, as planning takes it.
    pub fn arrivals(&self) -> Vec<Receipt> {
        self.receipts.iter().map(|(on, quantity)| Receipt { on: *on, quantity: *quantity }).collect()
    }
}

impl KnownOrder {
    /// A line as it stood at the close of a day (R12). `receipts` are those of [`OrderedItem::arrivals`].
    pub fn line_on<'a>(&self, item: &OrderedItem, receipts: &'a [Receipt], day: NaiveDate) -> OrderLine<'a> {
        OrderLine {
            ordered_on: self.details.order_date,
            status: self.status_on(day),
            quantity: item.line.quantity,
            expected_on: self.expected_on(day),
            receipts,
        }
    }
}

impl KnownCampaign {
    /// Whether it keeps an item from being promoted (R25): the item is on a line, and the campaign runs or will run.
    pub fn holds(&self, item: &ItemId, day: NaiveDate) -> bool {
        self.state_on(day).is_on() && self.details.lines.iter().any(|line| line.item_id == *item)
    }
}

impl Master {
    /// What the catalogue says of a product. A cost in another currency than the company's is as good as missing.
    pub fn of(details: &ProductDetails, currency: Currency) -> Self {
        let cost = details.unit_cost.filter(|cost| cost.currency == currency);
        Self {
            unit_cost: cost.and_then(|cost| Fixed::from_decimal(cost.amount)),
            safety_days: details.safety_stock_days,
            lead_time_days: details.lead_time_days,
            manual_daily_forecast: details.manual_daily_forecast.and_then(Rate::from_decimal),
            category_forecast: None,
            listed_on: details.listed_on,
            in_campaign: false,
        }
    }
}

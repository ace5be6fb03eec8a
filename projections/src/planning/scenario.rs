//! What would be if: the same plans with other settings, lead times, demand, deliveries or a campaign. Nothing is kept.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use rust_decimal::prelude::{RoundingStrategy, ToPrimitive};
use uuid::Uuid;

use domain::companies::Settings;
use domain::shared::quantity::Units;

use super::firm::Firm;
use super::items::ItemFacts;

/// What is different.
#[derive(Debug, Clone, Default)]
pub struct Scenario {
    /// Settings of the company in place of its own.
    pub settings: Option<Settings>,
    /// Other lead times.
    pub lead_times: Vec<LeadTime>,
    /// Other demand.
    pub demand: Vec<DemandFactor>,
    /// Orders that arrive on another day.
    pub deliveries: Vec<Delivery>,
    /// Item keys that are in a campaign.
    pub promoted: BTreeSet<String>,
}

/// Another lead time: of a product, or of what a supplier says about all of its products.
#[derive(Debug, Clone)]
pub struct LeadTime {
    /// Whose.
    pub of: LeadTimeOf,
    /// Days from order to delivery.
    pub days: u32,
}

/// Whose lead time is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeadTimeOf {
    /// The product's own, by item key.
    Item(String),
    /// The supplier's, for every product that it delivers.
    Supplier(Uuid),
}

/// Demand of all days times a factor.
#[derive(Debug, Clone)]
pub struct DemandFactor {
    /// Only of this item, by item key.
    pub item_key: Option<String>,
    /// Only of items of this category.
    pub category: Option<String>,
    /// The factor, 0 or more.
    pub factor: Decimal,
}

/// An order that arrives on another day.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The order.
    pub purchase_order_id: Uuid,
    /// The day on which it is expected.
    pub expected_on: NaiveDate,
}

impl Scenario {
    /// The company as it would be.
    pub fn firm(&self, firm: &Firm) -> Firm {
        let mut firm = firm.clone();
        if let Some(settings) = &self.settings {
            firm.settings = settings.clone();
        }
        firm
    }

    /// What a plan would be computed from. The facts were read for the company as it would be.
    pub fn change(&self, facts: &mut ItemFacts) {
        for lead_time in &self.lead_times {
            match &lead_time.of {
                LeadTimeOf::Item(item) if *item == facts.item_key => {
                    facts.master.lead_time_days = Some(lead_time.days);
                }
                LeadTimeOf::Item(_) => {}
                LeadTimeOf::Supplier(supplier) => {
                    for terms in facts.offers.iter_mut().filter(|terms| terms.supplier_id.0 == *supplier) {
                        terms.supply.lead_time_days = Some(lead_time.days);
                    }
                }
            }
        }
        for delivery in &self.deliveries {
            for order in &mut facts.orders {
                if order.purchase_order_id.0 == delivery.purchase_order_id {
                    order.line.expected_on = Some(delivery.expected_on);
                }
            }
        }
        facts.master.in_campaign |= self.promoted.contains(&facts.item_key);
        for demand in &self.demand {
            if demand.is_of(facts) {
                demand.scale(&mut facts.demand);
            }
        }
    }
}

impl DemandFactor {
    fn is_of(&self, facts: &ItemFacts) -> bool {
        self.item_key.as_ref().is_none_or(|item| *item == facts.item_key)
            && self.category.as_ref().is_none_or(|category| *category == facts.category)
    }

    /// Multiplies a series of whole units. What rounding takes from one day the next one gets, so that every sum of days
    /// is right to a unit.
    fn scale(&self, demand: &mut [Units]) {
        let rounded = |units: Units| {
            let exact = Decimal::from(units).checked_mul(self.factor)?;
            exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64()
        };
        let (mut sum, mut given) = (0_i64, 0_i64);
        for units in demand {
            sum = sum.saturating_add(*units);
            let so_far = rounded(sum).unwrap_or(i64::MAX);
            *units = so_far - given;
            given = so_far;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_scaled_days_are_right_to_a_unit() {
        let factor = DemandFactor { item_key: None, category: None, factor: Decimal::new(11, 1) };
        let mut demand = vec![5; 14];
        factor.scale(&mut demand);
        assert_eq!(demand.iter().sum::<i64>(), 77);
        assert!(demand.iter().all(|units| (5..=6).contains(units)), "{demand:?}");
        let none = DemandFactor { factor: Decimal::ZERO, ..factor };
        none.scale(&mut demand);
        assert_eq!(demand, vec![0; 14]);
    }
}

//! One row of the stock list as it is answered.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::table::{Life, NONE, Table, index};
use crate::planning::Planned;

/// One product with its stock, in units.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemRow {
    /// Product, by its stream.
    pub item_key: String,
    /// Business key.
    pub item_id: String,
    /// Alias for other systems.
    pub sku: String,
    /// Name.
    pub product_name: String,
    /// Category.
    pub category: String,
    /// Whether it is planned, listed and counted.
    pub is_active: bool,
    /// Cost of one unit, where known.
    pub unit_cost: Option<Cost>,
    /// Available units, at least 0, times cost.
    pub inventory_value: Option<Cost>,
    /// On hand over PHYSICAL locations.
    pub total_stock: i64,
    /// Promised over PHYSICAL locations.
    pub reserved: i64,
    /// On hand less promised.
    pub available: i64,
    /// How far the mirror is off that is off most.
    pub drift: Option<i64>,
    /// Since when stock is below zero somewhere.
    pub discrepancy_since: Option<DateTime<Utc>>,
    /// Newest movement.
    pub last_moved_at: Option<DateTime<Utc>>,
    /// Stock per location, in the order of location ids.
    pub levels: Vec<LevelRow>,
    /// Its plan, where it is planned.
    pub plan: Option<Arc<Planned>>,
}

/// Stock of one product at one location, in units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelRow {
    /// Where.
    pub location_id: String,
    /// What lies there.
    pub on_hand: i64,
    /// What is promised there.
    pub reserved: i64,
    /// For a mirror: on hand less the total of PHYSICAL locations.
    pub drift: Option<i64>,
}

/// An amount of money as the read model holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Exact amount, two decimals.
    pub amount: Decimal,
    /// ISO 4217 code.
    pub currency: String,
}

impl ItemRow {
    /// The row, where the catalogue knows its product.
    pub(super) fn of(table: &Table, row: usize) -> Option<Self> {
        let life = *table.life.get(row)?;
        if life == Life::Unknown {
            return None;
        }
        let texts = table.text(row)?;
        let total_stock = *table.total.get(row)?;
        let currency = table.currency.get(row).and_then(|number| table.currencies.word(*number));
        let money = |amount: Decimal| Some(Cost { amount, currency: currency?.to_owned() });
        Some(Self {
            item_key: texts.item_key().to_owned(),
            item_id: texts.item_id().to_owned(),
            sku: texts.sku().to_owned(),
            product_name: texts.product_name().to_owned(),
            category: table.categories.word(*table.category.get(row)?)?.to_owned(),
            is_active: life == Life::Active,
            unit_cost: some(&table.unit_cost, row).and_then(|cost| money(Decimal::new(cost, 2))),
            inventory_value: table
                .value(row)
                .and_then(|value| Decimal::try_from_i128_with_scale(value, 2).ok())
                .and_then(money),
            total_stock,
            reserved: *table.reserved.get(row)?,
            available: table.available(row),
            drift: some(&table.drift, row),
            discrepancy_since: some(&table.discrepancy, row).and_then(DateTime::from_timestamp_micros),
            last_moved_at: some(&table.last_moved, row).and_then(DateTime::from_timestamp_micros),
            levels: levels(table, row, total_stock),
            plan: table.plan(row).cloned(),
        })
    }
}

fn levels(table: &Table, row: usize, total: i64) -> Vec<LevelRow> {
    let mut levels: Vec<LevelRow> = table
        .levels_of(row)
        .iter()
        .filter_map(|level| {
            let place = table.places.get(index(level.place))?;
            Some(LevelRow {
                location_id: place.location_id.as_ref().to_owned(),
                on_hand: level.on_hand,
                reserved: level.reserved,
                drift: place.is_mirror.then(|| level.on_hand.saturating_sub(total)),
            })
        })
        .collect();
    levels.sort_unstable_by(|a, b| a.location_id.cmp(&b.location_id));
    levels
}

fn some(column: &[i64], row: usize) -> Option<i64> {
    column.get(row).copied().filter(|value| *value != NONE)
}

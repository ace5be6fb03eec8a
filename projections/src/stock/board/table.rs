//! All products of one company with their stock and plans, column by column.
//!
//! A row costs about 400 bytes with two locations, its plan 700 more. Rows never move; a product that has left stays as an
//! inactive row. Stock and plans may arrive before their product (three read models): such a row waits unseen.

use std::collections::HashMap;
use std::sync::Arc;

use super::levels::{Level, Place, set_level};
use super::load::{Changes, LevelChange, ProductChange};
use super::order::TextOrder;
use super::plans::Plans;
use super::texts::{Texts, Words};

/// Stands for "no value" in a column of numbers.
pub(super) const NONE: i64 = i64::MIN;

/// Whether a row is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// Stock without a product so far.
    Unknown,
    /// In lists.
    Active,
    /// Only in lists that ask for it.
    Inactive,
}

/// All rows. Columns have one length; a row is its index.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) texts: Vec<Texts>,
    pub(super) life: Vec<Life>,
    pub(super) category: Vec<u32>,
    pub(super) unit_cost: Vec<i64>,
    pub(super) currency: Vec<u32>,
    /// One column per [`super::Detail`], as long as the last row that has it.
    pub(super) details: Vec<Vec<i64>>,
    pub(super) levels: Vec<Box<[Level]>>,
    pub(super) total: Vec<i64>,
    pub(super) reserved: Vec<i64>,
    pub(super) drift: Vec<i64>,
    pub(super) discrepancy: Vec<i64>,
    pub(super) last_moved: Vec<i64>,
    pub(super) plans: Plans,
    pub(super) keys: TextOrder,
    pub(super) ids: TextOrder,
    pub(super) skus: TextOrder,
    pub(super) names: TextOrder,
    pub(super) categories: Words,
    pub(super) currencies: Words,
    pub(super) places: Vec<Place>,
    place_numbers: HashMap<Arc<str>, u32>,
}

impl Table {
    pub(super) fn rows(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn text(&self, row: usize) -> Option<&Texts> {
        self.texts.get(row)
    }

    pub(super) fn levels_of(&self, row: usize) -> &[Level] {
        self.levels.get(row).map_or(&[], |levels| levels)
    }

    pub(super) fn place(&self, location_id: &str) -> Option<u32> {
        self.place_numbers.get(location_id).copied()
    }

    /// Takes up the company's locations; another role changes totals of all rows.
    pub(super) fn set_places(&mut self, places: &[Place]) {
        let mut changed = false;
        for place in places {
            let number = index(self.place_number(&place.location_id));
            if let Some(known) = self.places.get_mut(number)
                && known.is_mirror != place.is_mirror
            {
                known.is_mirror = place.is_mirror;
                changed = true;
            }
        }
        if changed {
            (0..self.rows()).for_each(|row| self.sum(row));
        }
    }

    /// Takes up new and changed products.
    pub(super) fn set_products(&mut self, products: Vec<ProductChange>) {
        let standing = self.rows();
        let mut changed = Vec::with_capacity(products.len());
        let rows = self.rows_for(products.iter().map(|product| product.item_key.as_str()));
        for (product, row) in products.into_iter().zip(rows) {
            if self.texts.get(row).is_none_or(|texts| row >= standing || !texts.say(&product)) {
                changed.push(row);
                put(&mut self.texts, row, Texts::of(&product));
            }
            put(&mut self.life, row, if product.is_active { Life::Active } else { Life::Inactive });
            put(&mut self.unit_cost, row, product.unit_cost.unwrap_or(NONE));
            self.set_details(row, &product.details);
            let category = self.categories.number(&product.category);
            put(&mut self.category, row, category);
            let currency = product.currency.map_or(u32::MAX, |code| self.currencies.number(&code));
            put(&mut self.currency, row, currency);
        }
        self.plans.others_are_listed();
        self.order(&changed);
    }

    /// Takes up new and changed levels.
    pub(super) fn set_levels(&mut self, levels: Vec<LevelChange>) {
        let standing = self.rows();
        let rows = self.rows_for(levels.iter().map(|level| level.item_key.as_str()));
        let mut touched = Vec::with_capacity(levels.len());
        for (change, row) in levels.into_iter().zip(rows) {
            let level = Level {
                place: self.place_number(&change.location_id),
                on_hand: change.on_hand,
                reserved: change.reserved,
                discrepancy: change.discrepancy_since.unwrap_or(NONE),
                last_moved: change.last_moved_at.unwrap_or(NONE),
            };
            if let Some(levels) = self.levels.get_mut(row) {
                set_level(levels, level);
            }
            if touched.last() != Some(&row) {
                touched.push(row);
            }
        }
        for row in touched {
            self.sum(row);
        }
        self.order_arrived(standing);
    }

    /// Takes up what has changed, locations first.
    pub(super) fn take_up(&mut self, places: &[Place], changes: Changes) {
        let Changes { products, levels, plans } = changes;
        self.set_places(places);
        if !products.is_empty() {
            self.set_products(products);
        }
        if !levels.is_empty() {
            self.set_levels(levels);
        }
        if !plans.is_empty() {
            self.set_plans(plans);
        }
    }

    /// The row of a product.
    pub(super) fn find(&self, item_key: &str) -> Option<usize> {
        self.keys.find(item_key, |row| self.texts.get(row).map_or("", Texts::item_key))
    }

    /// Gives back memory that loading took ahead.
    pub(super) fn shrink(&mut self) {
        self.texts.shrink_to_fit();
        self.levels.shrink_to_fit();
        for column in [&mut self.unit_cost, &mut self.total, &mut self.reserved, &mut self.drift] {
            column.shrink_to_fit();
        }
    }

    /// The same products without stock.
    pub(super) fn without_levels(&self) -> Self {
        let mut empty = self.clone();
        empty.levels.iter_mut().for_each(|levels| *levels = Box::default());
        (0..empty.rows()).for_each(|row| empty.sum(row));
        empty
    }

    fn set_details(&mut self, row: usize, details: &[Option<i64>]) {
        self.details.resize_with(details.len(), Vec::new);
        for (column, detail) in self.details.iter_mut().zip(details) {
            if detail.is_some() && column.len() <= row {
                column.resize(row + 1, NONE);
            }
            put(column, row, detail.unwrap_or(NONE));
        }
    }

    /// Takes up the texts of rows that are new since there were `standing`.
    pub(super) fn order_arrived(&mut self, standing: usize) {
        let arrived: Vec<usize> = (standing..self.rows()).collect();
        self.order(&arrived);
    }

    /// Takes up that the texts of these rows became others.
    fn order(&mut self, changed: &[usize]) {
        let texts = &self.texts;
        let text = |part: fn(&Texts) -> &str| move |row: usize| texts.get(row).map_or("", part);
        self.ids.update(changed, texts.len(), text(Texts::item_id));
        self.skus.update(changed, texts.len(), text(Texts::sku));
        self.names.update(changed, texts.len(), text(Texts::product_name));
    }

    /// The row of every key, new ones at the end.
    pub(super) fn rows_for<'k>(&mut self, keys: impl Iterator<Item = &'k str>) -> Vec<usize> {
        let standing = self.rows();
        let mut fresh: HashMap<&str, usize> = HashMap::new();
        let mut rows = Vec::new();
        for key in keys {
            let row = self.find(key).unwrap_or_else(|| {
                let next = standing + fresh.len();
                *fresh.entry(key).or_insert(next)
            });
            rows.push(row);
        }
        let mut fresh: Vec<(&str, usize)> = fresh.into_iter().collect();
        fresh.sort_unstable_by_key(|(_, row)| *row);
        for (key, _) in &fresh {
            self.push_unknown(key);
        }
        let arrived: Vec<usize> = (standing..self.rows()).collect();
        let texts = &self.texts;
        self.keys.update(&arrived, texts.len(), |row| texts.get(row).map_or("", Texts::item_key));
        rows
    }

    fn push_unknown(&mut self, key: &str) {
        self.texts.push(Texts::unknown(key));
        self.life.push(Life::Unknown);
        self.category.push(u32::MAX);
        self.unit_cost.push(NONE);
        self.currency.push(u32::MAX);
        self.levels.push(Box::default());
        self.total.push(0);
        self.reserved.push(0);
        self.drift.push(NONE);
        self.discrepancy.push(NONE);
        self.last_moved.push(NONE);
        self.plans.push_none();
    }

    fn place_number(&mut self, location_id: &str) -> u32 {
        if let Some(number) = self.place_numbers.get(location_id) {
            return *number;
        }
        let number = row_number(self.places.len());
        let location_id: Arc<str> = Arc::from(location_id);
        self.places.push(Place { location_id: Arc::clone(&location_id), is_mirror: false });
        self.place_numbers.insert(location_id, number);
        number
    }
}

/// Sets a cell of a column.
pub(super) fn put<T>(column: &mut [T], row: usize, value: T) {
    if let Some(cell) = column.get_mut(row) {
        *cell = value;
    }
}

/// A stored row number as an index.
pub(super) fn index(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

/// An index as a stored row number.
pub(super) fn row_number(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

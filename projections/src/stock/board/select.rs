//! Finds a page of a table's rows: filtered, sorted by any columns, counted.
//!
//! One pass over the columns keeps the best rows only; nothing is sorted but the page itself. The first sort column
//! becomes one number per row, the others are looked at where numbers are equal. Item ids settle the rest. Texts sort in
//! byte order; a missing value stands last in both directions.

use std::cmp::Ordering;

use super::ask::{Ask, Column, Figure, Filter, Sort};
use super::table::{Life, NONE, Table, index, put, row_number};

/// A column with its location looked up.
#[derive(Clone, Copy)]
enum Key {
    Text(fn(&Table, usize) -> u32),
    Number(fn(&Table, usize) -> i64),
    Value,
    Stock(Option<u32>),
    Detail(usize),
    Plan(Figure),
}

/// A row with its first sort value, smaller is earlier.
#[derive(Clone, Copy)]
struct Candidate {
    key: i64,
    row: u32,
}

/// Rows of the page in order, and how many match in all.
pub(super) fn select(table: &Table, ask: &Ask) -> (Vec<usize>, usize) {
    let order = Order::new(table, &ask.sort);
    let wanted = ask.offset.saturating_add(ask.limit);
    let mut best = Best { order: &order, wanted, kept: Vec::new(), limit: i64::MAX };
    let mut total = 0;
    let passes = passing(table, &ask.filter);
    for row in (0..table.rows()).filter(|row| passes(*row)) {
        total += 1;
        best.offer(row);
    }
    (best.page(ask.offset), total)
}

/// Whether a row passes a filter.
pub(super) fn passing<'a>(table: &'a Table, filter: &'a Filter) -> impl Fn(usize) -> bool + 'a {
    let life = if filter.inactive { Life::Inactive } else { Life::Active };
    let items = filter.items.as_ref().map(|items| rows_of(table, items));
    let category = filter.category.as_ref().map(|word| table.categories.find(word));
    let place = filter.location_id.as_ref().map(|location| table.place(location));
    let search = filter.search.as_ref().map(|text| text.to_lowercase());
    let stock = filter.min_stock.unwrap_or(i64::MIN)..=filter.max_stock.unwrap_or(i64::MAX);
    move |row| {
        table.life.get(row) == Some(&life)
            && items.as_ref().is_none_or(|items| items.get(row).copied().unwrap_or(false))
            && category.is_none_or(|wanted| wanted.is_some() && table.category.get(row).copied() == wanted)
            && match place {
                None => stock.contains(&number(&table.total, row)),
                Some(place) => level_at(table, row, place).is_some_and(|on_hand| stock.contains(&on_hand)),
            }
            && filter.has_discrepancy.is_none_or(|has| has == (number(&table.discrepancy, row) != NONE))
            && search.as_ref().is_none_or(|search| {
                table.text(row).is_some_and(|texts| texts.searched().contains(search.as_str()))
            })
            && filter.plan.lets_pass(table.plan(row))
    }
}

/// Which rows bear one of these keys.
fn rows_of(table: &Table, items: &[String]) -> Vec<bool> {
    let mut rows = vec![false; table.rows()];
    for row in items.iter().filter_map(|item| table.find(item)) {
        put(&mut rows, row, true);
    }
    rows
}

fn number(column: &[i64], row: usize) -> i64 {
    column.get(row).copied().unwrap_or(NONE)
}

fn level_at(table: &Table, row: usize, place: Option<u32>) -> Option<i64> {
    let place = place?;
    table.levels_of(row).iter().find(|level| level.place == place).map(|level| level.on_hand)
}

/// How rows are ordered.
struct Order<'a> {
    table: &'a Table,
    keys: Vec<(Key, bool)>,
}

impl<'a> Order<'a> {
    fn new(table: &'a Table, sort: &[Sort]) -> Self {
        let keys = sort.iter().map(|sort| (Key::of(table, &sort.column), sort.descending)).collect();
        Self { table, keys }
    }

    /// The first sort value as one number. Never wrong, at most equal where the exact values differ.
    fn first(&self, row: usize) -> i64 {
        match self.keys.first() {
            Some((key, descending)) => {
                key.value(self.table, row).map_or(i64::MAX, |value| directed(clamped(value), *descending))
            }
            None => i64::from(self.table.ids.rank(row)),
        }
    }

    fn compare(&self, a: &Candidate, b: &Candidate) -> Ordering {
        a.key.cmp(&b.key).then_with(|| {
            let (a, b) = (index(a.row), index(b.row));
            self.keys
                .iter()
                .map(|(key, descending)| match (key.value(self.table, a), key.value(self.table, b)) {
                    (Some(a), Some(b)) if *descending => b.cmp(&a),
                    (Some(a), Some(b)) => a.cmp(&b),
                    (a, b) => b.is_some().cmp(&a.is_some()),
                })
                .find(|ordering| ordering.is_ne())
                .unwrap_or_else(|| self.table.ids.rank(a).cmp(&self.table.ids.rank(b)))
                .then(a.cmp(&b))
        })
    }
}

fn clamped(value: i128) -> i64 {
    let value = value.clamp(i128::from(i64::MIN + 1), i128::from(i64::MAX - 1));
    i64::try_from(value).unwrap_or_default()
}

fn directed(value: i64, descending: bool) -> i64 {
    if descending { value.saturating_neg() } else { value }
}

impl Key {
    fn of(table: &Table, column: &Column) -> Self {
        match column {
            Column::ItemId => Self::Text(|table, row| table.ids.rank(row)),
            Column::Sku => Self::Text(|table, row| table.skus.rank(row)),
            Column::ProductName => Self::Text(|table, row| table.names.rank(row)),
            Column::Category => Self::Text(|table, row| {
                table.category.get(row).map_or(u32::MAX, |number| table.categories.rank(*number))
            }),
            Column::UnitCost => Self::Number(|table, row| number(&table.unit_cost, row)),
            Column::TotalStock => Self::Number(|table, row| number(&table.total, row)),
            Column::Reserved => Self::Number(|table, row| number(&table.reserved, row)),
            Column::Available => Self::Number(Table::available),
            Column::Drift => Self::Number(|table, row| number(&table.drift, row)),
            Column::LastMovedAt => Self::Number(|table, row| number(&table.last_moved, row)),
            Column::DiscrepancySince => Self::Number(|table, row| number(&table.discrepancy, row)),
            Column::InventoryValue => Self::Value,
            Column::Stock(location) => Self::Stock(table.place(location)),
            Column::Detail(detail) => Self::Detail(detail.place()),
            Column::Plan(figure) => Self::Plan(*figure),
        }
    }

    fn value(self, table: &Table, row: usize) -> Option<i128> {
        match self {
            Self::Text(rank) => Some(i128::from(rank(table, row))),
            Self::Number(read) => Some(read(table, row)).filter(|value| *value != NONE).map(i128::from),
            Self::Value => table.value(row),
            Self::Detail(column) => {
                let detail = table.details.get(column).and_then(|column| column.get(row).copied());
                detail.filter(|value| *value != NONE).map(i128::from)
            }
            Self::Plan(figure) => figure.of(&table.plan(row)?.plan),
            Self::Stock(place) => Some(i128::from(level_at(table, row, place).unwrap_or(0))),
        }
    }
}

impl Table {
    /// On hand less promised, over PHYSICAL locations.
    pub(super) fn available(&self, row: usize) -> i64 {
        number(&self.total, row).saturating_sub(number(&self.reserved, row))
    }

    /// Available units, at least 0, times cost, in hundredths.
    pub(super) fn value(&self, row: usize) -> Option<i128> {
        let cost = number(&self.unit_cost, row);
        (cost != NONE).then(|| i128::from(cost).saturating_mul(i128::from(self.available(row).max(0))))
    }
}

/// The best rows so far.
struct Best<'a> {
    order: &'a Order<'a>,
    wanted: usize,
    kept: Vec<Candidate>,
    /// Rows with a larger key are none of the best.
    limit: i64,
}

impl Best<'_> {
    fn offer(&mut self, row: usize) {
        let key = self.order.first(row);
        if key > self.limit {
            return;
        }
        self.kept.push(Candidate { key, row: row_number(row) });
        if self.kept.len() >= self.wanted.saturating_mul(4).max(2_048) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let Some(last) = self.wanted.checked_sub(1) else {
            self.kept.clear();
            return;
        };
        let order = self.order;
        self.limit = self.kept.select_nth_unstable_by(last, |a, b| order.compare(a, b)).1.key;
        self.kept.truncate(self.wanted);
    }

    fn page(mut self, offset: usize) -> Vec<usize> {
        if self.kept.len() > self.wanted {
            self.cut();
        }
        if offset >= self.kept.len() {
            return Vec::new();
        }
        let order = self.order;
        if offset > 0 {
            self.kept.select_nth_unstable_by(offset, |a, b| order.compare(a, b));
        }
        let mut page = self.kept.split_off(offset);
        page.sort_unstable_by(|a, b| order.compare(a, b));
        page.into_iter().map(|candidate| index(candidate.row)).collect()
    }
}

//! Units and value of a company's stock day by day, out of the days that are kept; no movement is read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use domain::planning::{Amount, Overflow, PlanDay};
use domain::shared::moment::local_date;
use domain::shared::quantity::Units;

use super::firm::Firm;
use super::item_days::{Level, read_levels};
use super::items::{Ask, History};

/// What lay there at the close of a day, over all items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrendDay {
    /// The day.
    pub date: NaiveDate,
    /// Units on hand; stock below zero counts as none.
    pub units: Units,
    /// Their value at the unit costs that held then (R27, R30); before the first known cost that one.
    pub value: Amount,
}

/// Why there is no trend.
#[derive(Debug, thiserror::Error)]
pub enum TrendError {
    /// The tables cannot be read.
    #[error("the days of stock cannot be read")]
    Database(#[from] sqlx::Error),
    /// A sum is beyond 64 bits.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// Stock at the closes of `days`, of the company or of one location, in a snapshot of this read model
/// ([`begin`](super::queries::begin)).
pub async fn trends(
    conn: &mut PgConnection,
    firm: &Firm,
    days: RangeInclusive<NaiveDate>,
    location: Option<&str>,
) -> Result<Vec<TrendDay>, TrendError> {
    let day = PlanDay::as_of(*days.end());
    let ask = Ask { items: None, day, location, history: History::Whole };
    let levels = read_levels(conn, firm, &ask).await?;
    let mut moved = moved(conn, firm, *days.start(), location).await?;
    let mut costs = costs(conn, firm).await?;
    let mut changes = Changes::default();
    for (item, level) in levels {
        let moved = moved.remove(&item).unwrap_or_default();
        changes.add(&days, level, &moved, &costs.remove(&item).unwrap_or_default());
    }
    Ok(changes.sums(days)?)
}

/// By how much units and value of all items are more than on the day before, in units and hundredths.
#[derive(Debug, Default)]
struct Changes(BTreeMap<NaiveDate, (i128, i128)>);

impl Changes {
    /// Adds an item: its stock changes on the days of `moved`, its unit cost on those of `costs`, and on no other.
    fn add(
        &mut self,
        days: &RangeInclusive<NaiveDate>,
        level: Level,
        moved: &[(NaiveDate, Units)],
        costs: &[(NaiveDate, Amount)],
    ) {
        let Some(opened) = level.opened().filter(|opened| opened <= days.end()) else { return };
        let first = opened.max(*days.start());
        let within = first..=*days.end();
        let dates = moved.iter().map(|(date, _)| date).chain(costs.iter().map(|(date, _)| date));
        let mut dates: BTreeSet<NaiveDate> = dates.filter(|date| within.contains(date)).copied().collect();
        dates.insert(first);
        let later: Units = moved.iter().filter(|(date, _)| *date >= first).map(|(_, units)| units).sum();
        let (mut stock, mut moved) = (level.units() - later, moved.iter().peekable());
        let mut before = (0, 0);
        for date in dates {
            while let Some((on, units)) = moved.next_if(|(on, _)| *on <= date) {
                stock += if *on >= first { *units } else { 0 };
            }
            let on_hand = i128::from(stock.max(0));
            let now = (on_hand, on_hand * i128::from(cost_on(costs, date).steps()));
            let change = self.0.entry(date).or_default();
            *change = (change.0 + now.0 - before.0, change.1 + now.1 - before.1);
            before = now;
        }
    }

    fn sums(&self, days: RangeInclusive<NaiveDate>) -> Result<Vec<TrendDay>, Overflow> {
        let (mut units, mut value) = (0, 0);
        let days = days.start().iter_days().take_while(|date| date <= days.end());
        let days = days.map(|date| {
            let change = self.0.get(&date).copied().unwrap_or_default();
            (units, value) = (units + change.0, value + change.1);
            let narrow = |sum: i128, name| i64::try_from(sum).map_err(|_| Overflow { value: name });
            Ok(TrendDay {
                date,
                units: narrow(units, "on_hand")?,
                value: Amount::of_steps(narrow(value, "inventory_value")?),
            })
        });
        days.collect()
    }
}

/// The cost that held on a day; before the first the first.
fn cost_on(costs: &[(NaiveDate, Amount)], date: NaiveDate) -> Amount {
    let known = costs.partition_point(|(since, _)| *since <= date);
    costs.get(known.saturating_sub(1)).map_or(Amount::ZERO, |(_, cost)| *cost)
}

/// What changes on days, by item and in the order of the days.
type Steps<T> = BTreeMap<String, Vec<(NaiveDate, T)>>;

/// Changes of stock after and on a day, by item and in the order of their dates.
async fn moved(
    conn: &mut PgConnection,
    firm: &Firm,
    since: NaiveDate,
    location: Option<&str>,
) -> Result<Steps<Units>, sqlx::Error> {
    let rows: Vec<(String, NaiveDate, String, Units)> = sqlx::query_as(
        "select item_key, date_local, location_id, stock from days
         where company_id = $1 and date_local >= $2 and stock <> 0
         order by item_key, date_local",
    )
    .bind(firm.company_id)
    .bind(since)
    .fetch_all(conn)
    .await?;
    let mut moved = Steps::new();
    for (item, date, place, units) in rows {
        if firm.counts_at(&place, location) {
            moved.entry(item).or_insert_with(Vec::new).push((date, units));
        }
    }
    Ok(moved)
}

/// Unit costs by item, each with the first day at whose close it held. What is in another currency counts as missing.
async fn costs(conn: &mut PgConnection, firm: &Firm) -> Result<Steps<Amount>, sqlx::Error> {
    type Row = (String, DateTime<Utc>, Option<Decimal>, Option<String>);
    let rows: Vec<Row> = sqlx::query_as(
        "select item_key, since, amount, currency from costs where company_id = $1 order by item_key, since",
    )
    .bind(firm.company_id)
    .fetch_all(conn)
    .await?;
    let own = firm.currency.as_ref().map(domain::shared::money::Currency::code);
    let mut costs = Steps::new();
    for (item, since, amount, currency) in rows {
        let amount = amount.filter(|_| currency.as_deref() == own).and_then(Amount::from_decimal);
        let cost = (local_date(since, firm.time_zone), amount.unwrap_or(Amount::ZERO));
        costs.entry(item).or_insert_with(Vec::new).push(cost);
    }
    Ok(costs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_cost_of_a_day_holds_and_the_first_before_it_was_known() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
        let cost = Amount::of_steps;
        let costs = [(day(3), cost(1)), (day(5), cost(2)), (day(5), cost(3))];
        let found: Vec<Amount> = [1, 3, 4, 5, 9].map(|at| cost_on(&costs, day(at))).to_vec();
        assert_eq!(found, [1, 1, 1, 3, 3].map(cost));
        assert_eq!(cost_on(&[], day(1)), Amount::ZERO);
    }
}

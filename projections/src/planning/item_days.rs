//! Demand and closing stock of items, out of their days.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row as _};

use domain::planning::class::CLASS_DAYS;
use domain::planning::supply::STOCK_WINDOW;
use domain::planning::{PlanDay, demand};
use domain::shared::quantity::Units;

use super::firm::Firm;
use super::items::{Ask, ChangedDays, History, narrowed};

/// A row of `days`.
#[derive(Debug)]
pub(super) struct DayRow {
    item_key: String,
    date_local: NaiveDate,
    location_id: String,
    channel: String,
    stock: Units,
    line_units: Units,
    cancel_units: Units,
    return_units: Units,
    report_units: Option<Units>,
}

/// A company has very many: columns are found by their place, not by their name.
impl<'r> FromRow<'r, PgRow> for DayRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            item_key: row.try_get(0)?,
            date_local: row.try_get(1)?,
            location_id: row.try_get(2)?,
            channel: row.try_get(3)?,
            stock: row.try_get(4)?,
            line_units: row.try_get(5)?,
            cancel_units: row.try_get(6)?,
            return_units: row.try_get(7)?,
            report_units: row.try_get(8)?,
        })
    }
}

const COLUMNS: &str =
    "item_key, date_local, location_id, channel, stock, line_units, cancel_units, return_units, report_units";

/// Rows of `days` by item, in the order of their dates.
type DaysByItem = BTreeMap<String, Vec<DayRow>>;

/// What the days of these items come to, by item.
pub(super) async fn read_series(
    conn: &mut PgConnection,
    firm: &Firm,
    ask: &Ask<'_>,
    items: impl Iterator<Item = &String>,
) -> Result<BTreeMap<String, Series>, sqlx::Error> {
    let History::Recent(changed) = ask.history else {
        let days = read_days(conn, firm, ask.items, None).await?;
        let series = items.map(|item| (item.clone(), Series::of(rows_of(&days, item), firm, ask)));
        return Ok(series.collect());
    };
    let since = recent(ask.day);
    let stored = read_sold(conn, firm, ask.items).await?;
    let mut days = read_changed(conn, firm, &stored, changed, since).await?;
    for (item, rows) in read_days(conn, firm, ask.items, Some(since)).await? {
        days.entry(item).or_default().extend(rows);
    }
    let mut series = BTreeMap::new();
    let mut others = Vec::new();
    for item in items {
        let of_item = Series::of(rows_of(&days, item), firm, ask);
        let of_changed = changed.get(item);
        let was_read = |day: &NaiveDate| *day > since || of_changed.is_some_and(|days| days.contains(day));
        match stored.get(item) {
            Some(sold) if sold.still_hold(&of_item, was_read) => {
                series.insert(item.clone(), Series { sold: joined(sold.0, of_item.sold), ..of_item });
            }
            _ => others.push(item.clone()),
        }
    }
    if !others.is_empty() {
        let whole = Ask { history: History::Whole, ..*ask };
        let days = read_days(conn, firm, Some(&others), None).await?;
        series.extend(others.into_iter().map(|item| {
            let of_item = Series::of(rows_of(&days, &item), firm, &whole);
            (item, of_item)
        }));
    }
    Ok(series)
}

fn rows_of<'a>(days: &'a DaysByItem, item: &str) -> &'a [DayRow] {
    days.get(item).map(Vec::as_slice).unwrap_or_default()
}

/// The day after which every day is read of an item that is planned today.
fn recent(day: PlanDay) -> NaiveDate {
    day.demand_until.checked_sub_days(Days::new(CLASS_DAYS.into())).unwrap_or(day.demand_until)
}

/// First and last day with demand by a stored plan; none where nothing was sold.
#[derive(Debug, Clone, Copy)]
struct Sold(Option<(NaiveDate, NaiveDate)>);

impl Sold {
    /// Whether a day may say something else than the first and last day do.
    fn may_change_by(self, day: NaiveDate) -> bool {
        self.0.is_none_or(|(first, last)| day <= first || day >= last)
    }

    /// Whether there still is demand on those of its days that were read.
    fn still_hold(self, series: &Series, was_read: impl Fn(&NaiveDate) -> bool) -> bool {
        let gone = |day: &NaiveDate| was_read(day) && series.demanded.binary_search(day).is_err();
        self.0.is_none_or(|(first, last)| !gone(&first) && !gone(&last))
    }
}

/// First and last sale of what was known before and of what was read now.
fn joined(
    before: Option<(NaiveDate, NaiveDate)>,
    now: Option<(NaiveDate, NaiveDate)>,
) -> Option<(NaiveDate, NaiveDate)> {
    match (before, now) {
        (Some(before), Some(now)) => Some((before.0.min(now.0), before.1.max(now.1))),
        (before, now) => before.or(now),
    }
}

/// First and last sale by the stored plans, which stand on an earlier day or the same.
async fn read_sold(
    conn: &mut PgConnection,
    firm: &Firm,
    items: Option<&[String]>,
) -> Result<BTreeMap<String, Sold>, sqlx::Error> {
    let rows: Vec<(String, Option<NaiveDate>, Option<NaiveDate>)> = sqlx::query_as(&format!(
        "select item_key, first_sale_date, last_sale_date from plans where company_id = $1 and {}",
        narrowed(items)
    ))
    .bind(firm.company_id)
    .bind(items)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(item, first, last)| (item, Sold(first.zip(last)))).collect())
}

/// All days of items, or those after one.
async fn read_days(
    conn: &mut PgConnection,
    firm: &Firm,
    items: Option<&[String]>,
    since: Option<NaiveDate>,
) -> Result<DaysByItem, sqlx::Error> {
    let rows: Vec<DayRow> = sqlx::query_as(&format!(
        "select {COLUMNS} from days
         where company_id = $1 and {} and ($3::date is null or date_local > $3)
         order by item_key, date_local",
        narrowed(items)
    ))
    .bind(firm.company_id)
    .bind(items)
    .bind(since)
    .fetch_all(conn)
    .await?;
    Ok(by_item(rows))
}

/// Those of the changed days up to `until` that may be the first or the last with demand.
async fn read_changed(
    conn: &mut PgConnection,
    firm: &Firm,
    stored: &BTreeMap<String, Sold>,
    changed: &ChangedDays,
    until: NaiveDate,
) -> Result<DaysByItem, sqlx::Error> {
    let (mut items, mut dates) = (Vec::new(), Vec::new());
    for (item, days) in changed {
        let Some(sold) = stored.get(item) else { continue };
        for day in days.range(..=until).filter(|day| sold.may_change_by(**day)) {
            items.push(item.as_str());
            dates.push(*day);
        }
    }
    if items.is_empty() {
        return Ok(DaysByItem::new());
    }
    let rows: Vec<DayRow> = sqlx::query_as(&format!(
        "select {COLUMNS} from days
         join unnest($2::text[], $3::date[]) as changed (item_key, date_local) using (item_key, date_local)
         where company_id = $1
         order by item_key, date_local"
    ))
    .bind(firm.company_id)
    .bind(items)
    .bind(dates)
    .fetch_all(conn)
    .await?;
    Ok(by_item(rows))
}

fn by_item(rows: Vec<DayRow>) -> DaysByItem {
    let mut by_item = DaysByItem::new();
    let mut rows = rows.into_iter().peekable();
    while let Some(row) = rows.next() {
        let item = row.item_key.clone();
        let mut of_item = vec![row];
        while let Some(row) = rows.next_if(|row| row.item_key == item) {
            of_item.push(row);
        }
        by_item.insert(item, of_item);
    }
    by_item
}

/// Demand of the whole company by item and day, of the days after the first up to the last.
pub(super) async fn read_demand(
    conn: &mut PgConnection,
    firm: &Firm,
    (after, until): (NaiveDate, NaiveDate),
) -> Result<BTreeMap<String, BTreeMap<NaiveDate, Units>>, sqlx::Error> {
    let rows: Vec<DayRow> = sqlx::query_as(&format!(
        "select {COLUMNS} from days
         where company_id = $1 and date_local > $2 and date_local <= $3
         order by item_key, date_local"
    ))
    .bind(firm.company_id)
    .bind(after)
    .bind(until)
    .fetch_all(conn)
    .await?;
    let mut demand: BTreeMap<String, BTreeMap<NaiveDate, Units>> = BTreeMap::new();
    let same =
        |one: &DayRow, other: &DayRow| one.item_key == other.item_key && one.date_local == other.date_local;
    for of_day in rows.chunk_by(same) {
        let Some(first) = of_day.first() else { continue };
        let units = demand::of_day(signed_demand(of_day, firm, None));
        if units > 0 {
            demand.entry(first.item_key.clone()).or_default().insert(first.date_local, units);
        }
    }
    Ok(demand)
}

/// What the days of an item come to.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// First and last day with demand.
    pub(super) sold: Option<(NaiveDate, NaiveDate)>,
    /// Days with demand, of those that were read.
    demanded: Vec<NaiveDate>,
    /// Demand up to the last complete day: the last 90 days, or all since the first sale where every day was read.
    pub(super) daily: Vec<Units>,
    /// Changes of stock by day.
    pub(super) moved: Vec<(NaiveDate, Units)>,
}

impl Series {
    fn of(rows: &[DayRow], firm: &Firm, ask: &Ask<'_>) -> Self {
        let until = ask.day.demand_until;
        let mut demand: Vec<(NaiveDate, Units)> = Vec::new();
        let mut series = Self::default();
        for of_day in rows.chunk_by(|one, other| one.date_local == other.date_local) {
            let Some(date) = of_day.first().map(|row| row.date_local) else { continue };
            let here = of_day.iter().filter(|row| firm.counts_at(&row.location_id, ask.location));
            let moved = here.map(|row| row.stock).sum();
            if moved != 0 {
                series.moved.push((date, moved));
            }
            let units = demand::of_day(signed_demand(of_day, firm, ask.location));
            if units > 0 && date <= until {
                demand.push((date, units));
            }
        }
        series.demanded = demand.iter().map(|(date, _)| *date).collect();
        series.sold = series.demanded.first().copied().zip(series.demanded.last().copied());
        let first = match ask.history {
            History::Whole => series.sold.map(|(first, _)| first),
            History::Recent(_) => recent(ask.day).succ_opt(),
        };
        let Some(first) = first else { return series };
        let days = usize::try_from((until - first).num_days() + 1).unwrap_or(0);
        series.daily = vec![0; days];
        for (date, units) in demand {
            let at = usize::try_from((date - first).num_days()).ok();
            if let Some(day) = at.and_then(|at| series.daily.get_mut(at)) {
                *day = units;
            }
        }
        series
    }
}

/// Sales less reversals of a day. Where a channel both gave its lines at a place and reported it, lines win (decision 18).
fn signed_demand(of_day: &[DayRow], firm: &Firm, location: Option<&str>) -> Units {
    let has_lines = |place: &str, channel: &str| {
        let same = |row: &&DayRow| firm.place(&row.location_id) == place && row.channel == channel;
        of_day.iter().filter(same).map(|row| row.line_units).sum::<Units>() > 0
    };
    let signed = of_day.iter().map(|row| {
        let place = firm.place(&row.location_id);
        if location.is_some_and(|location| location != place) {
            return 0;
        }
        let returns = if firm.counts_returns(&row.channel) { row.return_units } else { 0 };
        let reported = match row.report_units {
            Some(units) if !has_lines(place, &row.channel) => units,
            _ => 0,
        };
        row.line_units - row.cancel_units - returns + reported
    });
    signed.sum()
}

/// Stock of an item over all that was recorded.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Level {
    units: Units,
    moved_on: Option<NaiveDate>,
    opened_on: Option<NaiveDate>,
}

impl Level {
    /// Units now.
    pub(super) fn units(self) -> Units {
        self.units
    }

    /// Day from which something is known.
    pub(super) fn opened(self) -> Option<NaiveDate> {
        self.opened_on.or(self.moved_on)
    }

    /// Stock at the close of `day`, and at the closes of the last days up to it.
    pub(super) fn closes(self, moved: &[(NaiveDate, Units)], day: NaiveDate) -> (Units, Vec<Units>) {
        let later: Units = moved.iter().filter(|(on, _)| *on > day).map(|(_, units)| units).sum();
        let stock = self.units - later;
        let Some(opened) = self.opened() else { return (stock, Vec::new()) };
        let mut moved = moved.iter().rev().skip_while(|(on, _)| *on > day).peekable();
        let (mut closes, mut close, mut on) = (Vec::new(), stock, day);
        for _ in 0..=STOCK_WINDOW {
            if on < opened {
                break;
            }
            closes.push(close);
            while let Some((_, units)) = moved.next_if(|(at, _)| *at == on) {
                close -= units;
            }
            let Some(before) = on.pred_opt() else { break };
            on = before;
        }
        closes.reverse();
        (stock, closes)
    }
}

pub(super) async fn read_levels(
    conn: &mut PgConnection,
    firm: &Firm,
    ask: &Ask<'_>,
) -> Result<BTreeMap<String, Level>, sqlx::Error> {
    type Row = (String, String, Units, Option<NaiveDate>, Option<NaiveDate>);
    let rows: Vec<Row> = sqlx::query_as(&format!(
        "select item_key, location_id, units, moved_on, opened_on from levels where company_id = $1 and {}",
        narrowed(ask.items)
    ))
    .bind(firm.company_id)
    .bind(ask.items)
    .fetch_all(conn)
    .await?;
    let mut levels: BTreeMap<String, Level> = BTreeMap::new();
    let earlier = |one: Option<NaiveDate>, other: Option<NaiveDate>| one.into_iter().chain(other).min();
    for (item, location, units, moved_on, opened_on) in rows {
        if firm.counts_at(&location, ask.location) {
            let level = levels.entry(item).or_default();
            level.units += units;
            level.moved_on = earlier(level.moved_on, moved_on);
            level.opened_on = earlier(level.opened_on, opened_on);
        }
    }
    Ok(levels)
}

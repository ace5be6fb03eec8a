//! Rows of `days`, `levels` and `statements`: stock and demand of each item, day by day.
//!
//! A row of `days` says by how much the stock at one place changed on one day, less what was promised, and what was
//! sold there through one channel. Stock at the close of a day is the sum of all changes up to it: a fact that an
//! already known statement had counted changes the days up to that statement and is taken back on its day
//! ([`Statements`]). `levels` is that sum over all days, so that the last days are reckoned back from it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use domain::sales::event::SalesReportEvent;
use domain::shared::ids::LocationId;
use domain::shared::quantity::Units;
use domain::stock::event::{Entry, Movement};
use domain::stock::{SaleLine, StockEvent};
use event_log::event::StoredEvent;

use crate::projection::{ProjectionError, decode};
use crate::sales::facts::{self, Happened};
use crate::stock::movements::late::counted_since;
use crate::stock::reservations::Reservations;
use crate::streams;

/// Key of a row of `days`. What is not known is an empty text: the channel of a movement that is no sale, the place of a
/// report that names none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct DayKey {
    company_id: Uuid,
    item_key: String,
    date_local: NaiveDate,
    location_id: String,
    channel: String,
}

/// What a block adds to a row of `days`.
#[derive(Debug, Default)]
struct Change {
    stock: Units,
    line_units: Units,
    cancel_units: Units,
    return_units: Units,
    /// The newest report takes the place of those before.
    report_units: Option<Units>,
    position: i64,
}

/// What a block adds to a row of `levels`.
#[derive(Debug, Default)]
struct Level {
    units: Units,
    moved_on: Option<NaiveDate>,
    opened_on: Option<NaiveDate>,
    position: i64,
}

/// What the facts of a block change.
#[derive(Debug, Default)]
struct Changes {
    days: BTreeMap<DayKey, Change>,
    levels: BTreeMap<(Uuid, String, String), Level>,
}

/// Folds the stock facts and daily reports of a block. Answers the items and days that they are about.
pub(super) async fn apply(
    conn: &mut PgConnection,
    block: &[StoredEvent],
) -> Result<BTreeSet<(Uuid, String, NaiveDate)>, ProjectionError> {
    let mut facts = Vec::new();
    for event in streams::of::<StockEvent>(block) {
        facts.push((event, decode::<StockEvent>(event)?));
    }
    let mut reservations = Reservations::load(conn, &facts).await?;
    let mut statements = Statements::load(conn, &facts).await?;
    let mut changes = Changes::default();
    for (event, fact) in &facts {
        changes.stock(event, fact, &mut statements);
        changes.promises(event, fact, &mut reservations);
        changes.demand(event, fact);
    }
    for event in streams::of::<SalesReportEvent>(block) {
        changes.report(event, &decode(event)?);
    }
    reservations.save(conn).await?;
    statements.save(conn).await?;
    changes.write(conn).await?;
    Ok(changes.days.into_keys().map(|key| (key.company_id, key.item_key, key.date_local)).collect())
}

impl Changes {
    fn day(&mut self, event: &StoredEvent, date: NaiveDate, place: &str, channel: &str) -> &mut Change {
        let key = DayKey {
            company_id: event.company_id,
            item_key: event.stream_id.as_ref().to_owned(),
            date_local: date,
            location_id: place.to_owned(),
            channel: channel.to_owned(),
        };
        let change = self.days.entry(key).or_default();
        change.position = event.position;
        change
    }

    fn level(&mut self, event: &StoredEvent, place: &LocationId) -> &mut Level {
        let key = (event.company_id, event.stream_id.as_ref().to_owned(), place.as_str().to_owned());
        let level = self.levels.entry(key).or_default();
        level.position = event.position;
        level
    }

    /// Units that came or went, on hand or promised.
    fn add(&mut self, event: &StoredEvent, date: NaiveDate, place: &LocationId, channel: &str, units: Units) {
        self.day(event, date, place.as_str(), channel).stock += units;
        self.level(event, place).units += units;
    }

    fn stock(&mut self, event: &StoredEvent, fact: &StockEvent, statements: &mut Statements) {
        let entry = fact.entry();
        let channel = sale(fact).map_or("", |sale| sale.channel.as_str());
        for movement in &entry.movements {
            self.add(event, entry.local_date, &movement.location_id, channel, movement.quantity);
            if let Some(counted_on) = statements.take(event, entry, movement) {
                self.add(event, counted_on, &movement.location_id, channel, -movement.quantity);
            }
            let level = self.level(event, &movement.location_id);
            level.moved_on = Some(level.moved_on.map_or(entry.local_date, |on| on.min(entry.local_date)));
            if let StockEvent::OpeningBalanceSet(_) = fact {
                level.opened_on =
                    Some(level.opened_on.map_or(entry.local_date, |on| on.min(entry.local_date)));
            }
        }
    }

    /// Promised units are not there for planning; they are again when they leave, and their leaving takes them.
    fn promises(&mut self, event: &StoredEvent, fact: &StockEvent, reservations: &mut Reservations) {
        let channel = sale(fact).map_or("", |sale| sale.channel.as_str());
        for change in reservations.take_in(event, fact) {
            self.add(event, fact.entry().local_date, &change.location_id, channel, -change.quantity);
        }
    }

    fn demand(&mut self, event: &StoredEvent, fact: &StockEvent) {
        // Units that are shipped were demand when they were promised.
        let fact = facts::fact(event, fact).filter(|fact| fact.happened != Happened::Shipped);
        let Some(fact) = fact else { return };
        let channel = fact.sale.as_ref().map_or("", |sale| sale.channel.as_str());
        let day = self.day(event, fact.local_date, fact.location_id(), channel);
        match fact.happened {
            Happened::Sold | Happened::Reserved => day.line_units += fact.quantity,
            Happened::Cancelled => day.cancel_units += fact.quantity,
            Happened::Returned => day.return_units += fact.quantity,
            Happened::Shipped => {}
        }
    }

    fn report(&mut self, event: &StoredEvent, fact: &SalesReportEvent) {
        let SalesReportEvent::DailySalesReported(report) = fact;
        let key = DayKey {
            company_id: event.company_id,
            item_key: report.item_id.as_str().to_owned(),
            date_local: report.date_local,
            location_id: report.location_id.as_ref().map_or("", LocationId::as_str).to_owned(),
            channel: report.source.as_str().to_owned(),
        };
        let change = self.days.entry(key).or_default();
        change.report_units = Some(report.units_sold);
        change.position = event.position;
    }

    async fn write(&self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.days.is_empty() {
            return Ok(());
        }
        let days: Vec<_> = self.days.iter().collect();
        sqlx::query(DAYS)
            .bind(days.iter().map(|(key, _)| key.company_id).collect::<Vec<_>>())
            .bind(days.iter().map(|(key, _)| key.item_key.as_str()).collect::<Vec<_>>())
            .bind(days.iter().map(|(key, _)| key.date_local).collect::<Vec<_>>())
            .bind(days.iter().map(|(key, _)| key.location_id.as_str()).collect::<Vec<_>>())
            .bind(days.iter().map(|(key, _)| key.channel.as_str()).collect::<Vec<_>>())
            .bind(days.iter().map(|(_, change)| change.stock).collect::<Vec<_>>())
            .bind(days.iter().map(|(_, change)| change.line_units).collect::<Vec<_>>())
            .bind(days.iter().map(|(_, change)| change.cancel_units).collect::<Vec<_>>())
            .bind(days.iter().map(|(_, change)| change.return_units).collect::<Vec<_>>())
            .bind(days.iter().map(|(_, change)| change.report_units).collect::<Vec<_>>())
            .bind(days.iter().map(|(_, change)| change.position).collect::<Vec<_>>())
            .execute(&mut *conn)
            .await?;
        let levels: Vec<_> = self.levels.iter().collect();
        sqlx::query(LEVELS)
            .bind(levels.iter().map(|(key, _)| key.0).collect::<Vec<_>>())
            .bind(levels.iter().map(|(key, _)| key.1.as_str()).collect::<Vec<_>>())
            .bind(levels.iter().map(|(key, _)| key.2.as_str()).collect::<Vec<_>>())
            .bind(levels.iter().map(|(_, level)| level.units).collect::<Vec<_>>())
            .bind(levels.iter().map(|(_, level)| level.moved_on).collect::<Vec<_>>())
            .bind(levels.iter().map(|(_, level)| level.opened_on).collect::<Vec<_>>())
            .bind(levels.iter().map(|(_, level)| level.position).collect::<Vec<_>>())
            .execute(conn)
            .await?;
        Ok(())
    }
}

const DAYS: &str = "
insert into days as d (company_id, item_key, date_local, location_id, channel, stock, line_units, cancel_units,
    return_units, report_units, changed_position)
select company_id, item_key, date_local, location_id, channel, stock, line_units, cancel_units, return_units,
    report_units, position
from unnest($1::uuid[], $2::text[], $3::date[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[])
     as change (company_id, item_key, date_local, location_id, channel, stock, line_units, cancel_units,
         return_units, report_units, position)
on conflict (company_id, item_key, date_local, location_id, channel) do update set
    stock = d.stock + excluded.stock,
    line_units = d.line_units + excluded.line_units,
    cancel_units = d.cancel_units + excluded.cancel_units,
    return_units = d.return_units + excluded.return_units,
    report_units = coalesce(excluded.report_units, d.report_units),
    changed_position = excluded.changed_position
where d.changed_position < excluded.changed_position";

const LEVELS: &str = "
insert into levels as l (company_id, item_key, location_id, units, moved_on, opened_on, changed_position)
select company_id, item_key, location_id, units, moved_on, opened_on, position
from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::date[], $6::date[], $7::bigint[])
     as change (company_id, item_key, location_id, units, moved_on, opened_on, position)
on conflict (company_id, item_key, location_id) do update set
    units = l.units + excluded.units,
    moved_on = least(l.moved_on, excluded.moved_on),
    opened_on = least(l.opened_on, excluded.opened_on),
    changed_position = excluded.changed_position
where l.changed_position < excluded.changed_position";

/// The sale line that a fact is about.
fn sale(fact: &StockEvent) -> Option<&SaleLine> {
    match fact {
        StockEvent::Sold(fact) => Some(&fact.sale),
        StockEvent::UnitsReserved(fact) => Some(&fact.sale),
        StockEvent::ReservedUnitsShipped(fact) => Some(&fact.sale),
        StockEvent::SaleCancelled(fact) => Some(&fact.sale),
        StockEvent::Returned(fact) => fact.sale.as_ref(),
        StockEvent::OpeningBalanceSet(_)
        | StockEvent::StockAdjusted(_)
        | StockEvent::StockCounted(_)
        | StockEvent::StockTransferred(_)
        | StockEvent::StockReceived(_)
        | StockEvent::SyncedFromChannel(_) => None,
    }
}

/// Company, item and location.
type Place = (Uuid, String, String);

/// Statements of stock by place and instant, with their days: those of the places where a block has late facts, and
/// those of the block.
#[derive(Debug, Default)]
struct Statements {
    known: BTreeMap<Place, BTreeMap<DateTime<Utc>, NaiveDate>>,
    new: BTreeMap<(Place, DateTime<Utc>), NaiveDate>,
}

impl Statements {
    async fn load(
        conn: &mut PgConnection,
        facts: &[(&StoredEvent, StockEvent)],
    ) -> Result<Self, sqlx::Error> {
        let mut places = BTreeSet::new();
        for (event, fact) in facts {
            let late = fact.entry().movements.iter().filter(|movement| movement.superseded_by.is_some());
            places.extend(late.map(|movement| place(event, movement)));
        }
        if places.is_empty() {
            return Ok(Self::default());
        }
        let rows: Vec<(Uuid, String, String, DateTime<Utc>, NaiveDate)> = sqlx::query_as(
            "select company_id, item_key, location_id, stated_at, local_date
             from statements
             join unnest($1::uuid[], $2::text[], $3::text[]) as late (company_id, item_key, location_id)
                 using (company_id, item_key, location_id)",
        )
        .bind(places.iter().map(|place| place.0).collect::<Vec<_>>())
        .bind(places.iter().map(|place| place.1.as_str()).collect::<Vec<_>>())
        .bind(places.iter().map(|place| place.2.as_str()).collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
        let mut statements = Self::default();
        for (company_id, item_key, location_id, stated_at, local_date) in rows {
            let place = (company_id, item_key, location_id);
            statements.known.entry(place).or_default().insert(stated_at, local_date);
        }
        Ok(statements)
    }

    /// Takes in the next movement. Answers the day of the next statement that had counted it.
    fn take(&mut self, event: &StoredEvent, entry: &Entry, movement: &Movement) -> Option<NaiveDate> {
        let is_statement = movement.anchored_at.is_some();
        if !is_statement && movement.superseded_by.is_none() {
            return None;
        }
        let place = place(event, movement);
        let at = entry.effective_at;
        let known = self.known.entry(place.clone()).or_default();
        let next = known.range(counted_since(at, is_statement)..).next().map(|(_, day)| *day);
        if is_statement {
            known.insert(at, entry.local_date);
            self.new.insert((place, at), entry.local_date);
        }
        next.filter(|_| movement.superseded_by.is_some())
    }

    async fn save(self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.new.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "insert into statements (company_id, item_key, location_id, stated_at, local_date)
             select company_id, item_key, location_id, stated_at, local_date
             from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::date[])
                 as stated (company_id, item_key, location_id, stated_at, local_date)
             on conflict (company_id, item_key, location_id, stated_at) do update set
                 local_date = excluded.local_date",
        )
        .bind(self.new.keys().map(|key| key.0.0).collect::<Vec<_>>())
        .bind(self.new.keys().map(|key| key.0.1.as_str()).collect::<Vec<_>>())
        .bind(self.new.keys().map(|key| key.0.2.as_str()).collect::<Vec<_>>())
        .bind(self.new.keys().map(|key| key.1).collect::<Vec<_>>())
        .bind(self.new.values().copied().collect::<Vec<_>>())
        .execute(conn)
        .await?;
        Ok(())
    }
}

fn place(event: &StoredEvent, movement: &Movement) -> Place {
    let location_id = movement.location_id.as_str().to_owned();
    (event.company_id, event.stream_id.as_ref().to_owned(), location_id)
}

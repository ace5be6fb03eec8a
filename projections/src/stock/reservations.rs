//! Rows of `reservations`: units promised to sale lines that have not left entirely.
//!
//! A shipment says how many units left, which may be more than were promised; how much of the promise it ends is what
//! this table knows. Only blocks with reserved lines touch it.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::ids::LocationId;
use domain::stock::{SaleLine, StockEvent};
use event_log::event::StoredEvent;

use crate::bulk::{Rows, Target};

/// Company, item key, channel, line.
type Key = (Uuid, String, String, String);

/// Open promises of the lines that a block speaks of, or of a whole partition when nothing is loaded.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    named: BTreeSet<Key>,
    open: BTreeMap<Key, Open>,
}

/// Units promised at one location, or by how much they changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) location_id: LocationId,
    pub(crate) quantity: i64,
}

impl Reservations {
    /// The promises of all lines that these facts reserve, ship or set free.
    pub(crate) async fn load(
        conn: &mut PgConnection,
        facts: &[(&StoredEvent, StockEvent)],
    ) -> Result<Self, sqlx::Error> {
        let named: BTreeSet<Key> =
            facts.iter().filter_map(|(event, fact)| Some(key(event, reserved_line(fact)?))).collect();
        if named.is_empty() {
            return Ok(Self::default());
        }
        let columns = Columns::of(named.iter());
        let rows: Vec<(Uuid, String, String, String, String, i64)> = sqlx::query_as(
            "select company_id, item_key, channel, line_id, location_id, quantity
             from reservations
             join unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
                  as named (company_id, item_key, channel, line_id)
                  using (company_id, item_key, channel, line_id)",
        )
        .bind(&columns.companies)
        .bind(&columns.items)
        .bind(&columns.channels)
        .bind(&columns.lines)
        .fetch_all(conn)
        .await?;
        let open = rows
            .into_iter()
            .filter_map(|(company, item, channel, line, location_id, quantity)| {
                let location_id = LocationId::new(&location_id).ok()?;
                Some(((company, item, channel, line), Open { location_id, quantity }))
            })
            .collect();
        Ok(Self { named, open })
    }

    /// Takes in a fact. Answers by how much it changed the units reserved, and where.
    pub(crate) fn take_in(&mut self, event: &StoredEvent, fact: &StockEvent) -> Vec<Open> {
        let mut changes = Vec::new();
        let freed = match fact {
            StockEvent::UnitsReserved(reserved) => {
                let open =
                    Open { location_id: reserved.location_id.clone(), quantity: reserved.sale.quantity };
                changes.push(open.clone());
                self.open.insert(key(event, &reserved.sale), open)
            }
            StockEvent::ReservedUnitsShipped(shipped) => {
                self.set_free(event, &shipped.sale, shipped.sale.quantity)
            }
            StockEvent::SaleCancelled(cancelled) if cancelled.released != 0 => {
                self.set_free(event, &cancelled.sale, cancelled.released)
            }
            _ => None,
        };
        changes.extend(freed.map(|freed| Open { quantity: -freed.quantity, ..freed }));
        changes
    }

    /// Ends the promise of up to `units` of a line; answers how many of them were promised, and where.
    fn set_free(&mut self, event: &StoredEvent, line: &SaleLine, units: i64) -> Option<Open> {
        let key = key(event, line);
        let open = self.open.get_mut(&key)?;
        let quantity = units.min(open.quantity);
        open.quantity -= quantity;
        let freed = Open { location_id: open.location_id.clone(), quantity };
        if open.quantity <= 0 {
            self.open.remove(&key);
        }
        Some(freed)
    }

    /// Puts what is promised now as rows of a table that has none.
    pub(super) fn put(&self, rows: &mut Rows) {
        for ((company, item, channel, line), open) in &self.open {
            rows.row(&RESERVATIONS)
                .put(*company)
                .put(item.as_str())
                .put(channel.as_str())
                .put(line.as_str())
                .put(open.location_id.as_str())
                .put(open.quantity);
        }
    }

    /// Writes what is promised now.
    pub(crate) async fn save(self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.named.is_empty() {
            return Ok(());
        }
        let ended = Columns::of(self.named.iter().filter(|key| !self.open.contains_key(*key)));
        sqlx::query(
            "delete from reservations
             using unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
                   as ended (company_id, item_key, channel, line_id)
             where reservations.company_id = ended.company_id and reservations.item_key = ended.item_key
               and reservations.channel = ended.channel and reservations.line_id = ended.line_id",
        )
        .bind(&ended.companies)
        .bind(&ended.items)
        .bind(&ended.channels)
        .bind(&ended.lines)
        .execute(&mut *conn)
        .await?;
        let open = Columns::of(self.open.keys());
        sqlx::query(
            "insert into reservations (company_id, item_key, channel, line_id, location_id, quantity)
             select company_id, item_key, channel, line_id, location_id, quantity
             from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
                  as promise (company_id, item_key, channel, line_id, location_id, quantity)
             on conflict (company_id, item_key, channel, line_id) do update set
                 location_id = excluded.location_id,
                 quantity = excluded.quantity",
        )
        .bind(&open.companies)
        .bind(&open.items)
        .bind(&open.channels)
        .bind(&open.lines)
        .bind(self.open.values().map(|open| open.location_id.as_str()).collect::<Vec<_>>())
        .bind(self.open.values().map(|open| open.quantity).collect::<Vec<_>>())
        .execute(conn)
        .await?;
        Ok(())
    }
}

const RESERVATIONS: Target = Target {
    table: "reservations",
    columns: &["company_id", "item_key", "channel", "line_id", "location_id", "quantity"],
};

/// The line whose promise a fact makes or ends.
fn reserved_line(fact: &StockEvent) -> Option<&SaleLine> {
    match fact {
        StockEvent::UnitsReserved(reserved) => Some(&reserved.sale),
        StockEvent::ReservedUnitsShipped(shipped) => Some(&shipped.sale),
        StockEvent::SaleCancelled(cancelled) => Some(&cancelled.sale).filter(|_| cancelled.released != 0),
        _ => None,
    }
}

fn key(event: &StoredEvent, line: &SaleLine) -> Key {
    let line_id = line.line_id.replace('\0', "");
    (event.company_id, event.stream_id.as_ref().to_owned(), line.channel.as_str().to_owned(), line_id)
}

/// Keys, column by column.
#[derive(Default)]
struct Columns<'a> {
    companies: Vec<Uuid>,
    items: Vec<&'a str>,
    channels: Vec<&'a str>,
    lines: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(keys: impl Iterator<Item = &'a Key>) -> Self {
        let mut columns = Self::default();
        for (company, item, channel, line) in keys {
            columns.companies.push(*company);
            columns.items.push(item);
            columns.channels.push(channel);
            columns.lines.push(line);
        }
        columns
    }
}

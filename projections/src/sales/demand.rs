//! Rows of `demand`: sold, returned and cancelled units and their value, per item, day, location, channel and currency.
//!
//! A block is added up in memory, so a key is written once however many of its lines the block holds. Facts at or
//! below the position of a row's last change are in it already.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::ids::{ChannelId, LocationId};
use domain::shared::money::Currency;
use domain::shared::quantity::Units;

use super::facts::{Fact, Happened};
use crate::bulk::{Rows, Target};
use crate::projection::ProjectionError;

/// What facts add to rows.
#[derive(Debug, Default)]
pub(super) struct Demand(HashMap<RowKey, Sums>);

/// Columns of the primary key, in its order, so that neighbouring rows are written together. What is not known is an
/// empty text in the row: the channel where a person took units back, the currency where a line bears no price.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct RowKey {
    company_id: Uuid,
    item_key: Arc<str>,
    date_local: NaiveDate,
    place: Option<LocationId>,
    channel: Option<ChannelId>,
    currency: Option<Currency>,
}

/// What they add to one row.
#[derive(Debug, Default)]
struct Sums {
    line_units: Units,
    return_units: Units,
    cancel_units: Units,
    line_revenue: Decimal,
    return_revenue: Decimal,
    cancel_revenue: Decimal,
    last_position: i64,
}

impl Demand {
    /// Adds a fact.
    pub(super) fn add(&mut self, fact: &Fact) {
        if fact.happened != Happened::Shipped {
            self.0.entry(key(fact)).or_default().add(fact);
        }
    }

    /// Keys and sums in the order of the key.
    fn in_order(&self) -> Vec<(&RowKey, &Sums)> {
        let mut ordered: Vec<_> = self.0.iter().collect();
        ordered.sort_unstable_by_key(|(key, _)| *key);
        ordered
    }
}

fn key(fact: &Fact) -> RowKey {
    let sale = fact.sale.as_ref();
    RowKey {
        company_id: fact.company_id,
        item_key: Arc::clone(&fact.item_key),
        date_local: fact.local_date,
        place: fact.place.clone(),
        channel: sale.map(|sale| sale.channel.clone()),
        currency: sale.and_then(|sale| sale.unit_price).map(|price| price.currency),
    }
}

impl RowKey {
    fn location_id(&self) -> &str {
        self.place.as_ref().map_or("", LocationId::as_str)
    }

    fn channel(&self) -> &str {
        self.channel.as_ref().map_or("", ChannelId::as_str)
    }

    fn currency(&self) -> &str {
        self.currency.as_ref().map_or("", Currency::code)
    }
}

impl Sums {
    fn add(&mut self, fact: &Fact) {
        let price = fact.sale.as_ref().and_then(|sale| sale.unit_price);
        // Prices lie below 10^12 and quantities at 10^9, so the product always fits.
        let value = price
            .and_then(|price| price.amount.checked_mul(Decimal::from(fact.quantity)))
            .unwrap_or_default();
        let (units, revenue) = match fact.happened {
            Happened::Sold | Happened::Reserved => (&mut self.line_units, &mut self.line_revenue),
            Happened::Returned => (&mut self.return_units, &mut self.return_revenue),
            Happened::Cancelled => (&mut self.cancel_units, &mut self.cancel_revenue),
            Happened::Shipped => return,
        };
        *units += fact.quantity;
        *revenue += value;
        self.last_position = fact.position;
    }
}

impl Demand {
    /// Adds them to the rows that are there.
    pub(super) async fn write(&self, conn: &mut PgConnection) -> Result<(), ProjectionError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let sums = self.in_order();
        sqlx::query(UPSERT)
            .bind(sums.iter().map(|(key, _)| key.company_id).collect::<Vec<_>>())
            .bind(sums.iter().map(|(key, _)| &*key.item_key).collect::<Vec<_>>())
            .bind(sums.iter().map(|(key, _)| key.date_local).collect::<Vec<_>>())
            .bind(sums.iter().map(|(key, _)| key.location_id()).collect::<Vec<_>>())
            .bind(sums.iter().map(|(key, _)| key.channel()).collect::<Vec<_>>())
            .bind(sums.iter().map(|(key, _)| key.currency()).collect::<Vec<_>>())
            .bind(sums.iter().map(|(_, sums)| sums.line_units).collect::<Vec<_>>())
            .bind(sums.iter().map(|(_, sums)| sums.return_units).collect::<Vec<_>>())
            .bind(sums.iter().map(|(_, sums)| sums.cancel_units).collect::<Vec<_>>())
            .bind(sums.iter().map(|(_, sums)| sums.line_revenue).collect::<Vec<_>>())
            .bind(sums.iter().map(|(_, sums)| sums.return_revenue).collect::<Vec<_>>())
            .bind(sums.iter().map(|(_, sums)| sums.cancel_revenue).collect::<Vec<_>>())
            .bind(sums.iter().map(|(_, sums)| sums.last_position).collect::<Vec<_>>())
            .execute(conn)
            .await?;
        Ok(())
    }

    /// Puts them as rows of a table that has none.
    pub(super) fn put(&self, rows: &mut Rows) {
        for (key, sums) in self.in_order() {
            rows.row(&DEMAND)
                .put(key.company_id)
                .put(&*key.item_key)
                .put(key.date_local)
                .put(key.location_id())
                .put(key.channel())
                .put(key.currency())
                .put(sums.line_units)
                .put(sums.return_units)
                .put(sums.cancel_units)
                .put(sums.line_revenue)
                .put(sums.return_revenue)
                .put(sums.cancel_revenue)
                .put(sums.last_position);
        }
    }
}

const UPSERT: &str = "
insert into demand as d (company_id, item_key, date_local, location_id, channel, currency, line_units,
    return_units, cancel_units, line_revenue, return_revenue, cancel_revenue, changed_position)
select u.company_id, u.item_key, u.date_local, u.location_id, u.channel, u.currency, u.line_units,
    u.return_units, u.cancel_units, u.line_revenue, u.return_revenue, u.cancel_revenue, u.last_position
from unnest($1::uuid[], $2::text[], $3::date[], $4::text[], $5::text[], $6::text[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::numeric[], $11::numeric[], $12::numeric[], $13::bigint[])
    as u (company_id, item_key, date_local, location_id, channel, currency, line_units, return_units,
        cancel_units, line_revenue, return_revenue, cancel_revenue, last_position)
on conflict (company_id, item_key, date_local, location_id, channel, currency) do update
set line_units = d.line_units + excluded.line_units,
    return_units = d.return_units + excluded.return_units,
    cancel_units = d.cancel_units + excluded.cancel_units,
    line_revenue = d.line_revenue + excluded.line_revenue,
    return_revenue = d.return_revenue + excluded.return_revenue,
    cancel_revenue = d.cancel_revenue + excluded.cancel_revenue,
    changed_position = excluded.changed_position
where d.changed_position < excluded.changed_position";

const DEMAND: Target = Target {
    table: "demand",
    columns: &[
        "company_id",
        "item_key",
        "date_local",
        "location_id",
        "channel",
        "currency",
        "line_units",
        "return_units",
        "cancel_units",
        "line_revenue",
        "return_revenue",
        "cancel_revenue",
        "changed_position",
    ],
};

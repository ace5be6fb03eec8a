//! Rows of `demand`: sold, returned and cancelled units and their value, per item, day, location, channel and currency.
//!
//! A block is added up in memory, so a key is written once however many of its lines the block holds. Facts at or
//! below the position of a row's last change are in it already.

use std::collections::HashMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::quantity::Units;

use super::facts::{Fact, Happened};
use crate::projection::ProjectionError;

/// Columns of the primary key, in its order, so that neighbouring rows are written together. Channel and currency are
/// empty where a person took units back and where a line bears no price.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct RowKey<'a> {
    company_id: Uuid,
    item_key: &'a str,
    date_local: NaiveDate,
    location_id: &'a str,
    channel: &'a str,
    currency: &'a str,
}

/// What a block adds to one row.
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

/// Adds the facts of a block.
pub(super) async fn apply(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), ProjectionError> {
    let mut sums: HashMap<RowKey<'_>, Sums> = HashMap::new();
    for fact in facts.iter().filter(|fact| fact.happened != Happened::Shipped) {
        sums.entry(key(fact)).or_default().add(fact);
    }
    if sums.is_empty() {
        return Ok(());
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    write(conn, &sums).await
}

fn key(fact: &Fact) -> RowKey<'_> {
    let price = fact.sale.as_ref().and_then(|sale| sale.unit_price.as_ref());
    RowKey {
        company_id: fact.company_id,
        item_key: &fact.item_key,
        date_local: fact.local_date,
        location_id: &fact.location_id,
        channel: fact.sale.as_ref().map_or("", |sale| sale.channel.as_str()),
        currency: price.map(|price| price.currency.code()).unwrap_or_default(),
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

async fn write(conn: &mut PgConnection, sums: &[(RowKey<'_>, Sums)]) -> Result<(), ProjectionError> {
    sqlx::query(
        "insert into demand as d (company_id, item_key, date_local, location_id, channel, currency, line_units,
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
         where d.changed_position < excluded.changed_position",
    )
    .bind(sums.iter().map(|(key, _)| key.company_id).collect::<Vec<_>>())
    .bind(sums.iter().map(|(key, _)| key.item_key).collect::<Vec<_>>())
    .bind(sums.iter().map(|(key, _)| key.date_local).collect::<Vec<_>>())
    .bind(sums.iter().map(|(key, _)| key.location_id).collect::<Vec<_>>())
    .bind(sums.iter().map(|(key, _)| key.channel).collect::<Vec<_>>())
    .bind(sums.iter().map(|(key, _)| key.currency).collect::<Vec<_>>())
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

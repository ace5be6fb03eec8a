//! Rows of `daily_reports`: what a source last stated of an item, location and day. Demand without stock.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use domain::sales::event::{DailySalesReported, SalesReportEvent};
use domain::shared::ids::LocationId;
use event_log::event::StoredEvent;

use crate::bulk::{Rows, Target};
use crate::projection::{ProjectionError, decode};
use crate::streams;

/// The newest report of every key, by company, item, day, location and source.
#[derive(Default)]
pub(super) struct Reports(BTreeMap<(Uuid, String, NaiveDate, String, String), Newest>);

struct Newest {
    report: DailySalesReported,
    reported_at: DateTime<Utc>,
    position: i64,
}

impl Reports {
    /// Lays the reports of a block over those before.
    pub(super) fn fold(&mut self, block: &[StoredEvent]) -> Result<(), ProjectionError> {
        for event in streams::of::<SalesReportEvent>(block) {
            let SalesReportEvent::DailySalesReported(report) = decode(event)?;
            let key = (
                event.company_id,
                report.item_id.as_str().to_owned(),
                report.date_local,
                report.location_id.as_ref().map_or("", LocationId::as_str).to_owned(),
                report.source.as_str().to_owned(),
            );
            let newest = Newest { report, reported_at: event.recorded_at, position: event.position };
            self.0.insert(key, newest);
        }
        Ok(())
    }

    /// Lays them over the rows that are there.
    pub(super) async fn write(&self, conn: &mut PgConnection) -> Result<(), ProjectionError> {
        let Self(reports) = self;
        if reports.is_empty() {
            return Ok(());
        }
        sqlx::query(UPSERT)
            .bind(reports.keys().map(|key| key.0).collect::<Vec<_>>())
            .bind(reports.keys().map(|key| key.1.as_str()).collect::<Vec<_>>())
            .bind(reports.keys().map(|key| key.2).collect::<Vec<_>>())
            .bind(reports.keys().map(|key| key.3.as_str()).collect::<Vec<_>>())
            .bind(reports.keys().map(|key| key.4.as_str()).collect::<Vec<_>>())
            .bind(reports.values().map(|newest| newest.report.units_sold).collect::<Vec<_>>())
            .bind(reports.values().map(Newest::amount).collect::<Vec<_>>())
            .bind(reports.values().map(Newest::currency).collect::<Vec<_>>())
            .bind(reports.values().map(|newest| newest.reported_at).collect::<Vec<_>>())
            .bind(reports.values().map(|newest| newest.position).collect::<Vec<_>>())
            .execute(conn)
            .await?;
        Ok(())
    }

    /// Puts them as rows of a table that has none.
    pub(super) fn put(&self, rows: &mut Rows) {
        for ((company, item, date, place, source), newest) in &self.0 {
            rows.row(&REPORTS)
                .put(*company)
                .put(item.as_str())
                .put(*date)
                .put(place.as_str())
                .put(source.as_str())
                .put(newest.report.units_sold)
                .put(newest.amount())
                .put(newest.currency())
                .put(newest.reported_at)
                .put(newest.position);
        }
    }
}

impl Newest {
    fn amount(&self) -> Option<rust_decimal::Decimal> {
        self.report.revenue.map(|money| money.amount)
    }

    fn currency(&self) -> Option<&str> {
        self.report.revenue.as_ref().map(|money| money.currency.code())
    }
}

const UPSERT: &str = "
insert into daily_reports as d (company_id, item_key, date_local, location_id, source, units_sold,
    revenue_amount, revenue_currency, reported_at, position)
select u.company_id, u.item_key, u.date_local, u.location_id, u.source, u.units_sold, u.amount, u.currency,
    u.reported_at, u.position
from unnest($1::uuid[], $2::text[], $3::date[], $4::text[], $5::text[], $6::bigint[], $7::numeric[],
    $8::text[], $9::timestamptz[], $10::bigint[])
    as u (company_id, item_key, date_local, location_id, source, units_sold, amount, currency, reported_at,
        position)
on conflict (company_id, item_key, date_local, location_id, source) do update
set units_sold = excluded.units_sold,
    revenue_amount = excluded.revenue_amount,
    revenue_currency = excluded.revenue_currency,
    reported_at = excluded.reported_at,
    position = excluded.position
where d.position < excluded.position";

const REPORTS: Target = Target {
    table: "daily_reports",
    columns: &[
        "company_id",
        "item_key",
        "date_local",
        "location_id",
        "source",
        "units_sold",
        "revenue_amount",
        "revenue_currency",
        "reported_at",
        "position",
    ],
};

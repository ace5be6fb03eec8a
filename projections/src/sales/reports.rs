//! Rows of `daily_reports`: what a source last stated of an item, location and day. Demand without stock.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use domain::sales::event::{DailySalesReported, SalesReportEvent};
use event_log::event::StoredEvent;

use crate::projection::{ProjectionError, decode};
use crate::streams;

/// Lays the reports of a block over the rows; the newest of a key stays.
pub(super) async fn apply(conn: &mut PgConnection, block: &[StoredEvent]) -> Result<(), ProjectionError> {
    let mut reports = BTreeMap::new();
    for event in streams::of::<SalesReportEvent>(block) {
        let SalesReportEvent::DailySalesReported(report) = decode(event)?;
        let key = (
            event.company_id,
            report.item_id.as_str().to_owned(),
            report.date_local,
            report.location_id.as_ref().map(|location| location.as_str().to_owned()).unwrap_or_default(),
            report.source.as_str().to_owned(),
        );
        reports.insert(key, (event, report));
    }
    let reports = reports.into_values().collect::<Vec<_>>();
    if reports.is_empty() { Ok(()) } else { write(conn, &reports).await }
}

async fn write(
    conn: &mut PgConnection,
    reports: &[(&StoredEvent, DailySalesReported)],
) -> Result<(), ProjectionError> {
    let location =
        |report: &DailySalesReported| report.location_id.clone().map(String::from).unwrap_or_default();
    sqlx::query(
        "insert into daily_reports as d (company_id, item_key, date_local, location_id, source, units_sold,
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
         where d.position < excluded.position",
    )
    .bind(reports.iter().map(|(event, _)| event.company_id).collect::<Vec<_>>())
    .bind(reports.iter().map(|(_, report)| report.item_id.as_str()).collect::<Vec<_>>())
    .bind(reports.iter().map(|(_, report)| report.date_local).collect::<Vec<_>>())
    .bind(reports.iter().map(|(_, report)| location(report)).collect::<Vec<_>>())
    .bind(reports.iter().map(|(_, report)| report.source.as_str()).collect::<Vec<_>>())
    .bind(reports.iter().map(|(_, report)| report.units_sold).collect::<Vec<_>>())
    .bind(reports.iter().map(|(_, report)| report.revenue.map(|money| money.amount)).collect::<Vec<_>>())
    .bind(
        reports
            .iter()
            .map(|(_, report)| report.revenue.map(|money| money.currency.code().to_owned()))
            .collect::<Vec<_>>(),
    )
    .bind(reports.iter().map(|(event, _)| event.recorded_at).collect::<Vec<_>>())
    .bind(reports.iter().map(|(event, _)| event.position).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

//! Stock of one product at the close of each day, to be laid beside its demand.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::quantity::Units;

#[derive(sqlx::FromRow)]
struct Movement {
    location_id: String,
    local_date: NaiveDate,
    quantity: Units,
    anchored_at: Option<Units>,
}

/// Closing stock on every day from `from` to `to`, over all PHYSICAL locations or at the one given; none before the
/// first movement there.
pub async fn closing(
    conn: &mut PgConnection,
    company_id: Uuid,
    item_key: &str,
    (from, to): (NaiveDate, NaiveDate),
    location_id: Option<&str>,
) -> Result<Vec<(NaiveDate, Option<Units>)>, sqlx::Error> {
    let movements = movements(conn, company_id, item_key, to, location_id).await?;
    let mut movements = movements.into_iter().peekable();
    let mut levels: BTreeMap<String, Units> = BTreeMap::new();
    let mut days = Vec::new();
    for date in from.iter_days().take_while(|date| *date <= to) {
        while let Some(movement) = movements.next_if(|movement| movement.local_date <= date) {
            let level = levels.entry(movement.location_id).or_default();
            *level = movement.anchored_at.unwrap_or(*level + movement.quantity);
        }
        days.push((date, (!levels.is_empty()).then(|| levels.values().sum())));
    }
    Ok(days)
}

/// Movements up to the close of `to`, in the order in which they happened; an anchor closes its instant.
async fn movements(
    conn: &mut PgConnection,
    company_id: Uuid,
    item_key: &str,
    to: NaiveDate,
    location_id: Option<&str>,
) -> Result<Vec<Movement>, sqlx::Error> {
    sqlx::query_as(
        "select m.location_id, m.local_date, m.quantity, m.anchored_at
         from movements_2.movements m
         join catalogue_1.locations l on l.company_id = m.company_id and l.location_id = m.location_id
         where m.company_id = $1 and m.item_key = $2 and m.local_date <= $3
             and case when $4::text is null then l.stock_role = 'PHYSICAL' else m.location_id = $4 end
         order by m.effective_at, m.anchored_at is not null, m.position",
    )
    .bind(company_id)
    .bind(item_key)
    .bind(to)
    .bind(location_id.map(|location| location.trim().replace('\0', "")))
    .fetch_all(conn)
    .await
}

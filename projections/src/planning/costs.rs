//! Rows of `costs`: what a unit of each product cost from when on.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use domain::catalogue::product::ProductEvent;
use event_log::event::StoredEvent;

use crate::projection::{ProjectionError, decode};
use crate::streams;

/// Keeps the costs that product events of a block state; of two at one instant the later recorded holds.
pub(super) async fn apply(conn: &mut PgConnection, block: &[StoredEvent]) -> Result<(), ProjectionError> {
    let mut costs = BTreeMap::new();
    for event in streams::of::<ProductEvent>(block) {
        let details = match decode(event)? {
            ProductEvent::ProductCreated(created) => created.details,
            ProductEvent::ProductEdited(edited) => edited.details,
            ProductEvent::ProductRenamed(_)
            | ProductEvent::ProductDeactivated(_)
            | ProductEvent::ProductReactivated(_) => continue,
        };
        let key = (event.company_id, event.stream_id.as_ref(), event.recorded_at);
        costs.insert(key, (details.unit_cost, event.position));
    }
    if costs.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into costs as known (company_id, item_key, since, amount, currency, position)
         select company_id, item_key, since, amount, currency, position
         from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::numeric[], $5::text[], $6::bigint[])
             as c (company_id, item_key, since, amount, currency, position)
         on conflict (company_id, item_key, since) do update set
             amount = excluded.amount,
             currency = excluded.currency,
             position = excluded.position
         where known.position < excluded.position",
    )
    .bind(costs.keys().map(|key| key.0).collect::<Vec<_>>())
    .bind(costs.keys().map(|key| key.1).collect::<Vec<_>>())
    .bind(costs.keys().map(|key| key.2).collect::<Vec<_>>())
    .bind(costs.values().map(|(cost, _)| cost.map(|cost| cost.amount)).collect::<Vec<_>>())
    .bind(
        costs.values().map(|(cost, _)| cost.map(|cost| cost.currency.code().to_owned())).collect::<Vec<_>>(),
    )
    .bind(costs.values().map(|(_, position)| *position).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

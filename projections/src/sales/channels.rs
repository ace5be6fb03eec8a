//! Rows of `channels`: where a channel's sales land and how they take stock.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;

use domain::sales::event::{ChannelConfigured, ChannelEvent};
use event_log::event::StoredEvent;

use crate::projection::{ProjectionError, decode};
use crate::rows;
use crate::streams;

/// Lays the configurations of a block over the rows; the newest of a channel stays.
pub(super) async fn apply(conn: &mut PgConnection, block: &[StoredEvent]) -> Result<(), ProjectionError> {
    let mut configured = BTreeMap::new();
    for event in streams::of::<ChannelEvent>(block) {
        let ChannelEvent::ChannelConfigured(config) = decode(event)?;
        configured.insert((event.company_id, event.stream_id.as_ref()), (event.position, config));
    }
    if configured.is_empty() { Ok(()) } else { write(conn, &configured).await }
}

async fn write(
    conn: &mut PgConnection,
    configured: &BTreeMap<(Uuid, &str), (i64, ChannelConfigured)>,
) -> Result<(), ProjectionError> {
    let on_sale = configured.values().map(|(_, config)| rows::word(config.on_sale));
    sqlx::query(
        "insert into channels as c (company_id, channel, location_id, on_sale, count_returns, changed_position)
         select u.company_id, u.channel, u.location_id, u.on_sale, u.count_returns, u.position
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::bigint[])
             as u (company_id, channel, location_id, on_sale, count_returns, position)
         on conflict (company_id, channel) do update
         set location_id = excluded.location_id,
             on_sale = excluded.on_sale,
             count_returns = excluded.count_returns,
             changed_position = excluded.changed_position
         where c.changed_position < excluded.changed_position",
    )
    .bind(configured.keys().map(|key| key.0).collect::<Vec<_>>())
    .bind(configured.keys().map(|key| key.1).collect::<Vec<_>>())
    .bind(configured.values().map(|(_, config)| config.location_id.clone().map(String::from)).collect::<Vec<_>>())
    .bind(on_sale.collect::<Result<Vec<_>, _>>()?)
    .bind(configured.values().map(|(_, config)| config.count_returns).collect::<Vec<_>>())
    .bind(configured.values().map(|(position, _)| *position).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

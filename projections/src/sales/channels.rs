//! Rows of `channels`: where a channel's sales land and how they take stock.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;

use domain::sales::event::{ChannelConfigured, ChannelEvent};
use domain::shared::ids::LocationId;
use event_log::event::StoredEvent;

use crate::bulk::{Rows, Target};
use crate::projection::{ProjectionError, decode};
use crate::rows;
use crate::streams;

/// The newest configuration of every channel and its position, by company and channel.
#[derive(Default)]
pub(super) struct Channels(BTreeMap<(Uuid, String), Newest>);

struct Newest {
    config: ChannelConfigured,
    on_sale: String,
    position: i64,
}

impl Channels {
    /// Lays the configurations of a block over those before.
    pub(super) fn fold(&mut self, block: &[StoredEvent]) -> Result<(), ProjectionError> {
        for event in streams::of::<ChannelEvent>(block) {
            let ChannelEvent::ChannelConfigured(config) = decode(event)?;
            let key = (event.company_id, event.stream_id.as_ref().to_owned());
            let newest = Newest { on_sale: rows::word(config.on_sale)?, config, position: event.position };
            self.0.insert(key, newest);
        }
        Ok(())
    }

    /// Lays them over the rows that are there.
    pub(super) async fn write(&self, conn: &mut PgConnection) -> Result<(), ProjectionError> {
        let Self(channels) = self;
        if channels.is_empty() {
            return Ok(());
        }
        sqlx::query(UPSERT)
            .bind(channels.keys().map(|key| key.0).collect::<Vec<_>>())
            .bind(channels.keys().map(|key| key.1.as_str()).collect::<Vec<_>>())
            .bind(channels.values().map(Newest::location_id).collect::<Vec<_>>())
            .bind(channels.values().map(|newest| newest.on_sale.as_str()).collect::<Vec<_>>())
            .bind(channels.values().map(|newest| newest.config.count_returns).collect::<Vec<_>>())
            .bind(channels.values().map(|newest| newest.position).collect::<Vec<_>>())
            .execute(conn)
            .await?;
        Ok(())
    }

    /// Puts them as rows of a table that has none.
    pub(super) fn put(&self, rows: &mut Rows) {
        for ((company, channel), newest) in &self.0 {
            rows.row(&CHANNELS)
                .put(*company)
                .put(channel.as_str())
                .put(newest.location_id())
                .put(newest.on_sale.as_str())
                .put(newest.config.count_returns)
                .put(newest.position);
        }
    }
}

impl Newest {
    fn location_id(&self) -> Option<&str> {
        self.config.location_id.as_ref().map(LocationId::as_str)
    }
}

const UPSERT: &str = "
insert into channels as c (company_id, channel, location_id, on_sale, count_returns, changed_position)
select u.company_id, u.channel, u.location_id, u.on_sale, u.count_returns, u.position
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::bigint[])
    as u (company_id, channel, location_id, on_sale, count_returns, position)
on conflict (company_id, channel) do update
set location_id = excluded.location_id,
    on_sale = excluded.on_sale,
    count_returns = excluded.count_returns,
    changed_position = excluded.changed_position
where c.changed_position < excluded.changed_position";

const CHANNELS: Target = Target {
    table: "channels",
    columns: &["company_id", "channel", "location_id", "on_sale", "count_returns", "changed_position"],
};

//! One item with every event of its stock, from the log. The catalogue's read model only helps to find it by name.

use anyhow::bail;
use domain::shared::event::Event;
use domain::stock::StockEvent;
use event_log::archive::{Archive, Events, gone_until};
use event_log::event::{StoredEvent, StreamKey, partition_of};
use event_log::read;
use projections::catalogue::queries::{self, Resolution};
use projections::projection::decode;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// An item of a company.
pub(crate) struct Item {
    /// Id of its stream: the first item id.
    pub(crate) key: String,
    /// Present item id and name, where the catalogue knows it.
    pub(crate) title: String,
    /// Locations that mirror stock that lies elsewhere; they do not count in the total.
    pub(crate) mirrors: Vec<String>,
    /// Every event of its stock, in order.
    pub(crate) events: Vec<(StoredEvent, StockEvent)>,
}

/// Finds an item by item id, former item id, sku or barcode.
pub(crate) async fn find(
    owner: &PgPool,
    archive: &Archive,
    company_id: Uuid,
    text: &str,
) -> anyhow::Result<Item> {
    let mut conn = owner.acquire().await?;
    let mut item = Item {
        key: text.trim().to_owned(),
        title: text.trim().to_owned(),
        mirrors: Vec::new(),
        events: Vec::new(),
    };
    if has_catalogue(&mut conn).await? {
        look_up(&mut conn, company_id, text, &mut item).await?;
    }
    let partition = partition_of(company_id, projections::heads::partitions(owner).await?);
    let stream_id = item.key.as_str().into();
    let stream = StreamKey { company_id, stream_type: StockEvent::STREAM_TYPE, stream_id };
    let mut events = archived(owner, archive, partition, &stream).await?;
    let version = events.last().map_or(0, |event| event.version);
    events.extend(read::streams(&mut conn, partition, &[(stream, version)], i64::MAX).await?);
    for event in events {
        let fact = decode::<StockEvent>(&event)?;
        item.events.push((event, fact));
    }
    if item.events.is_empty() {
        bail!("no stock of {} of company {company_id} ever moved", item.title);
    }
    Ok(item)
}

/// Events of a stream that have left the database. The archive knows no streams: it is read from its beginning.
async fn archived(
    owner: &PgPool,
    archive: &Archive,
    partition: i16,
    stream: &StreamKey,
) -> anyhow::Result<Vec<StoredEvent>> {
    let until = gone_until(&mut *owner.acquire().await?).await?;
    let mut found = Vec::new();
    if until == 0 {
        return Ok(found);
    }
    let mut events = Events::open(owner, archive, partition, (0, until)).await?;
    while let Some(block) = events.next().await? {
        found.extend(block.into_iter().filter(|event| {
            event.company_id == stream.company_id
                && event.stream_id == stream.stream_id
                && *event.stream_type == *stream.stream_type
        }));
    }
    Ok(found)
}

async fn has_catalogue(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select to_regclass('catalogue_1.item_aliases') is not null").fetch_one(conn).await
}

async fn look_up(
    conn: &mut PgConnection,
    company_id: Uuid,
    text: &str,
    item: &mut Item,
) -> anyhow::Result<()> {
    match queries::resolve(conn, company_id, text).await? {
        Resolution::Found(key) => item.key = key,
        // The read model may lag: the text may still be the key of a stream.
        Resolution::Unknown => {}
        Resolution::Ambiguous(keys) => bail!("{text} names several items: {}", keys.join(", ")),
    }
    if let Some(row) = queries::product(conn, company_id, &item.key).await? {
        item.title = format!("{} ({})", row.item_id, row.product_name);
    }
    let locations = queries::locations(conn, company_id).await?;
    let mirrors = locations.into_iter().filter(|row| row.stock_role == "MIRROR").map(|row| row.location_id);
    item.mirrors = mirrors.collect();
    Ok(())
}

impl Item {
    /// Keys of every location that it touched, in order.
    pub(crate) fn locations(&self) -> Vec<domain::shared::ids::LocationId> {
        let movements = self.events.iter().flat_map(|(_, fact)| &fact.entry().movements);
        let mut locations: Vec<_> = movements.map(|movement| movement.location_id.clone()).collect();
        locations.sort();
        locations.dedup();
        locations
    }

    /// Whether units there are a mirror of others.
    pub(crate) fn is_mirror(&self, location_id: &str) -> bool {
        self.mirrors.iter().any(|mirror| mirror == location_id)
    }
}

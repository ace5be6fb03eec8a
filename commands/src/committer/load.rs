//! Reads from the log what a batch must know before it can be decided.

use std::collections::HashSet;
use std::sync::Arc;

use domain::planning::state::{Calendar, Dismissals, ForecastRun, ItemDays, PlanningSettings};
use domain::sales::{Quarantine, SalesReport};
use domain::shared::event::Event;
use domain::stock::{StockEvent, StockItem};
use event_log::append::KeyKind;
use event_log::event::{StoredEvent, StreamKey};
use event_log::{LogError, keys, read, snapshot};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::committer::error::CommitError;
use crate::committer::snapshots;
use crate::directory::{COMPLETE, Cached, Directory, Room};
use crate::workspace::{Found, Histories, Memory, Missing, SoldLine};

/// Reads everything that is missing, as of `position`.
pub(super) async fn load(
    connection: &mut PgConnection,
    partition: i16,
    position: i64,
    missing: HashSet<Missing>,
    memory: &mut Memory,
    found: &mut Found,
) -> Result<(), CommitError> {
    let (mut streams, mut histories, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    let mut requests = Vec::new();
    for one in missing {
        match one {
            Missing::Directory(company_id) => {
                let events = read::company(connection, partition, company_id, &COMPLETE, position).await?;
                memory.insert(company_id, Directory::load(&events, position)?);
            }
            Missing::Stream(stream) => streams.push(stream),
            Missing::History(stream) => histories.push(stream),
            Missing::SoldLine(company_id, key) => lines.push((company_id, key)),
            Missing::RequestKey(company_id, key) => requests.push((company_id, key)),
        }
    }
    load_streams(connection, partition, position, &streams, memory).await?;
    load_histories(connection, partition, position, &histories, found).await?;
    load_requests(connection, partition, &requests, found).await?;
    load_lines(connection, partition, &lines, found).await
}

async fn load_streams(
    connection: &mut PgConnection,
    partition: i16,
    position: i64,
    streams: &[StreamKey],
    memory: &mut Memory,
) -> Result<(), CommitError> {
    if streams.is_empty() {
        return Ok(());
    }
    for stream in streams {
        let Some(directory) = memory.get_mut(&stream.company_id) else { continue };
        let id = &stream.stream_id;
        match stream.stream_type {
            "stock_item" => hold(directory, id, 0, StockItem::default()),
            "quarantine" => hold(directory, id, 0, Quarantine::default()),
            "planning_settings" => hold(directory, id, 0, PlanningSettings::default()),
            "calendar" => hold(directory, id, 0, Calendar::default()),
            "covariates" => hold(directory, id, 0, ItemDays::default()),
            "forecast_run" => hold(directory, id, 0, ForecastRun::default()),
            "recommendation" => hold(directory, id, 0, Dismissals::default()),
            _ => hold(directory, id, 0, SalesReport::default()),
        }
    }
    let stock: Vec<_> =
        streams.iter().filter(|stream| stream.stream_type == StockEvent::STREAM_TYPE).cloned().collect();
    for stored in snapshot::load(connection, partition, &stock, snapshots::stock_fingerprint()).await? {
        // A snapshot that cannot be read is a missing one.
        let Ok(state) = serde_json::from_str::<StockItem>(&stored.state) else { continue };
        if let Some(directory) = memory.get_mut(&stored.stream.company_id) {
            hold::<StockItem>(directory, &stored.stream.stream_id, stored.version, state);
        }
    }
    let from: Vec<_> = streams
        .iter()
        .map(|stream| {
            let held =
                memory.get(&stream.company_id).filter(|_| stream.stream_type == StockEvent::STREAM_TYPE);
            let version =
                held.and_then(|held| held.stock(&stream.stream_id)).map_or(0, |cached| cached.version);
            (stream.clone(), version)
        })
        .collect();
    for event in read::streams(connection, partition, &from, position).await? {
        if let Some(directory) = memory.get_mut(&event.company_id) {
            directory.absorb(&event)?;
        }
    }
    Ok(())
}

fn hold<A: Room>(directory: &mut Directory, id: &Arc<str>, version: i64, state: A) {
    A::table(directory).insert(id.clone(), Cached { version, state });
}

async fn load_histories(
    connection: &mut PgConnection,
    partition: i16,
    position: i64,
    streams: &[StreamKey],
    found: &mut Found,
) -> Result<(), CommitError> {
    if streams.is_empty() {
        return Ok(());
    }
    match histories(connection, partition, position, streams).await {
        Ok(pasts) => found.histories.extend(pasts),
        // Some of them reach into the archive: which ones is found out one by one.
        Err(CommitError::Log(LogError::Archived { .. })) => {
            for stream in streams {
                match histories(connection, partition, position, std::slice::from_ref(stream)).await {
                    Ok(pasts) => found.histories.extend(pasts),
                    Err(CommitError::Log(LogError::Archived { .. })) => {
                        found.histories.insert((stream.company_id, stream.stream_id.clone()), None);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Every event of these streams; none for a stream that has no events left: only one with a long past is asked for it.
async fn histories(
    connection: &mut PgConnection,
    partition: i16,
    position: i64,
    streams: &[StreamKey],
) -> Result<Histories, CommitError> {
    let mut pasts: Histories =
        streams.iter().map(|stream| ((stream.company_id, stream.stream_id.clone()), None)).collect();
    let from: Vec<_> = streams.iter().map(|stream| (stream.clone(), 0)).collect();
    for event in read::streams(connection, partition, &from, position).await? {
        let decoded = decode_stock(&event)?;
        let past = pasts.entry((event.company_id, event.stream_id.clone())).or_default();
        past.get_or_insert_default().push(decoded);
    }
    Ok(pasts)
}

async fn load_requests(
    connection: &mut PgConnection,
    partition: i16,
    requests: &[(Uuid, Uuid)],
    found: &mut Found,
) -> Result<(), CommitError> {
    if requests.is_empty() {
        return Ok(());
    }
    found.asked.extend(requests);
    let wanted: Vec<_> =
        requests.iter().map(|(company_id, key)| (*company_id, KeyKind::Request, *key)).collect();
    let taken = keys::lookup(connection, partition, &wanted).await?;
    found.taken.extend(taken.into_iter().map(|key| ((key.company_id, key.kind, key.key), key)));
    Ok(())
}

async fn load_lines(
    connection: &mut PgConnection,
    partition: i16,
    lines: &[(Uuid, Uuid)],
    found: &mut Found,
) -> Result<(), CommitError> {
    if lines.is_empty() {
        return Ok(());
    }
    found.sold_lines.extend(lines.iter().map(|line| (*line, None)));
    let wanted: Vec<_> =
        lines.iter().map(|(company_id, key)| (*company_id, KeyKind::External, *key)).collect();
    let taken = keys::lookup(connection, partition, &wanted).await?;
    for key in taken {
        let Some(event) = read::at(connection, partition, key.position).await? else {
            found.archived_lines.insert((key.company_id, key.key));
            continue;
        };
        found.sold_lines.insert((key.company_id, key.key), sold_line(&decode_stock(&event)?));
    }
    Ok(())
}

fn sold_line(event: &StockEvent) -> Option<SoldLine> {
    let (location_id, sale) = match event {
        StockEvent::Sold(sold) => (sold.entry.movements.first()?.location_id.clone(), &sold.sale),
        StockEvent::UnitsReserved(reserved) => (reserved.location_id.clone(), &reserved.sale),
        _ => return None,
    };
    Some(SoldLine { location_id, quantity: sale.quantity })
}

fn decode_stock(event: &StoredEvent) -> Result<StockEvent, CommitError> {
    Ok(StockEvent::decode(&event.event_type, event.schema_version, &event.payload)?)
}

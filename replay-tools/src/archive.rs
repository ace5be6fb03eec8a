//! `replay archive`: writes sealed ranges of the log to files, reads them back, and takes them out of the database.
//!
//! A range leaves only when every partition has passed it, every read model has folded it, its files were read back and
//! agree with the chain, and every stream of stock in it has a snapshot, so that the running system goes on without the
//! archive. Whatever happens on the way, a range is in the database or in checked files, and the next run goes on.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use domain::shared::event::Event;
use domain::stock::{StockEvent, StockItem};
use event_log::archive::{self, Archive, Events, Range, Sealed};
use event_log::event::{StoredEvent, StreamKey};
use event_log::snapshot::{self, Snapshot};
use projections::projection::decode;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::cli::ArchiveArgs;
use crate::output::{Finding, counted};

/// Snapshots of one statement.
const SNAPSHOTS: usize = 500;

/// Archives every sealed range below `--before`, or only renews the snapshots of what is archived.
pub(crate) async fn run(
    owner: &PgPool,
    folder: Option<&Path>,
    args: &ArchiveArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let folder = folder.context("name the archive's folder: --archive or STOCKTRAIL_ARCHIVE")?;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let archive = Archive::at(Some(folder.to_owned()));
    let partitions = projections::heads::partitions(owner).await?;
    let mut conn = owner.acquire().await?;
    if args.renew_snapshots {
        for partition in 0..partitions {
            let archived = archive::ranges(&mut conn, partition).await?;
            let until = archived.last().map_or(0, |range| range.last);
            let saved = save_snapshots(owner, &archive, partition, until).await?;
            writeln!(out, "partition {partition}  {} renewed", counted(saved, "snapshot"))?;
        }
        return Ok(Finding::Agreement);
    }
    let mut archived = 0_i64;
    loop {
        let sealed = match archive::oldest(&mut conn).await? {
            Ok(sealed) if args.before.is_none_or(|before| sealed.last < before) => sealed,
            Ok(_) => break,
            Err(blocked) => {
                writeln!(out, "no further range is sealed: {blocked}")?;
                break;
            }
        };
        one_range(owner, &archive, folder, &sealed, out).await?;
        archived += 1;
    }
    writeln!(out, "{} archived", counted(archived, "range"))?;
    Ok(Finding::Agreement)
}

async fn one_range(
    owner: &PgPool,
    archive: &Archive,
    folder: &Path,
    sealed: &Sealed,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut conn = owner.acquire().await?;
    let partitions = projections::heads::partitions(owner).await?;
    let mut ranges = Vec::new();
    for partition in 0..partitions {
        let before = archive::ranges(&mut conn, partition).await?;
        let first = before.last().map_or(1, |range| range.last + 1);
        if first > sealed.last {
            continue; // one batch went over the whole range, and is in the file before
        }
        let (range, manifest) = archive::write(owner, folder, partition, (first, sealed.last)).await?;
        folded_beyond(&mut conn, &range).await?;
        let events = archive::check(owner, folder, &range).await?;
        let mib = manifest.bytes / (1 << 20);
        writeln!(
            out,
            "partition {partition}  {} to {}: {mib} MiB in {}",
            counted(events, "event"),
            range.last,
            range.file
        )?;
        ranges.push(range);
    }
    for partition in 0..partitions {
        let written = ranges.iter().find(|range| range.partition == partition);
        let until = written.map_or(sealed.last, |range| range.last);
        save_snapshots(owner, archive, partition, until).await?;
    }
    let leaving = [StockEvent::STREAM_TYPE];
    let now = sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut *conn).await?;
    archive::detach(&mut conn, sealed, &ranges, &leaving, now).await?;
    writeln!(out, "positions {} to {} have left the database", sealed.first, sealed.last)?;
    Ok(())
}

/// Fails unless every read model has folded the range.
async fn folded_beyond(conn: &mut PgConnection, range: &Range) -> anyhow::Result<()> {
    let behind: Option<(String, i64)> = sqlx::query_as(
        "select name, position from projections.checkpoints
         where copy = 'live' and partition = $1 and position < $2 order by position limit 1",
    )
    .bind(range.partition)
    .bind(range.last)
    .fetch_optional(conn)
    .await?;
    if let Some((name, position)) = behind {
        anyhow::bail!(
            "{name} has folded partition {} up to {position} only, not up to {}",
            range.partition,
            range.last
        );
    }
    Ok(())
}

/// Stock of one stream.
struct State {
    version: i64,
    position: i64,
    stock: StockItem,
}

/// Streams of a partition by company and id.
type States = HashMap<(Uuid, Arc<str>), State>;

/// Saves the state of every stream of stock as it stood at `until`; newer snapshots stay.
async fn save_snapshots(
    owner: &PgPool,
    archive: &Archive,
    partition: i16,
    until: i64,
) -> anyhow::Result<i64> {
    let mut states = States::new();
    let mut events = Events::open(owner, archive, partition, (0, until)).await?;
    while let Some(block) = events.next().await? {
        for event in block.iter().filter(|event| &*event.stream_type == StockEvent::STREAM_TYPE) {
            evolve(&mut states, event)?;
        }
    }
    let fingerprint = snapshot::fingerprint(StockEvent::STREAM_TYPE, StockItem::SHAPE);
    let snapshots: Vec<_> = states
        .into_iter()
        .map(|((company_id, stream_id), state)| {
            let stream = StreamKey { company_id, stream_type: StockEvent::STREAM_TYPE, stream_id };
            let State { version, position, stock } = state;
            Ok(Snapshot { stream, version, position, state: serde_json::to_string(&stock)? })
        })
        .collect::<anyhow::Result<_>>()?;
    let mut conn = owner.acquire().await?;
    for some in snapshots.chunks(SNAPSHOTS) {
        snapshot::save(&mut conn, partition, fingerprint, some).await?;
    }
    Ok(i64::try_from(snapshots.len()).unwrap_or(i64::MAX))
}

fn evolve(states: &mut States, event: &StoredEvent) -> anyhow::Result<()> {
    let fact: StockEvent = decode(event)?;
    let state = states.entry((event.company_id, Arc::clone(&event.stream_id))).or_insert_with(|| State {
        version: 0,
        position: 0,
        stock: StockItem::default(),
    });
    state.stock.evolve(&fact);
    state.version = event.version;
    state.position = event.position;
    Ok(())
}

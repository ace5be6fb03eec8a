//! Verification of the log beside a plain binary COPY of the same rows on as many connections.
//!
//! What is measured is the log's own part of `replay verify`: every event hashed, the chain of batches, positions and
//! the versions of every stream. Read models are folded by other parts.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use chrono::{DateTime, Utc};
use commands::clock::{Clock, Ids};
use event_log::append::{Appended, Batch, append, head};
use event_log::archive::Archive;
use event_log::event::{Meaning, StoredEvent, partition_of};
use event_log::verify::verify_all;
use futures::{StreamExt, TryStreamExt, stream};
use migrations::Role;
use sqlx::PgPool;
use uuid::Uuid;

use crate::bed::{self, Bed};
use crate::report::Report;

const PARTITIONS: i16 = 4;
const COMPANIES: u64 = 5;
const ITEMS: u64 = 2_500;
/// Events of one batch: about what a busy committer gathers.
const BATCH: u64 = 200;
const ROUNDS: usize = 5;

/// Fills the log with `events` events of 20 companies and 50,000 items, then verifies and copies it in turn.
pub(crate) async fn measure(bed: &Bed, events: u64, report: &mut Report) -> anyhow::Result<()> {
    let pool = bed.database.pool(Role::Committer, 4).await?;
    let each = events / u64::from(PARTITIONS.unsigned_abs());
    futures::future::try_join_all((0..PARTITIONS).map(|partition| fill(&pool, partition, each))).await?;
    sqlx::query("vacuum analyze log.events").execute(bed.database.owner()).await?;
    bed.settle().await?;
    for connections in [1, 2] {
        let pool = bed.database.pool(Role::Projector, connections).await?;
        let (mut copying, mut verifying) = (Vec::new(), Vec::new());
        copy(&pool).await?;
        for _ in 0..ROUNDS {
            copying.push(copy(&pool).await?);
            verifying.push(verify(&pool).await?);
        }
        let (copied, verified) = (median(copying)?, median(verifying)?);
        report.add(&format!("binary COPY of {events} events, connections: {connections}"), copied);
        report.add(&format!("verify of the same log, connections: {connections}"), verified);
        report.ratio(&format!("verify / binary COPY, connections: {connections}"), verified / copied);
    }
    Ok(())
}

fn median(mut rates: Vec<f64>) -> anyhow::Result<f64> {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().context("nothing was measured")
}

/// Events a second of a COPY whose rows nobody looks at.
async fn copy(pool: &PgPool) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let at_once = usize::try_from(pool.options().get_max_connections())?;
    let tasks = stream::iter(0..PARTITIONS).map(|partition| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut conn = pool.acquire().await?;
            let statement = format!(
                "copy (select partition, position, company_id, stream_type, stream_id, version, event_id, event_type,
                    schema_version, effective_at, recorded_at, payload, metadata
                 from log.events where partition = {partition} order by position) to stdout (format binary)"
            );
            let mut chunks = conn.copy_out_raw(&statement).await?;
            let mut rows = 0.0;
            while let Some(_row) = chunks.try_next().await? {
                rows += 1.0;
            }
            anyhow::Ok(rows)
        })
    });
    let copied: Vec<_> = tasks.buffered(at_once).try_collect().await?;
    let rows: f64 = copied.into_iter().sum::<anyhow::Result<f64>>()?;
    Ok(rows / begun.elapsed().as_secs_f64())
}

async fn verify(pool: &PgPool) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let mut events = 0;
    for found in verify_all(pool, &Archive::default(), PARTITIONS, &[]).await? {
        anyhow::ensure!(found.fault.is_none(), "the log is broken: {found:?}");
        events += found.events;
    }
    Ok(f64::from(u32::try_from(events)?) / begun.elapsed().as_secs_f64())
}

/// Appends `events` received deliveries to a partition, on whatever is there.
async fn fill(pool: &PgPool, partition: i16, events: u64) -> anyhow::Result<()> {
    let mut conn = pool.acquire().await?;
    let ids = std::iter::repeat_with(|| Ids.next()).filter(|id| partition_of(*id, PARTITIONS) == partition);
    let companies: Vec<Uuid> = ids.take(usize::try_from(COMPANIES)?).collect();
    let mut versions = vec![0; usize::try_from(COMPANIES * ITEMS)?];
    let mut expected = head(&mut conn, partition).await?;
    for batch in 0..events.div_ceil(BATCH) {
        let recorded_at = Clock::system().now();
        let positions = expected.position + 1..;
        let numbers = (batch * BATCH)..((batch + 1) * BATCH).min(events);
        let events = positions.zip(numbers).map(|(position, n)| {
            let stream = usize::try_from(bed::scatter(n) % (COMPANIES * ITEMS))?;
            let version = versions.get_mut(stream).context("no such stream")?;
            *version += 1;
            let company = companies.get(stream % companies.len()).context("no such company")?;
            anyhow::Ok(received((partition, position), *company, stream, *version, recorded_at))
        });
        let events = events.collect::<anyhow::Result<Vec<_>>>()?;
        let batch = Batch { partition, expected, events, keys: Vec::new(), recorded_at };
        expected = match append(&mut conn, &batch).await? {
            Appended::Done(head) => head,
            other => anyhow::bail!("not appended: {other:?}"),
        };
    }
    Ok(())
}

/// An event as the committer writes it.
fn received(
    (partition, position): (i16, i64),
    company_id: Uuid,
    stream: usize,
    version: i64,
    recorded_at: DateTime<Utc>,
) -> StoredEvent {
    let (event_id, command_id) = (Ids.next(), Ids.next());
    let payload = format!(
        r#"{{"entry":{{"movement_id":"{event_id}","effective_at":"2026-11-20T10:00:00Z","local_date":"2026-11-20","movements":[{{"location_id":"MAIN","quantity":5,"effect":5,"balance_after":{}}}]}},"reference":"D-1"}}"#,
        5 * version
    );
    let metadata = format!(
        r#"{{"actor":"user:{command_id}","command_id":"{command_id}","correlation_id":"{command_id}","source":"bench"}}"#
    );
    StoredEvent {
        partition,
        position,
        company_id,
        stream_type: Arc::from("stock_item"),
        stream_id: Arc::from(format!("ITEM-{stream:05}")),
        version,
        event_id,
        event_type: Arc::from("StockReceived"),
        schema_version: 1,
        effective_at: recorded_at,
        recorded_at,
        payload: payload.into(),
        metadata: metadata.into(),
        meaning: Meaning::default(),
    }
}

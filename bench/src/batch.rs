//! Batch load of sales over HTTP beside raw binary COPY of the same events.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use sqlx::Connection as _;

use crate::bed::{self, Bed};
use crate::http::{Connection, Shop};

/// What a batch load did.
pub(crate) struct Loaded {
    /// Lines a second over HTTP.
    pub(crate) lines: f64,
    /// Rows a second of binary COPY.
    pub(crate) copied: f64,
    /// Time until the read models had caught up, as a multiple of the load time.
    pub(crate) caught_up: f64,
}

/// Loads `requests` × 10,000 sale lines over HTTP on two connections, then copies the same events into a table like the log's.
pub(crate) async fn load(bed: &Bed, shop: &Shop, items: u64, requests: u64) -> anyhow::Result<Loaded> {
    let bodies: Vec<_> = (0..requests).map(|request| lines(request, items)).collect::<anyhow::Result<_>>()?;
    shop.catch_up().await?;
    let before = shop.running.state.committers.head(shop.company_id.0);
    bed.settle().await?;
    let (mut one, mut other) = (shop.connect().await?, shop.connect().await?);
    let (first, second) = bodies.split_at(bodies.len() / 2);
    let started = Instant::now();
    futures::try_join!(send(&mut one, first), send(&mut other, second))?;
    let loaded = started.elapsed();
    shop.catch_up().await?;
    let caught_up = started.elapsed();
    let after = shop.running.state.committers.head(shop.company_id.0);
    let events = f64::from(u32::try_from(after - before)?);
    let copied = copy(bed, shop, before, after).await?;
    Ok(Loaded {
        lines: events / loaded.as_secs_f64(),
        copied: events / copied.as_secs_f64(),
        caught_up: caught_up.as_secs_f64() / loaded.as_secs_f64(),
    })
}

async fn send(connection: &mut Connection, bodies: &[String]) -> anyhow::Result<()> {
    for body in bodies {
        let answer = connection.send("POST", "/sales/batch", "", "application/x-ndjson", body.as_bytes());
        answer.await?.expect_success()?;
    }
    Ok(())
}

fn lines(request: u64, items: u64) -> anyhow::Result<String> {
    let mut body = String::new();
    for line in 0..10_000_u64 {
        let n = request * 10_000 + line;
        let item = bed::item(usize::try_from(bed::scatter(n) % items)?)?;
        writeln!(
            body,
            r#"{{"channel":"shop","order_id":"O-{}","line_id":"{n}","item_id":"{item}","quantity":2,"unit_price":{{"amount":"2.55","currency":"EUR"}},"sold_at":"2026-11-18T08:26:00+00:00","kind":"sale"}}"#,
            n / 5
        )?;
    }
    Ok(body)
}

/// Time of a binary COPY of the events in `(before, after]` into an empty table with the log's columns and keys.
async fn copy(bed: &Bed, shop: &Shop, before: i64, after: i64) -> anyhow::Result<Duration> {
    use futures::TryStreamExt;
    let owner = bed.database.owner();
    let partition = shop.running.state.committers.partition_of(shop.company_id.0);
    sqlx::raw_sql(
        "drop table if exists bench_copy;
         create table bench_copy (like log.events including defaults);
         alter table bench_copy add primary key (partition, position);
         create unique index on bench_copy (partition, company_id, stream_type, stream_id, version)",
    )
    .execute(owner)
    .await?;
    let mut connection = sqlx::PgConnection::connect(&bed.database.url()).await?;
    let source = format!(
        "copy (select * from log.events where partition = {partition} and position > {before} and position <= {after}
               order by position) to stdout (format binary)"
    );
    let bytes: Vec<_> = connection.copy_out_raw(&source).await?.try_collect().await?;
    bed.settle().await?;
    let started = Instant::now();
    let mut sink = connection.copy_in_raw("copy bench_copy from stdin (format binary)").await?;
    for chunk in bytes.chunks(64) {
        sink.send(chunk.concat()).await?;
    }
    sink.finish().await?;
    let elapsed = started.elapsed();
    sqlx::query("drop table bench_copy").execute(owner).await?;
    Ok(elapsed)
}

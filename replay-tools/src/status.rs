//! `replay status`: how long the log is and how far every read model has folded it.
//!
//! A running read model saves a checkpoint at most a second late where the events were not its own, so a small lag
//! may show while it misses nothing.

use std::io::Write;

use chrono::{DateTime, Utc};
use projections::registry;
use sqlx::PgPool;

use crate::output::{Finding, Table, counted, instant};

/// The head of one partition of the log.
#[derive(sqlx::FromRow)]
struct Head {
    partition: i16,
    position: i64,
    batch: i64,
    newest: Option<DateTime<Utc>>,
}

/// One copy of one read model.
#[derive(sqlx::FromRow)]
struct Model {
    name: String,
    version: i32,
    copy: String,
    positions: Vec<i64>,
    lag_events: i64,
    lag_seconds: i64,
}

/// Shows both tables.
pub(crate) async fn run(owner: &PgPool, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let mut table = Table::new(&["partition", "head", "batches", "newest"]);
    for Head { partition, position, batch, newest } in partitions(owner).await? {
        let newest = newest.map_or_else(|| "-".to_owned(), instant);
        table.row([partition.to_string(), position.to_string(), batch.to_string(), newest]);
    }
    table.write(out)?;
    writeln!(out)?;

    let models = models(owner).await?;
    let mut table = Table::new(&["projection", "version", "copy", "checkpoints", "lag"]);
    for model in &models {
        let positions = model.positions.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
        let lag = match model.lag_events {
            0 => "none".to_owned(),
            events => format!("{}, {} s", counted(events, "event"), model.lag_seconds),
        };
        table.row([model.name.clone(), model.version.to_string(), model.copy.clone(), positions, lag]);
    }
    for projection in registry::all() {
        let (name, version) = (projection.name(), projection.version());
        if !models.iter().any(|model| model.name == name && model.version == version && model.copy == "live")
        {
            table.row([name.to_owned(), version.to_string(), "-".to_owned(), "not installed".to_owned()]);
        }
    }
    table.write(out)?;
    Ok(Finding::Agreement)
}

async fn partitions(owner: &PgPool) -> Result<Vec<Head>, sqlx::Error> {
    sqlx::query_as(
        "select head.partition, head.position, head.batch, newest.recorded_at as newest
         from log.log_head head
         left join log.log_batch newest on newest.partition = head.partition and newest.batch = head.batch
         order by head.partition",
    )
    .fetch_all(owner)
    .await
}

/// The lag in seconds is the age of the oldest event that is not folded yet.
async fn models(owner: &PgPool) -> Result<Vec<Model>, sqlx::Error> {
    sqlx::query_as(
        "select at.name, at.version, at.copy,
                array_agg(at.position order by at.partition) as positions,
                sum(greatest(head.position - at.position, 0))::bigint as lag_events,
                coalesce(max(ceil(extract(epoch from clock_timestamp() - next.recorded_at))), 0)::bigint as lag_seconds
         from projections.checkpoints at
         join log.log_head head on head.partition = at.partition
         left join log.events next on next.partition = at.partition and next.position = at.position + 1
         group by at.name, at.version, at.copy
         order by at.name, at.version, at.copy",
    )
    .fetch_all(owner)
    .await
}

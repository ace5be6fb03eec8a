//! The table, row by row: by type and id of the aggregate in the order of their bytes, then by sequence.
//!
//! postgres-es keeps no order between streams; this one is the same at every run and on every machine. One statement
//! reads it all while the rows are taken, so that only a few thousand are in memory.

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, Row as _};
use tokio::sync::mpsc;

/// Rows that are handed over at once.
const ROWS: usize = 5_000;
/// Bytes of payload and metadata after which fewer are.
const BYTES: usize = 4 << 20;
/// Blocks that wait.
const AHEAD: usize = 2;

/// Columns that postgres-es has had from the beginning.
const COLUMNS: [&str; 7] =
    ["aggregate_type", "aggregate_id", "sequence", "event_type", "event_version", "payload", "metadata"];

/// One event as postgres-es stores it.
pub(super) struct Row {
    pub(super) aggregate_type: String,
    pub(super) aggregate_id: String,
    pub(super) sequence: i64,
    pub(super) event_type: String,
    pub(super) event_version: String,
    pub(super) payload: String,
    pub(super) metadata: String,
    /// Of the column `timestamp`, which tables made by former releases have.
    pub(super) timestamp: Option<DateTime<Utc>>,
}

/// The rows to come.
pub(super) struct Source {
    blocks: mpsc::Receiver<anyhow::Result<Option<Vec<Row>>>>,
}

impl Source {
    /// Looks at the table and begins to read it.
    pub(super) async fn open(url: &str, table: &str) -> anyhow::Result<Self> {
        let mut conn =
            PgConnection::connect(url).await.context("connecting to the database to import from")?;
        let statement = statement(&mut conn, table).await?;
        let (sender, blocks) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            let ended = read(&mut conn, &statement, &sender).await.context("reading the table to import");
            let _gone = sender.send(ended.map(|()| None)).await;
        });
        Ok(Self { blocks })
    }

    /// The next rows; none at the end.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Vec<Row>>> {
        match self.blocks.recv().await {
            Some(block) => block,
            None => bail!("reading the table to import was interrupted"),
        }
    }
}

async fn read(
    conn: &mut PgConnection,
    statement: &str,
    sender: &mpsc::Sender<anyhow::Result<Option<Vec<Row>>>>,
) -> anyhow::Result<()> {
    let mut rows = sqlx::query(statement).fetch(conn);
    let (mut block, mut bytes) = (Vec::with_capacity(ROWS), 0);
    while let Some(row) = rows.try_next().await? {
        let row = row_of(&row)?;
        bytes += row.payload.len() + row.metadata.len();
        block.push(row);
        if block.len() >= ROWS || bytes >= BYTES {
            bytes = 0;
            if sender.send(Ok(Some(std::mem::take(&mut block)))).await.is_err() {
                return Ok(());
            }
        }
    }
    if !block.is_empty() {
        let _gone = sender.send(Ok(Some(block))).await;
    }
    Ok(())
}

fn row_of(row: &PgRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        aggregate_type: row.try_get(0)?,
        aggregate_id: row.try_get(1)?,
        sequence: row.try_get(2)?,
        event_type: row.try_get(3)?,
        event_version: row.try_get(4)?,
        payload: row.try_get(5)?,
        metadata: row.try_get(6)?,
        timestamp: row.try_get(7)?,
    })
}

/// The statement that reads the table, whose name is read as postgres-es would.
async fn statement(conn: &mut PgConnection, table: &str) -> anyhow::Result<String> {
    let name: Option<String> =
        sqlx::query_scalar("select to_regclass($1)::text").bind(table).fetch_one(&mut *conn).await?;
    let Some(name) = name else { bail!("the database to import from has no table {table}") };
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select attname::text, format_type(atttypid, atttypmod) from pg_attribute
         where attrelid = to_regclass($1) and attnum > 0 and not attisdropped",
    )
    .bind(table)
    .fetch_all(conn)
    .await?;
    let missing = COLUMNS.iter().find(|wanted| !columns.iter().any(|(name, _)| name == *wanted));
    ensure!(
        missing.is_none(),
        "{table} is no table of postgres-es: it has no column {}",
        missing.unwrap_or(&"")
    );
    let has_timestamp =
        columns.iter().any(|(name, kind)| name == "timestamp" && kind == "timestamp with time zone");
    let timestamp = if has_timestamp { "\"timestamp\"" } else { "null::timestamptz" };
    Ok(format!(
        "select aggregate_type::text, aggregate_id::text, sequence::bigint, event_type::text, event_version::text,
            payload::text, metadata::text, {timestamp}
         from {name}
         order by aggregate_type::text collate \"C\", aggregate_id::text collate \"C\", sequence"
    ))
}

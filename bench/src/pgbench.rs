//! What a hand-written insert can do: `pgbench -M prepared`, one row a transaction.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use tokio::process::Command;

use crate::bed::Bed;

const TABLE: &str = "create table bench_events (
    position bigserial primary key, tenant uuid not null, stream_id text not null, version bigint not null,
    event_type text not null, payload jsonb not null, metadata jsonb not null,
    recorded_at timestamptz not null default now(), unique (tenant, stream_id, version))";

const SCRIPT: &str = r#"\set item random(1, 10000)
\set version random(1, 9000000000000000)
insert into bench_events (tenant, stream_id, version, event_type, payload, metadata)
values ('0191d3a0-0000-7000-8000-000000000001', 'ITEM-' || :item, :version, 'StockReceived',
 '{"entry":{"movement_id":"0191d3a0-7b5c-7000-8000-000000000001","effective_at":"2026-11-20T10:00:00Z","local_date":"2026-11-20","movements":[{"location_id":"MAIN","quantity":5,"effect":5,"balance_after":105}]},"reference":"D-1"}',
 '{"actor":"user:0191d3a0-7b5c-7000-8000-000000000001","command_id":"0191d3a0-7b5c-7000-8000-000000000001"}');
"#;

/// Transactions a second of `clients` clients.
pub(crate) async fn single_row_inserts(bed: &Bed, clients: u32, seconds: Duration) -> anyhow::Result<f64> {
    let owner = bed.database.owner();
    sqlx::query("drop table if exists bench_events").execute(owner).await?;
    sqlx::query(TABLE).execute(owner).await?;
    bed.settle().await?;
    let mut script = tempfile::NamedTempFile::new()?;
    script.write_all(SCRIPT.as_bytes())?;
    let program = program();
    let output = Command::new(&program)
        .args(["-n", "-M", "prepared", "-j", "2", "-f"])
        .arg(script.path())
        .args(["-c", &clients.to_string(), "-T", &seconds.as_secs().to_string()])
        .arg(bed.database.url())
        .output()
        .await
        .with_context(|| format!("running {program}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with("tps = "));
    let tps = line.and_then(|line| line.split_whitespace().nth(2)).context("pgbench printed no tps")?;
    sqlx::query("drop table bench_events").execute(owner).await?;
    Ok(tps.parse()?)
}

/// `pgbench` from the path, else from Debian's folder of server programs.
fn program() -> String {
    let folders = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = folders.map(|version| version.path().join("bin/pgbench")).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().map_or_else(|| "pgbench".to_owned(), |path| path.display().to_string())
}

//! `replay rebuild` and `replay rollback`: fold a read model again beside the live one, compare, switch.
//!
//! A rebuild that was interrupted goes on where it stopped. The rate holds while the new copy comes near; the last
//! events are folded at once, while the live copy's folding stands still.

use std::io::{self, Write};
use std::time::Duration;

use event_log::archive::Archive;
use projections::compare::TableComparison;
use projections::rebuild::{Options, Progress, Rebuild, Stage};
use projections::registry;
use sqlx::PgPool;
use tokio::sync::watch;

use crate::cli::{RebuildArgs, RollbackArgs};
use crate::output::{Finding, counted};
use crate::verify::{show_differences, show_left_out};

/// Pause between two lines of progress.
const SHOWN_EVERY: Duration = Duration::from_secs(1);

/// Rebuilds and shows where the copies differ.
pub(crate) async fn run(
    owner: &PgPool,
    archive: &Archive,
    args: &RebuildArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let projection = registry::named(&args.projection)?;
    let (progress, news) = watch::channel(Progress::default());
    let options = Options {
        diff_only: args.diff_only,
        max_rate: args.max_rate,
        archive: archive.clone(),
        progress,
        ..Options::default()
    };
    let rebuilt = tokio::select! {
        rebuilt = projections::rebuild::rebuild(owner, &projection, options) => rebuilt?,
        never = show(projection.name(), news) => never,
    };
    show_outcome(&rebuilt, out)
}

fn show_outcome(rebuilt: &Rebuild, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let folded = counted(rebuilt.positions.iter().map(|(_, position)| position).sum(), "event");
    let (name, version) = (rebuilt.projection, rebuilt.version);
    let equal = rebuilt.tables.iter().all(TableComparison::is_equal);
    write!(out, "{name} version {version}: a fresh fold of {folded} ")?;
    match rebuilt.compared_with {
        None => writeln!(out, "has nothing to be compared with")?,
        Some(live) if live == version && equal => writeln!(out, "equals the live copy")?,
        Some(live) if live == version => writeln!(out, "DIFFERS from the live copy")?,
        Some(former) if equal => writeln!(out, "equals version {former}")?,
        Some(former) => writeln!(out, "DIFFERS from version {former}")?,
    }
    for TableComparison { table, rows, other_rows, checksum, other_checksum, .. } in &rebuilt.tables {
        writeln!(
            out,
            "  {table}: {rows} rows, checksum {checksum}; new copy {other_rows} rows, {other_checksum}"
        )?;
    }
    show_differences(&rebuilt.tables, ("live", "new"), out)?;
    show_left_out(name, (rebuilt.parked, rebuilt.skipped), out)?;
    match rebuilt.pause_ms {
        _ if !rebuilt.switched => writeln!(out, "the new copy was discarded")?,
        Some(pause) => writeln!(
            out,
            "the new copy is live, folding stood still for {pause} ms; `replay rollback {name}` puts the former one back"
        )?,
        None => writeln!(out, "version {version} is live now; former versions are as they were")?,
    }
    Ok(Finding::of(equal))
}

/// Puts the former copy back.
pub(crate) async fn roll_back(
    owner: &PgPool,
    archive: &Archive,
    args: &RollbackArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let projection = registry::named(&args.projection)?;
    let done = projections::rebuild::rollback(owner, &projection, archive).await?;
    anyhow::ensure!(done, "there is no former copy of {}", args.projection);
    writeln!(out, "the former copy of {} is live again", args.projection)?;
    Ok(Finding::Agreement)
}

/// Shows progress until it is stopped.
async fn show<T>(name: &str, mut news: watch::Receiver<Progress>) -> T {
    loop {
        let progress = *news.borrow_and_update();
        if progress.total > 0 || progress.stage != Stage::Loading {
            let _closed = writeln!(io::stderr(), "{name}: {}", line_of(&progress));
        }
        let stage = progress.stage;
        let turn = news.wait_for(|now| now.stage != stage);
        if let Ok(Err(_ended)) = tokio::time::timeout(SHOWN_EVERY, turn).await {
            return std::future::pending().await;
        }
    }
}

fn line_of(progress: &Progress) -> String {
    let Progress { stage, done, total, per_second } = progress;
    let left = progress.remaining().map(|left| format!(", about {} s left", left.as_secs()));
    format!(
        "{}, {done} of {total} events at {per_second} a second{}",
        stage.name().replace('_', " "),
        left.unwrap_or_default()
    )
}

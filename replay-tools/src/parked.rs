//! `replay parked`: events that a read model cannot fold, and what is to become of them.

use std::io::Write;

use event_log::archive::Archive;
use projections::parked::refold::{Fate, decide};
use projections::parked::{ParkedEvent, list};
use projections::registry;
use sqlx::PgPool;

use crate::cli::{Choice, ParkedArgs, ParkedCommand};
use crate::output::{Finding, Table, counted, instant};

/// Shows, retries or skips.
pub(crate) async fn run(
    owner: &PgPool,
    archive: &Archive,
    args: &ParkedArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let log = (owner, archive);
    match &args.command {
        None => show(owner, out).await,
        Some(ParkedCommand::Retry(Choice { id: Some(id), .. })) => one(log, *id, Fate::Retry, out).await,
        Some(ParkedCommand::Retry(_)) => all(log, out).await,
        Some(ParkedCommand::Skip { id }) => one(log, *id, Fate::Skip, out).await,
    }
}

/// The database, and what left it.
type Log<'a> = (&'a PgPool, &'a Archive);

async fn show(owner: &PgPool, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let events = list(owner).await?;
    if events.is_empty() {
        writeln!(out, "nothing is parked")?;
        return Ok(Finding::Agreement);
    }
    let mut table =
        Table::new(&["id", "state", "read model", "event", "stream", "behind it", "tried", "last", "error"]);
    for event in &events {
        table.row([
            event.id.to_string(),
            event.state.clone(),
            format!("{}_{}", event.name, event.version),
            format!("{} #{}/{}", event.event_type, event.partition, event.position),
            format!("{} {}/{}", event.company_id, event.stream_type, event.stream_id),
            event.waiting.to_string(),
            event.attempts.to_string(),
            instant(event.parked_at),
            event.error.clone(),
        ]);
    }
    table.write(out)?;
    Ok(Finding::of(events.iter().all(|event| event.state != "parked")))
}

async fn one(log: Log<'_>, id: i64, fate: Fate, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let events = list(log.0).await?;
    let event = events.iter().find(|event| event.id == id && event.state == "parked");
    let event = event.ok_or_else(|| anyhow::anyhow!("no event is parked under {id}; see `replay parked`"))?;
    carry_out(log, event, Some(id), fate, out).await
}

async fn all(log: Log<'_>, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let mut finding = Finding::Agreement;
    let events: Vec<_> = list(log.0).await?.into_iter().filter(|event| event.state == "parked").collect();
    for model in events.chunk_by(|one, other| (&one.name, one.version) == (&other.name, other.version)) {
        if let Some(first) = model.first() {
            finding = finding.and(carry_out(log, first, None, Fate::Retry, out).await?);
        }
    }
    if events.is_empty() {
        writeln!(out, "nothing is parked")?;
    }
    Ok(finding)
}

/// Decides on one event, or on all of its read model.
async fn carry_out(
    (owner, archive): Log<'_>,
    event: &ParkedEvent,
    id: Option<i64>,
    fate: Fate,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let projection = registry::named(&event.name)?;
    anyhow::ensure!(
        projection.version() == event.version,
        "{} has version {} in this release, the event is parked for version {}",
        event.name,
        projection.version(),
        event.version
    );
    let done = decide(owner, projection.as_ref(), archive, id, fate).await?;
    let events = counted(i64::try_from(done.events).unwrap_or(i64::MAX), "event");
    let word = match fate {
        Fate::Retry => "tried again",
        Fate::Skip => "skipped for good",
    };
    writeln!(out, "{}: {events} {word}, {} still parked", event.name, done.still_parked)?;
    Ok(Finding::of(done.still_parked == 0))
}

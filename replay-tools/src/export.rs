//! `replay export`: events as lines of JSON, every column of the log, payload and metadata embedded as they are stored.
//!
//! Partition by partition, in order of position, archived events first. A hole is an error, never skipped.

use std::io::Write;

use chrono::{DateTime, Utc};
use event_log::archive::{Archive, Events};
use event_log::event::{StoredEvent, partition_of};
use event_log::{LogError, append};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::PgPool;
use uuid::Uuid;

use crate::cli::{Bound, ExportArgs, Format};
use crate::output::Finding;

/// One event.
#[derive(Serialize)]
struct Line<'a> {
    partition: i16,
    position: i64,
    company_id: Uuid,
    stream_type: &'a str,
    stream_id: &'a str,
    version: i64,
    event_id: Uuid,
    event_type: &'a str,
    schema_version: i16,
    effective_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    payload: Box<RawValue>,
    metadata: Box<RawValue>,
}

/// Writes the events of the asked range.
pub(crate) async fn run(
    owner: &PgPool,
    archive: &Archive,
    args: &ExportArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let partitions = projections::heads::partitions(owner).await?;
    let wanted: Vec<i16> = match args.company {
        Some(company_id) => vec![partition_of(company_id, partitions)],
        None => (0..partitions).collect(),
    };
    for partition in wanted {
        export(owner, archive, partition, args, out).await?;
    }
    Ok(Finding::Agreement)
}

async fn export(
    owner: &PgPool,
    archive: &Archive,
    partition: i16,
    args: &ExportArgs,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let head = append::head(&mut *owner.acquire().await?, partition).await?;
    let after = match args.from {
        Some(Bound::Position(first)) => first.saturating_sub(1).max(0),
        _ => 0,
    };
    let last = match args.to {
        Some(Bound::Position(end)) => head.position.min(end.saturating_sub(1)),
        _ => head.position,
    };
    let mut position = after;
    let mut events = Events::open(owner, archive, partition, (after, last)).await?;
    while let Some(block) = events.next().await? {
        for event in &block {
            position += 1;
            if event.position != position {
                return Err(LogError::Gap { partition, position }.into());
            }
            if is_wanted(event, args) {
                write_line(event, args.format, out)?;
            }
        }
    }
    if position < last {
        return Err(LogError::Gap { partition, position: position + 1 }.into());
    }
    Ok(())
}

fn is_wanted(event: &StoredEvent, args: &ExportArgs) -> bool {
    let not_before = !matches!(args.from, Some(Bound::Instant(from)) if event.recorded_at < from);
    let before_end = !matches!(args.to, Some(Bound::Instant(to)) if event.recorded_at >= to);
    not_before && before_end && args.company.is_none_or(|company_id| company_id == event.company_id)
}

fn write_line(event: &StoredEvent, format: Format, out: &mut dyn Write) -> anyhow::Result<()> {
    let line = Line {
        partition: event.partition,
        position: event.position,
        company_id: event.company_id,
        stream_type: &event.stream_type,
        stream_id: &event.stream_id,
        version: event.version,
        event_id: event.event_id,
        event_type: &event.event_type,
        schema_version: event.schema_version,
        effective_at: event.effective_at,
        recorded_at: event.recorded_at,
        payload: raw(&event.payload)?,
        metadata: raw(&event.metadata)?,
    };
    match format {
        Format::Ndjson => {
            serde_json::to_writer(&mut *out, &line)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

/// Stored JSON as it is. A line break in it can only be white space, and would end the line.
fn raw(json: &str) -> Result<Box<RawValue>, serde_json::Error> {
    RawValue::from_string(json.replace(['\n', '\r'], " "))
}

//! `replay verify`: is the log as it was written, does every read model equal a fresh fold, does stock add up?
//!
//! All three are always checked, so that one run shows everything that is wrong.

use std::io::Write;
use std::path::Path;

use event_log::archive::Archive;
use event_log::checkpoint::{SignedCheckpoint, Tip};
use event_log::hex;
use event_log::verify::{Report, verify_all};
use projections::compare::{ColumnDifference, Shape, TableComparison};
use projections::projection::schema_of;
use projections::registry;
use projections::verify::Verification;
use sqlx::PgPool;

use crate::checkpoint;
use crate::cli::VerifyArgs;
use crate::conservation;
use crate::output::{Finding, counted};

/// Hexadecimal digits of a hash that are shown.
const HASH_DIGITS: usize = 16;
/// Faults of one kind that are shown at most.
const EXAMPLES: usize = 20;

/// Checks everything.
pub(crate) async fn run(
    owner: &PgPool,
    archive: &Archive,
    args: &VerifyArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let mut kept = Vec::new();
    for file in &args.checkpoint {
        kept.push((file.as_path(), checkpoint::read(file, args.public_key.as_ref())?));
    }
    let tips: Vec<Tip> = kept.iter().flat_map(|(_, kept)| &kept.partitions).cloned().collect();
    let (mut log, reports) = log_holds(owner, archive, &tips, out).await?;
    for (file, kept) in &kept {
        log = log.and(show_checkpoint(file, kept, &reports, args.public_key.is_some(), out)?);
    }
    let models = models_equal(owner, archive, out).await?;
    let stock = stock_adds_up(owner, archive, out).await?;
    let finding = log.and(models).and(stock);
    writeln!(
        out,
        "{}",
        if finding == Finding::Agreement { "everything agrees" } else { "DIFFERENCES FOUND" }
    )?;
    Ok(finding)
}

/// Chain, contiguity of positions, batches and versions, and that the chain passes through what was kept elsewhere.
pub(crate) async fn log_holds(
    owner: &PgPool,
    archive: &Archive,
    kept: &[Tip],
    out: &mut dyn Write,
) -> anyhow::Result<(Finding, Vec<Report>)> {
    let mut finding = Finding::Agreement;
    let partitions = projections::heads::partitions(owner).await?;
    let reports = verify_all(owner, archive, partitions, kept).await?;
    for Report { partition, events, head, fault, .. } in &reports {
        let events = counted(*events, "event");
        if let Some(fault) = fault {
            writeln!(out, "partition {partition}  BROKEN after {events}: {fault}")?;
            finding = Finding::Difference;
            continue;
        }
        let hash = hex::text(&head.hash);
        match hash.get(..HASH_DIGITS).filter(|_| head.batch > 0) {
            Some(hash) => {
                let batches = head.batch;
                writeln!(
                    out,
                    "partition {partition}  {events} in {batches} batches, the chain holds to {hash}"
                )?;
            }
            None => writeln!(out, "partition {partition}  empty")?,
        }
    }
    Ok((finding, reports))
}

/// Whether the log extends a checkpoint: in each of its partitions the chain came as far, and met it there.
fn show_checkpoint(
    file: &Path,
    kept: &SignedCheckpoint,
    reports: &[Report],
    is_trusted: bool,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let reached = |tip: &Tip| {
        let report = reports.iter().find(|report| report.partition == tip.partition);
        report.is_some_and(|report| report.head.batch >= tip.batch)
    };
    let extends = kept.partitions.iter().all(reached);
    let verdict = if extends { "the log extends it" } else { "THE LOG DOES NOT EXTEND IT" };
    writeln!(out, "{}, {}: {verdict}", file.display(), checkpoint::describe(kept, is_trusted))?;
    Ok(Finding::of(extends))
}

/// Every read model beside a fresh fold.
async fn models_equal(owner: &PgPool, archive: &Archive, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let mut finding = Finding::Agreement;
    for projection in registry::all() {
        let schema = schema_of(projection.as_ref());
        match projections::verify::verify_across(owner, &projection, archive).await {
            Ok(found) if found.positions.is_empty() => {
                writeln!(out, "{schema}  MISSING, it was never installed")?;
                finding = Finding::Difference;
            }
            Ok(found) => finding = finding.and(show_model(&schema, &found, out)?),
            Err(error) => {
                writeln!(out, "{schema}  CANNOT BE FOLDED: {:#}", anyhow::Error::from(error))?;
                finding = Finding::Difference;
            }
        }
    }
    Ok(finding)
}

fn show_model(schema: &str, found: &Verification, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let folded = counted(found.positions.iter().map(|(_, position)| position).sum(), "event");
    let rows = counted(found.tables.iter().map(|table| table.rows).sum(), "row");
    show_left_out(schema, (found.parked, found.skipped), out)?;
    if found.is_equal() {
        writeln!(out, "{schema}  {rows} equal a fresh fold of {folded}")?;
        return Ok(Finding::of(found.parked == 0));
    }
    writeln!(out, "{schema}  DIFFERS from a fresh fold of {folded}")?;
    show_differences(&found.tables, ("live", "fold"), out)?;
    Ok(Finding::Difference)
}

/// Shows what both copies leave out: parked streams and skipped events.
pub(crate) fn show_left_out(
    model: &str,
    (parked, skipped): (usize, usize),
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if skipped > 0 {
        let skipped = counted(i64::try_from(skipped).unwrap_or(i64::MAX), "event");
        writeln!(out, "{model}  leaves out {skipped} that somebody decided to skip")?;
    }
    if parked > 0 {
        let parked = counted(i64::try_from(parked).unwrap_or(i64::MAX), "stream");
        writeln!(out, "{model}  IS INCOMPLETE: {parked} cannot be folded, see `replay parked`")?;
    }
    Ok(())
}

/// Shows the tables that differ; `sides` names the two copies.
pub(crate) fn show_differences(
    tables: &[TableComparison],
    sides: (&str, &str),
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    for table in tables.iter().filter(|table| !table.is_equal()) {
        let TableComparison { table, only_first, only_other, different, examples, shape, .. } = table;
        let (first, other) = sides;
        writeln!(
            out,
            "  {table}: {different} differ, {only_first} only in the {first} copy, {only_other} only in the {other} copy"
        )?;
        if let Some(shape) = shape {
            show_shape(shape, sides, out)?;
        }
        for difference in examples {
            writeln!(out, "    {}", difference.key)?;
            for ColumnDifference { column, first: one, other: two } in &difference.columns {
                let (one, two) = (one.as_deref().unwrap_or("-"), two.as_deref().unwrap_or("-"));
                writeln!(out, "      {column}: {one} in the {first} copy, {two} in the {other} copy")?;
            }
        }
    }
    Ok(())
}

/// Shows in what the tables themselves differ.
fn show_shape(shape: &Shape, (first, other): (&str, &str), out: &mut dyn Write) -> anyhow::Result<()> {
    for (columns, side) in [(&shape.only_first, first), (&shape.only_other, other)] {
        if !columns.is_empty() {
            writeln!(out, "    columns only in the {side} copy: {}", columns.join(", "))?;
        }
    }
    if shape.unpaired {
        writeln!(out, "    rows cannot be paired: another key, or a table of one copy alone")?;
    }
    Ok(())
}

/// Sum of effects, on hand and the domain's own fold.
async fn stock_adds_up(owner: &PgPool, archive: &Archive, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let report = match conservation::check(owner, archive).await {
        Ok(report) => report,
        Err(error) => {
            writeln!(out, "stock  CANNOT BE FOLDED: {error:#}")?;
            return Ok(Finding::Difference);
        }
    };
    let places = counted(report.places, "item and location pair");
    if report.faults.is_empty() {
        writeln!(out, "stock  effects, on hand and the fold agree for {places}")?;
        return Ok(Finding::Agreement);
    }
    let faults = i64::try_from(report.faults.len()).unwrap_or(i64::MAX);
    writeln!(out, "stock  DOES NOT ADD UP: {} among {places}", counted(faults, "fault"))?;
    for fault in report.faults.iter().take(EXAMPLES) {
        writeln!(out, "  {fault}")?;
    }
    Ok(Finding::Difference)
}

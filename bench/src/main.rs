//! Measures Stocktrail beside its peers: one PostgreSQL, one run, ratios.
//!
//! Every figure is taken on a private server with fsync on, started here. Read the ratios: absolute figures move with
//! the machine. `make bench` runs all; a name runs one (`cargo run --release -p bench -- commands`).
#![expect(clippy::print_stdout, reason = "the figures are for the terminal")]

mod bed;
mod pgbench;
mod committer;
mod peer;
mod report;

use std::time::Duration;

use clap::Parser;

/// Measures Stocktrail beside its peers.
#[derive(Parser)]
struct Options {
    /// What to measure; everything where nothing is named.
    parts: Vec<String>,
    /// Seconds per measurement.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let seconds = Duration::from_secs(options.seconds);
    let bed = bed::Bed::start().await?;
    let wanted = |part: &str| options.parts.is_empty() || options.parts.iter().any(|named| named == part);
    let mut report = report::Report::default();
    if wanted("commands") {
        commands_beside_peers(&bed, seconds, &mut report).await?;
    }
    println!("{report}");
    bed.stop().await;
    Ok(())
}

/// The same stock commands by hand-written inserts, by postgres-es and by our committer.
async fn commands_beside_peers(
    bed: &bed::Bed,
    seconds: Duration,
    report: &mut report::Report,
) -> anyhow::Result<()> {
    let inserts = pgbench::single_row_inserts(bed, 32, seconds).await?;
    report.add("pgbench single-row inserts, 32 clients", inserts);
    let peer = peer::receive(bed, 10_000, 32, seconds).await?;
    report.add("postgres-es execute, 32 callers, 10,000 items", peer.done);
    for (name, load) in [
        ("our committer, 512 callers, 10,000 items", committer::Load { companies: 1, items: 10_000, keys: false }),
        ("our committer, 512 callers, one item", committer::Load { companies: 1, items: 1, keys: false }),
        ("our committer, 4 companies on 4 partitions", committer::Load { companies: 4, items: 10_000, keys: false }),
        ("our committer, with request keys", committer::Load { companies: 1, items: 10_000, keys: true }),
    ] {
        let rate = committer::receive(bed, &load, 512, seconds).await?;
        report.add(name, rate);
        report.ratio(&format!("{name} / pgbench"), rate / inserts);
        report.ratio(&format!("{name} / postgres-es"), rate / peer.done);
    }
    let hot = peer::receive(bed, 1, 32, seconds).await?;
    report.add("postgres-es execute, 32 callers, one item (done)", hot.done);
    report.add("postgres-es execute, 32 callers, one item (conflicts)", hot.conflicts);
    Ok(())
}

//! Measures Stocktrail beside its peers: one PostgreSQL, one run, ratios.
//!
//! Every figure is taken on a private server with fsync on, started here. Read the ratios: absolute figures move with
//! the machine. `make bench` runs all; a name runs one (`cargo run --release -p bench -- commands`).
#![expect(clippy::print_stdout, reason = "the figures are for the terminal")]

mod bed;
mod pgbench;
mod committer;
mod peer;
mod http;
mod batch;
mod lists;
mod indexes;
mod relay;
mod roles;
mod grow;
mod rebuild;
mod growth;
mod verify;
mod planning;
mod report;

use std::time::Duration;

use clap::Parser;

/// The server's allocator: its code runs in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Stocktrail beside its peers.
#[derive(Parser)]
struct Options {
    /// What to measure; everything but `growth` and `users` where nothing is named.
    parts: Vec<String>,
    /// Events of the log that `growth` measures.
    #[arg(long, default_value_t = 10_000_000)]
    events: u64,
    /// Seconds per measurement.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Events that wait when the relay begins.
    #[arg(long, default_value_t = 1_000_000)]
    backlog: usize,
    /// Seconds without a broker, for `relay`.
    #[arg(long, default_value_t = 20)]
    away: u64,
    /// Seconds that people work, for `users`.
    #[arg(long, default_value_t = 300)]
    working: u64,
    /// For `roles`: be one of several processes, instead of measuring.
    #[arg(long, hide = true)]
    be: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(told) = &options.be {
        return roles::be(told).await;
    }
    let seconds = Duration::from_secs(options.seconds);
    let bed = bed::Bed::start().await?;
    let wanted = |part: &str| options.parts.is_empty() || options.parts.iter().any(|named| named == part);
    let mut report = report::Report::new();
    if wanted("commands") {
        commands_beside_peers(&bed, seconds, &mut report).await?;
    }
    if wanted("http") {
        http_beside_pgbench(&bed, seconds, &mut report).await?;
    }
    if wanted("batch") {
        batch_beside_copy(&bed, &mut report).await?;
    }
    for products in [4_000, 100_000] {
        if wanted("lists") {
            lists(&bed, products, seconds, &mut report).await?;
        }
    }
    if wanted("relay") {
        let away = Duration::from_secs(options.away);
        relay::measure(&bed, options.backlog, seconds, away, &mut report).await?;
    }
    if wanted("roles") {
        two_processes_beside_one(&bed, seconds, &mut report).await?;
    }
    if wanted("rebuild") {
        rebuild::measure(&bed, seconds, &mut report).await?;
    }
    if options.parts.iter().any(|part| part == "growth") {
        growth::measure(&bed, options.events, seconds, &mut report).await?;
    }
    if wanted("verify") {
        verify::measure(&bed, 2_000_000, &mut report).await?;
    }
    if wanted("planning") {
        planning::measure(&bed, seconds, &mut report).await?;
    }
    if options.parts.iter().any(|part| part == "users") {
        planning::users::measure(&bed, Duration::from_secs(options.working), &mut report).await?;
    }
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
        (
            "our committer, 512 callers, 10,000 items",
            committer::Load { companies: 1, items: 10_000, keys: false },
        ),
        ("our committer, 512 callers, one item", committer::Load { companies: 1, items: 1, keys: false }),
        (
            "our committer, 4 companies on 4 partitions",
            committer::Load { companies: 4, items: 10_000, keys: false },
        ),
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

/// Two processes that commit to one partition beside one that has it for itself.
async fn two_processes_beside_one(
    bed: &bed::Bed,
    seconds: Duration,
    report: &mut report::Report,
) -> anyhow::Result<()> {
    // Servers of role `api` alone make no read models once the log is long.
    projections::install::install(bed.database.owner(), &projections::registry::all()).await?;
    let one = roles::together(bed, 1, seconds).await?;
    let two = roles::together(bed, 2, seconds).await?;
    let again = roles::together(bed, 1, seconds).await?;
    let alone = f64::midpoint(one.done, again.done);
    report.add("one committing process, 512 callers", alone);
    report.add("two on the same partition, 256 callers each", two.done);
    report.add("two on the same partition: told to come again", two.busy);
    report.ratio("two on the same partition / one", two.done / alone);
    report.ratio("the slower of two / half of both", 2.0 * two.slowest / two.done);
    let one = roles::over_http(bed, 1, seconds).await?;
    let two = roles::over_http(bed, 2, seconds).await?;
    let again = roles::over_http(bed, 1, seconds).await?;
    report.add("one server of role api, 64 connections", f64::midpoint(one, again));
    report.add("two on the same partition, 32 connections each", two);
    report.ratio("two servers on the same partition / one", two / f64::midpoint(one, again));
    Ok(())
}

/// Commands over HTTP with sign-in, validation and request keys, 64 keep-alive connections.
async fn http_beside_pgbench(
    bed: &bed::Bed,
    seconds: Duration,
    report: &mut report::Report,
) -> anyhow::Result<()> {
    let inserts = pgbench::single_row_inserts(bed, 32, seconds).await?;
    report.add("pgbench single-row inserts, 32 clients", inserts);
    let shop = http::Shop::open(bed, "commands", 10_000).await?;
    shop.catch_up().await?;
    bed.settle().await?;
    let spread = http::adjust(&shop, 10_000, 64, "spread", seconds).await?;
    report.add("HTTP adjustments, 64 connections, 10,000 items", spread);
    report.ratio("HTTP adjustments / pgbench", spread / inserts);
    shop.catch_up().await?;
    let hot = http::adjust(&shop, 1, 64, "hot", seconds).await?;
    report.add("HTTP adjustments, 64 connections, one item", hot);
    report.ratio("HTTP on one item / spread", hot / spread);
    shop.catch_up().await?;
    let lag = lists::lag(&shop, 10_000, spread / 2.0, seconds).await?;
    report.millis("answer to read model at half rate, p99", lag.percentile(99));
    shop.stop().await;
    Ok(())
}

async fn batch_beside_copy(bed: &bed::Bed, report: &mut report::Report) -> anyhow::Result<()> {
    let shop = http::Shop::open(bed, "batch", 4_000).await?;
    let loaded = batch::load(bed, &shop, 4_000, 40).await?;
    report.add("sale lines over HTTP, 10,000 a request", loaded.lines);
    report.add("binary COPY of the same events", loaded.copied);
    report.ratio("sale lines over HTTP / COPY", loaded.lines / loaded.copied);
    report.ratio("read models caught up / load time", loaded.caught_up);
    shop.stop().await;
    Ok(())
}

/// Lists at a steady 100 requests a second, quiet and while commands run.
async fn lists(
    bed: &bed::Bed,
    products: usize,
    seconds: Duration,
    report: &mut report::Report,
) -> anyhow::Result<()> {
    let shop = http::Shop::open(bed, &format!("lists{products}"), products).await?;
    shop.catch_up().await?;
    for (path, queries) in [("/inventory", lists::INVENTORY), ("/products", lists::PRODUCTS)] {
        let quiet = lists::steady(&shop, lists::pages(path, queries), 100, seconds).await?;
        report.millis(&format!("GET {path} of {products} at 100/s, p50"), quiet.percentile(50));
        report.millis(&format!("GET {path} of {products} at 100/s, p99"), quiet.percentile(99));
    }
    let items = u64::try_from(products)?;
    let alone = http::adjust(&shop, items, 64, "alone", seconds).await?;
    shop.catch_up().await?;
    let (beside, busy) = tokio::join!(
        http::adjust(&shop, items, 64, "beside", seconds),
        lists::steady(&shop, lists::pages("/inventory", lists::INVENTORY), 100, seconds)
    );
    let busy = busy?;
    report.ratio(&format!("commands beside lists of {products} / alone"), beside? / alone);
    report.millis(&format!("GET /inventory of {products} beside commands, p99"), busy.percentile(99));
    let cost = indexes::cost(bed, &shop, items, seconds).await?;
    report.add(&format!("commands with the reads' indexes, {products} products"), cost.with);
    report.add(&format!("commands without the reads' indexes, {products} products"), cost.without);
    report.ratio(
        &format!("commands with / without the reads' indexes, {products} products"),
        cost.with / cost.without,
    );
    shop.stop().await;
    Ok(())
}

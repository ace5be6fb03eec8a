//! `replay rebuild` and `replay rollback`: fold a read model again beside the live one, compare, switch.
//!
//! A rebuild that was interrupted goes on where it stopped. The rate holds on average while the new copy comes near;
//! the last events are folded at once, with the live copy held still.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use projections::compare::TableComparison;
use projections::{install, registry};
use sqlx::PgPool;

use crate::cli::{RebuildArgs, RollbackArgs};
use crate::output::{Finding, counted};
use crate::verify::show_differences;

/// Rebuilds and shows where the copies differ.
pub(crate) async fn run(owner: &PgPool, args: &RebuildArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let projection = registry::named(&args.projection)?;
    install::install(owner, std::slice::from_ref(&projection)).await?;
    let pace = Mutex::new(Pace::new(args.max_rate));
    let progress = |done, target| {
        let mut pace = pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.report(projection.name(), done, target);
    };
    let rebuilt =
        projections::rebuild::rebuild(owner, projection.as_ref(), args.diff_only, &progress).await?;

    let folded = counted(rebuilt.positions.iter().map(|(_, position)| position).sum(), "event");
    let (name, version) = (rebuilt.projection, rebuilt.version);
    let equal = rebuilt.tables.iter().all(TableComparison::is_equal);
    let verdict = if equal { "equals the live copy" } else { "DIFFERS from the live copy" };
    writeln!(out, "{name} version {version}: a fresh fold of {folded} {verdict}")?;
    show_differences(&rebuilt.tables, ("live", "new"), out)?;
    if rebuilt.switched {
        writeln!(out, "the new copy is live; `replay rollback {name}` puts the former one back")?;
    } else {
        writeln!(out, "the new copy was discarded")?;
    }
    Ok(Finding::of(equal))
}

/// Puts the former copy back.
pub(crate) async fn roll_back(
    owner: &PgPool,
    args: &RollbackArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let projection = registry::named(&args.projection)?;
    let done = projections::rebuild::rollback(owner, projection.as_ref()).await?;
    anyhow::ensure!(done, "there is no former copy of {}", args.projection);
    writeln!(out, "the former copy of {} is live again", args.projection)?;
    Ok(Finding::Agreement)
}

/// Shows progress and holds the rate.
struct Pace {
    max_rate: Option<u32>,
    begun: Option<(Instant, i64)>,
    shown: Option<Instant>,
}

impl Pace {
    fn new(max_rate: Option<u32>) -> Self {
        Self { max_rate, begun: None, shown: None }
    }

    /// Called between two steps: no transaction is open.
    fn report(&mut self, name: &str, done: i64, target: i64) {
        let now = Instant::now();
        let (begun, first) = *self.begun.get_or_insert((now, done));
        let folded = u64::try_from(done - first).unwrap_or(0);
        if let Some(early) = self.max_rate.and_then(|rate| time_for(folded, rate).checked_sub(now - begun)) {
            tokio::task::block_in_place(|| std::thread::sleep(early));
        }
        if self.shown.is_none_or(|shown| shown.elapsed() >= Duration::from_secs(1)) {
            self.shown = Some(now);
            let left = u64::try_from(target - done).unwrap_or(0);
            let elapsed = begun.elapsed().as_secs();
            let eta = (elapsed * left).checked_div(folded);
            let eta = eta.map_or_else(String::new, |seconds| format!(", about {seconds} s left"));
            let _closed = writeln!(io::stderr(), "{name}: {done} of {target} events{eta}");
        }
    }
}

/// How long so many events take at this rate.
fn time_for(events: u64, rate: u32) -> Duration {
    Duration::from_millis(events.saturating_mul(1_000) / u64::from(rate))
}

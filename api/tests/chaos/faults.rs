//! Lets the faults of a plan happen.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::plan::{Fault, Planned};
use crate::proxy::Victim;
use crate::town::Town;
use crate::writers::Company;

/// How long a cut may wait for its victim.
const PATIENCE: Duration = Duration::from_secs(30);

/// What has happened, over all rounds.
#[derive(Debug, Default)]
pub(crate) struct Happened {
    kills: AtomicUsize,
    postgres: AtomicUsize,
    stops: AtomicUsize,
    slow: AtomicUsize,
    appends_cut: AtomicUsize,
    commits_cut: AtomicUsize,
    no_broker: AtomicUsize,
}

impl Happened {
    /// Lets a plan happen, from now on; returns when everything works again.
    pub(crate) async fn happen(&self, town: &Town, companies: &[Company], plan: &[Planned]) {
        let begun = Instant::now();
        let faults = plan.iter().map(async |planned| {
            tokio::time::sleep(planned.at.saturating_sub(begun.elapsed())).await;
            self.one(town, companies, &planned.fault).await;
        });
        futures::future::join_all(faults).await;
    }

    async fn one(&self, town: &Town, companies: &[Company], fault: &Fault) {
        let count = match fault {
            Fault::Kill { role, number } => {
                town.kill(role, *number).await;
                &self.kills
            }
            Fault::KillPostgres => {
                town.kill_postgres().await;
                &self.postgres
            }
            Fault::Stop { role, number, time } => {
                town.stop_for(role, *number, *time).await;
                &self.stops
            }
            Fault::SlowCommits { company, time } => {
                // Where PostgreSQL is killed meanwhile, once more.
                while town.slow_commits(companies[*company].partition, *time).await.is_err() {}
                &self.slow
            }
            Fault::LoseAnswer(cut) => {
                let is_cut = timeout(PATIENCE, town.proxy.cut(*cut)).await;
                assert!(is_cut.is_ok(), "{cut:?} finds no victim");
                match cut.victim {
                    Victim::Append => &self.appends_cut,
                    Victim::Commit => &self.commits_cut,
                }
            }
            Fault::NoBroker { time } => {
                town.no_broker(*time).await;
                &self.no_broker
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        write!(
            f,
            "{} kills of processes, {} of PostgreSQL, {} stopped for longer than a lease, {} slow commits, \
             {} appends and {} other commits cut off, {} times no broker",
            count(&self.kills),
            count(&self.postgres),
            count(&self.stops),
            count(&self.slow),
            count(&self.appends_cut),
            count(&self.commits_cut),
            count(&self.no_broker)
        )
    }
}

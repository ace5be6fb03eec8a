//! Everything that can fail fails, again and again, while people go on writing; and nothing is lost, doubled or bent.
//!
//! Read `plan` (what fails and when), `town` (what runs), `writers` (who writes), then what is checked: `ledger`,
//! `history` with `model`, `read_models`, `topic`. `docs/reliability.md` says how to run it.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "figures of each round")]

#[path = "../process/server.rs"]
#[expect(dead_code, reason = "the other suite uses the rest")]
mod server;
mod findings;
mod plan;
mod proxy;
mod broker;
mod town;
mod faults;
mod model;
mod history;
mod writers;
mod ledger;
mod read_models;
mod topic;
mod defects;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use faults::Happened;
use findings::{Findings, Kind};
use history::Told;
use ledger::Ledger;
use model::Stock;
use plan::seed_of;
use town::{EACH, ROLES, Town};
use writers::Writers;

/// Least time and commands of a round.
const LEAST_TIME: Duration = Duration::from_secs(5);
const LEAST_COMMANDS: usize = 1_000;
/// A round that takes longer is stuck.
const LONGEST: Duration = Duration::from_mins(3);
/// Every so many rounds all read models are folded anew.
const FOLD_EVERY: usize = 10;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_bent_whatever_fails() {
    let seed = setting("STOCKTRAIL_CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..));
    let rounds = match setting("STOCKTRAIL_CHAOS_ROUND") {
        Some(only) => only..only + 1,
        None => 0..setting("STOCKTRAIL_CHAOS_ROUNDS").unwrap_or(2),
    };
    println!("STOCKTRAIL_CHAOS_SEED={seed}");
    let mut chaos = Chaos::begin().await;
    let last = rounds.end - 1;
    for number in rounds {
        let number = usize::try_from(number).unwrap();
        let fold = number.is_multiple_of(FOLD_EVERY) || u64::try_from(number).unwrap() == last;
        let findings = chaos.round(seed_of(seed, number), number, fold).await;
        if !findings.is_empty() {
            let again = format!("STOCKTRAIL_CHAOS_SEED={seed} STOCKTRAIL_CHAOS_ROUND={number}");
            let words = chaos.town.last_words().await;
            panic!("{words}\n{findings}round {number}, again by {again}");
        }
    }
    println!("{}; {}", chaos.figures(), chaos.happened);
    chaos.town.end().await;
}

/// A run of rounds on one log.
struct Chaos {
    town: Town,
    writers: Writers,
    ledger: Ledger,
    happened: Happened,
}

impl Chaos {
    async fn begin() -> Self {
        let town = Town::found().await;
        let writers = Writers::found(&town).await;
        let ledger = Ledger::begin(town.database.owner(), town.partitions, &writers.companies).await;
        let mut findings = Findings::default();
        town.topic.check(&ledger.logs, &mut findings).await;
        assert!(findings.is_empty(), "{findings}");
        Self { town, writers, ledger, happened: Happened::default() }
    }

    /// One round; everything that was wrong with it.
    async fn round(&mut self, seed: u64, number: usize, fold: bool) -> Findings {
        let begun = Instant::now();
        let plan = plan::draw(seed, &ROLES, EACH, self.writers.companies.len());
        let (done, stop) = (self.writers.counts.done.load(Ordering::Relaxed), AtomicBool::new(false));
        let commands = || self.writers.counts.done.load(Ordering::Relaxed) - done;
        let trouble = async {
            self.happened.happen(&self.town, &self.writers.companies, &plan).await;
            while begun.elapsed() < LEAST_TIME || commands() < LEAST_COMMANDS {
                if begun.elapsed() > LONGEST {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            stop.store(true, Ordering::Relaxed);
        };
        tokio::join!(self.writers.write(&self.town, seed, &stop), trouble);
        let mut findings = Findings::default();
        if self.town.ready(&mut findings).await {
            self.writers.settle(&self.town, seed).await;
        }
        let (written, commands) = (begun.elapsed(), commands());
        if commands < LEAST_COMMANDS {
            findings.add(Kind::Unanswered, format!("only {commands} commands in {written:?}"));
        }
        let checking = Instant::now();
        findings.join(self.check(fold).await);
        let checked = checking.elapsed();
        println!("round {number}: {commands} commands in {written:.1?}, checked in {checked:.1?}");
        findings
    }

    async fn check(&mut self, fold: bool) -> Findings {
        let pool = self.town.database.owner().clone();
        let (told, mut findings) = self.writers.take();
        let before = self.ledger.stock.clone();
        self.ledger.check(&pool, &self.writers.companies, &told, &mut findings).await;
        findings.join(tokio::task::block_in_place(|| histories(&before, told)));
        if read_models::caught_up(&pool, &mut findings).await {
            read_models::check(&self.town, &self.writers, &self.ledger, &mut findings).await;
            if fold {
                read_models::verify_all(&pool, &mut findings).await;
            }
        }
        self.town.topic.check(&self.ledger.logs, &mut findings).await;
        findings
    }

    fn figures(&self) -> String {
        let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let counts = &self.writers.counts;
        format!(
            "{} commands done, {} refused; {} attempts without an answer, {} of them not listened to, {} repeats had been \
             done; {} late repeats in the topic",
            count(&counts.done),
            count(&counts.refused),
            count(&counts.unanswered),
            count(&counts.unheard),
            count(&counts.replayed),
            count(&self.town.topic.late_repeats)
        )
    }
}

/// Judges every item's history, each beginning with the stock before the round.
fn histories(before: &[Stock], told: Vec<Told>) -> Findings {
    let mut findings = Findings::default();
    let mut by_item: Vec<Vec<Told>> = before.iter().map(|_| Vec::new()).collect();
    for told in told {
        by_item[told.item].push(told);
    }
    for (item, told) in by_item.into_iter().enumerate() {
        history::judge(item, before[item], told, &mut findings);
    }
    findings
}

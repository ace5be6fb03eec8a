//! Two processes on one partition beside one: committers alone, and servers of role `api`.
//!
//! Each is this program again, told by a hidden flag what to be. Both write to one company, so that whatever one commits
//! the other has to take in before it goes on.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::config::{Config, ProcessRole};
use api::rate::RateLimit;
use commands::clock::Clock;
use commands::{CommitterConfig, Committers, SubmitError};
use domain::shared::ids::CompanyId;
use migrations::{Database, Role, Source};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::bed::{self, Bed};
use crate::committer::{Target, one};
use crate::http;

/// Products of the company.
const ITEMS: usize = 10_000;
/// Callers of all processes together.
const CALLERS: usize = 512;

/// Keep-alive connections of all servers together.
const CONNECTIONS: usize = 64;

/// What a process is told to be.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
enum Told {
    /// Commits by itself and says how fast that went.
    Committer { url: String, company_id: uuid::Uuid, callers: usize, seconds: u64 },
    /// Serves until its input ends.
    Server { url: String },
}

/// Commands a second, and of those refused because the committer was busy.
#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Rates {
    /// Commands that were committed.
    pub(crate) done: f64,
    /// Commands whose callers were told to come again.
    pub(crate) busy: f64,
    /// Commands of the slowest process.
    pub(crate) slowest: f64,
}

/// Rates of `processes` processes that commit to one partition together.
pub(crate) async fn together(bed: &Bed, processes: usize, seconds: Duration) -> anyhow::Result<Rates> {
    let committers = bed.committers().await?;
    let company_id = bed::found(&committers, 0, ITEMS).await?.0;
    committers.stop().await;
    bed.settle().await?;
    let (url, callers, seconds) = (bed.database.url(), CALLERS / processes, seconds.as_secs());
    let told = Told::Committer { url, company_id, callers, seconds };
    let mut children = Vec::new();
    for _ in 0..processes {
        let (process, _) = Process::start(&told).await?;
        children.push(process);
    }
    for child in &mut children {
        child.begin().await?;
    }
    let mut all = Rates { slowest: f64::INFINITY, ..Rates::default() };
    for child in children {
        let rates = child.end().await?;
        all.done += rates.done;
        all.busy += rates.busy;
        all.slowest = all.slowest.min(rates.done);
    }
    Ok(all)
}

/// Adjustments a second at `processes` servers of role `api` on one database.
pub(crate) async fn over_http(bed: &Bed, processes: usize, seconds: Duration) -> anyhow::Result<f64> {
    let told = Told::Server { url: bed.database.url() };
    let (mut servers, mut addresses) = (Vec::new(), Vec::<SocketAddr>::new());
    for _ in 0..processes {
        let (process, said) = Process::start(&told).await?;
        addresses.push(said.parse()?);
        servers.push(process);
    }
    let first = *addresses.first().context("no server")?;
    let name = format!("served-by-{processes}-{}", commands::clock::Ids.next());
    let (token, _) = http::register(first, &name).await?;
    http::stock(first, &token, ITEMS).await?;
    bed.settle().await?;
    let load = (u64::try_from(ITEMS)?, CONNECTIONS);
    let rate = http::adjust_at(&addresses, &token, load, "served", seconds).await?;
    for mut server in servers {
        drop(server.child.stdin.take());
        server.child.wait().await?;
    }
    Ok(rate)
}

/// One of the processes and what it says.
struct Process {
    child: Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Process {
    /// Starts it; answers what it says when it is ready.
    async fn start(told: &Told) -> anyhow::Result<(Self, String)> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--be", &serde_json::to_string(told)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let mut process = Self { child, lines };
        let said = process.line().await?;
        Ok((process, said))
    }

    async fn begin(&mut self) -> anyhow::Result<()> {
        self.child.stdin.as_mut().context("no input")?.write_all(b"go\n").await?;
        Ok(())
    }

    async fn end(mut self) -> anyhow::Result<Rates> {
        let rates = serde_json::from_str(&self.line().await?)?;
        self.child.wait().await?;
        Ok(rates)
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        self.lines.next_line().await?.context("a process has ended")
    }
}

/// The other side: is what it is told to be.
pub(crate) async fn be(told: &str) -> anyhow::Result<()> {
    match serde_json::from_str(told)? {
        Told::Committer { url, company_id, callers, seconds } => {
            let rates = commit(url, CompanyId(company_id), callers, Duration::from_secs(seconds)).await?;
            println!("{}", serde_json::to_string(&rates)?);
            Ok(())
        }
        Told::Server { url } => serve(url).await,
    }
}

async fn commit(
    url: String,
    company_id: CompanyId,
    callers: usize,
    seconds: Duration,
) -> anyhow::Result<Rates> {
    let database = Database::attach(Source::Url(url)).await?;
    let pool = database.pool(Role::Committer, 9).await?;
    let clock = Clock::system();
    let committers = Committers::start(&CommitterConfig {
        pool,
        partitions: 4,
        clock,
        snapshot_every: 1_000,
        listen: Some(Ipv4Addr::LOCALHOST.into()),
    });
    let items = (0..ITEMS).map(bed::item).collect::<Result<_, _>>()?;
    let target =
        Arc::new(Target { committers: committers.clone(), companies: vec![company_id], items, keys: false });
    // The company is read before the clock runs.
    one(target.clone(), u64::MAX).await?;
    println!("ready");
    end_of_line().await?;
    let process = u64::from(std::process::id()) << 24;
    let tally = bed::hammer(callers, seconds, move |n| {
        let target = target.clone();
        async move {
            match one(target, n ^ process).await {
                Err(error) if is_busy(&error) => Ok(false),
                done => done,
            }
        }
    })
    .await?;
    committers.stop().await;
    database.stop().await;
    Ok(Rates { done: tally.done, busy: tally.conflicts, slowest: tally.done })
}

fn is_busy(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(SubmitError::Busy { .. }))
}

async fn serve(url: String) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut config = Config::new(Source::Url(url), folder.path().to_owned());
    config.rate_limit = RateLimit::Off;
    config.role = ProcessRole::Api;
    config.secret = Some("6b".repeat(32));
    config.snapshot_every = 1_000;
    let running = api::server::start(config).await?;
    println!("{}", running.addr);
    end_of_line().await?;
    running.stop().await;
    Ok(())
}

/// Until a line comes in, or none ever will.
async fn end_of_line() -> anyhow::Result<()> {
    tokio::task::spawn_blocking(|| std::io::stdin().lines().next().transpose()).await??;
    Ok(())
}

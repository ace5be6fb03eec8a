//! The test bed: a private server with fsync on and a fresh database.

use std::sync::Arc;

use commands::clock::{Clock, Ids};
use commands::{CommitterConfig, Committers, Operation, Submission};
use domain::catalogue::location::event::{LocationDetails, LocationKind};
use domain::catalogue::product::event::ProductDetails;
use domain::companies::event::Profile;
use domain::shared::ids::{CompanyId, ItemId, LocationId};
use domain::shared::money::Currency;
use event_log::event::{Metadata, partition_of};
use migrations::{Database, Role, Source};
use tempfile::TempDir;

/// A running server with a migrated database.
pub(crate) struct Bed {
    /// The database.
    pub(crate) database: Database,
    folder: TempDir,
}

impl Bed {
    /// Starts the server.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("stocktrail-bench-").tempdir_in("/var/tmp")?;
        let source = Source::Embedded { data_dir: folder.path().to_owned(), durable: true };
        Ok(Self { database: Database::open(source).await?, folder })
    }

    /// Stops it and removes its data.
    pub(crate) async fn stop(self) {
        self.database.stop().await;
        drop(self.folder);
    }

    /// Committers over the bed's log.
    pub(crate) async fn committers(&self) -> anyhow::Result<Committers> {
        let pool = self.database.pool(Role::Committer, 9).await?;
        let clock = Clock::system();
        Ok(Committers::start(&CommitterConfig {
            pool,
            partitions: 4,
            clock,
            snapshot_every: 1_000,
            listen: None,
        }))
    }

    /// Writes dirty pages out and lets the server rest, so that one measurement does not pay for the one before.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        sqlx::query("checkpoint").execute(self.database.owner()).await?;
        Ok(())
    }
}

/// Metadata of a measured command.
pub(crate) fn metadata() -> Metadata {
    let command_id = Ids.next();
    Metadata {
        actor: format!("user:{command_id}"),
        command_id,
        correlation_id: command_id,
        causation_id: None,
        source: "bench".to_owned(),
    }
}

/// Name of the `n`-th product.
pub(crate) fn item(n: usize) -> anyhow::Result<ItemId> {
    Ok(ItemId::new(&format!("ITEM-{n:05}"))?)
}

/// The one location of a measured company.
pub(crate) fn main_location() -> anyhow::Result<LocationId> {
    Ok(LocationId::new("MAIN")?)
}

/// A company on each of `partitions`, with one location and `items` products.
pub(crate) async fn found(
    committers: &Committers,
    partition: i16,
    items: usize,
) -> anyhow::Result<CompanyId> {
    let company_id = loop {
        let id = Ids.next();
        if partition_of(id, 4) == partition {
            break CompanyId(id);
        }
    };
    let profile =
        Profile { name: "Bench".into(), currency: Currency::new("EUR")?, time_zone: chrono_tz::UTC };
    let details = Box::new(LocationDetails::named("Main", LocationKind::Own, None));
    let location = Operation::CreateLocation { location_id: main_location()?, details, is_primary: true };
    submit(committers, company_id, vec![Operation::FoundCompany { profile }, location]).await?;
    let products: Result<Vec<_>, anyhow::Error> = (0..items)
        .map(|n| {
            let item_id = item(n)?;
            let details = ProductDetails::named(&item_id, "Product");
            Ok(Operation::CreateProduct { item_id, details })
        })
        .collect();
    for chunk in products?.chunks(1_000) {
        submit(committers, company_id, chunk.to_vec()).await?;
    }
    Ok(company_id)
}

/// Submits operations that none may refuse.
pub(crate) async fn submit(
    committers: &Committers,
    company_id: CompanyId,
    operations: Vec<Operation>,
) -> anyhow::Result<()> {
    let receipt = committers
        .submit(Submission { company_id, metadata: metadata(), request_key: None, operations })
        .await?;
    for verdict in receipt.verdicts {
        anyhow::ensure!(matches!(verdict, commands::Verdict::Accepted(_)), "refused: {verdict:?}");
    }
    Ok(())
}

/// A stream of pseudo-random numbers that needs no state outside (a Weyl sequence through a mixer).
pub(crate) fn scatter(n: u64) -> u64 {
    let mut x = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Runs `callers` tasks until `seconds` are over and answers how many of their steps were counted a second.
pub(crate) async fn hammer<F, Fut>(
    callers: usize,
    seconds: std::time::Duration,
    step: F,
) -> anyhow::Result<Tally>
where
    F: Fn(u64) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = anyhow::Result<bool>> + Send,
{
    let step = Arc::new(step);
    let started = tokio::time::Instant::now();
    let deadline = started + seconds;
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let step = step.clone();
            tokio::spawn(async move {
                let mut tally = Tally::default();
                let mut n = u64::try_from(caller)? << 40;
                while tokio::time::Instant::now() < deadline {
                    if step(n).await? {
                        tally.done += 1.0;
                    } else {
                        tally.conflicts += 1.0;
                    }
                    n += 1;
                }
                anyhow::Ok(tally)
            })
        })
        .collect();
    let mut all = Tally::default();
    for task in tasks {
        let one = task.await??;
        all.done += one.done;
        all.conflicts += one.conflicts;
    }
    let elapsed = started.elapsed().as_secs_f64();
    Ok(Tally { done: all.done / elapsed, conflicts: all.conflicts / elapsed })
}

/// Steps a second.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    /// That succeeded.
    pub(crate) done: f64,
    /// That lost a conflict.
    pub(crate) conflicts: f64,
}

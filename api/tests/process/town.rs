//! Several processes on one database.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use migrations::testing::{TestDatabase, fresh_database};

use crate::crash::{equal_a_fold, every_command_once, levels_are_as_commanded};
use crate::load::Load;
use crate::server::{DataDir, Server};

/// How long anything may take that comes by itself.
const PATIENCE: Duration = Duration::from_mins(1);
/// Leases of all read models: one for each and partition.
pub(crate) fn leases() -> usize {
    projections::registry::all().len() * 4
}
/// How soon others must go on when a holder is gone.
pub(crate) const TAKE_OVER: Duration = Duration::from_secs(10);

/// A database, and what its processes share.
pub(crate) struct Town {
    pub(crate) database: TestDatabase,
    pub(crate) folder: DataDir,
    url: String,
}

impl Town {
    pub(crate) async fn found() -> Self {
        let database = fresh_database().await;
        let url = database.url();
        Self { database, folder: DataDir::make(), url }
    }

    pub(crate) fn settings<'a>(&'a self, role: &'a str) -> [(&'a str, &'a str); 4] {
        let secret = "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b";
        [
            ("DATABASE_URL", &self.url),
            ("STOCKTRAIL_ROLE", role),
            ("STOCKTRAIL_SECRET", secret),
            ("STOCKTRAIL_LOG", "warn,api=info"),
        ]
    }

    /// Starts a process of this role and waits until it is ready.
    pub(crate) async fn start(&self, role: &str) -> Server {
        Server::start_with(&self.folder.0, &self.settings(role)).await
    }

    /// Nothing is lost, nothing counts twice.
    pub(crate) async fn is_sound(&self, api: &Server, load: &Load) {
        every_command_once(api, load).await;
        levels_are_as_commanded(api, load).await;
        equal_a_fold(&self.database).await;
    }
}

/// Who holds which read model and partition, by process id; nothing for what nobody holds.
pub(crate) async fn holders(load: &Load, api: &Server) -> BTreeMap<(String, i64), u32> {
    let status = load.get(&api.url, "/ops/projections").await;
    let held = status["items"].as_array().unwrap().iter().filter_map(|row| {
        let (_, pid) = row["holder"].as_str()?.rsplit_once(':').unwrap();
        let place = (row["name"].as_str().unwrap().to_owned(), row["partition"].as_i64().unwrap());
        Some((place, pid.parse().unwrap()))
    });
    held.collect()
}

/// Waits until these processes hold so many leases each, and nobody else holds any; answers how long that took.
pub(crate) async fn until_shared(load: &Load, api: &Server, shares: &[(u32, usize)]) -> Duration {
    let begun = Instant::now();
    loop {
        let held = holders(load, api).await;
        let of = |pid: u32| held.values().filter(|holder| **holder == pid).count();
        if held.len() == leases() && shares.iter().all(|(pid, share)| of(*pid) == *share) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < PATIENCE, "never shared as {shares:?}: {held:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until only these processes hold leases, all of them; answers how long that took.
pub(crate) async fn until_held_by(load: &Load, api: &Server, living: &[u32]) -> Duration {
    let begun = Instant::now();
    loop {
        let held = holders(load, api).await;
        if held.len() == leases() && held.values().all(|holder| living.contains(holder)) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < PATIENCE, "never held by {living:?}: {held:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

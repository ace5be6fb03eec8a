//! Builds everything once: database, pools, committers, read models, accounts, jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use commands::accounts::jobs::Jobs;
use commands::accounts::{Accounts, Secrets, SecretsError};
use commands::{CommitterConfig, Committers};
use connectors::forecaster::NoClient;
use event_log::signing::{SigningKey, SigningKeyError};
use migrations::{Database, DatabaseError, Role};
use projections::heads::Heads;
use projections::lease::Leases;
use projections::positions::Positions;
use projections::projection::ProjectionError;
use projections::runner::{Runner, RunnerConfig, caught_up};
use projections::stock::board::Boards;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::Audit;
use crate::background;
use crate::config::{Config, ProcessRole};
use crate::observe::metrics_handle;
use crate::outlets::Outlets;
use crate::rate::Limiter;
use crate::room::OperationRooms;
use crate::state::{AppState, Shared};

/// Pause between two looks at the heads of the log while others write it.
const HEADS_PACE: Duration = Duration::from_millis(25);
/// How long the start waits for read models before it says that it is still waiting.
const CATCH_UP: Duration = Duration::from_secs(10);

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A query of the start failed.
    #[error("the database refused")]
    Query(#[from] sqlx::Error),
    /// The read models cannot be made.
    #[error("the read models cannot be made")]
    Projection(#[from] ProjectionError),
    /// There is no usable key.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// There is no usable key for checkpoints.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address.
        addr: std::net::SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address of KurrentDB cannot be read.
    #[cfg(feature = "kurrent")]
    #[error(transparent)]
    Kurrent(#[from] connectors::kurrent::client::NoClient),
    /// The model outside cannot be spoken to.
    #[error(transparent)]
    Forecaster(#[from] NoClient),
    /// The role has nothing to do.
    #[error("no broker is configured, so a relay has nothing to hand the log on to")]
    NoBroker,
    /// The OpenAPI document cannot be written.
    #[error("the OpenAPI document cannot be written")]
    Document(#[from] serde_json::Error),
}

/// What runs and must be stopped in order.
pub(crate) struct Wired {
    pub(crate) state: AppState,
    pub(crate) tasks: TaskTracker,
    pub(crate) runner: Option<Runner>,
    pub(crate) outlets: Outlets,
    /// To be cancelled when the last request is answered: ends what requests under way still need.
    pub(crate) drained: CancellationToken,
}

/// Pools by what they are for.
struct Pools {
    reads: PgPool,
    committing: PgPool,
    projecting: PgPool,
    /// For short questions that must not wait behind folds: leases, heads, checkpoints.
    watching: PgPool,
    accounts: PgPool,
    auditing: PgPool,
}

/// Opens the database and starts everything but the listener.
pub(crate) async fn wire(config: Config, openapi: Bytes, rooms: OperationRooms) -> Result<Wired, StartError> {
    // First of all: figures that are made before the recorder go nowhere.
    let metrics = metrics_handle();
    let database = Database::open(config.source.clone()).await?;
    let all = projections::registry::all();
    let unbuilt = projections::install::install(database.owner(), &all).await?;
    let partitions = projections::heads::partitions(database.owner()).await?;
    let pools = open_pools(&database, &config, partitions).await?;
    let secrets = Secrets::load(config.secret.as_deref(), &config.data_dir)?;
    let signing_key = SigningKey::load_or_make(config.signing_key.as_deref(), &config.data_dir)?;
    tracing::info!(public_key = %signing_key.public_key(), "checkpoints of the log are signed");
    let committers = Committers::start(&CommitterConfig {
        pool: pools.committing.clone(),
        partitions,
        clock: config.clock.clone(),
        snapshot_every: config.snapshot_every,
        listen: Some(config.addr.ip()),
    });
    let shared = Shared {
        accounts: Accounts::new(pools.accounts.clone(), secrets, config.clock.clone(), config.ids),
        audit: Audit::new(pools.auditing.clone(), config.archive.clone(), signing_key),
        jobs: Jobs::new(pools.accounts.clone(), config.clock.clone(), config.ids),
        boards: Boards::new(pools.reads.clone()),
        reads: pools.reads.clone(),
        positions: Positions::new(&all, partitions),
        heads: Heads::new(partitions),
        clock: config.clock.clone(),
        ids: config.ids,
        limiter: Limiter::new(config.rate_limit),
        metrics,
        ready: AtomicBool::new(false),
        stop: CancellationToken::new(),
        config,
        database,
        committers,
        rooms,
        openapi,
    };
    let state = AppState::new(shared);
    let tasks = TaskTracker::new();
    let drained = CancellationToken::new();
    let runner = start_work(&state, pools, (all, partitions), &tasks, &drained).await?;
    if state.config.role.works() {
        tasks.spawn(background::build(state.clone(), unbuilt));
    }
    let outlets = Outlets::start(&state).await?;
    Ok(Wired { state, tasks, runner, outlets, drained })
}

async fn open_pools(database: &Database, config: &Config, partitions: i16) -> Result<Pools, StartError> {
    // Each committer reads on one connection and appends on another; snapshots are saved on one more.
    let committers = 2 * u32::try_from(partitions).unwrap_or(1) + 1;
    let reads = match &config.read_url {
        Some(url) => Database::replica(url, Role::Api, config.read_connections)?,
        None => database.pool(Role::Api, config.read_connections).await?,
    };
    Ok(Pools {
        reads,
        committing: database.pool(Role::Committer, committers).await?,
        projecting: database.pool(Role::Projector, config.projector_connections).await?,
        watching: database.pool(Role::Projector, 2).await?,
        accounts: database.pool(Role::Accounts, 8).await?,
        auditing: database.pool(Role::Projector, 2).await?,
    })
}

async fn start_work(
    state: &AppState,
    pools: Pools,
    (projections, partitions): (Vec<Arc<dyn projections::projection::Projection>>, i16),
    tasks: &TaskTracker,
    drained: &CancellationToken,
) -> Result<Option<Runner>, StartError> {
    let Pools { reads, committing, projecting, watching, .. } = pools;
    let role = state.config.role;
    state.heads.read(&watching).await?;
    tasks.spawn(state.heads.clone().follow(watching.clone(), HEADS_PACE, drained.clone()));
    tasks.spawn(background::tidy(state.clone()));
    // A replica has its own checkpoints: readers wait until it has come so far, whoever folds.
    let (followed, folded) = match &state.config.read_url {
        Some(_) => (reads, Positions::new(&projections, partitions)),
        None => (watching.clone(), state.positions.clone()),
    };
    let (committers, clock) = (state.committers.clone(), state.clock.clone());
    let config = RunnerConfig {
        pool: projecting.clone(),
        leases: Leases::new(watching, state.ids.next(), &process_name()),
        projections,
        partitions,
        feeds: Arc::new(move |partition| committers.feed(partition).filter(|_| role.serves())),
        positions: folded,
        heads: state.heads.clone(),
        now: Arc::new(move || clock.now()),
    };
    if role == ProcessRole::Relay {
        state.ready.store(true, Ordering::Relaxed);
        return Ok(None);
    }
    tasks.spawn(state.positions.clone().follow(followed, drained.clone()));
    if role.serves() {
        tasks.spawn(state.boards.clone().keep_warm(state.stop.clone()));
    }
    tasks.spawn(become_ready(
        state.clone(),
        RunnerConfig { positions: state.positions.clone(), ..config.clone() },
    ));
    if !role.works() {
        return Ok(None);
    }
    background::start_jobs(state, committing, projecting, tasks)?;
    Ok(Some(Runner::start(config)))
}

/// This process for people: host and process id.
fn process_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let host = host.unwrap_or_default();
    format!("{}:{}", if host.trim().is_empty() { "host" } else { host.trim() }, std::process::id())
}

async fn become_ready(state: AppState, runner: RunnerConfig) {
    while !caught_up(&runner, CATCH_UP).await {
        tracing::info!("the read models are catching up with the log");
        if state.stop.is_cancelled() {
            return;
        }
    }
    state.ready.store(true, Ordering::Relaxed);
    tracing::info!("ready");
}

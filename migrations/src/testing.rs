//! A database of its own for every test.
//!
//! One private server per test process, without waiting for the disk; it stops with the process. A template is
//! migrated once and copied for every test. With `STOCKTRAIL_TEST_CLUSTER_URL` that server is used instead.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;
use std::{fs, thread};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool};

use crate::database::{self, Database, MIGRATOR};
use crate::error::DatabaseError;
use crate::server::{Durability, Server};

/// Folders of test servers begin so.
const PREFIX: &str = "stocktrail-test-";
/// A test server of a process that is gone is removed after this age.
const FORGOTTEN: Duration = Duration::from_mins(10);

/// A migrated database that one test has for itself; dropped with it.
#[derive(Debug)]
pub struct TestDatabase {
    database: Database,
    name: String,
}

impl Deref for TestDatabase {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(Ok(cluster)) = CLUSTER.get() {
            let _gone = cluster.janitor.send(std::mem::take(&mut self.name));
        }
    }
}

/// A fresh database. Panics when there is none: a test cannot go on.
#[expect(clippy::panic, reason = "only tests call it, and they fail by panicking")]
pub async fn fresh_database() -> TestDatabase {
    match try_fresh_database().await {
        Ok(database) => database,
        Err(error) => panic!("no test database: {error}: {:?}", std::error::Error::source(&error)),
    }
}

/// An empty folder for a server of its own (crash tests), which the server's user can enter. Remove it yourself, or
/// leave it: a later test process will.
pub fn data_dir() -> Result<PathBuf, DatabaseError> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("{PREFIX}{}-{number}", std::process::id()));
    let _absent = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).map_err(DatabaseError::io(format!("making {}", folder.display())))?;
    Ok(folder)
}

static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();

struct Cluster {
    options: PgConnectOptions,
    template: String,
    janitor: mpsc::Sender<String>,
    _server: Option<Server>,
}

async fn try_fresh_database() -> Result<TestDatabase, DatabaseError> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    // The server must not hang on the runtime of the test that happens to be first.
    let cluster = tokio::task::spawn_blocking(|| CLUSTER.get_or_init(start_cluster)).await;
    let cluster = cluster.map_err(|_| DatabaseError::Interrupted)?.as_ref();
    let cluster = cluster.map_err(|error| DatabaseError::NotStarted(error.clone()))?;
    let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect_with(&cluster.options).await?;
    let create = format!("create database {name} template {}", cluster.template);
    sqlx::raw_sql(&create).execute(&mut connection).await?;
    connection.close().await?;
    let database = Database::connect(cluster.options.clone().database(&name), None);
    Ok(TestDatabase { database, name })
}

fn start_cluster() -> Result<Cluster, String> {
    let (ready, made) = mpsc::channel();
    let (janitor, names) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(DatabaseError::io("starting a runtime"));
        let cluster = runtime.and_then(|runtime| {
            let cluster = runtime.block_on(open_cluster())?;
            Ok((runtime, cluster))
        });
        match cluster {
            Ok((runtime, (options, template, server))) => {
                let _gone = ready.send(Ok((options.clone(), template, server)));
                runtime.block_on(drop_databases(&options, &names));
            }
            Err(error) => {
                let _gone = ready.send(Err(format!("{error}: {:?}", std::error::Error::source(&error))));
            }
        }
    });
    let (options, template, server) = made.recv().map_err(|error| format!("the test server: {error}"))??;
    Ok(Cluster { options, template, janitor, _server: server })
}

/// Connects or starts, and makes the template of this version's tables when it is missing.
async fn open_cluster() -> Result<(PgConnectOptions, String, Option<Server>), DatabaseError> {
    let (options, server) = if let Ok(url) = std::env::var("STOCKTRAIL_TEST_CLUSTER_URL") {
        (PgConnectOptions::from_str(&url).map_err(DatabaseError::Address)?, None)
    } else {
        sweep(&std::env::temp_dir());
        let server = Server::start(&data_dir()?, Durability::Volatile)?;
        (server.options().database("postgres"), Some(server))
    };
    let template = template_name();
    let mut connection = PgConnection::connect_with(&options).await?;
    sqlx::query("select pg_advisory_lock(7730146202)").execute(&mut connection).await?;
    let found = sqlx::query("select 1 from pg_database where datname = $1").bind(&template);
    if found.fetch_optional(&mut connection).await?.is_none() {
        let making = format!("{template}_making");
        sqlx::raw_sql(&format!("drop database if exists {making}")).execute(&mut connection).await?;
        sqlx::raw_sql(&format!("create database {making}")).execute(&mut connection).await?;
        let mut inside = PgConnection::connect_with(&options.clone().database(&making)).await?;
        database::migrate(&mut inside).await?;
        inside.close().await?;
        let rename = format!("alter database {making} rename to {template}");
        sqlx::raw_sql(&rename).execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok((options, template, server))
}

/// Makes the children of the events table so small that a few events fill them. For an empty log.
pub async fn small_children(owner: &PgPool, positions: i64) -> Result<(), sqlx::Error> {
    let definitions: Vec<String> = sqlx::query_scalar(
        "select pg_get_functiondef(p.oid) from pg_proc p
         where p.oid in ('log.ensure_children(bigint)'::regprocedure,
                         (select oid from pg_proc where proname = 'append_batch'))",
    )
    .fetch_all(owner)
    .await?;
    for definition in definitions {
        let half = (positions / 2).to_string();
        let smaller = definition.replace("1000000", &positions.to_string()).replace("500000", &half);
        sqlx::raw_sql(&smaller).execute(owner).await?;
    }
    let children = format!(
        "do $$ declare child regclass; begin
             for child in select inhrelid::regclass from pg_inherits where inhparent = 'log.events'::regclass loop
                 execute 'drop table ' || child;
             end loop;
         end $$;
         select log.ensure_children({})",
        2 * positions - 1
    );
    sqlx::raw_sql(&children).execute(owner).await?;
    Ok(())
}

/// Named after the migrations, so that a shared server never serves the tables of another version.
fn template_name() -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for migration in MIGRATOR.iter() {
        migration.checksum.hash(&mut hasher);
    }
    std::env::var("STOCKTRAIL_PARTITIONS").unwrap_or_default().hash(&mut hasher);
    format!("stocktrail_template_{:016x}", hasher.finish())
}

async fn drop_databases(options: &PgConnectOptions, names: &mpsc::Receiver<String>) {
    while let Ok(name) = names.recv() {
        if let Ok(mut connection) = PgConnection::connect_with(options).await {
            let dropped = format!("drop database if exists {name} with (force)");
            let _left = sqlx::raw_sql(&dropped).execute(&mut connection).await;
        }
    }
}

/// Removes the servers of test processes that are gone: a static is never dropped, so none removes its own.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let age =
            entry.metadata().and_then(|found| found.modified()).ok().and_then(|made| made.elapsed().ok());
        if is_ours && age.is_some_and(|age| age > FORGOTTEN) && !is_locked(&entry.path()) {
            let _left = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_locked(data_dir: &Path) -> bool {
    fs::File::open(data_dir.join("postgres/lock")).is_ok_and(|lock| lock.try_lock().is_err())
}

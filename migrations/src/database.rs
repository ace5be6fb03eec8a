//! Opening the database and keeping it up to date.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool};

use crate::error::DatabaseError;
use crate::pools::{self, Role};
use crate::server::{Durability, Server};

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("../migrations");
/// One process migrates at a time.
const MIGRATION_LOCK: i64 = 7_730_146_200;
const DEFAULT_PARTITIONS: i16 = 4;
/// Connections of the owner's pool: DDL and maintenance only.
const OWNER_CONNECTIONS: u32 = 4;

/// Where the database is.
#[derive(Debug, Clone)]
pub enum Source {
    /// A server that runs already: `postgres://user:password@host:port/database`. The user owns the tables, may create
    /// roles or finds them made.
    Url(String),
    /// A private server under this directory, started here and stopped with [`Database::stop`].
    Embedded {
        /// Directory of the data; made when it is missing.
        data_dir: PathBuf,
        /// False: commits do not wait for the disk. Only for tests.
        durable: bool,
    },
}

/// The open database. Clones share it.
#[derive(Clone)]
pub struct Database {
    options: PgConnectOptions,
    owner: PgPool,
    server: Option<Arc<Server>>,
}

impl fmt::Debug for Database {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("database", &self.options.get_database()).finish_non_exhaustive()
    }
}

impl Database {
    /// Connects, or starts the private server and recovers it after a crash; then makes roles, tables and, at the first
    /// opening, the log's partitions (`STOCKTRAIL_PARTITIONS`, default 4, fixed for ever).
    pub async fn open(source: Source) -> Result<Database, DatabaseError> {
        let database = match source {
            Source::Url(url) => {
                let options = PgConnectOptions::from_str(&url).map_err(DatabaseError::Address)?;
                Database::connect(options, None)
            }
            Source::Embedded { data_dir, durable } => {
                let durability = if durable { Durability::Durable } else { Durability::Volatile };
                let server = start_server(data_dir, durability).await?;
                create_database(&server).await?;
                Database::connect(server.options().database("stocktrail"), Some(Arc::new(server)))
            }
        };
        database.migrate().await?;
        Ok(database)
    }

    /// A pool with the rights of `role`. It connects when it is first used, and again when the server was restarted.
    pub async fn pool(&self, role: Role, max: u32) -> Result<PgPool, DatabaseError> {
        let pool = pools::pool(pools::options_for(role, &self.options), max);
        // One connection now: a wrong password or a missing role is told at the start, not at the first request.
        drop(pool.acquire().await?);
        Ok(pool)
    }

    /// A pool with the rights of `role` at another address, for reading from a replica.
    pub fn replica(url: &str, role: Role, max: u32) -> Result<PgPool, DatabaseError> {
        let options = PgConnectOptions::from_str(url).map_err(DatabaseError::Address)?;
        Ok(pools::pool(pools::options_for(role, &options), max))
    }

    /// The owner's pool: migrations, DDL of read models, verify and rebuild. Never for requests.
    pub fn owner(&self) -> &PgPool {
        &self.owner
    }

    /// Address with password, for another process (tests, psql). The owner's rights.
    pub fn url(&self) -> String {
        use sqlx::ConnectOptions;
        match &self.server {
            Some(server) => server.url(self.options.get_database().unwrap_or("stocktrail")),
            None => self.options.to_url_lossy().to_string(),
        }
    }

    /// Process id of the private server; none when the server is not ours.
    pub fn server_pid(&self) -> Option<u32> {
        self.server.as_ref().map(|server| server.pid())
    }

    /// Closes the owner's pool and stops the private server, waiting until it has written everything.
    pub async fn stop(self) {
        self.owner.close().await;
        if let Some(server) = self.server {
            let stopped = tokio::task::spawn_blocking(move || server.stop()).await;
            if stopped.is_err() {
                tracing::warn!("stopping PostgreSQL was interrupted");
            }
        }
    }

    pub(crate) fn connect(options: PgConnectOptions, server: Option<Arc<Server>>) -> Database {
        let owner = options.clone().application_name("stocktrail_owner").options([("timezone", "UTC")]);
        Database { owner: pools::pool(owner, OWNER_CONNECTIONS), options, server }
    }

    async fn migrate(&self) -> Result<(), DatabaseError> {
        let mut connection = connect_patiently(&self.options).await?;
        let migrated = migrate(&mut connection).await;
        connection.close().await?;
        migrated
    }
}

/// Roles, tables, partitions, children ahead: everything that must be there before the first request.
pub(crate) async fn migrate(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    sqlx::query("select pg_advisory_lock($1)").bind(MIGRATION_LOCK).execute(&mut *connection).await?;
    let migrated = migrate_locked(connection).await;
    sqlx::query("select pg_advisory_unlock($1)").bind(MIGRATION_LOCK).execute(&mut *connection).await?;
    migrated
}

async fn migrate_locked(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    sqlx::raw_sql(include_str!("../roles.sql")).execute(&mut *connection).await?;
    MIGRATOR.run(&mut *connection).await?;
    sqlx::query(
        "insert into log.log_head (partition, position, batch, hash)
         select n, 0, 0, decode(repeat('00', 32), 'hex') from generate_series(0, $1::int - 1) as n
         where not exists (select from log.log_head)",
    )
    .bind(i32::from(partitions()?))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "select log.ensure_children((select coalesce(max(position), 0) + 1000000 from log.log_head))",
    )
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// Partitions of a log that is made now.
fn partitions() -> Result<i16, DatabaseError> {
    let Ok(text) = std::env::var("STOCKTRAIL_PARTITIONS") else { return Ok(DEFAULT_PARTITIONS) };
    let number = text.parse().ok().filter(|number| (1..=1024).contains(number));
    number.ok_or(DatabaseError::Partitions(text))
}

async fn start_server(data_dir: PathBuf, durability: Durability) -> Result<Server, DatabaseError> {
    let started = tokio::task::spawn_blocking(move || Server::start(&data_dir, durability)).await;
    started.map_err(|_| DatabaseError::Interrupted)?
}

/// The private server is made with the database `postgres` only.
async fn create_database(server: &Server) -> Result<(), DatabaseError> {
    let mut connection = connect_patiently(&server.options().database("postgres")).await?;
    let exists = sqlx::query("select 1 from pg_database where datname = 'stocktrail'");
    if exists.fetch_optional(&mut connection).await?.is_none() {
        sqlx::query("create database stocktrail").execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}

/// A server that has just been started elsewhere (containers beside us) may refuse for some seconds.
async fn connect_patiently(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut tries = 0;
    loop {
        match PgConnection::connect_with(options).await {
            Err(sqlx::Error::Io(_)) if tries < 20 => tries += 1,
            Err(sqlx::Error::Database(error)) if tries < 20 && error.code().as_deref() == Some("57P03") => {
                tries += 1;
            }
            other => return other,
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

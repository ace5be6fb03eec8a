//! The command line: subcommands, settings from the environment, flags that win over them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use migrations::Source;

use crate::config::{Config, ProcessRole};
use crate::rate::RateLimit;

/// Inventory and ordering on an append-only log.
#[derive(Debug, Parser)]
#[command(name = "stocktrail", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API and fold the read models.
    Serve(Box<Serve>),
    /// Bring the database up to date, then end.
    Migrate(DatabaseArgs),
    /// Print the OpenAPI document.
    Openapi,
}

/// Where the database is.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// A PostgreSQL server that runs already. Without it a private one is started under the data directory.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Where the private server, files and made keys are kept.
    #[arg(long, env = "STOCKTRAIL_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,
}

/// Settings of a server.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen.
    #[arg(long, env = "STOCKTRAIL_ADDR", default_value = "127.0.0.1:8080")]
    pub addr: SocketAddr,
    /// Where the database is.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// What this process does.
    #[arg(long, env = "STOCKTRAIL_ROLE", value_enum, default_value = "all")]
    pub role: ProcessRole,
    /// Load the demo data.
    #[arg(long, env = "STOCKTRAIL_DEMO")]
    pub demo: bool,
    /// A server to read from; it may lag, readers wait for positions.
    #[arg(long, env = "DATABASE_READ_URL", hide_env_values = true)]
    pub database_read_url: Option<String>,
    /// Root of all keys, 32 bytes as hex or base64; made and kept in the data directory when absent.
    #[arg(long, env = "STOCKTRAIL_SECRET", hide_env_values = true)]
    pub secret: Option<String>,
    /// Key that signs checkpoints of the log, 64 hexadecimal digits; made and kept in the data directory when absent.
    #[arg(long, env = "STOCKTRAIL_SIGNING_KEY", hide_env_values = true)]
    pub signing_key: Option<String>,
    /// Requests per second of a company's key: `off`, a number, or number/burst.
    #[arg(long, env = "STOCKTRAIL_RATE_LIMIT", default_value = "1000/5000")]
    pub rate_limit: RateLimit,
    /// Connections for reading.
    #[arg(long, env = "STOCKTRAIL_READ_CONNECTIONS", default_value_t = 12)]
    pub read_connections: u32,
    /// Connections for folding read models.
    #[arg(long, env = "STOCKTRAIL_PROJECTOR_CONNECTIONS", default_value_t = 8)]
    pub projector_connections: u32,
    /// A snapshot is written each time a stock stream passes a multiple of this many events.
    #[arg(long, env = "STOCKTRAIL_SNAPSHOT_EVERY", default_value_t = 100)]
    pub snapshot_every: i64,
}

impl DatabaseArgs {
    /// The database that is meant.
    pub fn source(&self) -> Source {
        match self.database_url.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => Source::Url(url.to_owned()),
            None => Source::Embedded { data_dir: self.data_dir.clone(), durable: true },
        }
    }
}

impl Serve {
    /// As a server's settings.
    pub fn into_config(self) -> Config {
        Config {
            addr: self.addr,
            read_url: self.database_read_url.filter(|url| !url.is_empty()),
            secret: self.secret,
            signing_key: self.signing_key,
            role: self.role,
            rate_limit: self.rate_limit,
            read_connections: self.read_connections,
            projector_connections: self.projector_connections,
            snapshot_every: self.snapshot_every,
            demo: self.demo,
            ..Config::new(self.database.source(), self.database.data_dir)
        }
    }
}

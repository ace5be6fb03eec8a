//! The command line: subcommands, settings from the environment, flags that win over them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use connectors::forecaster::ForecasterConfig;
use connectors::kafka::KafkaConfig;
use connectors::kafka::config::{DEFAULT_TOPIC, Setting};
use event_log::archive::Archive;
use migrations::Source;
use reqwest::Url;

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
    /// What this process does; any number of processes may share a database.
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
    /// The folder of archived ranges of the log; rebuilds and audits need it where events are archived.
    #[arg(long, env = "STOCKTRAIL_ARCHIVE", value_name = "DIR")]
    pub archive: Option<PathBuf>,
    /// The model outside that forecasts.
    #[command(flatten)]
    pub forecaster: ForecasterArgs,
    /// Where events go.
    #[command(flatten)]
    pub outlets: OutletArgs,
}

/// A model outside that forecasts for companies which chose so.
#[derive(Debug, Clone, Args)]
pub struct ForecasterArgs {
    /// Address of a model that forecasts, http://…; see docs/forecasting.md. Without it the rules forecast for all.
    #[arg(long, env = "STOCKTRAIL_FORECASTER_URL", value_parser = http_url)]
    pub forecaster_url: Option<Url>,
    /// Seconds that it may take to answer one request, of at most 100 items.
    #[arg(long, env = "STOCKTRAIL_FORECASTER_TIME_OUT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub forecaster_time_out: u64,
}

impl ForecasterArgs {
    fn config(self) -> Option<ForecasterConfig> {
        let time_out = Duration::from_secs(self.forecaster_time_out);
        self.forecaster_url.map(|url| ForecasterConfig { url, time_out })
    }
}

/// An address that can be asked without encryption, as the model stands in the same house.
fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if url.scheme() == "http" { Ok(url) } else { Err("must begin with http://".to_owned()) }
}

/// Other systems to which every event goes.
#[derive(Debug, Clone, Args)]
pub struct OutletArgs {
    /// Kafka brokers, host:port, separated by commas. Every event is relayed to the topic.
    #[arg(long, env = "KAFKA_BROKERS")]
    pub kafka_brokers: Option<String>,
    /// The topic; made when it is missing.
    #[arg(long, env = "STOCKTRAIL_KAFKA_TOPIC", default_value = DEFAULT_TOPIC)]
    pub kafka_topic: String,
    /// Kafka partitions for each partition of the log; fixed as long as the topic is kept.
    #[arg(long, env = "STOCKTRAIL_KAFKA_SPREAD", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub kafka_spread: u16,
    /// Copies of each message in a topic that is made here; without it the broker's default.
    #[arg(long, env = "STOCKTRAIL_KAFKA_REPLICATION", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub kafka_replication: Option<u16>,
    /// Further settings of librdkafka, name=value, separated by semicolons; for example of encryption and sign-in.
    #[arg(long, env = "STOCKTRAIL_KAFKA_SETTINGS", hide_env_values = true, value_delimiter = ';')]
    pub kafka_settings: Vec<Setting>,
    /// A KurrentDB to which every stream is mirrored, for example kurrentdb://host:2113.
    #[cfg(feature = "kurrent")]
    #[arg(long, env = "STOCKTRAIL_KURRENT_URL", hide_env_values = true)]
    pub kurrent_url: Option<String>,
}

impl OutletArgs {
    /// The topic, where brokers are named.
    fn kafka(&self) -> Option<KafkaConfig> {
        let brokers = self.kafka_brokers.clone().filter(|brokers| !brokers.is_empty())?;
        Some(KafkaConfig {
            brokers,
            topic: self.kafka_topic.clone(),
            spread: self.kafka_spread,
            replication: self.kafka_replication,
            settings: self.kafka_settings.clone(),
        })
    }
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
            archive: Archive::at(self.archive),
            demo: self.demo,
            forecaster: self.forecaster.config(),
            kafka: self.outlets.kafka(),
            #[cfg(feature = "kurrent")]
            kurrent: self.outlets.kurrent_url.filter(|url| !url.is_empty()),
            ..Config::new(self.database.source(), self.database.data_dir)
        }
    }
}

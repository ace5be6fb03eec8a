//! Settings of a server.

use std::net::SocketAddr;
use std::path::PathBuf;

use commands::clock::{Clock, Ids};
use connectors::forecaster::ForecasterConfig;
use connectors::kafka::KafkaConfig;
use event_log::archive::Archive;
use migrations::Source;

use crate::rate::RateLimit;

/// What this process does. Any number of processes of any role may share a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ProcessRole {
    /// Everything.
    All,
    /// Answers requests and commits; read models are folded elsewhere.
    Api,
    /// Folds read models and runs jobs; answers only health and metrics.
    Worker,
    /// Hands the log on to a broker; answers only health and metrics.
    Relay,
}

impl ProcessRole {
    /// Whether it answers requests.
    pub fn serves(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }

    /// Whether it folds read models and runs jobs.
    pub fn works(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }

    /// Whether it hands events on to other systems.
    pub fn relays(self) -> bool {
        matches!(self, Self::All | Self::Relay)
    }
}

/// Everything that a server is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Where the database is.
    pub source: Source,
    /// A second server to read from; it may lag, readers wait for positions.
    pub read_url: Option<String>,
    /// Where files and made keys are kept.
    pub data_dir: PathBuf,
    /// `STOCKTRAIL_SECRET`: root of all keys, 32 bytes as hex or base64. Made and kept under `data_dir` when absent.
    pub secret: Option<String>,
    /// `STOCKTRAIL_SIGNING_KEY`: signs checkpoints of the log, 64 hexadecimal digits. Made and kept under `data_dir` when
    /// absent.
    pub signing_key: Option<String>,
    /// What it does.
    pub role: ProcessRole,
    /// Requests per second and key.
    pub rate_limit: RateLimit,
    /// Connections for reading.
    pub read_connections: u32,
    /// Connections for folding.
    pub projector_connections: u32,
    /// Write a snapshot each time a stock stream passes a multiple of this many events.
    pub snapshot_every: i64,
    /// Where archived ranges of the log are, for rebuilds and audits.
    pub archive: Archive,
    /// Load the demo data.
    pub demo: bool,
    /// The model outside that forecasts for companies which chose so.
    pub forecaster: Option<ForecasterConfig>,
    /// The topic to which every event is relayed.
    pub kafka: Option<KafkaConfig>,
    /// Connection string of the KurrentDB to which every stream is mirrored.
    #[cfg(feature = "kurrent")]
    pub kurrent: Option<String>,
    /// The clock; tests move it.
    pub clock: Clock,
    /// Source of ids.
    pub ids: Ids,
}

impl Config {
    /// A server of this database on a free port of the loopback address, with defaults for the rest.
    pub fn new(source: Source, data_dir: PathBuf) -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            source,
            read_url: None,
            data_dir,
            secret: None,
            signing_key: None,
            role: ProcessRole::All,
            rate_limit: RateLimit::default(),
            read_connections: 12,
            projector_connections: 8,
            snapshot_every: 100,
            archive: Archive::default(),
            demo: false,
            forecaster: None,
            kafka: None,
            #[cfg(feature = "kurrent")]
            kurrent: None,
            clock: Clock::system(),
            ids: Ids,
        }
    }
}

//! The command line.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use event_log::signing::{PublicKey, SigningKey, SigningKeyError};
use migrations::Source;
use uuid::Uuid;

/// Looks into the log, proves the read models against it and folds them again.
#[derive(Debug, Parser)]
#[command(
    name = "replay",
    version,
    after_help = "Exit codes: 0 done, 1 failed or difference found, 2 usage."
)]
pub(crate) struct Cli {
    /// Where the database is.
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// The folder of archived ranges; needed where events are archived.
    #[arg(long, env = "STOCKTRAIL_ARCHIVE", value_name = "DIR", global = true)]
    pub(crate) archive: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the database is.
#[derive(Debug, Clone, Args)]
pub(crate) struct DatabaseArgs {
    /// A PostgreSQL server that runs already; the user owns the tables. Without it the private one of the data
    /// directory is used, and started when it does not run.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<String>,
    /// Where the private server keeps its data.
    #[arg(long, env = "STOCKTRAIL_DATA_DIR", default_value = "./data", global = true)]
    data_dir: PathBuf,
}

impl DatabaseArgs {
    /// Where the private server and made keys are kept.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The database that is meant.
    pub(crate) fn source(&self) -> Source {
        match self.database_url.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => Source::Url(url.to_owned()),
            None => Source::Embedded { data_dir: self.data_dir.clone(), durable: true },
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show how long the log is and how far every read model has folded it.
    Status,
    /// Prove that the log is as it was written, that every read model equals a fresh fold, and that stock adds up.
    Verify(VerifyArgs),
    /// Verify the log and write down where it stands, signed, to be kept out of reach of those who run it.
    Checkpoint(CheckpointArgs),
    /// Show that one event is in the chain, or write a proof of it for somebody who has only a checkpoint.
    Prove(ProveArgs),
    /// Check a proof that `prove` wrote. Needs no database.
    CheckProof(CheckProofArgs),
    /// Show the stock of an item at an instant, folded from the log.
    AsOf(AsOfArgs),
    /// Show every movement of an item and how its stock came about.
    Explain(ExplainArgs),
    /// Fold a read model again beside the live one, compare, and let the new copy take its place.
    Rebuild(RebuildArgs),
    /// Put back the copy of before the last rebuild.
    Rollback(RollbackArgs),
    /// Show the events that a read model cannot fold and has set aside, try them again, or skip them.
    Parked(ParkedArgs),
    /// Write events as lines of JSON.
    Export(ExportArgs),
    /// Move old ranges of the log out of the database into checked files.
    Archive(ArchiveArgs),
    /// Append the events of another event store. What the log has already is not appended again.
    Import(ImportArgs),
}

/// See [`Command::Verify`].
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A signed checkpoint that was kept elsewhere: the log must extend it. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Vec<PathBuf>,
    /// The key with which every checkpoint must be signed.
    #[arg(long, value_name = "KEY", requires = "checkpoint")]
    pub(crate) public_key: Option<PublicKey>,
}

/// See [`Command::Checkpoint`].
#[derive(Debug, Args)]
pub(crate) struct CheckpointArgs {
    /// Where to write it.
    pub(crate) file: PathBuf,
    /// The key.
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}

/// The key that signs checkpoints.
#[derive(Debug, Clone, Args)]
pub(crate) struct SigningArgs {
    /// Key that signs, 64 hexadecimal digits; that of the data directory when absent.
    #[arg(long, env = "STOCKTRAIL_SIGNING_KEY", hide_env_values = true, value_name = "KEY")]
    signing_key: Option<String>,
}

impl SigningArgs {
    /// The key that is meant.
    pub(crate) fn key(&self, data_dir: &Path) -> Result<SigningKey, SigningKeyError> {
        SigningKey::load(self.signing_key.as_deref(), data_dir)
    }
}

/// See [`Command::Prove`].
#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// Id of the event, or of a movement.
    pub(crate) event: Uuid,
    /// Write the proof to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    /// Lead the proof to this checkpoint; to a new one when absent.
    #[arg(long, value_name = "FILE", requires = "write")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// The key for a new checkpoint.
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}

/// See [`Command::CheckProof`].
#[derive(Debug, Args)]
pub(crate) struct CheckProofArgs {
    /// The proof.
    pub(crate) file: PathBuf,
    /// The key with which its checkpoint must be signed.
    #[arg(long, value_name = "KEY")]
    pub(crate) public_key: Option<PublicKey>,
}

/// See [`Command::AsOf`].
#[derive(Debug, Args)]
pub(crate) struct AsOfArgs {
    /// The instant, for example 2026-11-20T15:00:00Z.
    #[arg(value_parser = instant)]
    pub(crate) instant: DateTime<Utc>,
    /// Item id, former item id, sku or barcode.
    #[arg(long)]
    pub(crate) item: String,
    /// Only this location.
    #[arg(long)]
    pub(crate) location: Option<String>,
    /// As it was known then: only what had been recorded by this instant.
    #[arg(long, value_parser = instant)]
    pub(crate) known_at: Option<DateTime<Utc>>,
    /// The company.
    #[arg(long)]
    pub(crate) company: Uuid,
}

/// See [`Command::Explain`].
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Item id, former item id, sku or barcode.
    pub(crate) item: String,
    /// The company.
    #[arg(long)]
    pub(crate) company: Uuid,
}

/// See [`Command::Rebuild`].
#[derive(Debug, Args)]
pub(crate) struct RebuildArgs {
    /// The read model, for example `inventory`.
    pub(crate) projection: String,
    /// Compare only; the new copy is discarded.
    #[arg(long)]
    pub(crate) diff_only: bool,
    /// Fold at most so many events a second, on average. Unless told, as fast as it goes, and 100,000 a second while
    /// people read and write.
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_rate: Option<u32>,
}

/// See [`Command::Rollback`].
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The read model, for example `inventory`.
    pub(crate) projection: String,
}

/// See [`Command::Parked`].
#[derive(Debug, Args)]
pub(crate) struct ParkedArgs {
    /// What to do with them; without it they are shown.
    #[command(subcommand)]
    pub(crate) command: Option<ParkedCommand>,
}

/// What is to become of parked events.
#[derive(Debug, Subcommand)]
pub(crate) enum ParkedCommand {
    /// Fold them now that the cause is mended, with everything that waits behind them.
    Retry(Choice),
    /// Leave one out for good and fold what waits behind it.
    Skip {
        /// Its number in the list.
        id: i64,
    },
}

/// Which parked events.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Choice {
    /// Number in the list.
    pub(crate) id: Option<i64>,
    /// All of them.
    #[arg(long)]
    pub(crate) all: bool,
}

/// See [`Command::Export`].
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// First: a position, or an instant of recording. From the start when absent.
    #[arg(long, value_name = "POSITION|INSTANT")]
    pub(crate) from: Option<Bound>,
    /// End, itself left out: a position, or an instant of recording. To the end of the log when absent.
    #[arg(long, value_name = "POSITION|INSTANT")]
    pub(crate) to: Option<Bound>,
    /// Format of the output.
    #[arg(long, value_enum, default_value = "ndjson")]
    pub(crate) format: Format,
    /// Only this company.
    #[arg(long)]
    pub(crate) company: Option<Uuid>,
}

/// See [`Command::Archive`].
#[derive(Debug, Args)]
pub(crate) struct ArchiveArgs {
    /// Only ranges below this position. Every sealed range when absent.
    #[arg(long, value_name = "POSITION")]
    pub(crate) before: Option<i64>,
    /// Archive nothing: write the snapshots of archived streams anew, after a release that cannot read the former ones.
    #[arg(long, conflicts_with = "before")]
    pub(crate) renew_snapshots: bool,
}

/// See [`Command::Import`].
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Database of a cqrs-es application that stores its events with postgres-es.
    #[arg(long, value_name = "URL", env = "STOCKTRAIL_IMPORT_URL", hide_env_values = true)]
    pub(crate) from_postgres_es: String,
    /// Its table of events.
    #[arg(long, default_value = "events")]
    pub(crate) table: String,
    /// The company to which the events belong.
    #[arg(long)]
    pub(crate) company: Uuid,
    /// Number that stands for an event version which is none, for example `1.1=2`. May be given several times.
    #[arg(long, value_name = "VERSION=NUMBER")]
    pub(crate) schema_version: Vec<VersionNumber>,
    /// Read and check everything, append nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A number for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VersionNumber {
    /// `event_version` of the source.
    pub(crate) version: String,
    /// Schema version in the log, from 1.
    pub(crate) number: i16,
}

impl FromStr for VersionNumber {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (version, number) = text.rsplit_once('=').ok_or("write it as 1.1=2")?;
        let number =
            number.parse().ok().filter(|number| *number > 0).ok_or("the number must be 1 or more")?;
        Ok(Self { version: version.to_owned(), number })
    }
}

/// An end of a range of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// A position, in each partition.
    Position(i64),
    /// An instant of recording.
    Instant(DateTime<Utc>),
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(position) => Ok(Self::Position(position)),
            Err(_) => instant(text).map(Self::Instant),
        }
    }
}

/// Format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object per line.
    Ndjson,
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let instant = DateTime::parse_from_rfc3339(text);
    instant.map(|instant| instant.to_utc()).map_err(|_| "write it as 2026-11-20T15:00:00Z".to_owned())
}

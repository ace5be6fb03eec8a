//! `replay`: looks into the log, proves the read models against it and folds them again.
//!
//! Read in this order: `cli` (what can be asked), then one file per subcommand: `status`, `verify` (with `conservation`
//! and `checkpoints`), `prove`, `as_of`, `explain` (both on `item`), `rebuild`, `export`, `archive`. Nothing but `rebuild`,
//! `rollback` and `archive` writes. Exit codes: 0 done, 1 failed or a difference was found, 2 wrong usage.

mod cli;
mod output;
mod status;
mod verify;
mod conservation;
mod checkpoints;
mod prove;
mod item;
mod as_of;
mod explain;
mod rebuild;
mod export;
mod archive;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use event_log::archive::Archive;
use migrations::Database;

use crate::cli::{Cli, Command};
use crate::output::Finding;

#[tokio::main]
async fn main() -> ExitCode {
    let mut out = BufWriter::new(io::stdout());
    let finding = run(Cli::parse(), &mut out).await;
    let finding = finding.and_then(|finding| out.flush().map(|()| finding).map_err(anyhow::Error::from));
    match finding {
        Ok(Finding::Agreement) => ExitCode::SUCCESS,
        Ok(Finding::Difference) => ExitCode::FAILURE,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _shown = out.flush();
            let _closed = writeln!(io::stderr(), "replay: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let database = Database::attach(cli.database.source()).await?;
    let finding = dispatch(cli.command, &database, cli.archive, out).await;
    database.stop().await;
    finding
}

async fn dispatch(
    command: Command,
    database: &Database,
    folder: Option<PathBuf>,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let owner = database.owner();
    has_log(database).await?;
    let archive = Archive::at(folder.clone());
    match command {
        Command::Status => status::run(owner, out).await,
        Command::Verify(args) => verify::run(owner, &args, out).await,
        Command::Prove(args) => prove::run(owner, &args, out).await,
        Command::AsOf(args) => as_of::run(owner, &archive, &args, out).await,
        Command::Explain(args) => explain::run(owner, &archive, &args, out).await,
        Command::Rebuild(args) => rebuild::run(owner, &args, out).await,
        Command::Rollback(args) => rebuild::roll_back(owner, &args, out).await,
        Command::Export(args) => export::run(owner, &archive, &args, out).await,
        Command::Archive(args) => archive::run(owner, folder.as_deref(), &args, out).await,
    }
}

async fn has_log(database: &Database) -> anyhow::Result<()> {
    let found: bool = sqlx::query_scalar("select to_regclass('log.log_head') is not null")
        .fetch_one(database.owner())
        .await
        .context("the database cannot be reached")?;
    anyhow::ensure!(found, "this database has no log; `stocktrail migrate` makes one");
    Ok(())
}

/// The reader of our output, for example `head`, has seen enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

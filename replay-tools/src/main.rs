//! `replay`: looks into the log, proves the read models against it and folds them again.
//!
//! Read in this order: `cli` (what can be asked), then one file per subcommand: `status`, `verify` (with `conservation`),
//! `checkpoint`, `prove`, `as_of`, `explain` (both on `item`), `rebuild`, `parked`, `export`, `archive`, `import`. Nothing
//! but `rebuild`, `rollback`, `parked`, `archive` and `import` writes to the database. Exit codes: 0 done, 1 failed or a
//! difference was found, 2 wrong usage.

mod cli;
mod output;
mod status;
mod verify;
mod conservation;
mod checkpoint;
mod prove;
mod item;
mod as_of;
mod explain;
mod rebuild;
mod parked;
mod export;
mod archive;
mod import;

use std::io::{self, BufWriter, Write};
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
    if let Command::CheckProof(args) = &cli.command {
        return prove::check(args, out);
    }
    let database = Database::attach(cli.database.source()).await?;
    let finding = dispatch(&cli, &database, out).await;
    database.stop().await;
    finding
}

async fn dispatch(cli: &Cli, database: &Database, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let (owner, data_dir) = (database.owner(), cli.database.data_dir());
    let (folder, archive) = (cli.archive.as_deref(), Archive::at(cli.archive.clone()));
    has_log(database).await?;
    match &cli.command {
        Command::Status => status::run(owner, out).await,
        Command::Verify(args) => verify::run(owner, &archive, args, out).await,
        Command::Checkpoint(args) => checkpoint::run(owner, &archive, data_dir, args, out).await,
        Command::Prove(args) => prove::run(owner, data_dir, args, out).await,
        Command::CheckProof(args) => prove::check(args, out),
        Command::AsOf(args) => as_of::run(owner, &archive, args, out).await,
        Command::Explain(args) => explain::run(owner, &archive, args, out).await,
        Command::Rebuild(args) => rebuild::run(owner, &archive, args, out).await,
        Command::Rollback(args) => rebuild::roll_back(owner, &archive, args, out).await,
        Command::Parked(args) => parked::run(owner, &archive, args, out).await,
        Command::Export(args) => export::run(owner, &archive, args, out).await,
        Command::Archive(args) => archive::run(owner, folder, args, out).await,
        Command::Import(args) => import::run(database, args, out).await,
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

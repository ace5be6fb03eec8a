//! `replay import`: the events of a postgres-es table, appended to the log as one company's.
//!
//! `source` reads the table row by row in the order of its key, `translate` makes facts of rows, `target` appends those
//! that are new. A stream of the table becomes the stream of the same type, id and versions, so the log itself says
//! what it has already: an import that was killed is begun again and goes on, and two at the same time are one.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use event_log::event::partition_of;
use migrations::{Database, Role};

use crate::cli::ImportArgs;
use crate::output::{Finding, counted};

mod source;
mod target;
mod translate;

use source::Source;
use target::Target;
use translate::Translator;

/// Imports the table.
pub(crate) async fn run(
    database: &Database,
    args: &ImportArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let partition = partition_of(args.company, projections::heads::partitions(database.owner()).await?);
    let pool = database.pool(Role::Committer, 1).await?;
    let mut target = Target::new(pool.acquire().await?, partition, args);
    let mut source = Source::open(&args.from_postgres_es, &args.table).await?;
    let mut translator = Translator::new(args);
    let mut told = Instant::now();
    while let Some(rows) = source.next().await? {
        target.take_in(&translator.facts(rows)?).await?;
        if told.elapsed() >= Duration::from_secs(1) {
            told = Instant::now();
            let _closed =
                writeln!(io::stderr(), "{} so far", counted(target.appended + target.known, "event"));
        }
    }
    writeln!(
        out,
        "{} {} to partition {partition}; {} of {} in {} were in the log already",
        if args.dry_run { "would append" } else { "appended" },
        counted(target.appended, "event"),
        target.known,
        target.appended + target.known,
        counted(translator.streams(), "stream"),
    )?;
    Ok(Finding::Agreement)
}

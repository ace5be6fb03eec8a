//! `replay prove` and `replay check-proof`: is this event in the log?
//!
//! A proof is for somebody who does not have the log, only a checkpoint or the key that signs checkpoints.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use event_log::checkpoint::{SignedCheckpoint, tip};
use event_log::event::StoredEvent;
use event_log::proof::{Inclusion, Proof, inclusion, prove};
use event_log::{chain, hex, read};
use sqlx::{PgConnection, PgPool};

use crate::checkpoint::{self, describe};
use crate::cli::{CheckProofArgs, ProveArgs};
use crate::output::{Finding, instant};

/// Shows where the event is in the chain, and writes its proof if asked.
pub(crate) async fn run(
    owner: &PgPool,
    data_dir: &Path,
    args: &ProveArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let mut conn = owner.acquire().await?;
    let found = find(owner, &mut conn, args).await?;
    show(&found, out)?;
    if !found.holds() {
        writeln!(out, "THE EVENT IS NOT IN THE CHAIN")?;
        return Ok(Finding::Difference);
    }
    writeln!(out, "the event is in the chain")?;
    if let Some(file) = &args.write {
        let kept = if let Some(kept) = &args.checkpoint {
            checkpoint::read(kept, None)?
        } else {
            let key = args.signing.key(data_dir)?;
            let tip = tip(&mut conn, found.event.partition).await?;
            SignedCheckpoint::sign(&key, checkpoint::now(owner).await?, vec![tip])
        };
        let proof = prove(&mut conn, found, kept).await?;
        checkpoint::write(file, &proof.to_text()?)?;
        writeln!(out, "{}, leads to the {}", file.display(), describe(proof.checkpoint(), true))?;
    }
    Ok(Finding::Agreement)
}

/// Checks a proof without a database.
pub(crate) fn check(args: &CheckProofArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let about = || format!("{} proves nothing", args.file.display());
    let text = fs::read_to_string(&args.file).with_context(about)?;
    let proof = Proof::parse(&text).with_context(about)?;
    proof.check(args.public_key.as_ref()).with_context(about)?;
    let event = proof.event();
    writeln!(out, "{}", named(&event))?;
    writeln!(out, "payload   {}", event.payload)?;
    writeln!(out, "metadata  {}", event.metadata)?;
    let kept = describe(proof.checkpoint(), args.public_key.is_some());
    writeln!(out, "is in the log of the {kept}")?;
    Ok(Finding::Agreement)
}

async fn find(owner: &PgPool, conn: &mut PgConnection, args: &ProveArgs) -> anyhow::Result<Inclusion> {
    for partition in 0..projections::heads::partitions(owner).await? {
        if let Some(position) = read::find(conn, partition, None, args.event).await?
            && let Some(found) = inclusion(conn, partition, position).await?
        {
            return Ok(found);
        }
    }
    bail!("the log has no event {}", args.event)
}

fn show(found: &Inclusion, out: &mut dyn Write) -> anyhow::Result<()> {
    let Inclusion { event, head, .. } = found;
    writeln!(out, "{}", named(event))?;
    writeln!(
        out,
        "partition {}, position {}, batch {} up to position {}",
        event.partition, event.position, head.batch, head.position
    )?;
    writeln!(out, "hash of the event  {}", hex::text(&chain::event_hash(event)))?;
    writeln!(out, "hash of the batch  {}", hex::text(&head.hash))?;
    Ok(())
}

fn named(event: &StoredEvent) -> String {
    format!(
        "event {} ({}), version {} of {}/{} of company {}, recorded {}",
        event.event_id,
        event.event_type,
        event.version,
        event.stream_type,
        event.stream_id,
        event.company_id,
        instant(event.recorded_at),
    )
}

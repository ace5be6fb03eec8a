//! `replay prove`: the way of one event into the chain, for somebody who does not have the rest of the log.
//!
//! Whoever kept the head of the event's batch can compute it from these lines and compare.

use std::io::Write;

use event_log::chain;
use event_log::proof::{Proof, proof};
use sqlx::PgPool;

use crate::checkpoints::hex;
use crate::cli::ProveArgs;
use crate::output::{Finding, instant};

/// Shows the proof of the event.
pub(crate) async fn run(owner: &PgPool, args: &ProveArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let place: Option<(i16, i64)> =
        sqlx::query_as("select partition, position from log.events where event_id = $1")
            .bind(args.event)
            .fetch_optional(owner)
            .await?;
    let Some((partition, position)) = place else { anyhow::bail!("the log has no event {}", args.event) };
    let found = proof(&mut *owner.acquire().await?, partition, position).await?;
    let Some(found) = found else { anyhow::bail!("the log has no event {}", args.event) };
    let Proof { event, previous, hashes, place, head } = &found;
    writeln!(
        out,
        "event {} ({}), version {} of {}/{} of company {}, recorded {}",
        event.event_id,
        event.event_type,
        event.version,
        event.stream_type,
        event.stream_id,
        event.company_id,
        instant(event.recorded_at),
    )?;
    writeln!(
        out,
        "partition {partition}, position {position}, batch {} up to position {}",
        head.batch, head.position
    )?;
    writeln!(out, "hash of the event     {}", hex(&chain::event_hash(event)))?;
    writeln!(out, "hash of batch before  {}", hex(previous))?;
    for (n, hash) in hashes.iter().enumerate() {
        let note = if n == *place { "  (this event)" } else { "" };
        writeln!(out, "hash in the batch     {}{note}", hex(hash))?;
    }
    writeln!(out, "hash of the batch     {}", hex(&head.hash))?;
    writeln!(
        out,
        "{}",
        if found.holds() { "the event is in the chain" } else { "THE EVENT IS NOT IN THE CHAIN" }
    )?;
    Ok(Finding::of(found.holds()))
}

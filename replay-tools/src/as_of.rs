//! `replay as-of`: stock of an item at an instant, folded from the log by the domain's plain definition.

use std::io::Write;

use domain::shared::ids::LocationId;
use domain::stock::{StockEvent, as_of};
use event_log::archive::Archive;
use sqlx::PgPool;

use crate::cli::AsOfArgs;
use crate::item::{self, Item};
use crate::output::{Finding, Table, instant};

/// Shows on hand per location, and the total over physical ones.
pub(crate) async fn run(
    owner: &PgPool,
    archive: &Archive,
    args: &AsOfArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let item = item::find(owner, archive, args.company, &args.item).await?;
    let mut known = String::new();
    if let Some(known_at) = args.known_at {
        known = format!(", as known at {}", instant(known_at));
    }
    writeln!(out, "{} at {}{known}", item.title, instant(args.instant))?;
    show(&item, args, out)?;
    Ok(Finding::Agreement)
}

fn show(item: &Item, args: &AsOfArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let known =
        item.events.iter().filter(|(event, _)| args.known_at.is_none_or(|at| event.recorded_at <= at));
    let known: Vec<StockEvent> = known.map(|(_, fact)| fact.clone()).collect();
    let locations = match &args.location {
        Some(location) => vec![LocationId::new(location)?],
        None => item.locations(),
    };
    let mut table = Table::default();
    let mut total = 0_i64;
    for location in &locations {
        let on_hand = as_of(&known, location, args.instant);
        let mirror = item.is_mirror(location.as_str());
        if !mirror {
            total = total.saturating_add(on_hand);
        }
        let note = if mirror { "mirror, not in the total" } else { "" };
        table.row([location.as_str().to_owned(), on_hand.to_string(), note.to_owned()]);
    }
    if args.location.is_none() {
        table.row(["total".to_owned(), total.to_string()]);
    }
    table.write(out)?;
    Ok(())
}

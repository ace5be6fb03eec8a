//! `replay explain`: how the stock of an item came about, movement by movement.
//!
//! The figures are those that the events carry; beside them stand the domain's fold and what the read model says. Where
//! these three do not agree, that is a difference.

use std::collections::HashMap;
use std::io::Write;

use domain::stock::event::movement_id;
use domain::stock::{Movement, StockEvent, StockItem};
use event_log::archive::Archive;
use event_log::event::{Metadata, StoredEvent};
use sqlx::PgPool;
use uuid::Uuid;

use crate::cli::ExplainArgs;
use crate::item::{self, Item};
use crate::output::{Finding, Table, counted, instant, signed};

/// On hand by location, with the position that the read model stands at.
struct Level {
    on_hand: HashMap<String, i64>,
    position: i64,
}

/// Shows every movement and the final figures.
pub(crate) async fn run(
    owner: &PgPool,
    archive: &Archive,
    args: &ExplainArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let item = item::find(owner, archive, args.company, &args.item).await?;
    let level = level(owner, args.company, &item).await?;
    let events = i64::try_from(item.events.len()).unwrap_or(i64::MAX);
    writeln!(out, "{} of company {}: {}", item.title, args.company, counted(events, "event"))?;
    let places = places_of(&item);
    for (event, fact) in &item.events {
        show_event(event, fact, &places, out)?;
    }
    writeln!(out)?;
    show_result(&item, level.as_ref(), out)
}

/// Position of the event of each movement, by the movement's id.
fn places_of(item: &Item) -> HashMap<Uuid, i64> {
    let movements = item.events.iter().flat_map(|(event, fact)| {
        let fact = fact.entry();
        (0..fact.movements.len()).map(move |leg| (movement_id(fact.movement_id, leg), event.position))
    });
    movements.collect()
}

fn show_event(
    event: &StoredEvent,
    fact: &StockEvent,
    places: &HashMap<Uuid, i64>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let entry = fact.entry();
    let metadata: Option<Metadata> = serde_json::from_str(&event.metadata).ok();
    let actor = metadata.map_or_else(|| "an unknown actor".to_owned(), |metadata| metadata.actor);
    let learnt = if event.recorded_at == entry.effective_at {
        String::new()
    } else {
        format!(", learnt {}", instant(event.recorded_at))
    };
    let reference = fact.reference_id().map_or_else(String::new, |id| format!(" {id}"));
    writeln!(
        out,
        "\n#{}  {}  {}{}{reference} by {actor}{learnt}\n    /api/v1/events?after={}&limit=1",
        event.position,
        instant(entry.effective_at),
        event.event_type,
        detail(fact),
        event.position - 1,
    )?;
    for movement in &entry.movements {
        writeln!(out, "    {}", movement_text(movement, places))?;
    }
    match fact {
        StockEvent::UnitsReserved(reserved) => {
            writeln!(out, "    {}: {} reserved", reserved.location_id, reserved.sale.quantity)?;
        }
        StockEvent::SaleCancelled(cancelled) if cancelled.released != 0 => {
            writeln!(out, "    {}: {} set free", cancelled.location_id, cancelled.released)?;
        }
        _ => {}
    }
    if let Some(notes) = fact.notes() {
        writeln!(out, "    notes: {notes}")?;
    }
    Ok(())
}

/// What kind of adjustment it is.
fn detail(fact: &StockEvent) -> String {
    let StockEvent::StockAdjusted(adjusted) = fact else { return String::new() };
    format!(" {:?} for {:?}", adjusted.kind, adjusted.reason)
}

fn movement_text(movement: &Movement, places: &HashMap<Uuid, i64>) -> String {
    let Movement { location_id, quantity, effect, balance_after, anchored_at, superseded_by, .. } = movement;
    let stated = anchored_at.map_or_else(String::new, |stated| format!("  states {stated}"));
    let superseded = superseded_by.map_or_else(String::new, |anchor| match places.get(&anchor) {
        Some(position) => format!("  superseded by the statement at #{position}"),
        None => format!("  superseded by movement {anchor}"),
    });
    format!(
        "{location_id}: quantity {}  effect {}  balance {balance_after}{stated}{superseded}",
        signed(*quantity),
        signed(*effect)
    )
}

/// The final figures: sum of effects, the domain's fold, the read model.
fn show_result(item: &Item, level: Option<&Level>, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let mut folded = StockItem::default();
    for (_, fact) in &item.events {
        folded.evolve(fact);
    }
    let last = item.events.last().map_or(0, |(event, _)| event.position);
    let level = level.filter(|level| level.position >= last);
    let mut table = Table::new(&["location", "on hand", "sum of effects", "reserved", "read model"]);
    let mut finding = Finding::Agreement;
    let mut total = 0_i64;
    for (location, ledger) in &folded.locations {
        let effects = sum_of_effects(item, location);
        let read = level.map(|level| level.on_hand.get(location.as_str()).copied().unwrap_or(0));
        finding = finding
            .and(Finding::of(effects == ledger.on_hand && read.is_none_or(|read| read == ledger.on_hand)));
        let mirror = item.is_mirror(location.as_str());
        if !mirror {
            total = total.saturating_add(ledger.on_hand);
        }
        table.row([
            if mirror { format!("{location} (mirror)") } else { location.to_string() },
            ledger.on_hand.to_string(),
            effects.to_string(),
            ledger.reserved.to_string(),
            read.map_or_else(|| "not yet".to_owned(), |read| read.to_string()),
        ]);
    }
    table.row(["total".to_owned(), total.to_string()]);
    table.write(out)?;
    if finding == Finding::Difference {
        writeln!(out, "THESE FIGURES DIFFER")?;
    }
    Ok(finding)
}

fn sum_of_effects(item: &Item, location: &domain::shared::ids::LocationId) -> i64 {
    let movements = item.events.iter().flat_map(|(_, fact)| &fact.entry().movements);
    let here = movements.filter(|movement| movement.location_id == *location);
    here.fold(0, |sum, movement| sum.saturating_add(movement.effect))
}

/// What the read model says; none when it is not installed.
async fn level(owner: &PgPool, company_id: Uuid, item: &Item) -> anyhow::Result<Option<Level>> {
    let mut tx = owner.begin_with("begin isolation level repeatable read read only").await?;
    let installed: bool = sqlx::query_scalar("select to_regclass('inventory_1.levels') is not null")
        .fetch_one(&mut *tx)
        .await?;
    if !installed {
        return Ok(None);
    }
    let on_hand: Vec<(String, i64)> = sqlx::query_as(
        "select location_id, on_hand from inventory_1.levels where company_id = $1 and item_key = $2",
    )
    .bind(company_id)
    .bind(&item.key)
    .fetch_all(&mut *tx)
    .await?;
    let partition = item.events.first().map_or(0, |(event, _)| event.partition);
    let position: Option<i64> = sqlx::query_scalar(
        "select position from projections.checkpoints
         where name = 'inventory' and version = 1 and copy = 'live' and partition = $1",
    )
    .bind(partition)
    .fetch_optional(&mut *tx)
    .await?;
    Ok(Some(Level { on_hand: on_hand.into_iter().collect(), position: position.unwrap_or(0) }))
}

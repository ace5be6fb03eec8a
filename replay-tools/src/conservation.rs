//! Conservation of stock: for every item and location the effects of the movements sum to on hand, and both are what
//! the domain's [`StockItem`] folds from the log.
//!
//! One pass over the log per partition. The two read models may stand at different positions; each is compared with
//! the fold as it stands at its own.

use std::collections::HashMap;
use std::fmt;

use anyhow::Context;
use domain::shared::event::Event;
use domain::stock::{Ledger, StockEvent, StockItem};
use event_log::archive::{Archive, Events};
use event_log::event::{StoredEvent, partition_of};
use futures::TryStreamExt;
use projections::projection::decode;
use projections::stock::{inventory, movements};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Pairs of item and location that the log knows.
    pub(crate) places: i64,
    /// Where figures differ.
    pub(crate) faults: Vec<Fault>,
}

/// A figure that is not what the log says.
#[derive(Debug)]
pub(crate) struct Fault {
    place: Place,
    figure: &'static str,
    found: i64,
    expected: i64,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { place: Place { company_id, item_key, location_id }, figure, found, expected } = self;
        write!(
            f,
            "{item_key} at {location_id} of company {company_id}: {figure} {found}, the log says {expected}"
        )
    }
}

/// An item at a location.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    company_id: Uuid,
    item_key: String,
    location_id: String,
}

/// One figure of every place of a partition, by a read model that stands at `position`.
struct Claim {
    position: i64,
    figure: &'static str,
    of: Figure,
    values: HashMap<Place, i64>,
}

/// Reads one figure of a ledger, in units.
type Figure = fn(&Ledger) -> i64;

/// Stock of every item of a partition by company and item key.
type Items = HashMap<(Uuid, String), StockItem>;

/// Checks every partition.
pub(crate) async fn check(owner: &PgPool, archive: &Archive) -> anyhow::Result<Report> {
    let partitions = projections::heads::partitions(owner).await?;
    let mut claims = claims(owner, partitions).await?;
    let mut report = Report::default();
    for partition in 0..partitions {
        let claims = claims.remove(&partition).unwrap_or_default();
        let items = fold(owner, archive, partition, claims, &mut report.faults).await?;
        let places: usize = items.values().map(|item| item.locations.len()).sum();
        report.places = report.places.saturating_add(i64::try_from(places).unwrap_or(i64::MAX));
    }
    report.faults.sort_by(|left, right| left.place.cmp(&right.place));
    Ok(report)
}

/// What the read models say, by partition, in one snapshot.
async fn claims(owner: &PgPool, partitions: i16) -> anyhow::Result<HashMap<i16, Vec<Claim>>> {
    let mut tx = owner.begin_with("begin isolation level repeatable read read only").await?;
    let sum_of_effects = format!(
        "select company_id, item_key, location_id, sum(effect)::bigint from {}.movements group by 1, 2, 3",
        movements::SCHEMA
    );
    let level = |column| {
        format!("select company_id, item_key, location_id, {column} from {}.levels", inventory::SCHEMA)
    };
    let mut claims: HashMap<i16, Vec<Claim>> = HashMap::new();
    let on_hand: Figure = |ledger| ledger.on_hand;
    let reserved: Figure = |ledger| ledger.reserved;
    for (schema, figure, sql, of) in [
        (movements::SCHEMA, "sum of effects", sum_of_effects, on_hand),
        (inventory::SCHEMA, "on hand", level("on_hand"), on_hand),
        (inventory::SCHEMA, "reserved", level("reserved"), reserved),
    ] {
        let mut values =
            values(&mut tx, &sql, partitions).await.with_context(|| format!("reading {schema}"))?;
        for (partition, position) in positions(&mut tx, schema).await? {
            let values = values.remove(&partition).unwrap_or_default();
            claims.entry(partition).or_default().push(Claim { position, figure, of, values });
        }
    }
    tx.rollback().await?;
    Ok(claims)
}

async fn values(
    conn: &mut PgConnection,
    sql: &str,
    partitions: i16,
) -> Result<HashMap<i16, HashMap<Place, i64>>, sqlx::Error> {
    let mut rows = sqlx::query_as::<_, (Uuid, String, String, i64)>(sql).fetch(conn);
    let mut values: HashMap<i16, HashMap<Place, i64>> = HashMap::new();
    while let Some((company_id, item_key, location_id, units)) = rows.try_next().await? {
        let place = Place { company_id, item_key, location_id };
        values.entry(partition_of(company_id, partitions)).or_default().insert(place, units);
    }
    Ok(values)
}

async fn positions(conn: &mut PgConnection, schema: &str) -> Result<Vec<(i16, i64)>, sqlx::Error> {
    sqlx::query_as(
        "select partition, position from projections.checkpoints
         where name || '_' || version = $1 and copy = 'live' order by partition",
    )
    .bind(schema)
    .fetch_all(conn)
    .await
}

/// Folds a partition and compares each claim when the fold stands where its read model stands.
async fn fold(
    owner: &PgPool,
    archive: &Archive,
    partition: i16,
    mut claims: Vec<Claim>,
    faults: &mut Vec<Fault>,
) -> anyhow::Result<Items> {
    claims.sort_by_key(|claim| claim.position);
    let end = claims.last().map_or(0, |claim| claim.position);
    let mut claims = claims.into_iter().peekable();
    let mut items = Items::new();
    let mut events = Events::open(owner, archive, partition, (0, end)).await?;
    while let Some(block) = events.next().await? {
        for event in &block {
            while let Some(claim) = claims.next_if(|claim| claim.position < event.position) {
                compare(&items, claim, faults);
            }
            evolve(&mut items, event)?;
        }
    }
    for claim in claims {
        compare(&items, claim, faults);
    }
    Ok(items)
}

fn evolve(items: &mut Items, event: &StoredEvent) -> anyhow::Result<()> {
    if &*event.stream_type == StockEvent::STREAM_TYPE {
        let fact: StockEvent = decode(event)?;
        items.entry((event.company_id, event.stream_id.as_ref().to_owned())).or_default().evolve(&fact);
    }
    Ok(())
}

/// A place that a read model does not know stands at 0.
fn compare(items: &Items, mut claim: Claim, faults: &mut Vec<Fault>) {
    let figure = claim.figure;
    for ((company_id, item_key), item) in items {
        for (location_id, ledger) in &item.locations {
            let location_id = location_id.as_str().to_owned();
            let place = Place { company_id: *company_id, item_key: item_key.clone(), location_id };
            let expected = (claim.of)(ledger);
            let found = claim.values.remove(&place).unwrap_or(0);
            if found != expected {
                faults.push(Fault { place, figure, found, expected });
            }
        }
    }
    let unknown = claim.values.into_iter().filter(|(_, found)| *found != 0);
    faults.extend(unknown.map(|(place, found)| Fault { place, figure, found, expected: 0 }));
}

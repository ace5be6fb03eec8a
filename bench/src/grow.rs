//! Fills a log with the history of many companies: what they would have after years, in minutes.
//!
//! Every fact is decided by the domain, one product after another in the order of time, so that variances, superseded
//! facts and balances are what they would be; the events are appended in large batches, with keys and chain, by the
//! same call as the committer's. Sizes follow a few large companies and many small ones, popularity of products too.
//! The same growth gives the same facts in every run, but for the ids of companies.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use commands::clock::{Clock, Ids};
use commands::{CommitterConfig, Committers, Operation};
use domain::catalogue::location::event::{LocationDetails, LocationKind};
use domain::catalogue::product::event::ProductDetails;
use domain::companies::event::Profile;
use domain::shared::event::Event;
use domain::shared::ids::{ChannelId, CompanyId, LocationId};
use domain::shared::moment::Stamp;
use domain::shared::money::Currency;
use domain::stock::command::Human;
use domain::stock::{
    AdjustKind, Confirm, Reason, SaleLine, StockCommand, StockEvent, StockFacts, StockIntent, StockItem,
    StockRules,
};
use event_log::append::{Appended, Batch, Head, KeyClaim, KeyKind, append, head, key_id};
use event_log::event::{Meaning, StoredEvent, partition_of};
use migrations::Role;
use sqlx::PgPool;
use uuid::Uuid;

use crate::bed::{self, Bed};

const PARTITIONS: i16 = 4;
/// Events of one batch, about.
const BATCH: u64 = 1_000;
/// Products of a company at most.
const MOST_ITEMS: usize = 4_000;
const LOCATIONS: [&str; 3] = ["MAIN", "SHOP", "WEB"];

/// What the log is to hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    /// Facts about stock, about.
    pub(crate) events: u64,
    /// Companies; the first has a quarter of all facts.
    pub(crate) companies: u32,
    /// How many days the history is long.
    pub(crate) days: i64,
}

/// What the log holds.
pub(crate) struct Grown {
    /// Companies, the largest first.
    pub(crate) companies: Vec<Size>,
    /// Facts that were appended.
    pub(crate) events: u64,
    /// Begin of the history.
    pub(crate) begin: DateTime<Utc>,
    /// End of the history.
    pub(crate) end: DateTime<Utc>,
    /// How long it took, companies and products included.
    pub(crate) took: Duration,
}

/// A company and how large it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// The company.
    pub(crate) company_id: CompanyId,
    /// Products.
    pub(crate) items: usize,
    /// Facts, about.
    pub(crate) facts: u64,
}

/// Founds the companies and appends their history.
pub(crate) async fn grow(bed: &Bed, growth: Growth) -> anyhow::Result<Grown> {
    let started = Instant::now();
    let end = Clock::system().now();
    let begin = end - TimeDelta::days(growth.days);
    let companies = found_all(bed, growth, begin).await?;
    let pool = bed.database.pool(Role::Committer, 8).await?;
    let mut fillers = Vec::new();
    for partition in 0..PARTITIONS {
        let here = companies.iter().filter(|size| partition_of(size.company_id.0, PARTITIONS) == partition);
        let shops: Vec<_> = here.map(Shop::new).collect::<anyhow::Result<_>>()?;
        let filler = Filler {
            pool: pool.clone(),
            partition,
            head: head(&mut *pool.acquire().await?, partition).await?,
            shops,
            chance: Chance(u64::try_from(partition)? + 1),
            facts: 0,
        };
        fillers.push(tokio::spawn(filler.fill(begin, end)));
    }
    let mut events = 0;
    for filler in fillers {
        events += filler.await??;
    }
    Ok(Grown { companies, events, begin, end, took: started.elapsed() })
}

/// Sizes: a quarter of all to the first company, the rest falling off slowly.
fn sizes(growth: Growth) -> Vec<(usize, u64)> {
    let small = u64::from(growth.companies.max(2) - 1);
    let weights: Vec<u64> = (0..small).map(|n| 1_000_000 / (n + 2)).collect();
    let all: u64 = weights.iter().sum();
    let rest = growth.events - growth.events / 4;
    let facts = std::iter::once(growth.events / 4).chain(weights.iter().map(|weight| rest * weight / all));
    let items = |facts: u64| usize::try_from(facts / 400).unwrap_or(MOST_ITEMS).clamp(20, MOST_ITEMS);
    facts.map(|facts| (items(facts), facts)).collect()
}

/// Companies with locations and products, all from before the history begins.
async fn found_all(bed: &Bed, growth: Growth, begin: DateTime<Utc>) -> anyhow::Result<Vec<Size>> {
    let clock = Clock::system();
    clock.advance(begin - clock.now() - TimeDelta::days(1));
    let pool = bed.database.pool(Role::Committer, 9).await?;
    let config = CommitterConfig { pool, partitions: PARTITIONS, clock, snapshot_every: 1_000 };
    let committers = Committers::start(&config);
    let mut companies = Vec::new();
    for (number, (items, facts)) in sizes(growth).into_iter().enumerate() {
        let partition = i16::try_from(number % 4)?;
        let company_id = found(&committers, partition, items).await?;
        companies.push(Size { company_id, items, facts });
    }
    committers.stop().await;
    Ok(companies)
}

async fn found(committers: &Committers, partition: i16, items: usize) -> anyhow::Result<CompanyId> {
    let company_id = loop {
        let id = Ids.next();
        if partition_of(id, PARTITIONS) == partition {
            break CompanyId(id);
        }
    };
    let profile =
        Profile { name: "Grown".into(), currency: Currency::new("EUR")?, time_zone: chrono_tz::UTC };
    let mut operations = vec![Operation::FoundCompany { profile }];
    for location in LOCATIONS {
        let details = Box::new(LocationDetails::named(location, LocationKind::Own, None));
        let location_id = LocationId::new(location)?;
        operations.push(Operation::CreateLocation { location_id, details, is_primary: location == "MAIN" });
    }
    bed::submit(committers, company_id, operations).await?;
    for first in (0..items).step_by(1_000) {
        let products: anyhow::Result<Vec<_>> = (first..items.min(first + 1_000))
            .map(|n| {
                let item_id = bed::item(n)?;
                let details = ProductDetails::named(&item_id, &format!("Product {n}"));
                Ok(Operation::CreateProduct { item_id, details })
            })
            .collect();
        bed::submit(committers, company_id, products?).await?;
    }
    Ok(company_id)
}

/// Appends the history of one partition.
struct Filler {
    pool: PgPool,
    partition: i16,
    head: Head,
    shops: Vec<Shop>,
    chance: Chance,
    facts: u64,
}

/// One company with the stock of its products.
struct Shop {
    company_id: CompanyId,
    facts: u64,
    items: Vec<Item>,
}

struct Item {
    key: Arc<str>,
    version: i64,
    stock: StockItem,
}

/// Something is going to happen.
struct Plan {
    at: DateTime<Utc>,
    shop: usize,
    item: usize,
}

impl Shop {
    fn new(size: &Size) -> anyhow::Result<Self> {
        let item = |n| {
            let key = Arc::from(bed::item(n)?.as_str());
            Ok(Item { key, version: 0, stock: StockItem::default() })
        };
        let items = (0..size.items).map(item).collect::<anyhow::Result<_>>()?;
        Ok(Self { company_id: size.company_id, facts: size.facts, items })
    }
}

impl Filler {
    /// Slice by slice; what happens in a slice is recorded at its end.
    async fn fill(mut self, begin: DateTime<Utc>, end: DateTime<Utc>) -> anyhow::Result<u64> {
        let facts: u64 = self.shops.iter().map(|shop| shop.facts).sum();
        let slices = i64::try_from(facts.div_ceil(BATCH).max(1))?;
        let length = (end - begin).num_milliseconds() / slices;
        let mut connection = self.pool.clone().acquire().await?;
        for slice in 0..slices {
            let from = begin + TimeDelta::milliseconds(length * slice);
            let recorded_at = from + TimeDelta::milliseconds(length);
            let mut plans = self.plan(from, length, u64::try_from(slice)?, u64::try_from(slices)?)?;
            plans.sort_unstable_by_key(|plan| plan.at);
            let batch = self.decide(&plans, recorded_at)?;
            if batch.events.is_empty() {
                continue;
            }
            self.facts += u64::try_from(batch.events.len())?;
            match append(&mut connection, &batch).await? {
                Appended::Done(head) => self.head = head,
                other => anyhow::bail!("not appended: {other:?}"),
            }
        }
        Ok(self.facts)
    }

    /// Which products have a fact in a slice, and when.
    fn plan(
        &mut self,
        from: DateTime<Utc>,
        length: i64,
        slice: u64,
        slices: u64,
    ) -> anyhow::Result<Vec<Plan>> {
        let mut plans = Vec::new();
        for (number, shop) in self.shops.iter().enumerate() {
            let due = shop.facts * (slice + 1) / slices - shop.facts * slice / slices;
            for _ in 0..due {
                let at = from
                    + TimeDelta::milliseconds(i64::try_from(
                        self.chance.below(u64::try_from(length.max(1))?),
                    )?);
                let at = DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at);
                // Of two products drawn the more popular: the first tenth has a fifth of all facts.
                let items = u64::try_from(shop.items.len())?;
                let item = self.chance.below(items).min(self.chance.below(items));
                plans.push(Plan { at, shop: number, item: usize::try_from(item)? });
            }
        }
        Ok(plans)
    }

    fn decide(&mut self, plans: &[Plan], recorded_at: DateTime<Utc>) -> anyhow::Result<Batch> {
        let recorded_at =
            DateTime::from_timestamp_micros(recorded_at.timestamp_micros()).unwrap_or(recorded_at);
        let metadata: Arc<str> = Arc::from(serde_json::to_string(&bed::metadata())?);
        let mut batch = Batch {
            partition: self.partition,
            expected: self.head.clone(),
            events: Vec::with_capacity(plans.len()),
            keys: Vec::new(),
            recorded_at,
        };
        for plan in plans {
            let Some(shop) = self.shops.get_mut(plan.shop) else { continue };
            let company_id = shop.company_id.0;
            let Some(item) = shop.items.get_mut(plan.item) else { continue };
            let movement_id = self.chance.id(recorded_at);
            let intent = intent(&mut self.chance, plan.at, movement_id)?;
            let line = match &intent {
                StockIntent::RecordSale { sale, .. } => Some(sale.line_id.clone()),
                _ => None,
            };
            let facts = StockFacts {
                movement_id,
                now: recorded_at,
                time_zone: chrono_tz::UTC,
                rules: StockRules::default(),
                history: None,
            };
            // People are refused what is not there, as they would be.
            for event in item.stock.decide(StockCommand { facts, intent }).unwrap_or_default() {
                item.stock.evolve(&event);
                item.version += 1;
                let position = self.head.position + 1 + i64::try_from(batch.events.len())?;
                let stored =
                    stored(self.partition, position, company_id, (item, &event), recorded_at, &metadata)?;
                batch.events.push(stored);
                if let Some(line) = &line {
                    let key = key_id(&["shop", line]);
                    let claim =
                        KeyClaim { company_id, kind: KeyKind::External, key, digest: key, answer: None };
                    batch.keys.push((claim, position));
                }
            }
        }
        Ok(batch)
    }
}

fn stored(
    partition: i16,
    position: i64,
    company_id: Uuid,
    (item, event): (&Item, &StockEvent),
    recorded_at: DateTime<Utc>,
    metadata: &Arc<str>,
) -> anyhow::Result<StoredEvent> {
    Ok(StoredEvent {
        partition,
        position,
        company_id,
        stream_type: Arc::from(StockEvent::STREAM_TYPE),
        stream_id: Arc::clone(&item.key),
        version: item.version,
        event_id: event.entry().movement_id,
        event_type: Arc::from(event.name()),
        schema_version: event.schema_version(),
        effective_at: event.entry().effective_at,
        recorded_at,
        payload: Arc::from(event.payload()?),
        metadata: Arc::clone(metadata),
        meaning: Meaning::default(),
    })
}

/// Mostly sales, one in twenty late; deliveries that replace them; now and then a transfer, a correction or a count.
fn intent(chance: &mut Chance, at: DateTime<Utc>, id: Uuid) -> anyhow::Result<StockIntent> {
    let place = |chance: &mut Chance| match chance.below(10) {
        0 => LOCATIONS[2],
        1 | 2 => LOCATIONS[1],
        _ => LOCATIONS[0],
    };
    let location_id = LocationId::new(place(chance))?;
    let human = Human {
        at: Some(Stamp { at, offset_minutes: 0 }),
        confirm: vec![Confirm::Backdated, Confirm::LargeChange],
        ..Human::default()
    };
    let quantity = 1 + i64::try_from(chance.below(4))?;
    Ok(match chance.below(100) {
        0..=6 => {
            let reference = Some(format!("D-{}", id.as_fields().0));
            StockIntent::Receive { location_id, quantity: quantity * 12, reference, human }
        }
        7..=10 => StockIntent::Transfer { from: location_id, to: LocationId::new("WEB")?, quantity, human },
        11 | 12 => StockIntent::Adjust {
            location_id,
            kind: AdjustKind::Subtract,
            quantity,
            reason: Reason::Damage,
            human,
        },
        13 => StockIntent::Count { location_id, counted: quantity * 20, human },
        14 => {
            let at = Stamp { at, offset_minutes: 0 };
            StockIntent::RecordSnapshot {
                location_id,
                at,
                quantity: quantity * 10,
                channel: ChannelId::new("shop")?,
            }
        }
        _ => {
            let late = match chance.below(400) {
                0 => chance.below(60 * 24 * 60),
                1..=20 => chance.below(4 * 24 * 60),
                _ => 0,
            };
            let at = Stamp { at: at - TimeDelta::minutes(i64::try_from(late)?), offset_minutes: 0 };
            let sale = SaleLine {
                channel: ChannelId::new("shop")?,
                order_id: format!("O-{}", id.as_fields().0),
                line_id: id.simple().to_string(),
                quantity,
                unit_price: None,
            };
            StockIntent::RecordSale { location_id, at, sale, reserve: false }
        }
    })
}

/// The same numbers in every run (an xorshift generator).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound.max(1)
    }

    /// A `UUIDv7` of an instant.
    fn id(&mut self, at: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
        let random = (u128::from(self.next()) << 64) | u128::from(self.next());
        let mut bytes = [0; 10];
        for (to, from) in bytes.iter_mut().zip(random.to_be_bytes()) {
            *to = from;
        }
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_company_has_a_quarter_and_all_together_have_everything() {
        let sizes = sizes(Growth { events: 1_000_000, companies: 60, days: 1 });
        assert_eq!(sizes.len(), 60);
        assert_eq!(sizes[0], (625, 250_000));
        let all: u64 = sizes.iter().map(|(_, facts)| facts).sum();
        assert!((999_900..=1_000_000).contains(&all), "{all}");
        assert!(sizes.iter().all(|(items, facts)| *items >= 20 && *facts > 1_000));
    }
}

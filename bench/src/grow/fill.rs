//! Decides and appends the history of one partition.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::shared::event::Event;
use domain::shared::ids::CompanyId;
use domain::stock::{StockCommand, StockEvent, StockFacts, StockIntent, StockItem, StockRules};
use event_log::append::{Appended, Batch, Head, KeyClaim, KeyKind, append, head, key_id};
use event_log::event::{Meaning, StoredEvent};
use sqlx::PgPool;
use uuid::Uuid;

use super::Size;
use super::intent::{Chance, intent};
use crate::bed;

/// Events of one batch, about.
const BATCH: u64 = 1_000;

/// Appends the history of one partition.
pub(super) struct Filler {
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
    /// Begins at the end of what is there.
    pub(super) async fn new(
        pool: PgPool,
        partition: i16,
        companies: impl Iterator<Item = &Size>,
    ) -> anyhow::Result<Self> {
        let head = head(&mut *pool.acquire().await?, partition).await?;
        let shops = companies.map(Shop::new).collect::<anyhow::Result<_>>()?;
        let chance = Chance::new(u64::try_from(partition)? + 1);
        Ok(Self { pool, partition, head, shops, chance, facts: 0 })
    }

    /// Slice by slice; what happens in a slice is recorded at its end.
    pub(super) async fn fill(mut self, begin: DateTime<Utc>, end: DateTime<Utc>) -> anyhow::Result<u64> {
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

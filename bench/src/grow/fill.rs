//! Decides and appends the history of one partition.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::shared::event::Event;
use domain::shared::ids::CompanyId;
use domain::stock::{SaleLine, StockCommand, StockEvent, StockFacts, StockIntent, StockItem, StockRules};
use event_log::append::{Appended, Batch, Head, KeyClaim, KeyKind, append, head, key_id};
use event_log::event::{Meaning, StoredEvent};
use sqlx::PgPool;

use super::Size;
use super::intent::{Chance, intent, sale_at};
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

/// Stock of one product, the version of its stream, and what can be said of its lines later.
pub(super) struct Item {
    key: Arc<str>,
    version: i64,
    stock: StockItem,
    pub(super) reserved: Option<SaleLine>,
    pub(super) sold: Option<SaleLine>,
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
            let key = Arc::from(bed::item(usize::try_from(n)?)?.as_str());
            Ok(Item { key, version: 0, stock: StockItem::default(), reserved: None, sold: None })
        };
        let items = (0..size.items).map(item).collect::<anyhow::Result<_>>()?;
        Ok(Self { company_id: size.company_id, facts: size.facts, items })
    }
}

impl Item {
    /// Whether nothing has happened yet.
    pub(super) fn is_new(&self) -> bool {
        self.version == 0
    }

    /// Takes in what happened. Of each line a later thing is said once.
    fn take(&mut self, fact: &StockEvent) {
        self.stock.evolve(fact);
        self.version += 1;
        match fact {
            StockEvent::UnitsReserved(reserved) => self.reserved = Some(reserved.sale.clone()),
            StockEvent::ReservedUnitsShipped(_) => self.reserved = None,
            StockEvent::Sold(sold) => self.sold = Some(sold.sale.clone()),
            StockEvent::SaleCancelled(_) | StockEvent::Returned(_) => self.sold = None,
            _ => {}
        }
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
        let slices = facts.div_ceil(BATCH).max(1);
        let length = (end - begin) / i32::try_from(slices)?;
        let mut connection = self.pool.clone().acquire().await?;
        for slice in 0..slices {
            let from = begin + length * i32::try_from(slice)?;
            let recorded_at = micros(from + length);
            let mut plans = self.plan(from, length, (slice, slices))?;
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
        length: TimeDelta,
        (slice, slices): (u64, u64),
    ) -> anyhow::Result<Vec<Plan>> {
        let mut plans = Vec::new();
        let millis = u64::try_from(length.num_milliseconds())?;
        for (number, shop) in self.shops.iter().enumerate() {
            let due = shop.facts * (slice + 1) / slices - shop.facts * slice / slices;
            for _ in 0..due {
                let at = micros(from + TimeDelta::milliseconds(i64::try_from(self.chance.below(millis))?));
                // Of two products drawn the more popular: the first tenth has a fifth of all facts.
                let items = u64::try_from(shop.items.len())?;
                let item = self.chance.below(items).min(self.chance.below(items));
                plans.push(Plan { at, shop: number, item: usize::try_from(item)? });
            }
        }
        Ok(plans)
    }

    fn decide(&mut self, plans: &[Plan], recorded_at: DateTime<Utc>) -> anyhow::Result<Batch> {
        let mut batch = Batch {
            partition: self.partition,
            expected: self.head.clone(),
            events: Vec::with_capacity(plans.len()),
            keys: Vec::new(),
            recorded_at,
        };
        for plan in plans {
            let Some(shop) = self.shops.get_mut(plan.shop) else { continue };
            let Some(item) = shop.items.get_mut(plan.item) else { continue };
            let movement_id = self.chance.id(recorded_at);
            let mut intent = intent(&mut self.chance, plan.at, item)?;
            let facts = StockFacts {
                movement_id,
                now: recorded_at,
                time_zone: chrono_tz::UTC,
                rules: StockRules::default(),
                history: None,
            };
            let decide = |intent: &StockIntent| {
                item.stock.decide(StockCommand { facts: facts.clone(), intent: intent.clone() })
            };
            // People are refused what is not there; a sale is always recorded.
            let decided = if let Ok(events) = decide(&intent) {
                events
            } else {
                intent = sale_at(&mut self.chance, plan.at)?;
                decide(&intent)?
            };
            let key = match &intent {
                StockIntent::RecordSale { sale, .. } => Some(key_id(&["web", &sale.line_id])),
                _ => None,
            };
            for event in decided {
                item.take(&event);
                let position = self.head.position + 1 + i64::try_from(batch.events.len())?;
                batch.events.push(StoredEvent {
                    partition: self.partition,
                    position,
                    company_id: shop.company_id.0,
                    stream_type: Arc::from(StockEvent::STREAM_TYPE),
                    stream_id: Arc::clone(&item.key),
                    version: item.version,
                    event_id: movement_id,
                    event_type: Arc::from(event.name()),
                    schema_version: event.schema_version(),
                    effective_at: event.entry().effective_at,
                    recorded_at,
                    payload: Arc::from(event.payload()?),
                    metadata: Arc::from(serde_json::to_string(&bed::metadata())?),
                    meaning: Meaning::default(),
                });
                batch.keys.extend(key.map(|key| {
                    let (company_id, kind) = (shop.company_id.0, KeyKind::External);
                    (KeyClaim { company_id, kind, key, digest: key, answer: None }, position)
                }));
            }
        }
        Ok(batch)
    }
}

/// An instant as the log keeps it.
fn micros(instant: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(instant.timestamp_micros()).unwrap_or(instant)
}

//! A company's stock list in memory, so that any page in any order is one pass over numbers instead of a sort in SQL.
//!
//! A table is loaded at first use and then asks the read models for rows changed since the position it has seen: at
//! most every [`REFRESH_EVERY`], and always before a reader who waited for a position. Positions become visible in
//! order within a company, so nothing is missed. When the live copy of a read model is another one than before (a
//! rebuild), the table is loaded anew. The least recently used companies leave when [`MAX_ROWS`] are exceeded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::Instant;
use uuid::Uuid;

use crate::tenant;
use load::{LevelChange, Seen, changes, load, places};
use table::Table;

mod ask;
mod order;
mod texts;
mod table;
mod levels;
mod load;
mod select;
mod row;

pub use ask::{Ask, Column, Detail, Filter, Sort};
pub use load::PastLevel;
pub use row::{Cost, ItemRow, LevelRow};

/// How old a table may be when it answers a reader who waits for nothing.
pub const REFRESH_EVERY: Duration = Duration::from_millis(20);
/// Products of all companies in memory, at about 400 bytes each with two locations.
pub const MAX_ROWS: usize = 250_000;

/// Tables of all companies that were asked for. Cheap to clone.
#[derive(Clone)]
pub struct Boards(Arc<Inner>);

struct Inner {
    reads: PgPool,
    max_rows: usize,
    companies: Mutex<HashMap<Uuid, Arc<Company>>>,
}

struct Company {
    table: RwLock<Table>,
    seen: tokio::sync::Mutex<Seen>,
    refreshed: Mutex<Option<Instant>>,
    used: Mutex<Instant>,
}

/// How new a table must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// At most [`REFRESH_EVERY`] old.
    Recent,
    /// Read after the question was asked.
    Now,
}

/// A page of a company's stock list.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Rows of the page.
    pub items: Vec<ItemRow>,
    /// Rows that match in all.
    pub total: usize,
}

impl Boards {
    /// Reads through this pool, under row-level security.
    pub fn new(reads: PgPool) -> Self {
        Self::with_max_rows(reads, MAX_ROWS)
    }

    /// The same with another bound on products in memory.
    pub fn with_max_rows(reads: PgPool, max_rows: usize) -> Self {
        Self(Arc::new(Inner { reads, max_rows, companies: Mutex::default() }))
    }

    /// A page of the company's list as it stands now.
    pub async fn list(&self, company_id: Uuid, ask: &Ask, fresh: Freshness) -> Result<Found, sqlx::Error> {
        let company = self.fresh(company_id, fresh).await?;
        let table = company.table.read().unwrap_or_else(PoisonError::into_inner);
        Ok(found(&table, ask))
    }

    /// A page of the company's products with the stock of another instant; nothing is reserved there.
    pub async fn list_past(
        &self,
        company_id: Uuid,
        ask: &Ask,
        levels: Vec<PastLevel>,
    ) -> Result<Found, sqlx::Error> {
        let company = self.fresh(company_id, Freshness::Recent).await?;
        let mut past = company.table.read().unwrap_or_else(PoisonError::into_inner).without_levels();
        past.set_levels(levels.into_iter().map(LevelChange::from).collect());
        Ok(found(&past, ask))
    }

    /// One product with its stock, whether active or not; none when the catalogue does not know it.
    pub async fn item(
        &self,
        company_id: Uuid,
        item_key: &str,
        fresh: Freshness,
    ) -> Result<Option<ItemRow>, sqlx::Error> {
        let company = self.fresh(company_id, fresh).await?;
        let table = company.table.read().unwrap_or_else(PoisonError::into_inner);
        Ok(table.find(item_key).and_then(|row| ItemRow::of(&table, row)))
    }

    async fn fresh(&self, company_id: Uuid, fresh: Freshness) -> Result<Arc<Company>, sqlx::Error> {
        let asked = Instant::now();
        let company = self.company(company_id, asked);
        let required = match fresh {
            Freshness::Now => Some(asked),
            Freshness::Recent => asked.checked_sub(REFRESH_EVERY),
        };
        if !company.refreshed_since(required) {
            self.renew(&company, company_id, fresh, required).await?;
        }
        Ok(company)
    }

    async fn renew(
        &self,
        company: &Company,
        company_id: Uuid,
        fresh: Freshness,
        required: Option<Instant>,
    ) -> Result<(), sqlx::Error> {
        let seen = match company.seen.try_lock() {
            Ok(seen) => seen,
            // Somebody renews it already: what was new a moment ago still serves a reader who waits for nothing.
            Err(_) if fresh == Freshness::Recent && company.was_loaded() => return Ok(()),
            Err(_) => company.seen.lock().await,
        };
        if !company.refreshed_since(required) {
            company.refresh(&self.0.reads, company_id, seen).await?;
            self.evict();
        }
        Ok(())
    }

    fn company(&self, company_id: Uuid, now: Instant) -> Arc<Company> {
        let mut companies = self.0.companies.lock().unwrap_or_else(PoisonError::into_inner);
        let company = companies.entry(company_id).or_insert_with(|| Arc::new(Company::new(now)));
        *company.used.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Arc::clone(company)
    }

    /// Forgets the companies that were asked for least recently, but never the newest.
    fn evict(&self) {
        let mut companies = self.0.companies.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sizes: Vec<(Instant, Uuid, usize)> = companies
            .iter()
            .map(|(id, company)| {
                let used = *company.used.lock().unwrap_or_else(PoisonError::into_inner);
                let rows = company.table.read().unwrap_or_else(PoisonError::into_inner).rows();
                (used, *id, rows)
            })
            .collect();
        let mut rows: usize = sizes.iter().map(|(_, _, rows)| rows).sum();
        sizes.sort_unstable();
        sizes.pop();
        for (_, company_id, size) in sizes {
            if rows <= self.0.max_rows {
                break;
            }
            companies.remove(&company_id);
            rows -= size;
        }
    }
}

fn found(table: &Table, ask: &Ask) -> Found {
    let (rows, total) = select::select(table, ask);
    Found { items: rows.into_iter().filter_map(|row| ItemRow::of(table, row)).collect(), total }
}

impl Company {
    fn new(now: Instant) -> Self {
        Self {
            table: RwLock::default(),
            seen: tokio::sync::Mutex::new(Seen::NOTHING),
            refreshed: Mutex::new(None),
            used: Mutex::new(now),
        }
    }

    fn was_loaded(&self) -> bool {
        self.refreshed.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn refreshed_since(&self, required: Option<Instant>) -> bool {
        let refreshed = *self.refreshed.lock().unwrap_or_else(PoisonError::into_inner);
        matches!((refreshed, required), (Some(at), Some(required)) if at >= required)
    }

    async fn refresh(
        &self,
        reads: &PgPool,
        company_id: Uuid,
        mut seen: tokio::sync::MutexGuard<'_, Seen>,
    ) -> Result<(), sqlx::Error> {
        let started = Instant::now();
        let mut snapshot = tenant::begin(reads, company_id).await?;
        let (copies, places) = places(&mut snapshot, company_id).await?;
        if copies == seen.copies {
            let (products, levels) = changes(&mut snapshot, company_id, *seen).await?;
            *seen = seen.after(&products, &levels);
            let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
            table.take_up(&places, products, levels);
        } else {
            let (table, loaded) = load(&mut snapshot, company_id, &places, copies).await?;
            *seen = loaded;
            *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
        }
        *self.refreshed.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
        Ok(())
    }
}

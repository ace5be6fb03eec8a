//! A company's stock list and plans in memory, so that any page in any order is one pass over numbers instead of a sort in SQL.
//!
//! A table is loaded as soon as somebody of its company is [noticed](Boards::notice) and then asks the read models for
//! rows changed since the position it has seen: about once a second in the background ([`Boards::keep_warm`]), at most
//! every [`REFRESH_EVERY`] for readers, and always before a reader who waited for a position. Positions become visible
//! in order within a company, so nothing is missed. When the live copy of a read model is another one than before (a
//! rebuild), or the company was folded anew in it, the table is loaded anew.
//!
//! Read `company` (one table and how new it is), `warm` (whose tables are in memory), `load`, `table` and `plans`, `select`,
//! `overview`, `recommended`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::planning::Planned;
use company::Company;
use load::LevelChange;
use table::Table;

mod company;
mod warm;
mod ask;
mod order;
mod texts;
mod table;
mod levels;
mod load;
mod plans;
mod select;
mod row;
mod overview;
mod recommended;

pub use ask::{Ask, Column, Detail, Figure, Filter, PlanFilter, PlanWord, Range, Sort, work_queue};
pub use load::PastLevel;
pub use overview::Overview;
pub use plans::Sums;
pub use recommended::{FoundRecommendations, RecommendationAsk, Recommended};
pub use row::{Cost, ItemRow, LevelRow};

/// How old a table may be when it answers a reader who waits for nothing.
pub const REFRESH_EVERY: Duration = Duration::from_millis(20);
/// How old it may be for that reader while it is being renewed.
const RENEWING: Duration = Duration::from_secs(10);
/// How long that reader waits for the renewal.
const PATIENCE: Duration = Duration::from_millis(10);
/// Products of all companies in memory, at about 1,100 bytes each with two locations and a plan.
pub const MAX_ROWS: usize = 250_000;

/// Tables of the companies that are in use. Cheap to clone.
#[derive(Clone)]
pub struct Boards(Arc<Inner>);

struct Inner {
    reads: PgPool,
    max_rows: usize,
    companies: Mutex<HashMap<Uuid, Arc<Company>>>,
    /// Somebody of a company that was not in memory was noticed.
    arrived: Notify,
}

/// How new a table must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// At most [`REFRESH_EVERY`] old, or a few seconds while a large renewal is under way.
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

/// Stock and plans in place of those of now.
#[derive(Debug, Clone, Default)]
pub struct Other {
    /// The stock of another instant, where nothing is reserved.
    pub levels: Option<Vec<PastLevel>>,
    /// The plans of another day or of one location.
    pub plans: Option<Vec<Planned>>,
}

impl Boards {
    /// Reads through this pool, under row-level security.
    pub fn new(reads: PgPool) -> Self {
        Self::with_max_rows(reads, MAX_ROWS)
    }

    /// The same with another bound on products in memory.
    pub fn with_max_rows(reads: PgPool, max_rows: usize) -> Self {
        Self(Arc::new(Inner { reads, max_rows, companies: Mutex::default(), arrived: Notify::new() }))
    }

    /// A page of the company's list as it stands now.
    pub async fn list(&self, company_id: Uuid, ask: &Ask, fresh: Freshness) -> Result<Found, sqlx::Error> {
        let company = self.fresh(company_id, fresh).await?;
        Ok(found(&company.table(), ask))
    }

    /// A page of the company's products with other stock or plans than those of now.
    pub async fn list_other(
        &self,
        company_id: Uuid,
        ask: &Ask,
        other: Other,
        fresh: Freshness,
    ) -> Result<Found, sqlx::Error> {
        let company = self.fresh(company_id, fresh).await?;
        let table = company.table().with(other);
        Ok(found(&table, ask))
    }

    /// A page of what is recommended; by other plans than those of now where there are some.
    pub async fn recommendations(
        &self,
        company_id: Uuid,
        ask: &RecommendationAsk,
        plans: Option<Vec<Planned>>,
        fresh: Freshness,
    ) -> Result<FoundRecommendations, sqlx::Error> {
        let company = self.fresh(company_id, fresh).await?;
        let Some(plans) = plans else { return Ok(company.table().recommendations(ask)) };
        let table = company.table().with(Other { levels: None, plans: Some(plans) });
        Ok(table.recommendations(ask))
    }

    /// The company at a glance; by other plans than those of now where there are some.
    pub async fn overview(
        &self,
        company_id: Uuid,
        plans: Option<Vec<Planned>>,
        fresh: Freshness,
    ) -> Result<Overview, sqlx::Error> {
        let company = self.fresh(company_id, fresh).await?;
        let Some(plans) = plans else { return Ok(company.table().overview()) };
        let table = company.table().with(Other { levels: None, plans: Some(plans) });
        Ok(table.overview())
    }

    /// One product with its stock, whether active or not; none when the catalogue does not know it.
    pub async fn item(
        &self,
        company_id: Uuid,
        item_key: &str,
        fresh: Freshness,
    ) -> Result<Option<ItemRow>, sqlx::Error> {
        let company = self.fresh(company_id, fresh).await?;
        let table = company.table();
        Ok(table.find(item_key).and_then(|row| ItemRow::of(&table, row)))
    }

    /// The company with a table that is new enough. A reader who waits for nothing is not held up by a large renewal.
    async fn fresh(&self, company_id: Uuid, fresh: Freshness) -> Result<Arc<Company>, sqlx::Error> {
        let asked = Instant::now();
        let company = self.company(company_id, asked);
        let (required, enough) = match fresh {
            Freshness::Now => (asked, asked),
            Freshness::Recent => (before(asked, REFRESH_EVERY), before(asked, RENEWING)),
        };
        if company.refreshed_since(required) {
            return Ok(company);
        }
        if !company.refreshed_since(enough) {
            self.renew(&company, required).await?;
        } else if !company.is_renewing()
            && let Ok(renewed) = timeout(PATIENCE, self.renew(&company, required)).await
        {
            renewed?;
        }
        Ok(company)
    }

    /// Renews a table unless somebody did since `required`. Goes on when its caller does not wait for the end.
    async fn renew(&self, company: &Arc<Company>, required: Instant) -> Result<(), sqlx::Error> {
        let (boards, company) = (self.clone(), Arc::clone(company));
        let renewal = tokio::spawn(async move {
            company.renew(&boards.0.reads, required).await?;
            boards.make_room();
            Ok(())
        });
        renewal.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }
}

impl Table {
    fn with(&self, other: Other) -> Self {
        let mut table = match other.levels {
            None => self.clone(),
            Some(levels) => {
                let mut past = self.without_levels();
                past.set_levels(levels.into_iter().map(LevelChange::from).collect());
                past
            }
        };
        if let Some(plans) = other.plans {
            table.set_only_plans(plans);
        }
        table
    }
}

fn before(now: Instant, age: Duration) -> Instant {
    now.checked_sub(age).unwrap_or(now)
}

fn found(table: &Table, ask: &Ask) -> Found {
    let (rows, total) = select::select(table, ask);
    Found { items: rows.into_iter().filter_map(|row| ItemRow::of(table, row)).collect(), total }
}

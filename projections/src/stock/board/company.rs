//! One company's table, and how new it is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::Instant;
use uuid::Uuid;

use super::load::{Seen, few_changes, load, places};
use super::table::Table;
use crate::tenant;

/// A table in memory. Whoever renews it holds `seen`; readers hold `table` for one page.
pub(super) struct Company {
    pub(super) id: Uuid,
    /// Left memory for want of room: loaded again when a list is asked for, not before.
    pub(super) crowded_out: bool,
    table: RwLock<Table>,
    rows: AtomicUsize,
    seen: tokio::sync::Mutex<Seen>,
    refreshed: Mutex<Option<Instant>>,
    used: Mutex<Instant>,
}

impl Company {
    pub(super) fn new(id: Uuid, used: Instant, crowded_out: bool) -> Self {
        Self {
            id,
            crowded_out,
            table: RwLock::default(),
            rows: AtomicUsize::new(0),
            seen: tokio::sync::Mutex::new(Seen::NOTHING),
            refreshed: Mutex::new(None),
            used: Mutex::new(used),
        }
    }

    pub(super) fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn table_mut(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.load(Ordering::Relaxed)
    }

    pub(super) fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn use_at(&self, now: Instant) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    pub(super) fn idle(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.used())
    }

    /// When what the table holds was read; none before it is loaded.
    pub(super) fn refreshed(&self) -> Option<Instant> {
        *self.refreshed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn refreshed_since(&self, required: Instant) -> bool {
        self.refreshed().is_some_and(|at| at >= required)
    }

    pub(super) fn is_renewing(&self) -> bool {
        self.seen.try_lock().is_err()
    }

    /// Takes up what has changed, unless that was done since `required`.
    pub(super) async fn renew(&self, reads: &PgPool, required: Instant) -> Result<(), sqlx::Error> {
        let mut seen = self.seen.lock().await;
        if self.refreshed_since(required) {
            return Ok(());
        }
        let started = Instant::now();
        self.take_up(reads, &mut seen).await?;
        self.rows.store(self.table().rows(), Ordering::Relaxed);
        *self.refreshed.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
        Ok(())
    }

    async fn take_up(&self, reads: &PgPool, seen: &mut Seen) -> Result<(), sqlx::Error> {
        let mut snapshot = tenant::begin(reads, self.id).await?;
        let (copies, places) = places(&mut snapshot, self.id).await?;
        let (table, from) = if copies == seen.copies {
            if let Some(changes) = few_changes(&mut snapshot, self.id, *seen).await? {
                *seen = seen.after(&changes);
                self.table_mut().take_up(&places, changes);
                return Ok(());
            }
            (self.table().clone(), *seen)
        } else {
            (Table::default(), Seen { copies, ..Seen::NOTHING })
        };
        // Readers go on with the table as it stands.
        let (table, loaded) = load(&mut snapshot, self.id, &places, table, from).await?;
        *seen = loaded;
        let former = std::mem::replace(&mut *self.table_mut(), table);
        drop(former); // not under the lock
        Ok(())
    }
}

//! Whose tables are in memory: loaded when somebody of the company is noticed, kept new by one task for all, gone when
//! nobody uses them or room is short.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Boards;
use super::company::Company;

/// Pause between two rounds, and how old the table of a company in steady use becomes.
const ROUND: Duration = Duration::from_secs(1);
/// Tables that are renewed in one round, one after the other.
const PER_ROUND: usize = 50;
/// Tables that nobody has used for so long leave memory.
const IDLE: Duration = Duration::from_mins(30);

impl Boards {
    /// Somebody of this company is here, so a list may soon be asked for. Reads nothing itself.
    pub fn notice(&self, company_id: Uuid) {
        self.company(company_id, Instant::now());
    }

    /// Products in memory, of all companies.
    pub fn rows(&self) -> usize {
        self.companies().values().map(|company| company.rows()).sum()
    }

    /// Loads the tables of companies that arrive and renews those in use, until `stop` is cancelled.
    pub async fn keep_warm(self, stop: CancellationToken) {
        let rounds = async {
            loop {
                self.warm().await;
                tokio::select! {
                    () = tokio::time::sleep(ROUND) => {}
                    () = self.0.arrived.notified() => {}
                }
            }
        };
        stop.run_until_cancelled(rounds).await;
    }

    /// One round: what is due now is loaded or renewed.
    pub async fn warm(&self) {
        for company in self.due(Instant::now()) {
            if let Err(error) = company.renew(&self.0.reads, Instant::now()).await {
                tracing::warn!(company_id = %company.id, %error, "a list cannot be read ahead");
            }
            self.make_room();
        }
    }

    /// The company's place in memory, used now.
    pub(super) fn company(&self, company_id: Uuid, now: Instant) -> Arc<Company> {
        let mut companies = self.companies();
        let company = companies.entry(company_id).or_insert_with(|| {
            self.0.arrived.notify_one();
            Arc::new(Company::new(company_id, now, false))
        });
        company.use_at(now);
        Arc::clone(company)
    }

    /// Forgets the companies that were used least recently until the rest fits, but never the newest.
    pub(super) fn make_room(&self) {
        let mut companies = self.companies();
        let mut rows: usize = companies.values().map(|company| company.rows()).sum();
        if rows <= self.0.max_rows {
            return;
        }
        let mut oldest: Vec<Arc<Company>> =
            companies.values().filter(|company| company.rows() > 0).map(Arc::clone).collect();
        oldest.sort_unstable_by_key(|company| company.used());
        oldest.pop();
        for company in oldest {
            if rows <= self.0.max_rows {
                break;
            }
            rows -= company.rows();
            companies.insert(company.id, Arc::new(Company::new(company.id, company.used(), true)));
        }
    }

    /// Tables to load or renew, those that have waited longest first. A table that is there is renewed more rarely the
    /// longer nobody has used it; one that is not is loaded if there is room.
    fn due(&self, now: Instant) -> Vec<Arc<Company>> {
        let has_room = self.rows() < self.0.max_rows;
        let mut companies = self.companies();
        companies.retain(|_, company| company.idle(now) < IDLE);
        let is_due = |company: &&Arc<Company>| match company.refreshed() {
            Some(at) => now.saturating_duration_since(at) >= ROUND.max(company.idle(now) / 4),
            None => has_room && !company.crowded_out,
        };
        let mut due: Vec<Arc<Company>> = companies.values().filter(is_due).map(Arc::clone).collect();
        due.sort_unstable_by_key(|company| company.refreshed());
        due.truncate(PER_ROUND);
        due
    }

    fn companies(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Company>>> {
        self.0.companies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

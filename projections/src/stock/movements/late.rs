//! Facts that were late: a statement of stock for a later instant was known already and had counted them.
//!
//! Such a fact changes the stock from its instant up to that statement and nothing after it. With the instant of that
//! statement beside it (`counted_at`) stock is a plain sum: of what had happened and was not counted yet. A statement
//! itself adds its variance, so that the sum after it is what was stated.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use domain::shared::ids::LocationId;

use super::legs::Leg;

/// Instants of statements of stock by company, product and location, as the movements come by.
#[derive(Default)]
pub(super) struct Statements(HashMap<(Uuid, Arc<str>, LocationId), BTreeSet<DateTime<Utc>>>);

impl Statements {
    /// Takes in the next movement, in the order of positions. Answers the instant of the next statement that had counted
    /// it, as far as statements came by.
    pub(super) fn take(&mut self, leg: &Leg<'_>) -> Option<DateTime<Utc>> {
        if leg.anchored_at.is_none() && leg.superseded_by.is_none() {
            return None;
        }
        let place = (leg.company_id, Arc::clone(leg.item_key), leg.location_id.clone());
        let stated = self.0.entry(place).or_default();
        let since = leg.superseded_by.map(|_| leg.counted_since());
        let next = since.and_then(|since| stated.range(since..).next().copied());
        if leg.anchored_at.is_some() {
            stated.insert(leg.effective_at);
        }
        next
    }
}

/// Statements at this instant or later have counted a late movement: at one instant a statement closes all that happened,
/// and the later of two statements holds.
pub(crate) fn counted_since(effective_at: DateTime<Utc>, is_statement: bool) -> DateTime<Utc> {
    if is_statement { effective_at + TimeDelta::microseconds(1) } else { effective_at }
}

impl Leg<'_> {
    pub(super) fn counted_since(&self) -> DateTime<Utc> {
        counted_since(self.effective_at, self.anchored_at.is_some())
    }
}

/// Places of late movements, and instants from which statements have counted them, column by column.
#[derive(Default)]
pub(super) struct Late<'a> {
    pub(super) companies: Vec<Uuid>,
    pub(super) items: Vec<&'a str>,
    pub(super) locations: Vec<&'a str>,
    pub(super) since: Vec<DateTime<Utc>>,
}

impl Late<'_> {
    /// The next statement behind each among the movements that are written; one look into the index of statements each.
    pub(super) async fn next(
        self,
        conn: &mut PgConnection,
    ) -> Result<Vec<Option<DateTime<Utc>>>, sqlx::Error> {
        if self.since.is_empty() {
            return Ok(Vec::new());
        }
        sqlx::query_scalar(NEXT)
            .bind(self.companies)
            .bind(self.items)
            .bind(self.locations)
            .bind(self.since)
            .fetch_all(conn)
            .await
    }
}

const NEXT: &str = "
select (select m.effective_at from movements m
        where m.company_id = late.company_id and m.item_key = late.item_key and m.location_id = late.location_id
            and m.anchored_at is not null and m.effective_at >= late.since
        order by m.effective_at limit 1)
from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[])
     with ordinality as late (company_id, item_key, location_id, since, n)
order by late.n";

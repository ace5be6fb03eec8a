//! Facts that were late: a statement of stock for a later instant was known already and had counted them.
//!
//! Such a fact changes the stock from its instant up to that statement and nothing after it. With the instant of that
//! statement beside it (`counted_at`) stock is a plain sum: of what had happened and was not counted yet. A statement
//! itself adds its variance, so that the sum after it is what was stated.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A product at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place<'a> {
    pub(crate) company_id: Uuid,
    pub(crate) item_key: &'a str,
    pub(crate) location_id: &'a str,
}

/// Statements among movements that are about to be written, and what was late among these.
#[derive(Default)]
pub(crate) struct Anchors<'a> {
    stated: HashMap<Place<'a>, BTreeSet<DateTime<Utc>>>,
    taken: usize,
    late: Vec<Late<'a>>,
}

struct Late<'a> {
    leg: usize,
    place: Place<'a>,
    /// Statements at this instant or later have counted it.
    from: DateTime<Utc>,
    /// The next such statement among the movements taken before it.
    next: Option<DateTime<Utc>>,
}

impl<'a> Anchors<'a> {
    /// Takes in the next movement, in the order of positions.
    pub(crate) fn take(&mut self, place: Place<'a>, at: DateTime<Utc>, states: bool, superseded: bool) {
        if superseded {
            // At one instant a statement closes all that happened, and the later of two statements holds.
            let from = if states { at + TimeDelta::microseconds(1) } else { at };
            let next = self.stated.get(&place).and_then(|stated| stated.range(from..).next().copied());
            self.late.push(Late { leg: self.taken, place, from, next });
        }
        if states {
            self.stated.entry(place).or_default().insert(at);
        }
        self.taken += 1;
    }

    /// For every movement taken, the instant of the next statement that had counted it; none where it was not late.
    pub(crate) async fn counted(
        self,
        conn: &mut PgConnection,
    ) -> Result<Vec<Option<DateTime<Utc>>>, sqlx::Error> {
        let mut counted = vec![None; self.taken];
        if self.late.is_empty() {
            return Ok(counted);
        }
        let written: Vec<Option<DateTime<Utc>>> = sqlx::query_scalar(NEXT)
            .bind(self.late.iter().map(|late| late.place.company_id).collect::<Vec<_>>())
            .bind(self.late.iter().map(|late| late.place.item_key).collect::<Vec<_>>())
            .bind(self.late.iter().map(|late| late.place.location_id).collect::<Vec<_>>())
            .bind(self.late.iter().map(|late| late.from).collect::<Vec<_>>())
            .fetch_all(conn)
            .await?;
        for (late, written) in self.late.iter().zip(written) {
            if let Some(at) = counted.get_mut(late.leg) {
                *at = late.next.into_iter().chain(written).min();
            }
        }
        Ok(counted)
    }
}

/// The next statement among the movements that are written; one look into the index of statements each.
const NEXT: &str = "
select (select m.effective_at from movements m
        where m.company_id = late.company_id and m.item_key = late.item_key and m.location_id = late.location_id
            and m.anchored_at is not null and m.effective_at >= late.since
        order by m.effective_at limit 1)
from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[])
     with ordinality as late (company_id, item_key, location_id, since, n)
order by late.n";

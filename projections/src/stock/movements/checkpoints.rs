//! Checkpoints of stock: sums of movements, so that the stock of any instant is read from few rows.
//!
//! Stock at an instant, as it was known at another, is the sum over movements that had happened and were recorded by
//! then and that no statement had counted yet (`late`). A sum can be cut anywhere. Each time a company has so
//! many facts more, the movements since its checkpoint before are summed up twice, per product and location:
//!
//! * part 0: everything up to the checkpoint, late or not. It answers for every instant after the newest of it.
//! * parts 1, 2, …: what came since the checkpoint before, cut by the instant at which it happened (a late fact counts
//!   once more, negative, at the statement that had counted it). They carry what was recorded late into the past.
//!
//! Parts are months, weeks, days or hours, whatever suits the pace at which the company's facts happen. Which part
//! answers for which question is decided in [`crate::stock::past`] from their first and last instants alone.
//!
//! The boundary is a number of facts of the company, so it does not depend on how the log is cut into blocks.

use std::collections::{BTreeSet, HashMap};

use event_log::event::StoredEvent;
use sqlx::PgConnection;
use uuid::Uuid;

/// How many facts of each company are folded, and up to which position.
#[derive(Default)]
pub(super) struct Counters(HashMap<Uuid, Counter>);

#[derive(Default)]
struct Counter {
    /// Position of the newest movement in the table; blocks come in order, so all before it is there too.
    position: i64,
    /// Number of the newest fact.
    number: i64,
}

impl Counters {
    /// Reads them for these companies.
    pub(super) async fn read(
        conn: &mut PgConnection,
        companies: impl Iterator<Item = Uuid>,
    ) -> Result<Self, sqlx::Error> {
        let companies: BTreeSet<_> = companies.collect();
        let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(
            "select c.company_id, newest.position, newest.number
             from unnest($1::uuid[]) as c (company_id)
             cross join lateral (
                 select m.position, m.number from movements m where m.company_id = c.company_id
                 order by m.company_id desc, m.position desc, m.leg desc limit 1) newest",
        )
        .bind(companies.into_iter().collect::<Vec<_>>())
        .fetch_all(conn)
        .await?;
        let counters =
            rows.into_iter().map(|(company_id, position, number)| (company_id, Counter { position, number }));
        Ok(Self(counters.collect()))
    }

    /// Whether the table has it.
    pub(super) fn have(&self, company_id: Uuid, position: i64) -> bool {
        self.0.get(&company_id).is_some_and(|counter| position <= counter.position)
    }

    /// Number of the company's next fact.
    pub(super) fn next(&mut self, company_id: Uuid) -> i64 {
        let counter = self.0.entry(company_id).or_default();
        counter.number += 1;
        counter.number
    }
}

/// A checkpoint that is due.
pub(super) struct Checkpoint {
    company_id: Uuid,
    /// Number of its last fact.
    number: i64,
    /// Position of that fact.
    position: i64,
    /// Facts since the one before.
    facts: i64,
}

impl Checkpoint {
    /// The checkpoint that is due after the company's fact of this number; none after most, and after what moved
    /// nothing.
    pub(super) fn at(event: &StoredEvent, number: Option<i64>, facts: i64) -> Option<Self> {
        let number = number?;
        let due = number % facts == 0;
        due.then_some(Self { company_id: event.company_id, number, position: event.position, facts })
    }
}

/// Sums up the movements before each of these checkpoints; they must be in the table.
pub(super) async fn take(conn: &mut PgConnection, due: Vec<Checkpoint>) -> Result<(), sqlx::Error> {
    for checkpoint in due {
        sqlx::query(TAKE)
            .bind(checkpoint.company_id)
            .bind(checkpoint.number)
            .bind(checkpoint.number - checkpoint.facts)
            .bind(checkpoint.position)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// Companies whose movements were brought in without checkpoints, those with the most first.
pub(super) async fn missing(conn: &mut PgConnection, facts: i64) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "select m.company_id
         from movements m
         where m.number % $1 = 0 and not exists (
             select from checkpoints c
             where c.company_id = m.company_id and c.checkpoint = m.number and c.part = 0)
         group by m.company_id
         order by count(*) desc, m.company_id",
    )
    .bind(facts)
    .fetch_all(conn)
    .await
}

/// Sums up what was brought in of a company without checkpoints, in the order of checkpoints.
pub(super) async fn take_missing(
    conn: &mut PgConnection,
    company_id: Uuid,
    facts: i64,
) -> Result<(), sqlx::Error> {
    let missing: Vec<(i64, i64)> = sqlx::query_as(
        "select m.number, max(m.position)
         from movements m
         where m.company_id = $1 and m.number % $2 = 0 and not exists (
             select from checkpoints c
             where c.company_id = $1 and c.checkpoint = m.number and c.part = 0)
         group by m.number
         order by m.number",
    )
    .bind(company_id)
    .bind(facts)
    .fetch_all(&mut *conn)
    .await?;
    let checkpoint = |(number, position)| Checkpoint { company_id, number, position, facts };
    take(conn, missing.into_iter().map(checkpoint).collect()).await
}

/// `$3` is the checkpoint before, or 0. Parts follow the middle half of the facts: about four of them, whatever came
/// very late.
const TAKE: &str = "
with movement as materialized (
    select item_key, location_id, quantity, effect, effective_at, recorded_at, counted_at
    from movements
    where company_id = $1 and position <= $4 and position > coalesce(
        (select last_position from checkpoints where company_id = $1 and checkpoint = $3 and part = 0), 0)
), unit as (
    select case when pace >= interval '12 days' then 'month' when pace >= interval '60 hours' then 'week'
                when pace >= interval '8 hours' then 'day' else 'hour' end as name
    from (select percentile_disc(0.75) within group (order by effective_at)
                 - percentile_disc(0.25) within group (order by effective_at) as pace
          from movement) as middle
), entry as (
    select date_trunc(name, effective_at, 'UTC') as span, effective_at as at, item_key, location_id,
           quantity as units, 1 as movements, effect, effective_at as moved_at
    from movement, unit
    union all
    select date_trunc(name, counted_at, 'UTC'), counted_at, item_key, location_id, -quantity, 0, 0, null
    from movement, unit
    where counted_at is not null
), span as (
    select span, row_number() over (order by span)::integer as part, min(at) as first_at, max(at) as last_at,
           sum(movements)::bigint as movements
    from entry
    group by span
), part as (
    insert into checkpoint_sums
        (company_id, checkpoint, part, item_key, location_id, units, movements, effect, last_moved_at)
    select $1, $2, part, item_key, location_id, sum(units), sum(entry.movements), sum(effect), max(moved_at)
    from entry
    join span using (span)
    group by part, item_key, location_id
    returning item_key, location_id, units, movements, effect, last_moved_at
), whole as (
    insert into checkpoint_sums
        (company_id, checkpoint, part, item_key, location_id, units, movements, effect, last_moved_at)
    select $1, $2, 0, item_key, location_id, sum(units), sum(movements), sum(effect), max(last_moved_at)
    from (select item_key, location_id, units, movements, effect, last_moved_at from part
          union all
          select item_key, location_id, units, movements, effect, last_moved_at
          from checkpoint_sums
          where company_id = $1 and checkpoint = $3 and part = 0) as both_sums
    group by item_key, location_id
)
insert into checkpoints
    (company_id, checkpoint, part, last_position, first_recorded_at, last_recorded_at, first_at, last_at, movements)
select $1, $2, part.number, $4, recorded.first, recorded.last, part.first_at, part.last_at, part.movements
from (select part as number, first_at, last_at, movements from span
      union all
      select 0, min(first_at), max(last_at), sum(movements)::bigint
      from (select first_at, last_at, movements from span
            union all
            select first_at, last_at, movements from checkpoints
            where company_id = $1 and checkpoint = $3 and part = 0) as both_parts) as part,
     (select min(recorded_at) as first, max(recorded_at) as last from movement) as recorded";

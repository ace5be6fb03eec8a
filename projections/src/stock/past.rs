//! Stock at any instant, as it was known at any other. Under row-level security; every query names the company too.
//!
//! It is the sum over movements that had happened and were recorded by then, without those that a statement of stock
//! had counted since (`movements/late.rs`). The sum is put together from the sums of checkpoints
//! (`movements/checkpoints.rs`) and, where none of these ends at the instants asked, from movements. Reservations have no
//! past.

mod cover;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, PgConnection};
use uuid::Uuid;

use cover::Cover;

use super::board::PastLevel;

/// What is asked of the past: what had happened by one instant, as far as it was known at another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Happened at or before.
    pub as_of: DateTime<Utc>,
    /// Recorded at or before.
    pub known_at: DateTime<Utc>,
}

impl Moment {
    /// The moment of these instants; without them what is known now, and all that is known.
    pub fn new(as_of: Option<DateTime<Utc>>, known_at: Option<DateTime<Utc>>) -> Self {
        // The last second that PostgreSQL and we both write with four digits.
        let end = DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let until = |instant: Option<DateTime<Utc>>| instant.unwrap_or(end).min(end);
        Self { as_of: until(as_of), known_at: until(known_at) }
    }
}

/// A product at a location at a [`Moment`], in units.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PastSum {
    /// Product, by its stream.
    pub item_key: String,
    /// Where.
    pub location_id: String,
    /// Units then.
    pub on_hand: i64,
    /// Movements by then.
    pub movements: i64,
    /// Sum of their effects on the stock at which each was recorded.
    pub effect: i64,
    /// Newest movement by then.
    pub last_moved_at: Option<DateTime<Utc>>,
}

/// On hand of one product, or of all, wherever something had moved.
pub async fn as_of(
    conn: &mut PgConnection,
    company_id: Uuid,
    item_key: Option<&str>,
    moment: Moment,
) -> Result<Vec<PastLevel>, sqlx::Error> {
    let sums = sums(conn, company_id, item_key, moment).await?;
    let level = |sum: PastSum| PastLevel {
        item_key: sum.item_key,
        location_id: sum.location_id,
        on_hand: sum.on_hand,
        last_moved_at: sum.last_moved_at,
    };
    Ok(sums.into_iter().map(level).collect())
}

/// Stock and movements of one product, or of all, wherever something had moved.
pub async fn sums(
    conn: &mut PgConnection,
    company_id: Uuid,
    item_key: Option<&str>,
    moment: Moment,
) -> Result<Vec<PastSum>, sqlx::Error> {
    let cover = Cover::find(conn, company_id, moment).await?;
    let of_item = if item_key.is_some() { "item_key = $12" } else { "$12::text is null" };
    let sql = format!(
        "select item_key, location_id, sum(units)::bigint as on_hand, sum(movements)::bigint as movements,
                sum(effect)::bigint as effect, max(moved_at) as last_moved_at
         from ({}) as entries
         group by item_key, location_id",
        ENTRIES.replace("{of_item}", of_item)
    );
    sqlx::query_as_with(&sql, arguments(company_id, item_key, moment, &cover)?).fetch_all(conn).await
}

/// How many movements of all products had happened and were known.
pub async fn count(conn: &mut PgConnection, company_id: Uuid, moment: Moment) -> Result<i64, sqlx::Error> {
    let mut cover = Cover::find(conn, company_id, moment).await?;
    let whole = cover.movements;
    cover.leave_out_sums();
    let sql = format!(
        "select coalesce(sum(movements), 0)::bigint from ({}) as entries",
        ENTRIES.replace("{of_item}", "$12::text is null")
    );
    let arguments = arguments(company_id, None, moment, &cover)?;
    let single: i64 = sqlx::query_scalar_with(&sql, arguments).fetch_one(conn).await?;
    Ok(whole + single)
}

/// What a sum is put together from: sums of parts, movements and counted movements of parts that end later, and
/// stretches of the history that no checkpoint answers for. `$1` company, `$2` as of, `$3` known at.
const ENTRIES: &str = "
select s.item_key, s.location_id, s.units, s.movements, s.effect, s.last_moved_at as moved_at
from unnest($4::bigint[], $5::integer[]) as whole (checkpoint, part)
join movements_2.checkpoint_sums as s
    on s.company_id = $1 and s.checkpoint = whole.checkpoint and s.part = whole.part and {of_item}
union all
select m.item_key, m.location_id, m.quantity, 1, m.effect, m.effective_at
from movements_2.movements as m
join unnest($6::bigint[], $7::timestamptz[]) as cut (checkpoint, first_at)
    on cut.checkpoint = ((m.number - 1) / $8 + 1) * $8 and m.effective_at >= cut.first_at
where m.company_id = $1 and m.effective_at >= $9 and m.effective_at <= $2 and {of_item}
union all
select m.item_key, m.location_id, -m.quantity, 0, 0, null
from movements_2.movements as m
join unnest($6::bigint[], $7::timestamptz[]) as cut (checkpoint, first_at)
    on cut.checkpoint = ((m.number - 1) / $8 + 1) * $8 and m.counted_at >= cut.first_at
where m.company_id = $1 and m.counted_at >= $9 and m.counted_at <= $2 and {of_item}
union all
select m.item_key, m.location_id, case when m.counted_at <= $2 then 0 else m.quantity end, 1, m.effect,
       m.effective_at
from unnest($10::bigint[], $11::bigint[]) as stretch (after, up_to)
join movements_2.movements as m
    on m.company_id = $1 and m.position > stretch.after and m.position <= stretch.up_to
    and m.effective_at <= $2 and m.recorded_at <= $3 and {of_item}";

fn arguments(
    company_id: Uuid,
    item_key: Option<&str>,
    moment: Moment,
    cover: &Cover,
) -> Result<PgArguments, sqlx::Error> {
    let fill = || {
        let mut arguments = PgArguments::default();
        arguments.add(company_id)?;
        arguments.add(moment.as_of)?;
        arguments.add(moment.known_at)?;
        arguments.add(&cover.whole.0)?;
        arguments.add(&cover.whole.1)?;
        arguments.add(&cover.cut.0)?;
        arguments.add(&cover.cut.1)?;
        arguments.add(cover.distance)?;
        arguments.add(cover.cut_from)?;
        arguments.add(&cover.stretches.0)?;
        arguments.add(&cover.stretches.1)?;
        arguments.add(item_key)?;
        Ok(arguments)
    };
    fill().map_err(sqlx::Error::Encode)
}

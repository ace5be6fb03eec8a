//! Why the stock of a product is what it is: per location the statement that it stands on, and what came after it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::past::{Moment, sums};

/// The stock of a product at a location at a moment, in units, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Where.
    pub location_id: String,
    /// On hand.
    pub on_hand: i64,
    /// The newest statement of stock; on hand begins with what it stated. Without one it begins with nothing.
    pub stated: Option<Cause>,
    /// Movements since then, or all where nothing was stated; the newest ones, newest first.
    pub movements: Vec<Cause>,
    /// Movements since then that are not among these.
    pub earlier: i64,
    /// What these add up to.
    pub earlier_quantity: i64,
}

/// A movement that a figure comes from.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Cause {
    /// Where.
    pub location_id: String,
    /// Position of its event.
    pub position: i64,
    /// Its id.
    pub movement_id: Uuid,
    /// Type, for example `OUTBOUND`.
    pub movement_type: String,
    /// What happened, signed; the variance of a statement.
    pub quantity: i64,
    /// The stock stated.
    pub anchored_at: Option<i64>,
    /// When it happened.
    pub effective_at: DateTime<Utc>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Kind of thing that it refers to, for example `SALE`.
    pub reference_type: String,
    /// Thing that it refers to.
    pub reference_id: Option<String>,
    /// Free text.
    pub notes: Option<String>,
    /// Who recorded it.
    pub created_by: String,
}

/// Every location at which the product had been, in the order of their keys, each with at most `limit` movements.
pub async fn explain(
    conn: &mut PgConnection,
    company_id: Uuid,
    item_key: &str,
    moment: Moment,
    limit: i64,
) -> Result<Vec<Explained>, sqlx::Error> {
    let mut levels = sums(conn, company_id, Some(item_key), moment).await?;
    levels.sort_unstable_by(|one, other| one.location_id.cmp(&other.location_id));
    let mut explained = Vec::with_capacity(levels.len());
    for level in levels {
        let place = (company_id, item_key, level.location_id.as_str());
        let stated = newest_statement(conn, place, moment).await?;
        let since = stated.as_ref().map(|stated| stated.effective_at);
        let movements = newest_movements(conn, place, moment, since, limit).await?;
        let before = match since {
            Some(since) => {
                let then = Moment { as_of: since, ..moment };
                let then = sums(conn, company_id, Some(item_key), then).await?;
                then.iter().find(|sum| sum.location_id == level.location_id).map_or(0, |sum| sum.movements)
            }
            None => 0,
        };
        let shown: i64 = movements.iter().map(|movement| movement.quantity).sum();
        let begun = stated.as_ref().and_then(|stated| stated.anchored_at).unwrap_or(0);
        explained.push(Explained {
            on_hand: level.on_hand,
            earlier: level.movements - before - i64::try_from(movements.len()).unwrap_or(i64::MAX),
            earlier_quantity: level.on_hand - begun - shown,
            location_id: level.location_id,
            stated,
            movements,
        });
    }
    Ok(explained)
}

const CAUSE: &str =
    "select location_id, position, movement_id, movement_type, quantity, anchored_at, effective_at,
                            recorded_at, reference_type, reference_id, notes, created_by
                     from movements_2.movements";

/// The statement that closes all before it: the newest, of two at one instant the later recorded.
async fn newest_statement(
    conn: &mut PgConnection,
    (company_id, item_key, location_id): (Uuid, &str, &str),
    moment: Moment,
) -> Result<Option<Cause>, sqlx::Error> {
    sqlx::query_as(&format!(
        "{CAUSE}
         where company_id = $1 and item_key = $2 and location_id = $3 and anchored_at is not null
             and effective_at <= $4 and recorded_at <= $5
         order by effective_at desc, position desc
         limit 1"
    ))
    .bind(company_id)
    .bind(item_key)
    .bind(location_id)
    .bind(moment.as_of)
    .bind(moment.known_at)
    .fetch_optional(conn)
    .await
}

async fn newest_movements(
    conn: &mut PgConnection,
    (company_id, item_key, location_id): (Uuid, &str, &str),
    moment: Moment,
    since: Option<DateTime<Utc>>,
    limit: i64,
) -> Result<Vec<Cause>, sqlx::Error> {
    sqlx::query_as(&format!(
        "{CAUSE}
         where company_id = $1 and item_key = $2 and location_id = $3
             and effective_at <= $4 and recorded_at <= $5 and effective_at > coalesce($6, '-infinity')
         order by effective_at desc, position desc
         limit $7"
    ))
    .bind(company_id)
    .bind(item_key)
    .bind(location_id)
    .bind(moment.as_of)
    .bind(moment.known_at)
    .bind(since)
    .bind(limit)
    .fetch_all(conn)
    .await
}

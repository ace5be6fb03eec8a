//! Rows of `episodes`: how often each recommendation of an item came, and whether it is there (decision 33).
//!
//! An episode is told apart by days, not by changes: one that goes and comes back on the same day is the same. So its
//! number is the same however events came in blocks, live or after a rebuild. `counted`, `lasted` and `began_on`
//! are what stood when the company's day began, `episode`, `holds` and `since` what stands by its newest plan. A dismissal
//! counts its episode.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::planning::ItemPlan;
use domain::planning::event::RecommendationEvent;
use domain::planning::recommendation::{DismissalScope, Episodes, RecommendationType};
use event_log::event::StoredEvent;

use crate::projection::{ProjectionError, decode};
use crate::streams;

/// How often one recommendation of an item came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Count {
    /// When the company's day began.
    before: Episodes,
    /// By the newest plan of the day.
    now: Episodes,
}

impl Count {
    /// Takes in whether the newest plan of a day has the recommendation.
    fn on(self, day: NaiveDate, holds: bool) -> Self {
        let now = self.before.on(day, holds);
        Self { now: Episodes { since: now.since.filter(|_| holds), ..now }, ..self }
    }
}

/// Closes the days before these companies' new ones: what is there now was there when the new day began.
pub(super) async fn begin_day(conn: &mut PgConnection, companies: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update episodes set
             counted = episode,
             lasted = holds,
             began_on = since
         where company_id = any($1) and (counted <> episode or lasted <> holds or began_on is distinct from since)",
    )
    .bind(companies)
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts the episodes that were dismissed: when they come back on a later day, it is the next one.
pub(super) async fn count_dismissed(
    conn: &mut PgConnection,
    block: &[StoredEvent],
) -> Result<(), ProjectionError> {
    for event in streams::of::<RecommendationEvent>(block) {
        let RecommendationEvent::RecommendationDismissed(dismissed) = decode(event)?;
        let DismissalScope::Episode { episode } = dismissed.dismissal else { continue };
        sqlx::query(
            "update episodes set counted = $4, lasted = true, began_on = since
             where company_id = $1 and item_key = $2 and type = $3 and counted < $4 and episode = $4",
        )
        .bind(event.company_id)
        .bind(dismissed.item_id.as_str())
        .bind(dismissed.kind.name())
        .bind(i32::try_from(episode).unwrap_or(i32::MAX))
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Takes in the new plans of items, of all items of the company where `is_all` says so; none where an item is not planned
/// any more.
pub(super) async fn update(
    conn: &mut PgConnection,
    company_id: Uuid,
    day: NaiveDate,
    plans: &[(&str, Option<&ItemPlan>)],
    is_all: bool,
) -> Result<(), sqlx::Error> {
    let known = read(conn, company_id, (!is_all).then_some(plans)).await?;
    let mut changed = Vec::new();
    for (item, plan) in plans {
        let of_item = known.get(*item);
        for kind in RecommendationType::ALL {
            let before = of_item.and_then(|counts| counts.get(kind.name())).copied();
            let holds = plan.is_some_and(|plan| plan.recommendation_types.contains(*kind));
            if before.is_none() && !holds {
                continue;
            }
            let count = before.unwrap_or_default().on(day, holds);
            if before != Some(count) {
                changed.push((*item, *kind, count));
            }
        }
    }
    write(conn, company_id, &changed).await
}

/// An item, what is recommended, and how often it came by now.
type Changed<'a> = (&'a str, RecommendationType, Count);

/// Counts by item and kind, of these items or of all.
async fn read(
    conn: &mut PgConnection,
    company_id: Uuid,
    plans: Option<&[(&str, Option<&ItemPlan>)]>,
) -> Result<BTreeMap<String, BTreeMap<String, Count>>, sqlx::Error> {
    type Row = (String, String, i32, bool, Option<NaiveDate>, i32, bool, Option<NaiveDate>);
    let items: Option<Vec<&str>> = plans.map(|plans| plans.iter().map(|(item, _)| *item).collect());
    let condition = if items.is_some() { "item_key = any($2)" } else { "$2::text[] is null" };
    let rows: Vec<Row> = sqlx::query_as(&format!(
        "select item_key, type, counted, lasted, began_on, episode, holds, since from episodes
         where company_id = $1 and {condition}"
    ))
    .bind(company_id)
    .bind(items)
    .fetch_all(conn)
    .await?;
    let episodes =
        |newest, is_open, since| Episodes { newest: u32::try_from(newest).unwrap_or(0), is_open, since };
    let mut known: BTreeMap<String, BTreeMap<String, Count>> = BTreeMap::new();
    for (item, kind, counted, lasted, began_on, episode, holds, since) in rows {
        let (before, now) = (episodes(counted, lasted, began_on), episodes(episode, holds, since));
        known.entry(item).or_default().insert(kind, Count { before, now });
    }
    Ok(known)
}

async fn write(
    conn: &mut PgConnection,
    company_id: Uuid,
    changed: &[Changed<'_>],
) -> Result<(), sqlx::Error> {
    if changed.is_empty() {
        return Ok(());
    }
    let number = |episodes: u32| i32::try_from(episodes).unwrap_or(i32::MAX);
    let (none, changed): (Vec<&Changed<'_>>, Vec<&Changed<'_>>) =
        changed.iter().partition(|(.., count)| *count == Count::default());
    sqlx::query(
        "delete from episodes using unnest($2::text[], $3::text[]) as never (item_key, type)
         where episodes.company_id = $1 and episodes.item_key = never.item_key and episodes.type = never.type",
    )
    .bind(company_id)
    .bind(none.iter().map(|(item, ..)| *item).collect::<Vec<_>>())
    .bind(none.iter().map(|(_, kind, _)| kind.name()).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into episodes (company_id, item_key, type, counted, lasted, began_on, holds, since, episode)
         select $1, item_key, type, counted, lasted, began_on, holds, since, episode
         from unnest($2::text[], $3::text[], $4::integer[], $5::boolean[], $6::date[], $7::boolean[], $8::date[],
                     $9::integer[])
             as e (item_key, type, counted, lasted, began_on, holds, since, episode)
         on conflict (company_id, item_key, type) do update set
             counted = excluded.counted,
             lasted = excluded.lasted,
             began_on = excluded.began_on,
             holds = excluded.holds,
             since = excluded.since,
             episode = excluded.episode",
    )
    .bind(company_id)
    .bind(changed.iter().map(|(item, ..)| *item).collect::<Vec<_>>())
    .bind(changed.iter().map(|(_, kind, _)| kind.name()).collect::<Vec<_>>())
    .bind(changed.iter().map(|(.., count)| number(count.before.newest)).collect::<Vec<_>>())
    .bind(changed.iter().map(|(.., count)| count.before.is_open).collect::<Vec<_>>())
    .bind(changed.iter().map(|(.., count)| count.before.since).collect::<Vec<_>>())
    .bind(changed.iter().map(|(.., count)| count.now.is_open).collect::<Vec<_>>())
    .bind(changed.iter().map(|(.., count)| count.now.since).collect::<Vec<_>>())
    .bind(changed.iter().map(|(.., count)| number(count.now.newest)).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

//! What readers ask of recommendations: which episode each is in, and which nobody wants to see (decision 33).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::planning::recommendation::{DismissalScope, RecommendationId, RecommendationType};

/// An episode of a recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Episode {
    /// Which of them, from 1.
    pub number: u32,
    /// Its first day.
    pub since: Option<NaiveDate>,
}

/// The newest episodes of the recommendations of these items, in the company's plan.
pub async fn episodes(
    conn: &mut PgConnection,
    company_id: Uuid,
    items: &[String],
) -> Result<BTreeMap<(String, RecommendationType), Episode>, sqlx::Error> {
    let rows: Vec<(String, String, i32, Option<NaiveDate>)> = sqlx::query_as(
        "select item_key, type, episode, since from planning_1.episodes
         where company_id = $1 and item_key = any($2)",
    )
    .bind(company_id)
    .bind(items)
    .fetch_all(conn)
    .await?;
    let episodes = rows.into_iter().filter_map(|(item, kind, number, since)| {
        let number = u32::try_from(number).unwrap_or(0);
        Some(((item, RecommendationType::named(&kind)?), Episode { number, since }))
    });
    Ok(episodes.collect())
}

/// Recommendations that are dismissed on a day, by item key; in the plan of the company, or of a location. The plan of a
/// location counts no episodes of its own: there it is the company's, or the first.
pub async fn dismissed(
    conn: &mut PgConnection,
    company_id: Uuid,
    location: Option<&str>,
    day: NaiveDate,
) -> Result<Vec<(String, RecommendationType)>, sqlx::Error> {
    let rows: Vec<Dismissed> = sqlx::query_as(
        "select d.item_key, d.kind, d.scope, d.episode, d.until, e.episode as newest
         from planning_settings_1.dismissals d
         left join planning_1.episodes e
             on e.company_id = d.company_id and e.item_key = d.item_key and e.type = d.kind
         where d.company_id = $1 and d.location_id is not distinct from $2",
    )
    .bind(company_id)
    .bind(location)
    .fetch_all(conn)
    .await?;
    let hidden = rows.into_iter().filter(|row| row.hides(day));
    let hidden: BTreeSet<_> =
        hidden.filter_map(|row| Some((row.item_key, RecommendationType::named(&row.kind)?))).collect();
    Ok(hidden.into_iter().collect())
}

#[derive(sqlx::FromRow)]
struct Dismissed {
    item_key: String,
    kind: String,
    scope: String,
    episode: Option<i64>,
    until: Option<NaiveDate>,
    newest: Option<i32>,
}

impl Dismissed {
    /// Whether it hides the newest episode on a day.
    fn hides(&self, day: NaiveDate) -> bool {
        let number = |episode: i64| u32::try_from(episode).ok();
        let scope = match (self.scope.as_str(), self.until, self.episode.and_then(number)) {
            ("forever", ..) => DismissalScope::Forever,
            ("until", Some(date), _) => DismissalScope::Until { date },
            (_, _, Some(episode)) => DismissalScope::Episode { episode },
            _ => return false,
        };
        let newest = self.newest.and_then(|newest| number(newest.into())).unwrap_or(1).max(1);
        scope.hides(newest, day)
    }
}

/// Whether the company's plan has a recommendation in this episode; none where it plans no such item.
pub async fn is_there(
    conn: &mut PgConnection,
    company_id: Uuid,
    id: &RecommendationId,
) -> Result<Option<bool>, sqlx::Error> {
    sqlx::query_scalar(
        "select coalesce(e.holds and e.episode = $4, false)
         from planning_1.plans p
         left join planning_1.episodes e
             on e.company_id = p.company_id and e.item_key = p.item_key and e.type = $3
         where p.company_id = $1 and p.item_key = $2",
    )
    .bind(company_id)
    .bind(id.item_id.as_str())
    .bind(id.kind.name())
    .bind(i64::from(id.episode))
    .fetch_optional(conn)
    .await
}

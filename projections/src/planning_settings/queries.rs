//! Reads of settings, days and dismissals of planning. Under row-level security; every query names the company itself
//! too.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use domain::planning::Amount;
use domain::planning::covariate::Covariates;
use domain::planning::state::PlanningSettings;

/// What was chosen in one stream; nothing where nobody chose anything.
pub async fn chosen(
    conn: &mut PgConnection,
    company_id: Uuid,
    stream_id: &str,
) -> Result<PlanningSettings, sqlx::Error> {
    let row: Option<Json<PlanningSettings>> = sqlx::query_scalar(
        "select chosen from planning_settings_1.settings where company_id = $1 and stream_id = $2",
    )
    .bind(company_id)
    .bind(stream_id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|Json(chosen)| chosen).unwrap_or_default())
}

/// Holidays from the first to the last day, by date.
pub async fn holidays(
    conn: &mut PgConnection,
    company_id: Uuid,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
) -> Result<Vec<(NaiveDate, String)>, sqlx::Error> {
    sqlx::query_as(
        "select date_local, name
         from planning_settings_1.holidays
         where company_id = $1
             and name is not null
             and ($2::date is null or date_local >= $2)
             and ($3::date is null or date_local <= $3)
         order by date_local",
    )
    .bind(company_id)
    .bind(from)
    .bind(to)
    .fetch_all(conn)
    .await
}

/// What was set for the days of all products of a company, by item key.
pub async fn all_item_days(
    conn: &mut PgConnection,
    company_id: Uuid,
) -> Result<BTreeMap<String, BTreeMap<NaiveDate, Covariates>>, sqlx::Error> {
    type Set = (String, NaiveDate, Option<bool>, Option<bool>, Option<Decimal>);
    let rows: Vec<Set> = sqlx::query_as(
        "select item_key, date_local, promotion_flag, holiday_flag, marketing_spend
         from planning_settings_1.covariates
         where company_id = $1",
    )
    .bind(company_id)
    .fetch_all(conn)
    .await?;
    let mut by_item: BTreeMap<String, BTreeMap<NaiveDate, Covariates>> = BTreeMap::new();
    for (item, date, promotion_flag, holiday_flag, spend) in rows {
        let marketing_spend = spend.and_then(Amount::from_decimal);
        let covariates = Covariates { promotion_flag, holiday_flag, marketing_spend };
        by_item.entry(item).or_default().insert(date, covariates);
    }
    Ok(by_item)
}

/// What was set for the days of a product, from the first to the last.
pub async fn item_days(
    conn: &mut PgConnection,
    company_id: Uuid,
    item_key: &str,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<BTreeMap<NaiveDate, Covariates>, sqlx::Error> {
    type Set = (NaiveDate, Option<bool>, Option<bool>, Option<Decimal>);
    let rows: Vec<Set> = sqlx::query_as(
        "select date_local, promotion_flag, holiday_flag, marketing_spend
         from planning_settings_1.covariates
         where company_id = $1 and item_key = $2 and date_local between $3 and $4",
    )
    .bind(company_id)
    .bind(item_key)
    .bind(from)
    .bind(to)
    .fetch_all(conn)
    .await?;
    let day = |(date, promotion_flag, holiday_flag, spend): Set| {
        let marketing_spend = spend.and_then(Amount::from_decimal);
        (date, Covariates { promotion_flag, holiday_flag, marketing_spend })
    };
    Ok(rows.into_iter().map(day).collect())
}

/// A recommendation that somebody does not want to see.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DismissalRow {
    /// Position of the dismissal.
    pub position: i64,
    /// Key of the product.
    pub item_key: String,
    /// Present item id of the product.
    pub item_id: String,
    /// Location of the plan that it stands in; the company's where absent.
    pub location_id: Option<String>,
    /// What was recommended.
    pub kind: String,
    /// `episode`, `until` or `forever`.
    pub scope: String,
    /// The dismissed episode.
    pub episode: Option<i64>,
    /// The last day without it.
    pub until: Option<NaiveDate>,
    /// Who said so; nobody where an API key did.
    pub dismissed_by: Option<Uuid>,
    /// When.
    pub dismissed_at: DateTime<Utc>,
    /// Why.
    pub notes: Option<String>,
}

/// Dismissals, newest first, without the first `offset`.
pub async fn dismissals(
    conn: &mut PgConnection,
    company_id: Uuid,
    offset: i64,
    limit: i64,
) -> Result<Vec<DismissalRow>, sqlx::Error> {
    sqlx::query_as(
        "select d.position, d.item_key, coalesce(p.item_id, d.item_key) as item_id, d.location_id, d.kind, d.scope,
             d.episode, d.until, d.dismissed_by, d.dismissed_at, d.notes
         from planning_settings_1.dismissals d
         left join catalogue_1.products p on p.company_id = d.company_id and p.item_key = d.item_key
         where d.company_id = $1
         order by d.position desc
         offset $2
         limit $3",
    )
    .bind(company_id)
    .bind(offset)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Number of dismissals.
pub async fn count_dismissals(conn: &mut PgConnection, company_id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from planning_settings_1.dismissals where company_id = $1")
        .bind(company_id)
        .fetch_one(conn)
        .await
}

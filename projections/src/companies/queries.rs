//! Reads of profile, settings and their history. Under row-level security; every query names the company itself too.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::companies::CompanyRow;

/// One choice of settings.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct SettingsChoice {
    /// Position of the choice.
    pub position: i64,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Who chose.
    pub actor: String,
    /// For whom: `company`, `category/` and the category, or `item/` and the product's key.
    pub scope: String,
    /// New values by key; null took a key back to its default.
    pub changes: Json<Map<String, Value>>,
}

/// Profile and chosen settings of a company.
pub async fn company(conn: &mut PgConnection, company_id: Uuid) -> Result<Option<CompanyRow>, sqlx::Error> {
    sqlx::query_as(
        "select p.company_id, p.name, p.currency, p.time_zone, p.currency_locked, p.day, s.chosen,
             p.created_at, p.updated_at, p.changed_position, p.version
         from companies_1.profiles p
         join companies_1.settings s on s.company_id = p.company_id
         where p.company_id = $1",
    )
    .bind(company_id)
    .fetch_optional(conn)
    .await
}

/// Number of choices of settings, those of planning included.
pub async fn settings_choices(conn: &mut PgConnection, company_id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "select (select count(*) from companies_1.settings_history where company_id = $1)
             + (select count(*) from planning_settings_1.history where company_id = $1)",
    )
    .bind(company_id)
    .fetch_one(conn)
    .await
}

/// Choices of settings, those of planning included, newest or oldest first, without the first `offset`.
pub async fn settings_history(
    conn: &mut PgConnection,
    company_id: Uuid,
    oldest_first: bool,
    offset: i64,
    limit: i64,
) -> Result<Vec<SettingsChoice>, sqlx::Error> {
    sqlx::query_as(
        "select position, recorded_at, actor, scope, changes
         from (
             select position, recorded_at, actor, 'company' as scope, changes
             from companies_1.settings_history
             where company_id = $1
             union all
             select position, recorded_at, actor, stream_id, changes
             from planning_settings_1.history
             where company_id = $1
         ) choices
         order by case when $2 then position end, position desc
         offset $3
         limit $4",
    )
    .bind(company_id)
    .bind(oldest_first)
    .bind(offset)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Time zones of those of `companies` that are known. For the projector's role, which sees every company.
pub async fn time_zones(
    conn: &mut PgConnection,
    companies: &[Uuid],
) -> Result<Vec<(Uuid, String)>, sqlx::Error> {
    sqlx::query_as("select company_id, time_zone from companies_1.profiles where company_id = any($1)")
        .bind(companies)
        .fetch_all(conn)
        .await
}

//! Projection `planning_settings`: what people chose for planning beside the company's settings.
//!
//! `settings` holds one row per stream as it stands now: the company's rules and forecast policy, and what categories
//! and items have of their own. `history` keeps every choice with who made it. `days` has holidays and what was set
//! for products' days, `dismissals` the recommendations that somebody does not want to see.

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use domain::planning::event::{CalendarEvent, CovariatesEvent, PlanningSettingsEvent, RecommendationEvent};
use domain::planning::state::PlanningSettings as Chosen;
use domain::shared::event::Event;
use event_log::event::StoredEvent;

use crate::companies::actor;
use crate::projection::{Projection, ProjectionError, decode};
use crate::rows;
use crate::streams::{self, Key, StreamRow};

mod days;
mod dismissals;
pub mod queries;

/// Schema that the queries of this release read.
pub const SCHEMA: &str = "planning_settings_1";

/// The projection; see the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlanningSettings;

/// Settings of one stream as they stand now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct SettingsRow {
    /// Tenant.
    pub company_id: Uuid,
    /// `company`, `category/` and the category, or `item/` and the product's key.
    pub stream_id: String,
    /// What was chosen.
    pub chosen: Json<Chosen>,
    /// Position of its last change.
    pub changed_position: i64,
    /// Version of its stream.
    pub version: i64,
}

impl Projection for PlanningSettings {
    fn name(&self) -> &'static str {
        "planning_settings"
    }

    fn version(&self) -> i32 {
        1
    }

    fn stream_types(&self) -> &'static [&'static str] {
        &[
            PlanningSettingsEvent::STREAM_TYPE,
            CalendarEvent::STREAM_TYPE,
            CovariatesEvent::STREAM_TYPE,
            RecommendationEvent::STREAM_TYPE,
        ]
    }

    fn ddl(&self) -> &'static str {
        DDL
    }

    fn apply<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        block: &'a [StoredEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            apply(conn, block).await?;
            days::apply_holidays(conn, block).await?;
            days::apply_covariates(conn, block).await?;
            dismissals::apply(conn, block).await
        }
        .boxed()
    }
}

const DDL: &str = "
create table settings (
    company_id uuid not null,
    stream_id text not null,
    chosen jsonb not null,
    changed_position bigint not null,
    version bigint not null,
    primary key (company_id, stream_id)
);

create table history (
    company_id uuid not null,
    position bigint not null,
    recorded_at timestamptz not null,
    actor text not null,
    stream_id text not null,
    changes jsonb not null,
    primary key (company_id, position)
);

create table holidays (
    company_id uuid not null,
    date_local date not null,
    name text,
    changed_position bigint not null,
    primary key (company_id, date_local)
);

create table covariates (
    company_id uuid not null,
    item_key text not null,
    date_local date not null,
    promotion_flag boolean,
    holiday_flag boolean,
    marketing_spend numeric,
    changed_position bigint not null,
    primary key (company_id, item_key, date_local)
);

create table dismissals (
    company_id uuid not null,
    position bigint not null,
    item_key text not null,
    location_id text,
    kind text not null,
    scope text not null,
    episode bigint,
    until date,
    dismissed_by uuid,
    dismissed_at timestamptz not null,
    notes text,
    primary key (company_id, position)
);
";

/// One choice, as `history` keeps it.
#[derive(Debug, Serialize)]
struct Choice {
    company_id: Uuid,
    position: i64,
    recorded_at: DateTime<Utc>,
    actor: String,
    stream_id: String,
    changes: Map<String, Value>,
}

async fn apply(conn: &mut PgConnection, block: &[StoredEvent]) -> Result<(), ProjectionError> {
    let events = streams::of::<PlanningSettingsEvent>(block);
    if events.is_empty() {
        return Ok(());
    }
    let loaded: Vec<SettingsRow> = sqlx::query_as(
        "select s.company_id, s.stream_id, s.chosen, s.changed_position, s.version
         from settings s
         where (s.company_id, s.stream_id) in (select * from unnest($1::uuid[], $2::text[]))",
    )
    .bind(events.iter().map(|event| event.company_id).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.stream_id.as_ref()).collect::<Vec<_>>())
    .fetch_all(&mut *conn)
    .await?;
    let mut choices = Vec::new();
    let changed = streams::folded(loaded, &events, |row, event| row.fold(event, &mut choices))?;
    save(conn, &changed).await?;
    save_choices(conn, &choices).await
}

impl StreamRow for SettingsRow {
    fn blank(event: &StoredEvent) -> Self {
        Self {
            company_id: event.company_id,
            stream_id: event.stream_id.as_ref().to_owned(),
            chosen: Json(Chosen::default()),
            changed_position: 0,
            version: 0,
        }
    }

    fn key(&self) -> Key {
        (self.company_id, self.stream_id.clone())
    }

    fn version(&self) -> i64 {
        self.version
    }
}

impl SettingsRow {
    fn fold(&mut self, event: &StoredEvent, choices: &mut Vec<Choice>) -> Result<(), ProjectionError> {
        let fact = decode::<PlanningSettingsEvent>(event)?;
        self.chosen.evolve(&fact);
        self.changed_position = event.position;
        self.version = event.version;
        choices.push(Choice {
            company_id: event.company_id,
            position: event.position,
            recorded_at: event.recorded_at,
            actor: actor(event),
            stream_id: self.stream_id.clone(),
            changes: changes(fact),
        });
        Ok(())
    }
}

/// What a choice changed, by key.
fn changes(fact: PlanningSettingsEvent) -> Map<String, Value> {
    match fact {
        PlanningSettingsEvent::RecommendationRulesChosen(chosen) => [
            ("enabled_types".to_owned(), json!(chosen.rules.enabled_types)),
            ("role_rules".to_owned(), json!(chosen.rules.role_rules)),
        ]
        .into_iter()
        .collect(),
        PlanningSettingsEvent::ForecastPolicyChosen(chosen) => {
            [("forecast_policy".to_owned(), json!(chosen.policy))].into_iter().collect()
        }
        PlanningSettingsEvent::PlanningSettingsChosen(chosen) => chosen.changes,
    }
}

async fn save(conn: &mut PgConnection, settings: &[SettingsRow]) -> Result<(), ProjectionError> {
    sqlx::query(
        "insert into settings (company_id, stream_id, chosen, changed_position, version)
         select company_id, stream_id, chosen, changed_position, version
         from json_populate_recordset(null::settings, $1::json)
         on conflict (company_id, stream_id) do update set
             chosen = excluded.chosen,
             changed_position = excluded.changed_position,
             version = excluded.version",
    )
    .bind(rows::json(settings)?)
    .execute(conn)
    .await?;
    Ok(())
}

async fn save_choices(conn: &mut PgConnection, choices: &[Choice]) -> Result<(), ProjectionError> {
    sqlx::query(
        "insert into history (company_id, position, recorded_at, actor, stream_id, changes)
         select company_id, position, recorded_at, actor, stream_id, changes
         from json_populate_recordset(null::history, $1::json)
         on conflict (company_id, position) do nothing",
    )
    .bind(rows::json(choices)?)
    .execute(conn)
    .await?;
    Ok(())
}

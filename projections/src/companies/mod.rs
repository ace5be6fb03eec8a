//! Projection `companies`: who the company is and how it wants things done.
//!
//! `profiles` and `settings` hold one row per company as it stands now; `settings` keeps only what was chosen, the
//! defaults of rule R28 are laid under it when it is read. `settings_history` keeps every choice with who made it.

use chrono::{DateTime, NaiveDate, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use domain::companies::Settings;
use domain::companies::event::{CompanyEvent, Profile};
use domain::shared::event::Event;
use event_log::event::StoredEvent;

use crate::projection::{Projection, ProjectionError, decode};
use crate::rows;
use crate::streams::{self, Key, StreamRow};

pub mod queries;

/// Schema that the queries of this release read.
pub const SCHEMA: &str = "companies_1";

/// The projection; see the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct Companies;

/// A company as it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct CompanyRow {
    /// Tenant.
    pub company_id: Uuid,
    /// Name.
    pub name: String,
    /// ISO code of the currency of totals.
    pub currency: String,
    /// IANA time zone of its days.
    pub time_zone: String,
    /// Whether the currency stays from now on.
    pub currency_locked: bool,
    /// The newest local day that began.
    pub day: Option<NaiveDate>,
    /// Settings that were chosen, by key; the others have their defaults.
    pub chosen: Json<Map<String, Value>>,
    /// When it signed up.
    pub created_at: DateTime<Utc>,
    /// When its last change was recorded.
    pub updated_at: DateTime<Utc>,
    /// Position of its last change.
    pub changed_position: i64,
    /// Version of its stream.
    pub version: i64,
}

impl Projection for Companies {
    fn name(&self) -> &'static str {
        "companies"
    }

    fn version(&self) -> i32 {
        1
    }

    fn stream_types(&self) -> &'static [&'static str] {
        &[CompanyEvent::STREAM_TYPE]
    }

    fn ddl(&self) -> &'static str {
        DDL
    }

    fn apply<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        block: &'a [StoredEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        apply(conn, block).boxed()
    }
}

const DDL: &str = "
create table profiles (
    company_id uuid not null,
    name text not null,
    currency text not null,
    time_zone text not null,
    currency_locked boolean not null,
    day date,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    changed_position bigint not null,
    version bigint not null,
    primary key (company_id)
);

create table settings (
    company_id uuid not null,
    chosen jsonb not null,
    changed_position bigint not null,
    primary key (company_id)
);

create table settings_history (
    company_id uuid not null,
    position bigint not null,
    recorded_at timestamptz not null,
    actor text not null,
    changes jsonb not null,
    primary key (company_id, position)
);
";

const SELECT: &str =
    "select p.company_id, p.name, p.currency, p.time_zone, p.currency_locked, p.day, s.chosen,
    p.created_at, p.updated_at, p.changed_position, p.version
    from profiles p join settings s on s.company_id = p.company_id
    where p.company_id = any($1)";

/// One choice of settings, as `settings_history` keeps it.
#[derive(Debug, Serialize)]
struct Choice {
    company_id: Uuid,
    position: i64,
    recorded_at: DateTime<Utc>,
    actor: String,
    changes: Map<String, Value>,
}

async fn apply(conn: &mut PgConnection, block: &[StoredEvent]) -> Result<(), ProjectionError> {
    let events = streams::of::<CompanyEvent>(block);
    if events.is_empty() {
        return Ok(());
    }
    let touched: Vec<Uuid> = events.iter().map(|event| event.company_id).collect();
    let loaded: Vec<CompanyRow> = sqlx::query_as(SELECT).bind(touched).fetch_all(&mut *conn).await?;
    let mut choices = Vec::new();
    let changed = streams::folded(loaded, &events, |company, event| company.fold(event, &mut choices))?;
    save(conn, &changed).await?;
    save_choices(conn, &choices).await
}

impl StreamRow for CompanyRow {
    fn blank(event: &StoredEvent) -> Self {
        Self {
            company_id: event.company_id,
            name: String::new(),
            currency: "EUR".to_owned(),
            time_zone: "UTC".to_owned(),
            currency_locked: false,
            day: None,
            chosen: Json(Map::new()),
            created_at: event.recorded_at,
            updated_at: event.recorded_at,
            changed_position: 0,
            version: 0,
        }
    }

    fn key(&self) -> Key {
        (self.company_id, self.company_id.to_string())
    }

    fn version(&self) -> i64 {
        self.version
    }
}

impl CompanyRow {
    /// The settings that hold: what was chosen over the defaults of rule R28.
    pub fn settings(&self) -> Settings {
        Settings::default().folded(&self.chosen)
    }

    fn fold(&mut self, event: &StoredEvent, choices: &mut Vec<Choice>) -> Result<(), ProjectionError> {
        match decode::<CompanyEvent>(event)? {
            CompanyEvent::CompanyFounded(founded) => self.state(founded.profile),
            CompanyEvent::CompanyProfileEdited(edited) => self.state(edited.profile),
            CompanyEvent::CurrencyLocked(locked) => {
                self.currency = locked.currency.into();
                self.currency_locked = true;
            }
            CompanyEvent::SettingsChosen(chosen) => self.choose(event, chosen.changes, choices),
            CompanyEvent::DayStarted(started) => self.day = Some(started.date),
        }
        self.updated_at = event.recorded_at;
        self.changed_position = event.position;
        self.version = event.version;
        Ok(())
    }

    fn state(&mut self, profile: Profile) {
        self.name = profile.name;
        self.currency = profile.currency.into();
        profile.time_zone.name().clone_into(&mut self.time_zone);
    }

    /// Null takes a key back to its default.
    fn choose(&mut self, event: &StoredEvent, changes: Map<String, Value>, choices: &mut Vec<Choice>) {
        for (key, value) in &changes {
            if value.is_null() {
                self.chosen.remove(key);
            } else {
                self.chosen.insert(key.clone(), value.clone());
            }
        }
        choices.push(Choice {
            company_id: event.company_id,
            position: event.position,
            recorded_at: event.recorded_at,
            actor: actor(event),
            changes,
        });
    }
}

/// The part of an event's metadata that history shows.
#[derive(Deserialize)]
struct Author {
    actor: String,
}

/// Who caused an event; empty where the metadata does not say, which must not stop a read model.
pub(crate) fn actor(event: &StoredEvent) -> String {
    serde_json::from_str::<Author>(&event.metadata).map(|author| author.actor).unwrap_or_default()
}

async fn save(conn: &mut PgConnection, companies: &[CompanyRow]) -> Result<(), ProjectionError> {
    let json = rows::json(companies)?;
    sqlx::query(
        "insert into profiles (company_id, name, currency, time_zone, currency_locked, day, created_at, updated_at, \
             changed_position, version)
         select company_id, name, currency, time_zone, currency_locked, day, created_at, updated_at, \
             changed_position, version
         from json_populate_recordset(null::profiles, $1::json)
         on conflict (company_id) do update set
             name = excluded.name,
             currency = excluded.currency,
             time_zone = excluded.time_zone,
             currency_locked = excluded.currency_locked,
             day = excluded.day,
             updated_at = excluded.updated_at,
             changed_position = excluded.changed_position,
             version = excluded.version",
    )
    .bind(&json)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into settings (company_id, chosen, changed_position)
         select company_id, chosen, changed_position from json_populate_recordset(null::settings, $1::json)
         on conflict (company_id) do update set
             chosen = excluded.chosen,
             changed_position = excluded.changed_position",
    )
    .bind(&json)
    .execute(conn)
    .await?;
    Ok(())
}

async fn save_choices(conn: &mut PgConnection, choices: &[Choice]) -> Result<(), ProjectionError> {
    if choices.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into settings_history (company_id, position, recorded_at, actor, changes)
         select company_id, position, recorded_at, actor, changes
         from json_populate_recordset(null::settings_history, $1::json)
         on conflict (company_id, position) do nothing",
    )
    .bind(rows::json(choices)?)
    .execute(conn)
    .await?;
    Ok(())
}

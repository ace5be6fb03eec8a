//! Companies: profile, settings and their history.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use domain::companies::Settings;
use domain::companies::event::{
    CompanyFounded, CompanyProfileEdited, CurrencyLocked, DayStarted, Profile, SettingsChosen,
};
use domain::shared::money::Currency;
use event_log::event::StoredEvent;
use migrations::testing::fresh_database;
use projections::companies::{Companies, queries};
use projections::projection::{Projection, schema_of};
use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

const COMPANY: Uuid = Uuid::from_u128(7);

fn stored(version: i64, event_type: &str, payload: &impl Serialize) -> StoredEvent {
    StoredEvent {
        partition: 0,
        position: 10 * version,
        company_id: COMPANY,
        stream_type: Arc::from("company"),
        stream_id: Arc::from(COMPANY.to_string()),
        version,
        event_id: Uuid::from_u128(1),
        event_type: Arc::from(event_type),
        schema_version: 1,
        effective_at: instant(version),
        recorded_at: instant(version),
        payload: Arc::from(serde_json::to_string(payload).unwrap()),
        metadata: Arc::from(format!(r#"{{"actor":"user:{version}"}}"#)),
        meaning: event_log::event::Meaning::default(),
    }
}

fn instant(version: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + version, 0).unwrap()
}

fn profile(name: &str) -> Profile {
    Profile {
        name: name.to_owned(),
        currency: Currency::new("GBP").unwrap(),
        time_zone: chrono_tz::Europe::London,
    }
}

fn chosen(changes: &serde_json::Value) -> SettingsChosen {
    SettingsChosen { changes: changes.as_object().unwrap().clone() }
}

fn story() -> Vec<StoredEvent> {
    vec![
        stored(1, "CompanyFounded", &CompanyFounded { profile: profile("Hearts") }),
        stored(
            2,
            "SettingsChosen",
            &chosen(&json!({"dead_stock_days": 60, "high_value_threshold": "500.00"})),
        ),
        stored(3, "DayStarted", &DayStarted { date: NaiveDate::from_ymd_opt(2011, 11, 30).unwrap() }),
        stored(4, "SettingsChosen", &chosen(&json!({"dead_stock_days": null, "censor_stockouts": true}))),
        stored(5, "CurrencyLocked", &CurrencyLocked { currency: Currency::new("GBP").unwrap() }),
        stored(6, "CompanyProfileEdited", &CompanyProfileEdited { profile: profile("Hearts & Co") }),
    ]
}

async fn fold(owner: &PgPool, blocks: impl Iterator<Item = &[StoredEvent]>) {
    let mut tx = owner.begin().await.unwrap();
    let schema = schema_of(&Companies);
    sqlx::query(&format!("set local search_path = {schema}, public")).execute(&mut *tx).await.unwrap();
    for block in blocks {
        Companies.apply(&mut tx, block).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn profile_settings_and_history_stand_as_the_events_left_them_and_twice_is_once() {
    let database = fresh_database().await;
    let owner = database.owner().clone();
    projections::install::install(&owner, &projections::registry::all()).await.unwrap();
    let story = story();
    fold(&owner, story.chunks(1)).await;
    fold(&owner, story.chunks(4)).await;
    fold(&owner, std::iter::once(story.as_slice())).await;

    let mut conn = owner.acquire().await.unwrap();
    let company = queries::company(&mut conn, COMPANY).await.unwrap().unwrap();
    assert_eq!((company.name.as_str(), company.currency.as_str()), ("Hearts & Co", "GBP"));
    assert_eq!(company.time_zone, "Europe/London");
    assert!(company.currency_locked);
    assert_eq!(company.day, NaiveDate::from_ymd_opt(2011, 11, 30));
    assert_eq!((company.version, company.changed_position), (6, 60));
    assert_eq!((company.created_at, company.updated_at), (instant(1), instant(6)));

    let settings = company.settings();
    assert_eq!(settings.dead_stock_days, Settings::default().dead_stock_days);
    assert_eq!(settings.high_value_threshold.to_string(), "500.00");
    assert!(settings.censor_stockouts);

    let history = queries::settings_history(&mut conn, COMPANY, false, 0, 10).await.unwrap();
    let seen: Vec<(i64, &str)> =
        history.iter().map(|choice| (choice.position, choice.actor.as_str())).collect();
    assert_eq!(seen, [(40, "user:4"), (20, "user:2")]);
    assert_eq!(history[0].changes.0["censor_stockouts"], true);
    assert_eq!(history[0].changes.0["dead_stock_days"], serde_json::Value::Null);
    assert_eq!(queries::settings_choices(&mut conn, COMPANY).await.unwrap(), 2);
    assert_eq!(queries::settings_history(&mut conn, COMPANY, true, 0, 1).await.unwrap(), history[1..]);
    assert!(queries::company(&mut conn, Uuid::from_u128(8)).await.unwrap().is_none());
}

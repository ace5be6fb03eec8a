//! Settings, days and dismissals of planning.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use domain::planning::Fixed;
use domain::planning::covariate::Covariates;
use domain::planning::event::{
    CalendarEvent, CovariateDay, CovariatesEvent, CovariatesSet, ForecastPolicy, ForecastPolicyChosen,
    HolidayRemoved, HolidaySet, PlanningScope, PlanningSettingsChosen, PlanningSettingsEvent,
    RecommendationDismissed, RecommendationEvent, RecommendationRulesChosen,
};
use domain::planning::recommendation::{DismissalScope, RecommendationRules, RecommendationType};
use domain::registry::AnyEvent;
use domain::shared::ids::{ItemId, LocationId, UserId};
use event_log::event::StoredEvent;
use migrations::testing::fresh_database;
use projections::companies::queries as companies;
use projections::planning_settings::{PlanningSettings, queries};
use projections::projection::{Projection, schema_of};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

const COMPANY: Uuid = Uuid::from_u128(7);
const OTHER: Uuid = Uuid::from_u128(8);

fn stored(position: i64, stream_id: &str, version: i64, fact: impl Into<AnyEvent>) -> StoredEvent {
    let fact = fact.into();
    StoredEvent {
        partition: 0,
        position,
        company_id: COMPANY,
        stream_type: Arc::from(fact.stream_type()),
        stream_id: Arc::from(stream_id),
        version,
        event_id: Uuid::from_u128(1),
        event_type: Arc::from(fact.name()),
        schema_version: 1,
        effective_at: instant(position),
        recorded_at: instant(position),
        payload: Arc::from(fact.payload().unwrap()),
        metadata: Arc::from(format!(r#"{{"actor":"user:{position}"}}"#)),
        meaning: event_log::event::Meaning::default(),
    }
}

fn instant(position: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + position, 0).unwrap()
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 4, day).unwrap()
}

fn mug() -> ItemId {
    ItemId::new("mug").unwrap()
}

fn chosen(changes: &Value) -> PlanningSettingsEvent {
    PlanningSettingsEvent::PlanningSettingsChosen(PlanningSettingsChosen {
        scope: PlanningScope::Item { item_id: mug() },
        changes: changes.as_object().unwrap().clone(),
    })
}

fn holiday(on: u32, name: &str) -> CalendarEvent {
    CalendarEvent::HolidaySet(HolidaySet { date_local: day(on), name: name.to_owned() })
}

fn set(days: &[(u32, Option<bool>, Option<i64>)]) -> CovariatesEvent {
    let day = |(on, promotion_flag, cents): &(u32, Option<bool>, Option<i64>)| CovariateDay {
        date_local: day(*on),
        covariates: Covariates {
            promotion_flag: *promotion_flag,
            holiday_flag: None,
            marketing_spend: cents.map(Fixed::of_steps),
        },
    };
    CovariatesEvent::CovariatesSet(CovariatesSet { item_id: mug(), days: days.iter().map(day).collect() })
}

fn dismissed(dismissal: DismissalScope, place: Option<&str>) -> RecommendationEvent {
    RecommendationEvent::RecommendationDismissed(RecommendationDismissed {
        item_id: mug(),
        location_id: place.map(|name| LocationId::new(name).unwrap()),
        kind: RecommendationType::Promote,
        dismissal,
        dismissed_by: Some(UserId(OTHER)),
        notes: Some("no".to_owned()),
    })
}

fn rules() -> RecommendationRules {
    let enabled_types = [RecommendationType::Urgent].into_iter().collect();
    RecommendationRules { enabled_types, ..RecommendationRules::default() }
}

fn story() -> Vec<StoredEvent> {
    let choose_rules =
        PlanningSettingsEvent::RecommendationRulesChosen(RecommendationRulesChosen { rules: rules() });
    let policy = ForecastPolicyChosen { policy: ForecastPolicy::Automatic };
    vec![
        stored(1, "company", 1, choose_rules),
        stored(2, "item/mug", 1, chosen(&json!({"dead_stock_days": 60, "urgent_risk": 65.5}))),
        stored(3, "company", 2, PlanningSettingsEvent::ForecastPolicyChosen(policy)),
        stored(4, "item/mug", 2, chosen(&json!({"dead_stock_days": null}))),
        stored(5, "holidays", 1, holiday(6, "Easter")),
        stored(6, "holidays", 2, holiday(7, "Typo")),
        stored(7, "holidays", 3, CalendarEvent::HolidayRemoved(HolidayRemoved { date_local: day(7) })),
        stored(8, "holidays", 4, holiday(6, "Easter Monday")),
        stored(9, "mug", 1, set(&[(1, Some(true), Some(12_550)), (2, Some(true), None), (9, None, Some(1))])),
        stored(10, "mug", 2, set(&[(1, None, Some(5)), (2, None, None)])),
        stored(11, "mug", 1, dismissed(DismissalScope::Episode { episode: 3 }, None)),
        stored(12, "mug", 2, dismissed(DismissalScope::Until { date: day(30) }, Some("MAIN"))),
        stored(13, "mug", 3, dismissed(DismissalScope::Forever, None)),
    ]
}

async fn fold(owner: &PgPool, blocks: impl Iterator<Item = &[StoredEvent]>) {
    let mut tx = owner.begin().await.unwrap();
    let schema = schema_of(&PlanningSettings);
    sqlx::query(&format!("set local search_path = {schema}, public")).execute(&mut *tx).await.unwrap();
    for block in blocks {
        PlanningSettings.apply(&mut tx, block).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn choices_days_and_dismissals_stand_as_the_events_left_them_and_twice_is_once() {
    let database = fresh_database().await;
    let owner = database.owner().clone();
    projections::install::install(&owner, &projections::registry::all()).await.unwrap();
    let story = story();
    fold(&owner, story.chunks(1)).await;
    fold(&owner, story.chunks(1)).await;
    fold(&owner, story.chunks(5)).await;
    fold(&owner, std::iter::once(story.as_slice())).await;

    let mut conn = owner.acquire().await.unwrap();
    let company = queries::chosen(&mut conn, COMPANY, "company").await.unwrap();
    assert_eq!((company.rules(), company.policy), (rules(), ForecastPolicy::Automatic));
    let item = queries::chosen(&mut conn, COMPANY, "item/mug").await.unwrap();
    assert_eq!(Value::Object(item.chosen), json!({"urgent_risk": 65.5}));
    assert_eq!(queries::chosen(&mut conn, OTHER, "item/mug").await.unwrap().chosen.len(), 0);

    let history = companies::settings_history(&mut conn, COMPANY, true, 0, 10).await.unwrap();
    let seen: Vec<(i64, &str, &str)> =
        history.iter().map(|one| (one.position, one.actor.as_str(), one.scope.as_str())).collect();
    let expected = [
        (1, "user:1", "company"),
        (2, "user:2", "item/mug"),
        (3, "user:3", "company"),
        (4, "user:4", "item/mug"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(history[0].changes.0["enabled_types"], json!(["URGENT"]));
    assert_eq!(history[2].changes.0["forecast_policy"], "AUTOMATIC");
    assert_eq!(companies::settings_choices(&mut conn, COMPANY).await.unwrap(), 4);

    let holidays = queries::holidays(&mut conn, COMPANY, None, None).await.unwrap();
    assert_eq!(holidays, [(day(6), "Easter Monday".to_owned())]);
    assert!(queries::holidays(&mut conn, COMPANY, Some(day(7)), None).await.unwrap().is_empty());
    assert!(queries::holidays(&mut conn, OTHER, None, None).await.unwrap().is_empty());

    let days = queries::item_days(&mut conn, COMPANY, "mug", (day(1), day(8))).await.unwrap();
    assert_eq!(days[&day(1)].marketing_spend, Some(Fixed::of_steps(5)));
    assert_eq!(days[&day(1)].promotion_flag, None, "a day takes the place of what was set before");
    assert!(days.get(&day(2)).is_none_or(|day| *day == Covariates::default()));
    assert!(!days.contains_key(&day(9)));

    let dismissals = queries::dismissals(&mut conn, COMPANY, 0, 10).await.unwrap();
    let seen: Vec<_> = dismissals
        .iter()
        .map(|one| (one.position, one.scope.as_str(), one.episode, one.until, one.location_id.as_deref()))
        .collect();
    let expected = [
        (13, "forever", None, None, None),
        (12, "until", None, Some(day(30)), Some("MAIN")),
        (11, "episode", Some(3), None, None),
    ];
    assert_eq!(seen, expected);
    assert_eq!((dismissals[0].kind.as_str(), dismissals[0].dismissed_by), ("PROMOTE", Some(OTHER)));
    assert_eq!(queries::count_dismissals(&mut conn, COMPANY).await.unwrap(), 3);
}

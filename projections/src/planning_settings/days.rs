//! Rows of `holidays` and `covariates`. A holiday that was removed keeps its row without a name, a day of which nothing
//! is set any more keeps its row with nothing, so that a block which comes twice is folded once.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::planning::covariate::Covariates;
use domain::planning::event::{CalendarEvent, CovariatesEvent};
use event_log::event::StoredEvent;

use crate::projection::{ProjectionError, decode};
use crate::rows;
use crate::streams;

/// A day of a company, on its way into the table.
#[derive(Serialize)]
struct Holiday {
    company_id: Uuid,
    date_local: NaiveDate,
    name: Option<String>,
    changed_position: i64,
}

/// A day of a product, on its way into the table.
#[derive(Serialize)]
struct ItemDay {
    company_id: Uuid,
    item_key: String,
    date_local: NaiveDate,
    #[serde(flatten)]
    covariates: Covariates,
    changed_position: i64,
}

/// Folds the holidays of a block.
pub(super) async fn apply_holidays(
    conn: &mut PgConnection,
    block: &[StoredEvent],
) -> Result<(), ProjectionError> {
    let mut newest = BTreeMap::new();
    for event in streams::of::<CalendarEvent>(block) {
        let (date_local, name) = match decode::<CalendarEvent>(event)? {
            CalendarEvent::HolidaySet(set) => (set.date_local, Some(set.name)),
            CalendarEvent::HolidayRemoved(removed) => (removed.date_local, None),
        };
        let company_id = event.company_id;
        let day = Holiday { company_id, date_local, name, changed_position: event.position };
        newest.insert((company_id, date_local), day);
    }
    if newest.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into holidays as h (company_id, date_local, name, changed_position)
         select company_id, date_local, name, changed_position
         from json_populate_recordset(null::holidays, $1::json)
         on conflict (company_id, date_local) do update set
             name = excluded.name,
             changed_position = excluded.changed_position
         where h.changed_position < excluded.changed_position",
    )
    .bind(rows::json(&newest.into_values().collect::<Vec<_>>())?)
    .execute(conn)
    .await?;
    Ok(())
}

/// Folds what a block sets for days of products.
pub(super) async fn apply_covariates(
    conn: &mut PgConnection,
    block: &[StoredEvent],
) -> Result<(), ProjectionError> {
    let mut newest = BTreeMap::new();
    for event in streams::of::<CovariatesEvent>(block) {
        let CovariatesEvent::CovariatesSet(set) = decode(event)?;
        for day in set.days {
            let key = (event.company_id, event.stream_id.as_ref().to_owned(), day.date_local);
            let day = ItemDay {
                company_id: key.0,
                item_key: key.1.clone(),
                date_local: key.2,
                covariates: day.covariates,
                changed_position: event.position,
            };
            newest.insert(key, day);
        }
    }
    if newest.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into covariates as c (company_id, item_key, date_local, promotion_flag, holiday_flag,
             marketing_spend, changed_position)
         select company_id, item_key, date_local, promotion_flag, holiday_flag, marketing_spend, changed_position
         from json_populate_recordset(null::covariates, $1::json)
         on conflict (company_id, item_key, date_local) do update set
             promotion_flag = excluded.promotion_flag,
             holiday_flag = excluded.holiday_flag,
             marketing_spend = excluded.marketing_spend,
             changed_position = excluded.changed_position
         where c.changed_position < excluded.changed_position",
    )
    .bind(rows::json(&newest.into_values().collect::<Vec<_>>())?)
    .execute(conn)
    .await?;
    Ok(())
}

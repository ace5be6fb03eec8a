//! Sources of forecasts side by side: the rules, the automatic choice, each model outside, on the days and items of
//! which all of them spoke.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::planning::accuracy::Errors;
use domain::planning::forecast::SHORT_HORIZON_DAYS;
use domain::planning::{Overflow, Rate};

use super::accuracy::Sold;
use super::firm::Firm;

/// Where forecasts come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// `MOVING_AVERAGE`, `AUTOMATIC` or `AUTO_ETS` for the product's own runs, `EXTERNAL` for a model outside.
    pub policy: String,
    /// Name and version of a model outside.
    pub model: Option<String>,
}

/// How far the forecasts of a source were from what was sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compared {
    /// Forecasts that it published, whoever else spoke.
    pub published: u64,
    /// Errors of those on days and items of which every source spoke.
    pub errors: Errors,
}

/// What a source said of an item on a day.
#[derive(sqlx::FromRow)]
struct Said {
    item_key: String,
    policy: String,
    model: Option<String>,
    forecast_14d: Decimal,
}

/// Compares what was published for the whole company from the first to the last day, whose 14 days must be over; among
/// the named sources, among all where none is named. In a snapshot of this read model
/// ([`begin`](super::queries::begin)).
pub async fn compare(
    conn: &mut PgConnection,
    firm: &Firm,
    (first, last): (NaiveDate, NaiveDate),
    is_asked: impl Fn(&Source) -> bool,
) -> Result<BTreeMap<Source, Compared>, sqlx::Error> {
    let until = last.checked_add_days(Days::new(SHORT_HORIZON_DAYS.into())).unwrap_or(last);
    let sold = Sold::read(conn, firm, (first, until)).await?;
    let mut days = Vec::new();
    let mut sources: BTreeMap<Source, Compared> = BTreeMap::new();
    for day in first.iter_days().take_while(|day| *day <= last) {
        let mut said: BTreeMap<Source, BTreeMap<String, Decimal>> = BTreeMap::new();
        for row in read_said(conn, firm.company_id, day).await? {
            let source = Source { policy: row.policy, model: row.model };
            if is_asked(&source) && sold.is_planned(&row.item_key) {
                said.entry(source).or_default().insert(row.item_key, row.forecast_14d);
            }
        }
        for (source, items) in &said {
            let compared = sources.entry(source.clone()).or_default();
            compared.published += u64::try_from(items.len()).unwrap_or(0);
        }
        days.push((day, said));
    }
    let all = sources.len();
    for (day, said) in days.iter().filter(|(_, said)| said.len() == all) {
        for item in common(said) {
            // What does not fit is compared for nobody.
            add(&mut sources, (*day, item), said, &sold).unwrap_or_default();
        }
    }
    Ok(sources)
}

/// Items of which all sources spoke.
fn common(said: &BTreeMap<Source, BTreeMap<String, Decimal>>) -> BTreeSet<&str> {
    let Some(first) = said.values().next() else { return BTreeSet::new() };
    let by_all = |item: &&String| said.values().all(|items| items.contains_key(*item));
    first.keys().filter(by_all).map(String::as_str).collect()
}

fn add(
    sources: &mut BTreeMap<Source, Compared>,
    (day, item): (NaiveDate, &str),
    said: &BTreeMap<Source, BTreeMap<String, Decimal>>,
    sold: &Sold,
) -> Result<(), Overflow> {
    let mut errors = Vec::with_capacity(said.len());
    for (source, items) in said {
        let forecast = items.get(item).copied().and_then(Rate::from_decimal);
        let forecast = forecast.ok_or(Overflow { value: "forecast_14d" })?;
        errors.push((source, sold.error(item, day, forecast)?));
    }
    for (source, error) in errors {
        if let Some(error) = error {
            sources.entry(source.clone()).or_default().errors.merge(&error)?;
        }
    }
    Ok(())
}

/// What each source said last on a day. Where a model was asked in vain, nobody spoke for it.
async fn read_said(
    conn: &mut PgConnection,
    company_id: Uuid,
    day: NaiveDate,
) -> Result<Vec<Said>, sqlx::Error> {
    sqlx::query_as(
        "select distinct on (item_key, policy, model) item_key, policy, model, forecast_14d
         from (
             select item_key, policy, forecast ->> 'model' as model, forecast_14d, position
             from forecast_runs
             join forecasts using (company_id, run_id)
             where company_id = $1
                 and location_id is null
                 and published_on = $2
                 and (policy not in ('EXTERNAL', 'AUTO_ETS') or method = policy)
         ) said
         order by item_key, policy, model, position desc",
    )
    .bind(company_id)
    .bind(day)
    .fetch_all(conn)
    .await
}

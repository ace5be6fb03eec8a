//! Rows of `accuracy` and `worst_forecasts`: how far forecasts were from what was sold (R30).
//!
//! A company's new day judges the runs of the 14 days whose forecasts are over by then, each of them 14 times as the days
//! go by, so that sales that come late are in; afterwards its figures stay. This happens before anything else of the
//! block is folded: what was known when the day began is the same however events came in blocks.

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, NaiveDate};
use futures::TryStreamExt;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::planning::accuracy::{Errors, judged};
use domain::planning::forecast::SHORT_HORIZON_DAYS;
use domain::planning::{Amount, Overflow, PlanDay, Rate};
use domain::shared::quantity::Units;

use super::firm::Firm;
use super::item_days::read_demand;
use crate::projection::ProjectionError;
use crate::rows;

/// Items of `worst_forecasts`.
const WORST: usize = 50;

/// What is known of the items that were forecast.
pub(super) struct Sold {
    demand: BTreeMap<String, BTreeMap<NaiveDate, Units>>,
    /// Unit costs of the items that are planned; others are not judged.
    costs: HashMap<String, Amount>,
}

/// Errors of a run's method, and of each item over all runs.
#[derive(Default)]
struct Judged {
    runs: BTreeMap<(NaiveDate, Uuid, String), Errors>,
    items: HashMap<String, Errors>,
}

/// A forecast that was published for the whole company.
#[derive(sqlx::FromRow)]
struct Said {
    published_on: NaiveDate,
    run_id: Uuid,
    item_key: String,
    method: String,
    forecast_14d: Decimal,
}

/// Judges the forecasts of a company whose days are over when `day` begins.
pub(super) async fn judge(
    conn: &mut PgConnection,
    company_id: Uuid,
    day: NaiveDate,
) -> Result<(), ProjectionError> {
    let until = PlanDay::live(day).demand_until;
    let (first, last) = judged(until).into_inner();
    let published = sqlx::query_scalar(
        "select exists (select from forecast_runs
             where company_id = $1 and location_id is null and published_on between $2 and $3)",
    );
    let published: bool = published.bind(company_id).bind(first).bind(last).fetch_one(&mut *conn).await?;
    let firm = if published { Firm::read(conn, company_id).await? } else { None };
    let judged = match firm {
        Some(firm) => {
            let sold = Sold::read(conn, &firm, (first, until)).await?;
            compare(conn, company_id, (first, last), &sold).await?
        }
        None => Judged::default(),
    };
    keep_runs(conn, company_id, (first, last), &judged).await?;
    keep_worst(conn, company_id, judged.items).await
}

async fn compare(
    conn: &mut PgConnection,
    company_id: Uuid,
    (first, last): (NaiveDate, NaiveDate),
    sold: &Sold,
) -> Result<Judged, ProjectionError> {
    let mut judged = Judged::default();
    let mut all = sqlx::query_as::<_, Said>(
        "select published_on, run_id, item_key, method, forecast_14d
         from forecast_runs
         join forecasts using (company_id, run_id)
         where company_id = $1 and location_id is null and published_on between $2 and $3",
    )
    .bind(company_id)
    .bind(first)
    .bind(last)
    .fetch(conn);
    while let Some(said) = all.try_next().await? {
        // What does not fit is not judged: no figure is better than a wrong one.
        judged.take(said, sold).unwrap_or_default();
    }
    Ok(judged)
}

impl Judged {
    fn take(&mut self, said: Said, sold: &Sold) -> Result<(), Overflow> {
        let overflow = Overflow { value: "forecast_14d" };
        let forecast = Rate::from_decimal(said.forecast_14d).ok_or(overflow)?;
        let error = sold.error(&said.item_key, said.published_on, forecast)?;
        let Some(errors) = error else { return Ok(()) };
        self.runs.entry((said.published_on, said.run_id, said.method)).or_default().merge(&errors)?;
        self.items.entry(said.item_key).or_default().merge(&errors)
    }
}

impl Sold {
    /// What was sold on the days after the first up to the last.
    pub(super) async fn read(
        conn: &mut PgConnection,
        firm: &Firm,
        days: (NaiveDate, NaiveDate),
    ) -> Result<Self, sqlx::Error> {
        let demand = read_demand(conn, firm, days).await?;
        Ok(Self { demand, costs: read_costs(conn, firm.company_id).await? })
    }

    /// Whether an item is planned; others are not judged.
    pub(super) fn is_planned(&self, item: &str) -> bool {
        self.costs.contains_key(item)
    }

    /// How far a forecast of the 14 days after a day was off; none of an item that is not planned.
    pub(super) fn error(
        &self,
        item: &str,
        published_on: NaiveDate,
        forecast: Rate,
    ) -> Result<Option<Errors>, Overflow> {
        let Some(cost) = self.costs.get(item) else { return Ok(None) };
        let mut errors = Errors::default();
        errors.add(forecast, self.fortnight(item, published_on), *cost)?;
        Ok(Some(errors))
    }

    /// Demand of the 14 days after a day.
    fn fortnight(&self, item: &str, after: NaiveDate) -> Units {
        let Some(demand) = self.demand.get(item) else { return 0 };
        let first = after.succ_opt().unwrap_or(after);
        let last = after.checked_add_days(Days::new(SHORT_HORIZON_DAYS.into())).unwrap_or(first);
        if last < first { 0 } else { demand.range(first..=last).map(|(_, units)| units).sum() }
    }
}

async fn read_costs(
    conn: &mut PgConnection,
    company_id: Uuid,
) -> Result<HashMap<String, Amount>, sqlx::Error> {
    let rows: Vec<(String, Decimal)> =
        sqlx::query_as("select item_key, unit_cost from plans where company_id = $1 and is_active")
            .bind(company_id)
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().map(|(item, cost)| (item, Amount::from_decimal(cost).unwrap_or_default())).collect())
}

async fn keep_runs(
    conn: &mut PgConnection,
    company_id: Uuid,
    (first, last): (NaiveDate, NaiveDate),
    judged: &Judged,
) -> Result<(), ProjectionError> {
    sqlx::query("delete from accuracy where company_id = $1 and published_on between $2 and $3")
        .bind(company_id)
        .bind(first)
        .bind(last)
        .execute(&mut *conn)
        .await?;
    if judged.runs.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = judged.runs.values().map(rows::json).collect::<Result<_, _>>()?;
    sqlx::query(
        "insert into accuracy (company_id, published_on, run_id, method, errors)
         select $1, published_on, run_id, method, errors::json
         from unnest($2::date[], $3::uuid[], $4::text[], $5::text[]) as a (published_on, run_id, method, errors)",
    )
    .bind(company_id)
    .bind(judged.runs.keys().map(|(published_on, ..)| *published_on).collect::<Vec<_>>())
    .bind(judged.runs.keys().map(|(_, run_id, _)| *run_id).collect::<Vec<_>>())
    .bind(judged.runs.keys().map(|(.., method)| method.as_str()).collect::<Vec<_>>())
    .bind(texts)
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps the items whose forecasts are furthest from what was sold, in units.
async fn keep_worst(
    conn: &mut PgConnection,
    company_id: Uuid,
    items: HashMap<String, Errors>,
) -> Result<(), ProjectionError> {
    sqlx::query("delete from worst_forecasts where company_id = $1")
        .bind(company_id)
        .execute(&mut *conn)
        .await?;
    let mut worst: Vec<(String, Errors)> =
        items.into_iter().filter(|(_, errors)| errors.absolute > 0).collect();
    worst.sort_unstable_by(|(one, less), (other, more)| {
        more.absolute.cmp(&less.absolute).then_with(|| one.cmp(other))
    });
    worst.truncate(WORST);
    if worst.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = worst.iter().map(|(_, errors)| rows::json(errors)).collect::<Result<_, _>>()?;
    sqlx::query(
        "insert into worst_forecasts (company_id, item_key, errors)
         select $1, item_key, errors::json from unnest($2::text[], $3::text[]) as w (item_key, errors)",
    )
    .bind(company_id)
    .bind(worst.iter().map(|(item, _)| item.as_str()).collect::<Vec<_>>())
    .bind(texts)
    .execute(conn)
    .await?;
    Ok(())
}

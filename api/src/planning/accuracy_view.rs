//! How good forecasts were, as it is answered (R30).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono::{Days, NaiveDate};
use domain::planning::accuracy::{Errors, Trend, judged};
use domain::planning::{Overflow, Percent};
use domain::shared::money::Currency;
use projections::planning::accuracy_queries::{MeasuredRow, measured};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::planning::figures::Exact;
use crate::problem::Problem;
use crate::schema::MoneySchema;

/// Days between the figures of a day and those that its trend compares with (R30).
const TREND_DAYS: u64 = 14;
/// Days between the figures of a day and those of the month before.
const MONTH_DAYS: u64 = 30;

/// What was measured of a company's forecasts up to a day.
#[derive(Debug)]
pub(crate) struct Accuracy {
    /// The last complete day.
    pub(crate) until: NaiveDate,
    rows: Vec<MeasuredRow>,
}

impl Accuracy {
    /// Reads what is needed for the figures of a day and their trend.
    pub(crate) async fn read(
        conn: &mut PgConnection,
        company_id: Uuid,
        until: NaiveDate,
    ) -> Result<Self, sqlx::Error> {
        Self::since(conn, company_id, until, TREND_DAYS).await
    }

    /// The same and what is needed for the month before.
    pub(crate) async fn with_month(
        conn: &mut PgConnection,
        company_id: Uuid,
        until: NaiveDate,
    ) -> Result<Self, sqlx::Error> {
        Self::since(conn, company_id, until, MONTH_DAYS).await
    }

    async fn since(
        conn: &mut PgConnection,
        company_id: Uuid,
        until: NaiveDate,
        days: u64,
    ) -> Result<Self, sqlx::Error> {
        let since = *judged(ago(until, days)).start();
        let rows = measured(conn, company_id, &(since..=*judged(until).end())).await?;
        Ok(Self { until, rows })
    }

    /// Days on which the runs were published that are judged now.
    pub(crate) fn published(&self) -> RangeInclusive<NaiveDate> {
        judged(self.until)
    }

    /// What was measured of those.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &MeasuredRow> {
        self.of(self.published())
    }

    fn of(&self, published: RangeInclusive<NaiveDate>) -> impl Iterator<Item = &MeasuredRow> {
        self.rows.iter().filter(move |row| published.contains(&row.published_on))
    }

    /// The WAPE of 14 days before.
    pub(crate) fn wape_before(&self) -> Result<Option<Percent>, Overflow> {
        Ok(sum(self.of(judged(ago(self.until, TREND_DAYS))))?.wape())
    }

    /// Whether forecasts become better.
    pub(crate) fn trend(&self) -> Result<Option<Trend>, Overflow> {
        Ok(Trend::of(sum(self.rows())?.wape(), self.wape_before()?))
    }

    /// What was measured 30 days before, if that was read.
    pub(crate) fn last_month(&self) -> impl Iterator<Item = &MeasuredRow> {
        self.of(judged(ago(self.until, MONTH_DAYS)))
    }
}

fn ago(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(day)
}

/// Errors of several rows together.
pub(crate) fn sum<'a>(rows: impl Iterator<Item = &'a MeasuredRow>) -> Result<Errors, Overflow> {
    let mut errors = Errors::default();
    for row in rows {
        errors.merge(&row.errors)?;
    }
    Ok(errors)
}

/// How far forecasts of 14 days were from what was sold in them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AccuracyFigures {
    /// Forecasts that were compared: one for each product and run.
    forecasts: u32,
    /// Units that were sold.
    units_sold: i64,
    /// Sum of the sizes of errors in percent of what was sold; null where nothing was.
    #[schema(value_type = Option<f64>)]
    wape: Option<Exact>,
    /// Sum of errors in percent of what was sold, above 0 where too much was expected; null where nothing was.
    #[schema(value_type = Option<f64>)]
    bias: Option<Exact>,
    /// Mean of the sizes of errors in percent of what was sold, over forecasts of what was sold at all.
    #[schema(value_type = Option<f64>)]
    mape: Option<Exact>,
    /// Root of the mean of squared errors, in units.
    #[schema(value_type = Option<f64>)]
    rmse: Option<Exact>,
    /// Sum of the sizes of errors at cost; left out for roles that see no money.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_value: Option<MoneySchema>,
    /// As `wape`, with each unit weighed by its cost.
    #[schema(value_type = Option<f64>)]
    wape_at_cost: Option<Exact>,
}

impl AccuracyFigures {
    /// The figures of errors; money in the currency that the caller may see.
    pub(crate) fn new(errors: &Errors, currency: Option<Currency>) -> Result<Self, Problem> {
        let value = errors.value().map_err(|overflow| Problem::internal(&overflow))?;
        Ok(Self {
            forecasts: errors.count,
            units_sold: i64::try_from(errors.actual).unwrap_or(i64::MAX),
            wape: errors.wape().map(Exact::from),
            bias: errors.bias().map(Exact::from),
            mape: errors.mape().map(Exact::from),
            rmse: errors.rmse().map(Exact::from),
            error_value: currency.map(|currency| MoneySchema::new(value.decimal(), currency.code())),
            wape_at_cost: errors.wape_at_cost().map(Exact::from),
        })
    }

    /// The figures of several rows together.
    pub(crate) fn of<'a>(
        rows: impl Iterator<Item = &'a MeasuredRow>,
        currency: Option<Currency>,
    ) -> Result<Self, Problem> {
        Self::new(&sum(rows).map_err(|overflow| Problem::internal(&overflow))?, currency)
    }
}

/// Runs among some rows.
pub(crate) fn runs<'a>(rows: impl Iterator<Item = &'a MeasuredRow>) -> usize {
    rows.map(|row| row.run_id).collect::<BTreeSet<_>>().len()
}

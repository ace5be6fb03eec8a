//! The widgets of a dashboard.

use chrono::{Days, NaiveDate};
use domain::planning::Overflow;
use domain::planning::accuracy::Trend;
use domain::planning::cover::Colour;
use domain::planning::summary::{counted, turnover_colour};
use projections::planning::activity::RECENT_DAYS;
use serde::Serialize;
use utoipa::ToSchema;

use super::glance::Glance;
use super::top_item::TopItem;
use crate::planning::accuracy_view::{Accuracy, sum};
use crate::planning::figures::Exact;
use crate::problem::Problem;
use crate::schema::MoneySchema;

/// What a dashboard shows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Widgets {
    /// Units on hand at their cost; left out for roles that see no money.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_inventory_value: Option<ValueWidget>,
    /// How quickly stock is sold.
    inventory_turnover: TurnoverWidget,
    /// How many products are in which health, green first.
    status_distribution: Vec<HealthShare>,
    /// The first five of the work queue.
    top_urgent: Vec<TopItem>,
    /// What happened of late.
    recent_activity: ActivityWidget,
    /// How good forecasts were; null for a location.
    forecast_accuracy: Option<AccuracyWidget>,
}

/// Value of the stock, and what it was.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ValueWidget {
    /// Value of the stock.
    value: MoneySchema,
    /// Value a week before, at the costs of then; null where it is not known.
    value_7_days_ago: Option<MoneySchema>,
    /// Change against it in percent; null where there was none (R30).
    #[schema(value_type = Option<f64>)]
    change_percent: Option<Exact>,
    /// The day that is compared with.
    compared_with: Option<NaiveDate>,
}

/// Days that the average stock lasts (R30).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TurnoverWidget {
    /// Days; null where nothing was sold for 30 days.
    #[schema(value_type = Option<f64>)]
    turnover_days: Option<Exact>,
    /// GREEN below 30 days, YELLOW up to 60, RED above.
    #[schema(example = "GREEN")]
    health: Option<&'static str>,
}

/// Products of one health.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct HealthShare {
    /// GREEN, YELLOW or RED.
    #[schema(example = "GREEN")]
    health: &'static str,
    /// Products.
    count: i64,
    /// Percent of all planned products.
    #[schema(value_type = f64)]
    percent: Exact,
    /// The list of these products.
    #[schema(example = "/api/v1/inventory?health=GREEN")]
    link: String,
}

/// What happened of late.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ActivityWidget {
    /// The newest day on which another system's stock was taken over.
    last_sync_on: Option<NaiveDate>,
    /// Adjustments by people in the last seven days.
    adjustments_7_days: i64,
    /// Purchase orders of the last seven days.
    purchase_orders_7_days: i64,
    /// The newest day on which forecasts were published.
    forecast_published_on: Option<NaiveDate>,
    /// The day that the plans are as of.
    planned_on: NaiveDate,
}

/// How far forecasts of 14 days were from what was sold in them (R30).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AccuracyWidget {
    /// Sum of the sizes of errors in percent of what was sold; null where nothing can be compared.
    #[schema(value_type = Option<f64>)]
    wape: Option<Exact>,
    /// Sum of errors in percent of what was sold, above 0 where too much was expected.
    #[schema(value_type = Option<f64>)]
    bias: Option<Exact>,
    /// Mean error in percent, over forecasts of what was sold at all.
    #[schema(value_type = Option<f64>)]
    mape: Option<Exact>,
    /// `improving`, `stable` or `declining`, against 14 days before.
    #[schema(value_type = Option<String>, example = "improving")]
    trend: Option<Trend>,
    /// Forecasts that were compared.
    forecasts: u32,
    /// Where more of it stands.
    #[schema(example = "/api/v1/analytics/forecast-accuracy")]
    link: &'static str,
}

impl Widgets {
    /// The widgets of a glance.
    pub(super) fn new(glance: &Glance) -> Result<Self, Problem> {
        let activity = glance.activity;
        let accuracy = glance.accuracy.as_ref().map(AccuracyWidget::new).transpose();
        Ok(Self {
            total_inventory_value: value(glance),
            inventory_turnover: TurnoverWidget {
                turnover_days: glance.summary.turnover_days.map(Exact::from),
                health: glance.summary.turnover_days.map(|days| turnover_colour(days).name()),
            },
            status_distribution: Colour::ALL.iter().map(|colour| share(glance, *colour)).collect(),
            top_urgent: TopItem::all(&glance.overview.urgent),
            recent_activity: ActivityWidget {
                last_sync_on: activity.last_sync_on,
                adjustments_7_days: activity.adjustments,
                purchase_orders_7_days: activity.purchase_orders,
                forecast_published_on: activity.forecast_published_on,
                planned_on: glance.day,
            },
            forecast_accuracy: accuracy.map_err(|overflow| Problem::internal(&overflow))?,
        })
    }
}

impl AccuracyWidget {
    fn new(accuracy: &Accuracy) -> Result<Self, Overflow> {
        let errors = sum(accuracy.rows())?;
        Ok(Self {
            wape: errors.wape().map(Exact::from),
            bias: errors.bias().map(Exact::from),
            mape: errors.mape().map(Exact::from),
            trend: accuracy.trend()?,
            forecasts: errors.count,
            link: "/api/v1/analytics/forecast-accuracy",
        })
    }
}

fn value(glance: &Glance) -> Option<ValueWidget> {
    let summary = &glance.summary;
    Some(ValueWidget {
        value: glance.money(summary.total_inventory_value)?,
        value_7_days_ago: summary.value_7_days_ago.and_then(|before| glance.money(before)),
        change_percent: summary.value_change_percent.map(Exact::from),
        compared_with: glance.day.checked_sub_days(Days::new(RECENT_DAYS)),
    })
}

fn share(glance: &Glance, colour: Colour) -> HealthShare {
    let totals = &glance.overview.sums.totals;
    HealthShare {
        health: colour.name(),
        count: counted(&totals.colours, Colour::ALL, colour),
        percent: totals.share_of(colour).into(),
        link: format!("/api/v1/inventory?health={}", colour.name()),
    }
}

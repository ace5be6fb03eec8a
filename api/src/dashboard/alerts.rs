//! What somebody should know at once: red items, overdue orders, stock below zero, failed jobs.

use commands::accounts::jobs::{JobFilter, JobState};
use projections::stock::board::{Ask, Column, Filter, ItemRow, Sort};
use serde::Serialize;
use utoipa::ToSchema;

use super::glance::Glance;
use super::top_item::product_link;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// Alerts of one kind at most.
const MOST: u8 = 20;

/// Something that somebody should know at once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Alert {
    /// What it is about.
    kind: AlertKind,
    /// How bad it is.
    severity: Severity,
    /// The product that it is about; null for jobs.
    item_id: Option<String>,
    /// In words.
    #[schema(example = "Red lamp runs out in 2.00 days")]
    text: String,
    /// Where more of it stands.
    #[schema(example = "/api/v1/products/85123A")]
    link: String,
}

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AlertKind {
    /// The health of a product is RED.
    RedStock,
    /// A purchase order of the product is overdue.
    OverdueOrder,
    /// Stock of the product is below zero somewhere.
    Discrepancy,
    /// A job failed.
    FailedJob,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Severity {
    /// Somebody should act today.
    Critical,
    /// Somebody should look at it.
    Warning,
}

/// Alerts of a glance, at most 20 of each kind; what is wrong at present only for the present.
pub(super) async fn alerts(
    state: &AppState,
    caller: &Caller,
    glance: &Glance,
) -> Result<Vec<Alert>, Problem> {
    let mut alerts: Vec<Alert> = glance.overview.red.iter().map(red).collect();
    alerts.extend(glance.overview.late.iter().map(late));
    if !glance.is_past {
        alerts.extend(below_zero(state, caller).await?);
        alerts.extend(failed_jobs(state, caller).await?);
    }
    Ok(alerts)
}

fn about(item: &ItemRow, kind: AlertKind, severity: Severity, text: String) -> Alert {
    Alert { kind, severity, item_id: Some(item.item_id.clone()), text, link: product_link(&item.item_id) }
}

fn red(item: &ItemRow) -> Alert {
    let runway = item.plan.as_ref().and_then(|planned| planned.plan.runway_days);
    let text = match runway {
        Some(days) => format!("{} runs out in {days} days", item.product_name),
        None => format!("{} runs out", item.product_name),
    };
    about(item, AlertKind::RedStock, Severity::Critical, text)
}

fn late(item: &ItemRow) -> Alert {
    let text = format!("an order of {} is overdue", item.product_name);
    about(item, AlertKind::OverdueOrder, Severity::Warning, text)
}

async fn below_zero(state: &AppState, caller: &Caller) -> Result<Vec<Alert>, Problem> {
    let ask = Ask {
        filter: Filter { has_discrepancy: Some(true), ..Filter::default() },
        sort: vec![Sort { column: Column::DiscrepancySince, descending: false }],
        offset: 0,
        limit: usize::from(MOST),
    };
    let found = state.boards.list(caller.company_id, &ask, caller.freshness()).await?;
    let alert = |item: &ItemRow| {
        let text = format!("stock of {} is below zero", item.product_name);
        about(item, AlertKind::Discrepancy, Severity::Warning, text)
    };
    Ok(found.items.iter().map(alert).collect())
}

async fn failed_jobs(state: &AppState, caller: &Caller) -> Result<Vec<Alert>, Problem> {
    let filter = JobFilter {
        state: Some(JobState::Failed),
        kind: None,
        oldest_first: false,
        offset: 0,
        limit: i64::from(MOST),
    };
    let (jobs, _) = state.jobs.list(caller.company_id, &filter).await?;
    let alerts = jobs.into_iter().map(|job| Alert {
        kind: AlertKind::FailedJob,
        severity: Severity::Warning,
        item_id: None,
        text: format!("the job {} failed", job.kind),
        link: format!("/api/v1/jobs/{}", job.job_id),
    });
    Ok(alerts.collect())
}

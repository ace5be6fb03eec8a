//! Projection `planning`: what each item needs, kept up to date with every fact.
//!
//! It keeps what plans are computed from (`states`, `mentions`, `days`, `levels`, `costs`, `forecasts`) and one row of
//! figures for each item (`plans`), as of the company's newest day. A block is folded onto the former, then exactly the
//! items that it touched are planned anew; a new day, a setting or another role of a location plans all of them. The
//! computation itself is [`domain::planning::plan()`]: what is stored here is what it gives for the same inputs.
//!
//! Blocks are cut before a day begins and before a recommendation is dismissed, so that every day ends with the same
//! plans however events came in blocks: episodes of recommendations depend on it (`episodes`).
//!
//! Where a day begins, the forecasts are judged whose days are over by then (`accuracy`).
//!
//! Read in this order: this file, `tables`, `days`, `states`, `mentions`, `costs`, `forecasts`, `accuracy`; [`firm`],
//! [`items`], `item_days`, [`recompute`], [`plan_row`] with `cells`, `episodes`; [`queries`], [`supplier_queries`],
//! [`recommendation_queries`], [`run_queries`], [`accuracy_queries`], [`comparison`], [`run_inputs`], [`activity`],
//! [`scenario`], [`trends`] and [`refresh`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

use domain::campaigns::{Campaign, CampaignEvent};
use domain::catalogue::location::{Location, LocationEvent};
use domain::catalogue::product::{Product, ProductEvent};
use domain::companies::Company;
use domain::companies::event::CompanyEvent;
use domain::planning::event::{ForecastRunEvent, PlanningSettingsEvent, RecommendationEvent};
use domain::planning::state::PlanningSettings;
use domain::purchasing::order::{PurchaseOrder, PurchaseOrderEvent};
use domain::purchasing::supplier::{Supplier, SupplierEvent};
use domain::sales::event::SalesReportEvent;
use domain::sales::{Channel, ChannelEvent};
use domain::shared::event::Event;
use domain::shared::moment::local_date;
use domain::stock::StockEvent;
use event_log::event::StoredEvent;

use crate::projection::{Projection, ProjectionError, decode};
use crate::streams;
use touched::Touched;

mod tables;
mod cells;
mod states;
mod mentions;
mod days;
mod costs;
mod forecasts;
mod accuracy;
mod touched;
mod episodes;
pub mod firm;
pub mod items;
mod item_days;
pub mod plan_row;
pub mod recompute;
pub mod queries;
pub mod supplier_queries;
pub mod recommendation_queries;
pub mod run_queries;
pub mod accuracy_queries;
pub mod comparison;
pub mod run_inputs;
pub mod activity;
pub mod scenario;
pub mod trends;
pub mod refresh;

pub use firm::Firm;
pub use plan_row::Planned;

/// Schema that the queries of this release read.
pub const SCHEMA: &str = "planning_1";

/// The projection; see the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct Planning;

impl Projection for Planning {
    fn name(&self) -> &'static str {
        "planning"
    }

    fn version(&self) -> i32 {
        1
    }

    fn stream_types(&self) -> &'static [&'static str] {
        &[
            StockEvent::STREAM_TYPE,
            SalesReportEvent::STREAM_TYPE,
            ChannelEvent::STREAM_TYPE,
            ProductEvent::STREAM_TYPE,
            LocationEvent::STREAM_TYPE,
            CompanyEvent::STREAM_TYPE,
            SupplierEvent::STREAM_TYPE,
            PurchaseOrderEvent::STREAM_TYPE,
            CampaignEvent::STREAM_TYPE,
            PlanningSettingsEvent::STREAM_TYPE,
            ForecastRunEvent::STREAM_TYPE,
            RecommendationEvent::STREAM_TYPE,
        ]
    }

    fn ddl(&self) -> &'static str {
        &tables::DDL
    }

    fn apply<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        block: &'a [StoredEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            for part in parts(block) {
                apply(conn, part).await?;
            }
            Ok(())
        }
        .boxed()
    }

    /// A plan costs many times what a fact costs, and facts of the same item need one plan.
    fn gives_way(&self) -> bool {
        true
    }

    fn reads_metadata(&self) -> bool {
        false
    }
}

/// Parts of a block: no company has a new day or a dismissal behind other facts of the same part.
fn parts(block: &[StoredEvent]) -> Vec<&[StoredEvent]> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let mut seen = BTreeSet::new();
    for (at, event) in block.iter().enumerate() {
        let cuts = ["CompanyFounded", "DayStarted", "RecommendationDismissed"].contains(&&*event.event_type);
        if cuts && seen.contains(&event.company_id) {
            parts.extend(block.get(start..at));
            start = at;
            seen.clear();
        }
        seen.insert(event.company_id);
    }
    parts.extend(block.get(start..).filter(|rest| !rest.is_empty()));
    parts
}

async fn apply(conn: &mut PgConnection, block: &[StoredEvent]) -> Result<(), ProjectionError> {
    let days = begin_days(conn, block).await?;
    episodes::count_dismissed(conn, block).await?;
    let touched = fold(conn, block, &days).await?;
    let position = block.last().map_or(0, |event| event.position);
    for (company_id, scope) in touched.0 {
        recompute::recompute(conn, company_id, scope, position).await?;
    }
    Ok(())
}

/// Folds a block onto what plans are computed from. Answers what it touched.
async fn fold(
    conn: &mut PgConnection,
    block: &[StoredEvent],
    days: &BTreeMap<Uuid, bool>,
) -> Result<Touched, ProjectionError> {
    let mut touched = Touched::default();
    for (company_id, follows) in days {
        let scope = touched.of(*company_id);
        (scope.all, scope.all_days) = (true, !follows);
    }
    touched.companies(&states::fold::<Company>(conn, block).await?);
    touched.locations(&states::fold::<Location>(conn, block).await?);
    touched.channels(&states::fold::<Channel>(conn, block).await?);
    touched.settings(&states::fold::<PlanningSettings>(conn, block).await?);
    touched.products(&states::fold::<Product>(conn, block).await?);
    costs::apply(conn, block).await?;
    let suppliers = states::fold::<Supplier>(conn, block).await?;
    touched.items(mentions::update(conn, &suppliers).await?);
    let orders = states::fold::<PurchaseOrder>(conn, block).await?;
    touched.items(mentions::update(conn, &orders).await?);
    let campaigns = states::fold::<Campaign>(conn, block).await?;
    touched.items(mentions::update(conn, &campaigns).await?);
    touched.days(days::apply(conn, block).await?);
    touched.items(forecasts::apply(conn, block).await?);
    Ok(touched)
}

/// The longest time between two days after which first and last sales of the former plans and the last days are enough.
const RECENT_DAYS: i64 = 30;

/// Begins the days of a block: those that were started, and the one on which a company was founded. Answers by company
/// whether its new day follows closely upon the day of its plans.
async fn begin_days(
    conn: &mut PgConnection,
    block: &[StoredEvent],
) -> Result<BTreeMap<Uuid, bool>, ProjectionError> {
    let mut began: BTreeMap<Uuid, NaiveDate> = BTreeMap::new();
    for event in streams::of::<CompanyEvent>(block) {
        let date = match decode(event)? {
            CompanyEvent::DayStarted(started) => started.date,
            CompanyEvent::CompanyFounded(founded) => local_date(event.recorded_at, founded.profile.time_zone),
            _ => continue,
        };
        let day = began.entry(event.company_id).or_insert(date);
        *day = date.max(*day);
    }
    if began.is_empty() {
        return Ok(BTreeMap::new());
    }
    let companies: Vec<Uuid> = began.keys().copied().collect();
    let former: Vec<(Uuid, NaiveDate)> =
        sqlx::query_as("select company_id, day from today where company_id = any($1)")
            .bind(&companies)
            .fetch_all(&mut *conn)
            .await?;
    let former: BTreeMap<Uuid, NaiveDate> = former.into_iter().collect();
    began.retain(|company_id, day| former.get(company_id).is_none_or(|former| former < day));
    for (company_id, day) in &began {
        accuracy::judge(conn, *company_id, *day).await?;
    }
    episodes::begin_day(conn, &began.keys().copied().collect::<Vec<_>>()).await?;
    sqlx::query(
        "insert into today (company_id, day)
         select company_id, day from unnest($1::uuid[], $2::date[]) as began (company_id, day)
         on conflict (company_id) do update set day = excluded.day",
    )
    .bind(began.keys().copied().collect::<Vec<_>>())
    .bind(began.values().copied().collect::<Vec<_>>())
    .execute(conn)
    .await?;
    let follows = |company_id, day: NaiveDate| {
        former.get(&company_id).is_some_and(|former| (day - *former).num_days() <= RECENT_DAYS)
    };
    Ok(began.into_iter().map(|(company_id, day)| (company_id, follows(company_id, day))).collect())
}

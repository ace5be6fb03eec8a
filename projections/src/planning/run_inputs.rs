//! What a run of forecasts is computed from: the company's newest day, the histories of its items and what is known of
//! their days.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use domain::planning::covariate::{Covariates, DayCovariates, Sources};
use domain::planning::event::ForecastPolicy;
use domain::planning::forecast::run::RunItem;
use domain::planning::forecast::{HORIZON_DAYS, Series};
use domain::planning::{PlanDay, PlanSettings, Rate};
use domain::shared::quantity::Units;

use super::firm::Firm;
use super::items::{self, Ask, ChangedDays, History, ItemFacts};
use super::plan_row::Planned;
use super::queries::{self, Question};
use super::recompute::{plan_all, plan_with};
use crate::planning_settings::queries as settings;

/// Inputs of one run.
#[derive(Debug)]
pub struct RunInputs {
    /// The company.
    pub firm: Firm,
    /// How its forecasts are to be made.
    pub policy: ForecastPolicy,
    /// Its items that are planned, by item key.
    pub items: Vec<ItemInputs>,
}

/// Inputs of one item's forecast.
#[derive(Debug)]
pub struct ItemInputs {
    /// What its plan is computed from.
    pub facts: ItemFacts,
    /// Its plan by the rules.
    pub planned: Planned,
    /// What is known of the days of its history, oldest first; read only for a model outside.
    pub known: Vec<DayCovariates>,
    /// What is known of the days to come; read only for a model outside.
    pub to_come: Vec<DayCovariates>,
}

/// What decides about the forecast of an item, in the form in which it is hashed.
#[derive(Debug, Serialize)]
pub struct Fingerprint<'a> {
    item_id: &'a str,
    day: PlanDay,
    sold: Option<(NaiveDate, NaiveDate)>,
    demand: &'a [Units],
    closes: &'a [Units],
    manual_daily_forecast: Option<Rate>,
    by_rules: (&'static str, Rate),
    settings: &'a PlanSettings,
    known: &'a [DayCovariates],
    to_come: &'a [DayCovariates],
}

impl ItemInputs {
    /// The item as a run takes it.
    pub fn item(&self) -> RunItem<'_> {
        RunItem {
            item_id: &self.facts.item_id,
            by_rules: &self.planned.plan,
            series: Series {
                until: self.facts.day.demand_until,
                daily: if self.facts.sold.is_some() { &self.facts.demand } else { &[] },
                covariates: &self.known,
            },
            settings: &self.facts.settings,
        }
    }

    /// What it was computed from.
    pub fn fingerprint(&self) -> Fingerprint<'_> {
        let (facts, plan) = (&self.facts, &self.planned.plan);
        Fingerprint {
            item_id: &facts.item_key,
            day: facts.day,
            sold: facts.sold,
            demand: &facts.demand,
            closes: &facts.closes,
            manual_daily_forecast: facts.master.manual_daily_forecast,
            by_rules: (plan.method.name(), plan.daily_forecast),
            settings: &facts.settings,
            known: &self.known,
            to_come: &self.to_come,
        }
    }
}

/// Inputs of a run for the company or one of its locations, by `policy` or the company's own; none before the company's
/// first day. The rules look at the last days only, other methods at all.
pub async fn read(
    reads: &PgPool,
    company_id: Uuid,
    location: Option<&str>,
    policy: Option<ForecastPolicy>,
) -> Result<Option<RunInputs>, sqlx::Error> {
    let mut tx = queries::begin(reads, company_id).await?;
    let Some(mut firm) = Firm::read(&mut tx, company_id).await? else { return Ok(None) };
    let policy = policy.unwrap_or(firm.policy);
    // What was published before does not decide about a new run.
    firm.policy = ForecastPolicy::MovingAverage;
    let changed = ChangedDays::new();
    let history = match policy {
        ForecastPolicy::MovingAverage if location.is_none() => History::Recent(&changed),
        _ => History::Whole,
    };
    let ask = Ask { items: None, day: PlanDay::live(firm.day), location, history };
    let facts = items::read(&mut tx, &firm, &ask).await?;
    let plans = if location.is_none() {
        plan_all(&facts)
    } else {
        let question = Question { as_of: None, location, items: None };
        plan_with(&facts, &queries::seeds(&mut tx, &firm, &question, &facts).await?)
    };
    let mut planned: BTreeMap<String, Planned> =
        plans.planned.into_iter().map(|planned| (planned.item_key.clone(), planned)).collect();
    let mut covariates = match policy {
        ForecastPolicy::External => CompanyDays::read(&mut tx, company_id).await?,
        ForecastPolicy::MovingAverage | ForecastPolicy::Automatic | ForecastPolicy::AutoEts => {
            CompanyDays::default()
        }
    };
    let items = facts.into_iter().filter(|facts| facts.is_active).filter_map(|facts| {
        let planned = planned.remove(&facts.item_key)?;
        let (known, to_come) = match policy {
            ForecastPolicy::External => covariates.of(&facts),
            ForecastPolicy::MovingAverage | ForecastPolicy::Automatic | ForecastPolicy::AutoEts => {
                Default::default()
            }
        };
        Some(ItemInputs { facts, planned, known, to_come })
    });
    let items = items.collect();
    Ok(Some(RunInputs { firm, policy, items }))
}

/// Days of a company and what was set for those of its items.
#[derive(Debug, Default)]
struct CompanyDays {
    holidays: BTreeSet<NaiveDate>,
    set: BTreeMap<String, BTreeMap<NaiveDate, Covariates>>,
}

impl CompanyDays {
    async fn read(conn: &mut PgConnection, company_id: Uuid) -> Result<Self, sqlx::Error> {
        let holidays = settings::holidays(conn, company_id, None, None).await?;
        let set = settings::all_item_days(conn, company_id).await?;
        Ok(Self { holidays: holidays.into_iter().map(|(date, _)| date).collect(), set })
    }

    /// What is known of the days of an item's history and of those to come.
    fn of(&mut self, facts: &ItemFacts) -> (Vec<DayCovariates>, Vec<DayCovariates>) {
        let set = self.set.remove(&facts.item_key).unwrap_or_default();
        let sources = Sources { set: &set, holidays: &self.holidays, campaigns: &[] };
        let (until, days) = (facts.day.demand_until, facts.demand.len());
        let before = |ago: usize| until.checked_sub_days(Days::new(u64::try_from(ago).ok()?));
        let history = (0..days).rev().filter_map(before).map(|date| sources.on(date, facts.close_of(date)));
        let to_come = until.iter_days().skip(1).take(HORIZON_DAYS).map(|date| sources.on(date, None));
        (history.collect(), to_come.collect())
    }
}

impl ItemFacts {
    /// Stock at the close of a day, where it is read.
    fn close_of(&self, date: NaiveDate) -> Option<Units> {
        let ago = usize::try_from((self.day.stock_on - date).num_days()).ok()?;
        self.closes.iter().rev().nth(ago).copied()
    }
}

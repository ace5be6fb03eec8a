//! What readers ask of the plans: today's as they are kept, those of another day or of one location as they are computed
//! from what is kept. Under row-level security; every query names the company itself too.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use domain::planning::PlanDay;

use super::SCHEMA;
use super::firm::Firm;
use super::items::{self, Ask, History, ItemFacts};
use super::plan_row::{self, Planned};
use super::recompute::{Seeds, means, plan_all, plan_with, seeds_of, stored_sums};
use super::scenario::Scenario;
use crate::tenant;

/// Which plans are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// The day that they are as of; today where none.
    pub as_of: Option<NaiveDate>,
    /// The one location that is planned; the whole company where none.
    pub location: Option<&'a str>,
    /// Item keys; all of the catalogue where none.
    pub items: Option<&'a [String]>,
}

/// Plans of a company, by item key, and what it says of itself.
#[derive(Debug)]
pub struct View {
    /// The company.
    pub firm: Firm,
    /// The plans; those of items that are not active are among them, for the value of their stock.
    pub planned: Vec<Planned>,
}

/// What plans are computed from, and the company.
#[derive(Debug)]
pub struct Material {
    /// The company.
    pub firm: Firm,
    /// What the plan of each item is computed from, by item key.
    pub facts: Vec<ItemFacts>,
    /// Mean forecasts of categories (R8), of the whole company.
    pub seeds: Seeds,
}

impl Question<'_> {
    /// The days that the plans stand on: those of the company's day where it asks for that or none (rules.md, *Which A*).
    pub fn day(&self, firm: &Firm) -> PlanDay {
        self.as_of.filter(|day| *day != firm.day).map_or_else(|| PlanDay::live(firm.day), PlanDay::as_of)
    }

    fn is_kept(&self, firm: &Firm) -> bool {
        self.location.is_none() && self.as_of.is_none_or(|day| day == firm.day)
    }

    fn is_of_all(&self) -> bool {
        self.location.is_none() && self.items.is_none()
    }
}

/// A snapshot in which names without schema are those of this read model.
pub async fn begin(reads: &PgPool, company_id: Uuid) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut tx = tenant::begin(reads, company_id).await?;
    sqlx::query(&format!("set local search_path = {SCHEMA}, public")).execute(&mut *tx).await?;
    Ok(tx)
}

/// The plans; none before the company's first day.
pub async fn view(
    reads: &PgPool,
    company_id: Uuid,
    question: &Question<'_>,
) -> Result<Option<View>, sqlx::Error> {
    let mut tx = begin(reads, company_id).await?;
    let Some(firm) = Firm::read(&mut tx, company_id).await? else { return Ok(None) };
    if question.is_kept(&firm) {
        let planned = plan_row::read(&mut tx, company_id, question.items).await?;
        return Ok(Some(View { firm, planned }));
    }
    let facts = facts(&mut tx, &firm, question).await?;
    let planned = if question.is_of_all() {
        plan_all(&facts).planned
    } else {
        plan_with(&facts, &seeds(&mut tx, &firm, question, &facts).await?).planned
    };
    Ok(Some(View { firm, planned }))
}

/// What the plans of some items, or of a location, are computed from; none before the company's first day.
pub async fn material(
    reads: &PgPool,
    company_id: Uuid,
    question: &Question<'_>,
) -> Result<Option<Material>, sqlx::Error> {
    let mut tx = begin(reads, company_id).await?;
    let Some(firm) = Firm::read(&mut tx, company_id).await? else { return Ok(None) };
    let facts = facts(&mut tx, &firm, question).await?;
    let seeds = seeds(&mut tx, &firm, question, &facts).await?;
    Ok(Some(Material { firm, facts, seeds }))
}

/// Plans of all items as they are and as they would be, from one snapshot; none before the company's first day.
pub async fn what_if(
    reads: &PgPool,
    company_id: Uuid,
    (as_of, location): (Option<NaiveDate>, Option<&str>),
    scenario: impl FnOnce(&Firm) -> Scenario,
) -> Result<Option<(View, View)>, sqlx::Error> {
    let mut tx = begin(reads, company_id).await?;
    let Some(firm) = Firm::read(&mut tx, company_id).await? else { return Ok(None) };
    let scenario = scenario(&firm);
    let would_be = scenario.firm(&firm);
    let company = Question { as_of, location: None, items: None };
    let before = plan_all(&facts(&mut tx, &firm, &company).await?).planned;
    let after = plan_all(&supposed(&mut tx, &would_be, &company, &scenario).await?).planned;
    if location.is_none() {
        let (before, after) = (View { firm, planned: before }, View { firm: would_be, planned: after });
        return Ok(Some((before, after)));
    }
    let there = Question { location, ..company };
    let are = plan_with(&facts(&mut tx, &firm, &there).await?, &seeds_of(&before)).planned;
    let were = plan_with(&supposed(&mut tx, &would_be, &there, &scenario).await?, &seeds_of(&after)).planned;
    Ok(Some((View { firm, planned: are }, View { firm: would_be, planned: were })))
}

/// What plans are computed from.
async fn facts(
    tx: &mut Transaction<'static, Postgres>,
    firm: &Firm,
    question: &Question<'_>,
) -> Result<Vec<ItemFacts>, sqlx::Error> {
    let (items, location, day) = (question.items, question.location, question.day(firm));
    items::read(tx, firm, &Ask { items, day, location, history: History::Whole }).await
}

/// The same, as a scenario would have it.
async fn supposed(
    tx: &mut Transaction<'static, Postgres>,
    would_be: &Firm,
    question: &Question<'_>,
    scenario: &Scenario,
) -> Result<Vec<ItemFacts>, sqlx::Error> {
    let mut facts = facts(tx, would_be, question).await?;
    for facts in &mut facts {
        scenario.change(facts);
    }
    Ok(facts)
}

/// Means of the categories of those items that were never sold, over the whole company.
pub(super) async fn seeds(
    tx: &mut Transaction<'static, Postgres>,
    firm: &Firm,
    question: &Question<'_>,
    facts: &[ItemFacts],
) -> Result<Seeds, sqlx::Error> {
    let unsold: BTreeSet<String> =
        facts.iter().filter(|facts| facts.sold.is_none()).map(|facts| facts.category.clone()).collect();
    if unsold.is_empty() || question.day(firm) == PlanDay::live(firm.day) {
        // The means of today stand in the plans that are kept.
        return Ok(means(&stored_sums(tx, firm.company_id, &unsold, &[]).await?));
    }
    let company = Question { items: None, location: None, ..*question };
    Ok(seeds_of(&plan_all(&self::facts(tx, firm, &company).await?).planned))
}

/// The figure because of which an item has no plan: no plan can hold it.
pub async fn too_large(
    conn: &mut PgConnection,
    company_id: Uuid,
    item_key: &str,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("select value from planning_1.unplanned where company_id = $1 and item_key = $2")
        .bind(company_id)
        .bind(item_key)
        .fetch_optional(conn)
        .await
}

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
use super::recompute::{Plans, Seeds, means, plan_all, plan_with, seeds_of, stored_sums};
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
    let Material { firm, facts, seeds } = read(&mut tx, firm, question).await?;
    let Plans { planned, .. } = plan_with(&facts, &seeds);
    Ok(Some(View { firm, planned }))
}

/// What the plans are computed from; none before the company's first day.
pub async fn material(
    reads: &PgPool,
    company_id: Uuid,
    question: &Question<'_>,
) -> Result<Option<Material>, sqlx::Error> {
    let mut tx = begin(reads, company_id).await?;
    let Some(firm) = Firm::read(&mut tx, company_id).await? else { return Ok(None) };
    read(&mut tx, firm, question).await.map(Some)
}

/// Plans as they are and as they would be, from one snapshot; none before the company's first day.
pub async fn what_if(
    reads: &PgPool,
    company_id: Uuid,
    question: &Question<'_>,
    scenario: impl FnOnce(&Firm) -> Scenario,
) -> Result<Option<(View, View)>, sqlx::Error> {
    let mut tx = begin(reads, company_id).await?;
    let Some(firm) = Firm::read(&mut tx, company_id).await? else { return Ok(None) };
    let scenario = scenario(&firm);
    let would_be = scenario.firm(&firm);
    let before = read(&mut tx, firm, question).await?;
    let ask = Question { items: None, location: None, ..*question };
    let mut company = read(&mut tx, would_be.clone(), &ask).await?.facts;
    for facts in &mut company {
        scenario.change(facts);
    }
    let seeds = seeds_of(&plan_all(&company).planned);
    let after = if question.location.is_none() {
        company
    } else {
        let mut there = read(&mut tx, would_be.clone(), question).await?.facts;
        for facts in &mut there {
            scenario.change(facts);
        }
        there
    };
    let view = |firm, facts: &[ItemFacts], seeds| View { firm, planned: plan_with(facts, seeds).planned };
    let is_asked = |facts: &ItemFacts| question.items.is_none_or(|items| items.contains(&facts.item_key));
    let after: Vec<ItemFacts> = after.into_iter().filter(is_asked).collect();
    Ok(Some((view(before.firm, &before.facts, &before.seeds), view(would_be, &after, &seeds))))
}

async fn read(
    tx: &mut Transaction<'static, Postgres>,
    firm: Firm,
    question: &Question<'_>,
) -> Result<Material, sqlx::Error> {
    let day = question.day(&firm);
    let ask = Ask { items: question.items, day, location: question.location, history: History::Whole };
    let facts = items::read(tx, &firm, &ask).await?;
    if ask.items.is_none() && ask.location.is_none() {
        let seeds = seeds_of(&plan_all(&facts).planned);
        return Ok(Material { firm, facts, seeds });
    }
    let unsold: BTreeSet<String> =
        facts.iter().filter(|facts| facts.sold.is_none()).map(|facts| facts.category.clone()).collect();
    if unsold.is_empty() || day == PlanDay::live(firm.day) {
        // The means of today stand in the plans that are kept.
        let seeds = means(&stored_sums(tx, firm.company_id, &unsold, &[]).await?);
        return Ok(Material { firm, facts, seeds });
    }
    let company = Ask { items: None, location: None, ..ask };
    let all = items::read(tx, &firm, &company).await?;
    let seeds = seeds_of(&plan_all(&all).planned);
    Ok(Material { firm, facts, seeds })
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

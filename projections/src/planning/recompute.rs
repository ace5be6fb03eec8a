//! Plans what a block touched, and what follows from it: products never sold take the mean of their category (R8), so
//! where that changes they are planned as well.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use uuid::Uuid;

use domain::planning::number::PlanError;
use domain::planning::seed::{self, CategorySeed};
use domain::planning::{ItemPlan, PlanDay, Rate};

use super::episodes;
use super::firm::Firm;
use super::items::{self, Ask, History, ItemFacts};
use super::plan_row::{self, Planned};
use super::touched::Scope;
use crate::projection::ProjectionError;

/// An item that cannot be planned.
#[derive(Debug)]
pub(super) struct Unplanned {
    pub(super) item_key: String,
    pub(super) value: &'static str,
}

/// Plans of some items, and those of them that cannot be planned.
#[derive(Debug, Default)]
pub struct Plans {
    /// The plans, by item key.
    pub planned: Vec<Planned>,
    pub(super) unplanned: Vec<Unplanned>,
}

impl Plans {
    /// Takes in the plans of other items.
    fn join(&mut self, other: Self) {
        self.planned.extend(other.planned);
        self.planned.sort_unstable_by(|one, other| one.item_key.cmp(&other.item_key));
        self.unplanned.extend(other.unplanned);
    }

    fn take(&mut self, facts: &ItemFacts, plan: Result<Planned, PlanError>) {
        match plan {
            Ok(planned) => self.planned.push(planned),
            Err(error) => {
                let item_key = facts.item_key.clone();
                self.unplanned.push(Unplanned { item_key, value: error.value });
            }
        }
    }
}

/// Mean forecasts by category (R8).
pub type Seeds = BTreeMap<String, Rate>;

/// Plans every item of a company from its facts: first those that were sold, then those that their categories help. Only
/// active items help others.
pub fn plan_all(facts: &[ItemFacts]) -> Plans {
    let (sold, unsold): (Vec<_>, Vec<_>) = facts.iter().partition(|facts| facts.sold.is_some());
    let mut plans = plan_with(sold, &Seeds::new());
    let seeds = seeds_of(&plans.planned);
    plans.join(plan_with(unsold, &seeds));
    plans
}

/// Plans items from their facts and the means of their categories.
pub fn plan_with<'a>(facts: impl IntoIterator<Item = &'a ItemFacts>, seeds: &Seeds) -> Plans {
    let mut plans = Plans::default();
    for facts in facts {
        plans.take(facts, facts.planned(seeds.get(&facts.category).copied()));
    }
    plans
}

/// Mean forecasts of the categories of these items (R8).
pub fn seeds_of(planned: &[Planned]) -> Seeds {
    let mut sums = BTreeMap::new();
    for planned in planned {
        add(&mut sums, planned);
    }
    means(&sums)
}

/// Means of these categories.
pub(super) fn means(sums: &BTreeMap<String, CategorySeed>) -> Seeds {
    let mean = |(category, seed): (&String, &CategorySeed)| {
        // The sum of forecasts that 64 bits hold has a mean that 64 bits hold.
        Some((category.clone(), seed.forecast().ok().flatten()?))
    };
    sums.iter().filter_map(mean).collect()
}

/// What an item adds to the mean of its category.
fn share(planned: &Planned) -> Option<Rate> {
    planned.is_active.then(|| seed::share(&planned.category, &planned.plan)).flatten()
}

/// Takes an item in; a sum that 64 bits do not hold stays as it is.
fn add(sums: &mut BTreeMap<String, CategorySeed>, planned: &Planned) {
    if let Some(daily) = share(planned) {
        sums.entry(planned.category.clone()).or_default().add(daily).unwrap_or_default();
    }
}

/// Plans what was touched of a company and keeps it.
pub(super) async fn recompute(
    conn: &mut PgConnection,
    company_id: Uuid,
    scope: Scope,
    position: i64,
) -> Result<(), ProjectionError> {
    let Some(firm) = Firm::read(conn, company_id).await? else { return Ok(()) };
    if scope.all {
        return all(conn, &firm, &scope, position).await;
    }
    let categories = of_categories(conn, company_id, &scope.categories).await?;
    let touched: BTreeSet<&String> = scope.items.keys().chain(&categories).collect();
    let touched: Vec<String> = touched.into_iter().cloned().collect();
    let facts = items::read(conn, &firm, &today(&firm, &scope, Some(&touched))).await?;
    let former = stored_shares(conn, company_id, &touched).await?;
    let (plans, others) = few(conn, &firm, &scope, facts, &former, &touched).await?;
    let replaced: Vec<String> = touched.into_iter().chain(others).collect();
    keep(conn, &firm, position, Some(&replaced), plans).await
}

/// Every item of the company.
async fn all(
    conn: &mut PgConnection,
    firm: &Firm,
    scope: &Scope,
    position: i64,
) -> Result<(), ProjectionError> {
    let facts = items::read(conn, firm, &today(firm, scope, None)).await?;
    keep(conn, firm, position, None, plan_all(&facts)).await
}

/// What to read for the plans of today.
fn today<'a>(firm: &Firm, scope: &'a Scope, items: Option<&'a [String]>) -> Ask<'a> {
    let history = if scope.all_days { History::Whole } else { History::Recent(&scope.items) };
    Ask { items, day: PlanDay::live(firm.day), location: None, history }
}

/// Plans of the touched items and of those that take the mean of a category that changed; and which the latter are.
async fn few(
    conn: &mut PgConnection,
    firm: &Firm,
    scope: &Scope,
    facts: Vec<ItemFacts>,
    former: &Shares,
    touched: &[String],
) -> Result<(Plans, Vec<String>), ProjectionError> {
    let (mut plans, mut facts_of_unsold) = (Plans::default(), Vec::new());
    for facts in facts {
        if facts.sold.is_some() {
            plans.take(&facts, facts.planned(None));
        } else {
            facts_of_unsold.push(facts);
        }
    }
    let changed = changed_categories(former, &plans.planned);
    let others = unsold_of(conn, firm.company_id, &changed, touched).await?;
    if !others.is_empty() {
        facts_of_unsold.extend(items::read(conn, firm, &today(firm, scope, Some(&others))).await?);
    }
    let wanted: BTreeSet<String> = facts_of_unsold.iter().map(|facts| facts.category.clone()).collect();
    let mut sums = stored_sums(conn, firm.company_id, &wanted, touched).await?;
    for planned in plans.planned.iter().filter(|planned| wanted.contains(&planned.category)) {
        add(&mut sums, planned);
    }
    let seeds = means(&sums);
    for facts in &facts_of_unsold {
        plans.take(facts, facts.planned(seeds.get(&facts.category).copied()));
    }
    Ok((plans, others))
}

/// What items add to the means of their categories, by item key.
type Shares = BTreeMap<String, (String, Rate)>;

/// What the stored plans of some items add.
async fn stored_shares(
    conn: &mut PgConnection,
    company_id: Uuid,
    items: &[String],
) -> Result<Shares, sqlx::Error> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "select item_key, category, (daily_forecast * 10000)::bigint from plans
         where company_id = $1 and item_key = any($2) and is_active and history_days > 0 and not inactive",
    )
    .bind(company_id)
    .bind(items)
    .fetch_all(conn)
    .await?;
    let shares = rows.into_iter().filter(|(_, category, _)| !seed::is_uncategorized(category));
    Ok(shares.map(|(item, category, steps)| (item, (category, Rate::of_steps(steps)))).collect())
}

/// Categories to whose mean the touched items add something else than before.
fn changed_categories(before: &Shares, now: &[Planned]) -> BTreeSet<String> {
    let shares =
        now.iter().filter_map(|plan| Some((plan.item_key.clone(), (plan.category.clone(), share(plan)?))));
    let after: Shares = shares.collect();
    let mut changed = BTreeSet::new();
    for (item, said) in before.iter().chain(&after) {
        if before.get(item) != after.get(item) {
            changed.insert(said.0.clone());
        }
    }
    changed
}

/// Items never sold of these categories, without those of `touched`.
async fn unsold_of(
    conn: &mut PgConnection,
    company_id: Uuid,
    categories: &BTreeSet<String>,
    touched: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    if categories.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar(
        "select item_key from plans
         where company_id = $1 and category = any($2) and history_days = 0 and item_key <> all($3)",
    )
    .bind(company_id)
    .bind(categories.iter().map(String::as_str).collect::<Vec<_>>())
    .bind(touched)
    .fetch_all(conn)
    .await
}

/// What the stored plans but those of `touched` add to the means of these categories.
pub(super) async fn stored_sums(
    conn: &mut PgConnection,
    company_id: Uuid,
    categories: &BTreeSet<String>,
    touched: &[String],
) -> Result<BTreeMap<String, CategorySeed>, sqlx::Error> {
    if categories.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "select category, (sum(daily_forecast) * 10000)::bigint, count(*) from plans
         where company_id = $1 and category = any($2) and is_active and history_days > 0 and not inactive
             and item_key <> all($3)
         group by category",
    )
    .bind(company_id)
    .bind(categories.iter().map(String::as_str).collect::<Vec<_>>())
    .bind(touched)
    .fetch_all(conn)
    .await?;
    let sums = rows.into_iter().filter(|(category, ..)| !seed::is_uncategorized(category));
    Ok(sums
        .map(|(category, sum, items)| {
            (category, CategorySeed { sum, items: u32::try_from(items).unwrap_or(u32::MAX) })
        })
        .collect())
}

/// Items of these categories, as far as they have plans, and those that have none.
async fn of_categories(
    conn: &mut PgConnection,
    company_id: Uuid,
    categories: &BTreeSet<String>,
) -> Result<Vec<String>, sqlx::Error> {
    if categories.is_empty() {
        return Ok(Vec::new());
    }
    // What has no plan says no category there: it is tried again.
    sqlx::query_scalar(
        "select item_key from plans where company_id = $1 and category = any($2)
         union all
         select item_key from unplanned where company_id = $1",
    )
    .bind(company_id)
    .bind(categories.iter().map(String::as_str).collect::<Vec<_>>())
    .fetch_all(conn)
    .await
}

/// Keeps plans in the place of those of `replaced`, all where none.
async fn keep(
    conn: &mut PgConnection,
    firm: &Firm,
    position: i64,
    replaced: Option<&[String]>,
    plans: Plans,
) -> Result<(), ProjectionError> {
    plan_row::replace(conn, firm.company_id, position, replaced, &plans.planned).await?;
    let mut by_item: BTreeMap<&str, Option<&ItemPlan>> =
        replaced.unwrap_or_default().iter().map(|item| (item.as_str(), None)).collect();
    by_item.extend(plans.unplanned.iter().map(|item| (item.item_key.as_str(), None)));
    for planned in &plans.planned {
        by_item.insert(&planned.item_key, Some(&planned.plan).filter(|_| planned.is_active));
    }
    let by_item: Vec<_> = by_item.into_iter().collect();
    episodes::update(conn, firm.company_id, firm.day, &by_item, replaced.is_none()).await?;
    keep_unplanned(conn, firm.company_id, position, replaced, &plans.unplanned).await?;
    Ok(())
}

/// Keeps which items have no plan, and since when: who holds plans in memory lets theirs go.
async fn keep_unplanned(
    conn: &mut PgConnection,
    company_id: Uuid,
    position: i64,
    replaced: Option<&[String]>,
    unplanned: &[Unplanned],
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from unplanned where company_id = $1 and ($2::text[] is null or item_key = any($2))")
        .bind(company_id)
        .bind(replaced)
        .execute(&mut *conn)
        .await?;
    if unplanned.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into unplanned (company_id, item_key, value, written_position)
         select $1, item_key, value, $2 from unnest($3::text[], $4::text[]) as u (item_key, value)",
    )
    .bind(company_id)
    .bind(position)
    .bind(unplanned.iter().map(|item| item.item_key.as_str()).collect::<Vec<_>>())
    .bind(unplanned.iter().map(|item| item.value).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

//! Plans every item of a company anew from all that is kept, whatever its plans say.
//!
//! Nothing should differ afterwards: plans follow every fact. Who asks for it wants to be sure, and is told what did.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

use super::firm::Firm;
use super::plan_row::{self, Planned};
use super::recompute::recompute;
use super::touched::Scope;
use super::{Planning, SCHEMA};
use crate::checkpoint::{self, Copy, Key};
use crate::parked::refold::count_anew;
use crate::projection::{Projection, ProjectionError};

/// What a recomputation came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refreshed {
    /// The day of the plans; none before the company's first.
    pub day: Option<NaiveDate>,
    /// Items that have a plan.
    pub items: usize,
    /// Items whose plan was another one before.
    pub changed: usize,
}

/// Plans a company of this partition anew as the owner of the tables, in one transaction. Folding of the partition waits
/// meanwhile; readers see the plans of before until it ends. With `diff_only` they stay as they were.
pub async fn refresh(
    owner: &PgPool,
    company_id: Uuid,
    partition: i16,
    diff_only: bool,
) -> Result<Refreshed, ProjectionError> {
    let mut tx = owner.begin_with(format!("begin; set local search_path = {SCHEMA}, public")).await?;
    let key = Key { name: Planning.name(), version: Planning.version(), copy: Copy::Live };
    let position = checkpoint::locked(&mut tx, key, partition).await?.unwrap_or(0);
    let Some(firm) = Firm::read(&mut tx, company_id).await? else {
        return Ok(Refreshed { day: None, items: 0, changed: 0 });
    };
    let before = plan_row::read(&mut tx, company_id, None).await?;
    let scope = Scope { all: true, all_days: true, ..Scope::default() };
    recompute(&mut tx, company_id, scope, position).await?;
    let after = plan_row::read(&mut tx, company_id, None).await?;
    let changed = differing(&before, &after);
    if diff_only {
        tx.rollback().await?;
    } else {
        if changed > 0 {
            // Whoever holds plans in memory knows this position already.
            count_anew(&mut tx, company_id).await?;
        }
        tx.commit().await?;
    }
    Ok(Refreshed { day: Some(firm.day), items: after.len(), changed })
}

/// Items whose plans are not the same in both.
fn differing(before: &[Planned], after: &[Planned]) -> usize {
    let mut former: BTreeMap<&str, &Planned> =
        before.iter().map(|planned| (planned.item_key.as_str(), planned)).collect();
    let others = after.iter().filter(|planned| former.remove(planned.item_key.as_str()) != Some(*planned));
    others.count() + former.len()
}

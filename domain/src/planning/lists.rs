//! Orders of lists and what filters take in (R26, R27).

use std::cmp::{Ordering, Reverse};

use crate::planning::number::{Days, Score};
use crate::planning::plan::ItemPlan;
use crate::planning::recommendation::RecommendationType;

/// Nulls last.
type NullsLast<T> = (bool, Option<T>);

fn nulls_last<T>(value: Option<T>) -> NullsLast<T> {
    (value.is_none(), value)
}

/// Order of the work queue: the most urgent first (R26). Ties by item id.
pub fn work_queue(plan: &ItemPlan) -> (Reverse<Score>, Reverse<Score>, NullsLast<Days>) {
    (Reverse(plan.priority_score), Reverse(plan.unclamped_score), nulls_last(plan.runway_days))
}

/// Order of `sort=dir`: figures rising, endless above all, other nulls last. Ties by item id.
pub fn by_dir(one: &ItemPlan, other: &ItemPlan) -> Ordering {
    dir_key(one).cmp(&dir_key(other))
}

/// Order of `sort=-dir`: endless, figures falling, other nulls last. Ties by item id.
pub fn by_dir_falling(one: &ItemPlan, other: &ItemPlan) -> Ordering {
    let key = |plan: &ItemPlan| (plan.dir.is_none() && !plan.endless, Reverse(dir_key(plan)));
    key(one).cmp(&key(other))
}

/// Endless stands above every figure; other nulls after all in either direction.
fn dir_key(plan: &ItemPlan) -> (bool, bool, Option<Days>) {
    (plan.dir.is_none() && !plan.endless, plan.endless, plan.dir)
}

/// Order of the most understocked: risk falling, DIR rising (R27). Ties by item id.
pub fn most_understocked(plan: &ItemPlan) -> (Reverse<Score>, Option<Days>) {
    (Reverse(plan.stockout_risk), plan.dir)
}

/// Order of the most overstocked: null DIR first, then DIR falling (R27). Ties by item id.
pub fn most_overstocked(plan: &ItemPlan) -> (bool, Reverse<Option<Days>>) {
    (plan.dir.is_some(), Reverse(plan.dir))
}

/// Order of recommendations: type, priority falling, risk falling (R25). Ties by item id.
pub fn recommendations(
    kind: RecommendationType,
    plan: &ItemPlan,
) -> (RecommendationType, Reverse<Score>, Reverse<Score>) {
    (kind, Reverse(plan.priority_score), Reverse(plan.stockout_risk))
}

/// Whether DIR lies within a range, both limits included; endless passes a lower limit, null never an upper one (R26).
pub fn dir_within(plan: &ItemPlan, least: Option<Days>, most: Option<Days>) -> bool {
    let least = least.is_none_or(|least| plan.endless || plan.dir.is_some_and(|dir| dir >= least));
    let most = most.is_none_or(|most| plan.dir.is_some_and(|dir| dir <= most));
    least && most
}

/// Whether DIR is known and not above the marketing threshold (R25); `promote_dir` where it is not set.
pub fn is_below_marketing_threshold(plan: &ItemPlan, threshold_days: u32) -> bool {
    plan.dir.is_some_and(|dir| dir <= Days::whole(threshold_days))
}

//! Filters of lists by what plans say.

use std::str::FromStr;

use domain::planning::Fixed;
use domain::planning::cover::{Colour, Status};
use domain::planning::forecast::Confidence;
use domain::planning::ordering::{ActionCategory, AttentionReason};
use domain::planning::recommendation::RecommendationType;
use projections::planning::firm::Firm;
use projections::planning::{queries, supplier_queries};
use projections::stock::board::{Filter, PlanFilter, PlanWord, Range};
use projections::tenant;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;

/// Which products are listed by their plans. All conditions hold together; products without a plan pass none. Where words
/// are asked for, one of several, separated by commas, is enough.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PlanFilters {
    /// GREEN, YELLOW or RED (R16).
    health: Option<String>,
    /// `understocked`, `overstocked`, `normal` or `dead_stock` (R23); GREEN, YELLOW and RED as well.
    status: Option<String>,
    /// `ORDER_TODAY`, `ALREADY_ORDERED`, `ATTENTION_REQUIRED` or `NORMAL` (R19).
    action: Option<String>,
    /// HIGH, MEDIUM or LOW (R9).
    confidence: Option<String>,
    /// `URGENT`, `REORDER`, `DEAD_STOCK`, `REDUCE_ORDER` or `PROMOTE` (R25).
    recommendation: Option<String>,
    /// For example `LOW_RUNWAY` or `SUPPLIER_DELAY` (R18).
    attention_reason: Option<String>,
    /// At least so many days of inventory remaining; stock that nobody buys is above every limit.
    #[param(value_type = Option<f64>)]
    min_dir: Option<String>,
    /// At most so many days of inventory remaining.
    #[param(value_type = Option<f64>)]
    max_dir: Option<String>,
    /// At least so likely to run out, in percent.
    #[param(value_type = Option<f64>)]
    min_risk: Option<String>,
    /// At most so likely to run out, in percent.
    #[param(value_type = Option<f64>)]
    max_risk: Option<String>,
    /// At least so many days until the stock is used up; stock that never is is above every limit.
    #[param(value_type = Option<f64>)]
    min_runway: Option<String>,
    /// At most so many days until the stock is used up.
    #[param(value_type = Option<f64>)]
    max_runway: Option<String>,
    /// Whether nobody buys it.
    dead_stock: Option<bool>,
    /// `below`: the days of inventory are known and not above the company's marketing threshold (R25).
    #[param(inline)]
    marketing_threshold: Option<Threshold>,
    /// Products that this supplier delivers, by its id or external id.
    supplier_id: Option<String>,
    /// The same as `supplier_id`.
    supplier: Option<String>,
}

/// On which side of the marketing threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Threshold {
    /// Not above it.
    Below,
}

impl PlanFilters {
    /// Adds these conditions to a filter.
    pub(crate) async fn join(
        &self,
        state: &AppState,
        caller: &Caller,
        filter: Filter,
    ) -> Result<Filter, Problem> {
        let mut plan = self.plan()?;
        if self.marketing_threshold == Some(Threshold::Below) {
            plan.marketing_threshold = Some(marketing_threshold(state, caller).await?);
        }
        let mut items = filter.items;
        for supplier in [&self.supplier_id, &self.supplier].into_iter().flatten() {
            let mut tx = tenant::begin(&state.reads, caller.company_id).await?;
            let delivered = supplier_queries::items_of(&mut tx, caller.company_id, supplier.trim()).await?;
            items = Some(match items {
                None => delivered,
                Some(items) => items.into_iter().filter(|item| delivered.contains(item)).collect(),
            });
        }
        Ok(Filter { items, plan, ..filter })
    }

    fn plan(&self) -> Result<PlanFilter, Problem> {
        let health = |name: &str| named(Colour::ALL, Colour::name, name).map(PlanWord::Health);
        let status = |name: &str| named(Status::ALL, Status::name, name).map(PlanWord::Status);
        let either = |name: &str| status(name).or_else(|| health(name));
        let action =
            |name: &str| named(ActionCategory::ALL, ActionCategory::name, name).map(PlanWord::Action);
        let confidence =
            |name: &str| named(Confidence::ALL, Confidence::name, name).map(PlanWord::Confidence);
        let recommended = |name: &str| {
            named(RecommendationType::ALL, RecommendationType::name, name).map(PlanWord::Recommended)
        };
        let reason =
            |name: &str| named(AttentionReason::ALL, AttentionReason::name, name).map(PlanWord::Reason);
        let dead = self.dead_stock.map(|is_dead| {
            if is_dead { PlanWord::Status(Status::DeadStock) } else { PlanWord::Not(Status::DeadStock) }
        });
        let words = [
            words("?health", self.health.as_deref(), health)?,
            words("?status", self.status.as_deref(), either)?,
            words("?action", self.action.as_deref(), action)?,
            words("?confidence", self.confidence.as_deref(), confidence)?,
            words("?recommendation", self.recommendation.as_deref(), recommended)?,
            words("?attention_reason", self.attention_reason.as_deref(), reason)?,
            dead.into_iter().collect(),
        ];
        Ok(PlanFilter {
            words: words.into_iter().filter(|any| !any.is_empty()).collect(),
            dir: range(("?min_dir", &self.min_dir), ("?max_dir", &self.max_dir))?,
            risk: range(("?min_risk", &self.min_risk), ("?max_risk", &self.max_risk))?,
            runway: range(("?min_runway", &self.min_runway), ("?max_runway", &self.max_runway))?,
            ..PlanFilter::default()
        })
    }
}

/// Days of inventory that marketing filters by (R25).
async fn marketing_threshold(state: &AppState, caller: &Caller) -> Result<u32, Problem> {
    let mut tx = queries::begin(&state.reads, caller.company_id).await?;
    let settings =
        Firm::read(&mut tx, caller.company_id).await?.map(|firm| firm.settings).unwrap_or_default();
    Ok(settings.marketing_threshold_days.unwrap_or(settings.promote_dir))
}

/// The word of that name, whatever its case.
fn named<T: Copy>(all: &[T], name_of: fn(T) -> &'static str, name: &str) -> Option<T> {
    all.iter().copied().find(|word| name_of(*word).eq_ignore_ascii_case(name))
}

/// Words separated by commas; 422 for one that nobody says.
fn words(
    pointer: &str,
    text: Option<&str>,
    read: impl Fn(&str) -> Option<PlanWord>,
) -> Result<Vec<PlanWord>, Problem> {
    let words = text.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty());
    let read = |word: &str| {
        let unknown =
            || Problem::invalid("invalid_parameter", pointer, format!("{word:?} is none of its words"));
        read(word).ok_or_else(unknown)
    };
    words.map(read).collect()
}

/// Both limits of a figure of two places.
fn range(
    (least_at, least): (&str, &Option<String>),
    (most_at, most): (&str, &Option<String>),
) -> Result<Range, Problem> {
    let limit = |pointer: &str, text: &Option<String>| {
        let text = text.as_deref().map(str::trim);
        let limit = text.map(Fixed::<2>::from_str).transpose();
        limit.map_err(|refused| Problem::invalid("invalid_parameter", pointer, refused.to_string()))
    };
    Ok(Range::new(limit(least_at, least)?, limit(most_at, most)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_both_vocabularies_and_limits_are_read_or_named() {
        let filters = |status: &str, min_dir: &str| PlanFilters {
            status: Some(status.to_owned()),
            min_dir: Some(min_dir.to_owned()),
            ..PlanFilters::default()
        };
        let plan = filters("red, Dead_Stock", "7.5").plan().unwrap();
        let both = vec![PlanWord::Health(Colour::Red), PlanWord::Status(Status::DeadStock)];
        assert_eq!((plan.words, plan.dir.least), (vec![both], Some(Fixed::of_steps(750))));
        assert_eq!(filters("rosy", "1").plan().unwrap_err().first_pointer(), Some("?status"));
        assert_eq!(filters("normal", "many").plan().unwrap_err().first_pointer(), Some("?min_dir"));
        assert_eq!(filters("normal", "1.005").plan().unwrap_err().first_pointer(), Some("?min_dir"));
    }
}

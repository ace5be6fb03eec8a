//! Recommendations of a table in the order of R25, paged.

use std::collections::HashSet;
use std::sync::Arc;

use domain::planning::lists;
use domain::planning::recommendation::{RecommendationType, RecommendationTypes};

use super::ask::Filter;
use super::row::ItemRow;
use super::select::passing;
use super::table::{Life, Table, index, row_number};

/// Every recommendation with the row of its item, in the order of R25.
pub(super) type Ranked = Vec<(RecommendationType, u32)>;

/// A page of recommendations to find.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecommendationAsk {
    /// What may be recommended.
    pub kinds: RecommendationTypes,
    /// Of which items.
    pub filter: Filter,
    /// Recommendations that are left out, by item key.
    pub hidden: Vec<(String, RecommendationType)>,
    /// Rows before the page.
    pub offset: usize,
    /// Rows of the page at most.
    pub limit: usize,
}

/// Something that is recommended for an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommended {
    /// What.
    pub kind: RecommendationType,
    /// The item with its plan.
    pub item: ItemRow,
}

/// A page of recommendations.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundRecommendations {
    /// Rows of the page.
    pub items: Vec<Recommended>,
    /// Rows that match in all.
    pub total: usize,
}

impl Table {
    /// A page of recommendations; they are put in order once for all who ask.
    pub(super) fn recommendations(&self, ask: &RecommendationAsk) -> FoundRecommendations {
        let ranked = Arc::clone(self.plans.ranked.get_or_init(|| Arc::new(self.ranked())));
        let hidden: HashSet<(RecommendationType, u32)> = ask
            .hidden
            .iter()
            .filter_map(|(item, kind)| Some((*kind, row_number(self.find(item)?))))
            .collect();
        let passes = passing(self, &ask.filter);
        let matches = ranked.iter().filter(|(kind, row)| {
            ask.kinds.contains(*kind) && !hidden.contains(&(*kind, *row)) && passes(index(*row))
        });
        let (mut items, mut total) = (Vec::new(), 0);
        for (kind, row) in matches {
            if total >= ask.offset && items.len() < ask.limit {
                items.extend(ItemRow::of(self, index(*row)).map(|item| Recommended { kind: *kind, item }));
            }
            total += 1;
        }
        FoundRecommendations { items, total }
    }

    fn ranked(&self) -> Ranked {
        let active = (0..self.rows()).filter(|row| self.life.get(*row) == Some(&Life::Active));
        let planned = active.filter_map(|row| Some((row, &self.plan(row)?.plan)));
        let mut ranked: Vec<_> = planned
            .flat_map(|(row, plan)| {
                let key =
                    move |kind| (lists::recommendations(kind, plan), self.ids.rank(row), row_number(row));
                plan.recommendation_types.iter().map(key)
            })
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|((kind, ..), _, row)| (kind, row)).collect()
    }
}

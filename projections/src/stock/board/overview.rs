//! What a dashboard shows of a table: sums over all plans, and the first few items of some lists.

use std::sync::Arc;

use domain::planning::cover::{Colour, Status};
use domain::planning::ordering::AttentionReason;
use domain::planning::summary::TOP;

use super::ask::{Ask, Column, Figure, Filter, PlanFilter, PlanWord, Sort, work_queue};
use super::plans::Sums;
use super::row::ItemRow;
use super::select::select;
use super::table::Table;

/// Items of one kind that a dashboard warns of at most.
const WARNED: usize = 20;

/// Rows of the lists.
#[derive(Debug)]
pub(super) struct Tops {
    urgent: Vec<usize>,
    understocked: Vec<usize>,
    overstocked: Vec<usize>,
    red: Vec<usize>,
    late: Vec<usize>,
}

/// A company, or one of its locations, at a glance.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// Sums over the plans.
    pub sums: Sums,
    /// The first five of the work queue (R26).
    pub urgent: Vec<ItemRow>,
    /// The five most understocked (R27).
    pub understocked: Vec<ItemRow>,
    /// The five most overstocked (R27).
    pub overstocked: Vec<ItemRow>,
    /// Red items, the most urgent first, at most 20.
    pub red: Vec<ItemRow>,
    /// Items whose orders are overdue, the most urgent first, at most 20.
    pub late: Vec<ItemRow>,
}

impl Table {
    /// The table at a glance; the lists are cut once for all who ask.
    pub(super) fn overview(&self) -> Overview {
        let tops = Arc::clone(self.plans.tops.get_or_init(|| Arc::new(Tops::of(self))));
        let rows = |rows: &[usize]| rows.iter().filter_map(|row| ItemRow::of(self, *row)).collect();
        Overview {
            sums: self.plans.sums(),
            urgent: rows(&tops.urgent),
            understocked: rows(&tops.understocked),
            overstocked: rows(&tops.overstocked),
            red: rows(&tops.red),
            late: rows(&tops.late),
        }
    }
}

impl Tops {
    fn of(table: &Table) -> Self {
        let by = |figure, descending| Sort { column: Column::Plan(figure), descending };
        let first = |word: Option<PlanWord>, sort, limit| {
            // Every planned item has a colour.
            let planned = || Colour::ALL.iter().map(|colour| PlanWord::Health(*colour)).collect();
            let words = vec![word.map_or_else(planned, |word| vec![word])];
            let filter = Filter { plan: PlanFilter { words, ..PlanFilter::default() }, ..Filter::default() };
            select(table, &Ask { filter, sort, offset: 0, limit }).0
        };
        let understocked = vec![by(Figure::StockoutRisk, true), by(Figure::Dir, false)];
        // What is overstocked without a DIR is endless, which stands above all.
        let overstocked = vec![by(Figure::Dir, true)];
        Self {
            urgent: first(None, work_queue(), TOP),
            understocked: first(Some(PlanWord::Status(Status::Understocked)), understocked, TOP),
            overstocked: first(Some(PlanWord::Status(Status::Overstocked)), overstocked, TOP),
            red: first(Some(PlanWord::Health(Colour::Red)), work_queue(), WARNED),
            late: first(Some(PlanWord::Reason(AttentionReason::SupplierDelay)), work_queue(), WARNED),
        }
    }
}

//! What a subcommand has found, and how figures and tables look.

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};

/// What a subcommand has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// All is as it should be.
    Agreement,
    /// Something is not.
    Difference,
}

impl Finding {
    /// Agreement when `agrees`.
    pub(crate) fn of(agrees: bool) -> Self {
        if agrees { Self::Agreement } else { Self::Difference }
    }

    /// Agreement of both.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self::of(self == Self::Agreement && other == Self::Agreement)
    }
}

/// Rows of texts, shown in columns.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    /// A table with these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self(vec![headings.iter().map(|&heading| heading.to_owned()).collect()])
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().collect());
    }

    /// Writes every row, columns as wide as their widest cell.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.0 {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// `2026-11-20T15:00:00Z`, with fractions where there are any.
pub(crate) fn instant(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// `+5`, `-2`, `0`.
pub(crate) fn signed(units: i64) -> String {
    if units > 0 { format!("+{units}") } else { units.to_string() }
}

/// `1 event`, `2 events`.
pub(crate) fn counted(number: i64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

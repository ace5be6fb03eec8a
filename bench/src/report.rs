//! What was measured, as a table.

use std::fmt;

/// Rates and ratios in the order in which they were taken.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<(String, String)>,
}

impl Report {
    /// A rate in events, commands or rows a second.
    pub(crate) fn add(&mut self, name: &str, per_second: f64) {
        self.lines.push((name.to_owned(), format!("{per_second:>12.0} /s")));
    }

    /// A latency in milliseconds.
    pub(crate) fn millis(&mut self, name: &str, millis: f64) {
        self.lines.push((name.to_owned(), format!("{millis:>12.2} ms")));
    }

    /// A number of things.
    pub(crate) fn count(&mut self, name: &str, number: u64) {
        self.lines.push((name.to_owned(), format!("{number:>12}")));
    }

    /// A ratio of two rates of this run.
    pub(crate) fn ratio(&mut self, name: &str, ratio: f64) {
        self.lines.push((name.to_owned(), format!("{ratio:>12.2} ×")));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, figure) in &self.lines {
            writeln!(f, "{name:<70} {figure}")?;
        }
        Ok(())
    }
}

//! What was measured, line by line as it is taken.

use std::io::{Stdout, Write as _};

/// Prints rates, latencies and ratios.
#[derive(Debug)]
pub(crate) struct Report(Stdout);

impl Report {
    /// A report for the terminal.
    pub(crate) fn new() -> Self {
        Self(std::io::stdout())
    }

    /// A rate in events, commands or rows a second.
    pub(crate) fn add(&mut self, name: &str, per_second: f64) {
        self.line(name, &format!("{per_second:>12.0} /s"));
    }

    /// A latency in milliseconds.
    pub(crate) fn millis(&mut self, name: &str, millis: f64) {
        self.line(name, &format!("{millis:>12.2} ms"));
    }

    /// A number of things.
    pub(crate) fn count(&mut self, name: &str, number: u64) {
        self.line(name, &format!("{number:>12}"));
    }

    /// Something that no figure says.
    pub(crate) fn note(&mut self, name: &str, text: &str) {
        self.line(name, &format!("  {text}"));
    }

    /// A ratio of two rates of this run.
    pub(crate) fn ratio(&mut self, name: &str, ratio: f64) {
        self.line(name, &format!("{ratio:>12.2} ×"));
    }

    fn line(&mut self, name: &str, figure: &str) {
        // Who closed the terminal does not read it.
        let _closed = writeln!(self.0, "{name:<78} {figure}");
    }
}

//! What became of many lines at once.

use commands::{Outcome, RefusalKind, Refused, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::code_of;

/// What became of a batch.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct BatchAnswer {
    /// Lines recorded now.
    pub(crate) accepted: usize,
    /// Lines that were recorded before with the same content.
    pub(crate) duplicates: usize,
    /// Lines that name an unknown item or location and wait in quarantine.
    pub(crate) quarantined: usize,
    /// Lines that were refused; `errors` says why.
    pub(crate) rejected: usize,
    /// Refused lines, by line number.
    pub(crate) errors: Vec<LineError>,
    /// Position of the last event.
    pub(crate) position: i64,
}

/// Why a line was refused.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LineError {
    /// Number of the line, from 1.
    pub(crate) line: usize,
    /// Stable code.
    #[schema(example = "quantity_not_positive")]
    pub(crate) code: String,
    /// What is wrong.
    pub(crate) message: String,
}

impl BatchAnswer {
    /// Counts the verdict about line `line`.
    pub(crate) fn add(&mut self, line: usize, verdict: Verdict) {
        match verdict {
            Verdict::Accepted(Outcome::LineQuarantined { .. }) => self.quarantined += 1,
            Verdict::Accepted(Outcome::DayReported { changed: false, .. }) | Verdict::Duplicate => {
                self.duplicates += 1;
            }
            Verdict::Accepted(_) => self.accepted += 1,
            Verdict::Refused(refused) => self.reject(line, &refused),
        }
    }

    /// Counts line `line` as refused.
    pub(crate) fn reject(&mut self, line: usize, refused: &Refused) {
        self.rejected += 1;
        self.errors.push(LineError::new(line, refused));
    }

    /// The whole answer.
    pub(crate) fn finish(mut self, position: i64) -> Self {
        self.errors.sort_by_key(|error| error.line);
        self.position = position;
        self
    }
}

impl LineError {
    /// Line `line`, which was refused.
    pub(crate) fn new(line: usize, refused: &Refused) -> Self {
        let place = refused.pointer.as_deref().unwrap_or_default().trim_start_matches('/');
        let message =
            if place.is_empty() { refused.message.clone() } else { format!("{place}: {}", refused.message) };
        Self { line, code: refused.code.clone().into_owned(), message }
    }
}

/// A line that cannot be read.
pub(crate) fn unreadable(error: &serde_json::Error) -> Refused {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or_default();
    let code = if error.is_data() { code_of(message) } else { "unreadable_json" };
    Refused::new(code, RefusalKind::Invalid, message)
}

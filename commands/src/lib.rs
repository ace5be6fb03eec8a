//! From intention to appended fact.
//!
//! An [`Operation`] is what a caller wants. The committer of the company's partition decides it in memory on the
//! state it keeps, together with everything else that waits, and appends the whole batch in one round trip. Read in
//! this order: [`operation`] (what can be asked and answered), [`refused`] (why not), [`committer`] (the one path),
//! then the features: `stock`, `catalogue`, `sales`, `companies`, `planning`. [`accounts`] keeps people, keys and
//! jobs in plain tables.

pub mod clock;
pub mod operation;
pub mod refused;
pub mod committer;
mod workspace;
mod directory;
mod stock;
mod catalogue;
mod sales;
mod companies;
mod planning;
pub mod accounts;

pub use committer::{CommitterConfig, Committers};
pub use operation::{Operation, Outcome, Receipt, Submission, SubmitError, Verdict};
pub use refused::{RefusalKind, Refused};

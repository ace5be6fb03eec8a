//! Every stream of the log as a stream of KurrentDB, with the same versions.
//!
//! Version 1 of a stream is revision 0 there. Each append names the revision that it expects, so what is there already is
//! recognised and appended no second time, whoever appends it: a repeat is harmless, and no state is needed but a note
//! of where to begin. [`mirror`] does it against the trait [`streams::Streams`]; the client of the vendor implements that
//! in `client`, behind the cargo feature `kurrent`. No server was at hand when this was written: the mirror is tested
//! against a fake that keeps to the documented rules, the client is only compiled.

#[cfg(feature = "kurrent")]
pub mod client;
pub mod mirror;
pub mod streams;

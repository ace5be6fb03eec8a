//! Planning: golden files, every rule beside its formula, forecasts, properties, facts.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod fixture;
mod golden;
mod fraction;
mod formula;
mod inputs;
mod explanation;
mod properties;
mod numbers;
mod censoring;
mod forecasts;
mod imported;
mod back_tests;
mod runs;
mod accuracy;
mod classes;
mod totals;
mod recommendations;
mod facts;

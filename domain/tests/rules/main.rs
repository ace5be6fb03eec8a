//! Every rule and every refusal of the domain, given, when and then; properties; stored shapes.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod builders;
mod stock_people;
mod stock_confirmations;
mod stock_anchors;
mod stock_outside;
mod stock_properties;
mod product;
mod location;
mod sales;
mod companies;
mod settings;
mod planning;
mod folding;
mod golden;
mod samples;
mod samples_planning;
mod upcasting;
mod values;
mod coverage;

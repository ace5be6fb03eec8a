//! What people and programs do with Stocktrail, through its front door.
//!
//! One room, one module; then the promises that cross all rooms: [`surface`] walks every operation of the OpenAPI
//! document, [`tenants`] asks for another company's things, [`time`] compares the past with a plain fold of the log,
//! [`real_data`] loads a year of real sales, [`hot_item`] lets everybody take the same piece.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod sign_in;
mod catalogue;
mod locations;
mod settings;
mod stock;
mod stock_answers;
mod movements;
mod sales;
mod quarantine;
mod demand;
mod planning_settings;
mod planning_days;
mod forecast_runs;
mod planning_lists;
mod trends;
mod lists;
mod events;
mod relay;
mod audit;
mod jobs;
mod calendar;
mod refusals;
mod time;
mod golden;
mod real_data;
mod hot_item;
mod exercises;
mod schema;
mod surface;
mod tenants;

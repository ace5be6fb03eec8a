//! HTTP in and out, and the place where everything is put together.
//!
//! Read in this order: [`server`] (a running server), `wiring` (what it is made of), `routes` (every room),
//! `context` (who is calling), [`problem`] (what can go wrong), then the rooms: one endpoint, one file.

pub mod cli;
pub mod config;
pub mod server;
pub mod state;
mod wiring;
mod background;
mod routes;
pub mod openapi;
pub mod room;
pub mod rate;
pub mod problem;
mod context;
mod extract;
mod body;
mod answer;
mod calendar;
mod list;
mod schema;
mod observe;
mod docs;
mod health;
mod events;
mod audit;
mod meta;
mod operations;
mod outlets;
mod accounts;
mod jobs;
mod catalogue;
mod stock;
mod companies;
mod sales;
mod planning;
mod dashboard;
pub mod demo;

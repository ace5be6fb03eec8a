//! The database that Stocktrail lives in.
//!
//! [`Database::open`] connects to the PostgreSQL of `DATABASE_URL`, or starts a private server under the data
//! directory, and brings the tables up to date (the SQL files beside `src`, forward only). Everyone else asks it for
//! a pool of a [`Role`] that has only the rights of its work. Read in this order: [`database`](Database), `attach` (for
//! tools), then the private server: `server` (what it is), `binaries`, `home`, `supervisor`, `process`. [`testing`] gives
//! every test a database of its own.

mod error;
mod database;
mod attach;
mod pools;
mod server;
mod binaries;
mod home;
mod supervisor;
mod process;
pub mod testing;

pub use database::{Database, Source};
pub use error::DatabaseError;
pub use pools::Role;

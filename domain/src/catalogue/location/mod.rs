//! The aggregate `Location`: one place where stock lies. Its stream bears its location id.
//!
//! That exactly one location is primary and no two bear one name are rules across streams; the command side keeps
//! them.

pub mod event;
pub mod command;
pub mod refusal;
pub mod details;
pub mod state;
pub mod decide;

pub use command::LocationCommand;
pub use event::LocationEvent;
pub use refusal::LocationRefusal;
pub use state::{KnownLocation, Location};

crate::aggregate!(Location, LocationCommand, LocationEvent, LocationRefusal);

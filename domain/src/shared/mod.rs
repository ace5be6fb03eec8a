//! Value types and the event vocabulary that every feature uses.

pub mod event;
pub mod ids;
pub mod quantity;
pub mod money;
pub mod moment;
pub mod field;
mod text;

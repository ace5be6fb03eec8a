//! Value types and the event vocabulary that every feature uses.

pub mod event;
pub mod words;
pub mod ids;
pub mod quantity;
pub mod money;
pub mod moment;
pub mod field;
pub(crate) mod text;

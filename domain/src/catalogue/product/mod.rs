//! The aggregate `Product`: what the catalogue says of one product. Its stream bears its first item id for ever.
//!
//! That no two products bear one item id is a rule across streams; the command side claims the ids.

pub mod event;
pub mod command;
pub mod refusal;
pub mod details;
pub mod state;
pub mod decide;

pub use command::ProductCommand;
pub use event::ProductEvent;
pub use refusal::ProductRefusal;
pub use state::{KnownProduct, Product};

crate::aggregate!(Product, ProductCommand, ProductEvent, ProductRefusal);

//! Stock of one product at every location: the aggregate `StockItem`, one stream per product.
//!
//! Words: *on hand* is what lies there now; *reserved* is promised to orders that have not left; an *anchor* says
//! "at instant t it was q" (opening balance, count, `SET_TO`, channel snapshot); a *late fact* happened before the
//! newest anchor but was learnt after it. A movement has a `quantity` (what happened) and an `effect` (its change
//! of today's stock); a late fact's effect is 0. The sum of effects at a location is its on hand, always.
//!
//! At equal instants an anchor closes its instant: facts that bear the same `effective_at` count as before it. Of two
//! anchors at one instant the later recorded one holds.

pub mod event;
pub mod display;
pub mod command;
pub mod refusal;
pub mod history;
pub mod ledger;
pub mod state;
mod rules;
pub mod decide;

pub use command::{AdjustKind, Confirm, Reason, SaleLine, StockCommand, StockFacts, StockIntent, StockRules};
pub use display::{MovementType, ReferenceType};
pub use event::{Entry, Movement, StockEvent};
pub use history::as_of;
pub use ledger::{Anchor, Ledger};
pub use refusal::StockRefusal;
pub use state::{Reservation, StockItem};

crate::aggregate!(StockItem, StockCommand, StockEvent, StockRefusal);

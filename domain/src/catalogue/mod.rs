//! Products and locations.
//!
//! A product's stream bears the item id it was created with, for ever: its *key*. Its present `item_id` may be
//! another after a renaming; earlier ones keep resolving. Stock streams bear the same key.
//!
//! A location's `stock_role` says whether its stock is real (PHYSICAL) or mirrors stock that lies elsewhere (MIRROR,
//! never added to totals). Its `authority` says who decides about its stock: our ledger or an external system, whose
//! snapshots are anchors.

pub mod product;
pub mod location;

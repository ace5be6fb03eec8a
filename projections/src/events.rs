//! The log itself as people read it: pages of one company's events under row-level security.

pub use event_log::archive::gone_until;
pub use event_log::event::StoredEvent;
pub use event_log::page::{Filter, newest, page};

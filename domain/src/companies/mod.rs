//! The aggregate `Company`: profile, settings and days of one tenant. Its stream bears its id.
//!
//! Days begin as events, so that whatever depends on "today" replays the same on any day. The currency stays from
//! the first priced fact on. People, keys and sessions are no events and live elsewhere.

pub mod event;
pub mod command;
pub mod refusal;
pub mod settings;
mod setting_values;
pub mod state;
pub mod decide;

pub use command::CompanyCommand;
pub use event::CompanyEvent;
pub use refusal::CompanyRefusal;
pub use settings::{Settings, SettingsRefusal};
pub use state::Company;

crate::aggregate!(Company, CompanyCommand, CompanyEvent, CompanyRefusal);

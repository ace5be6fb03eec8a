//! Marketing campaigns: what is promoted, when, for how much. The stream of a campaign bears its id.

pub mod event;
pub mod state;

pub use event::{CampaignDetails, CampaignEvent, CampaignLine, CampaignType};
pub use state::{Campaign, CampaignState, KnownCampaign};

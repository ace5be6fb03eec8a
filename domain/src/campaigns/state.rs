//! What is known of a campaign.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::campaigns::event::{CampaignDetails, CampaignEvent};
use crate::shared::ids::CampaignId;

/// A campaign, or none yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Campaign {
    /// Nobody planned it.
    #[default]
    Unknown,
    /// It was planned.
    Known(Box<KnownCampaign>),
}

/// A campaign that was planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownCampaign {
    /// Its id.
    pub campaign_id: CampaignId,
    /// Everything else.
    pub details: CampaignDetails,
    /// Whether it was called off.
    pub is_cancelled: bool,
}

crate::words! {
    /// Where a campaign stands on a day.
    pub enum CampaignState {
        /// Not decided.
        Draft = "draft",
        /// Its first day is to come.
        Scheduled = "scheduled",
        /// It runs.
        Active = "active",
        /// Its last day is past.
        Finished = "finished",
        /// Called off.
        Cancelled = "cancelled",
    }
}

impl Campaign {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &CampaignEvent) {
        if let CampaignEvent::CampaignPlanned(planned) = event {
            *self = Self::Known(Box::new(KnownCampaign {
                campaign_id: planned.campaign_id,
                details: planned.details.clone(),
                is_cancelled: false,
            }));
            return;
        }
        let Self::Known(campaign) = self else { return };
        match event {
            CampaignEvent::CampaignPlanned(_) => {}
            CampaignEvent::CampaignEdited(edited) => campaign.details = edited.details.clone(),
            CampaignEvent::CampaignEnded(ended) => campaign.details.end_date = ended.end_date,
            CampaignEvent::CampaignCancelled(_) => campaign.is_cancelled = true,
        }
    }

    /// The campaign, if it was planned.
    pub fn known(&self) -> Option<&KnownCampaign> {
        match self {
            Self::Unknown => None,
            Self::Known(campaign) => Some(campaign),
        }
    }
}

impl KnownCampaign {
    /// Where it stands on a day.
    pub fn state_on(&self, day: NaiveDate) -> CampaignState {
        if self.is_cancelled {
            CampaignState::Cancelled
        } else if self.details.is_draft {
            CampaignState::Draft
        } else if day < self.details.start_date {
            CampaignState::Scheduled
        } else if day <= self.details.end_date {
            CampaignState::Active
        } else {
            CampaignState::Finished
        }
    }
}

impl CampaignState {
    /// Whether it runs or will run.
    pub fn is_on(self) -> bool {
        match self {
            Self::Scheduled | Self::Active => true,
            Self::Draft | Self::Finished | Self::Cancelled => false,
        }
    }
}

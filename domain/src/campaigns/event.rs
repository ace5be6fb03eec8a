//! What can have happened to a campaign (decision 50).

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::shared::ids::{CampaignId, ItemId};
use crate::shared::money::Money;

crate::events! {
    /// One fact about a campaign. Stream id: its id.
    pub enum CampaignEvent in "campaign" upcast &[] => {
        /// It was planned, as a draft or for good.
        CampaignPlanned = 1,
        /// Its details became others.
        CampaignEdited = 1,
        /// It was ended before its last day.
        CampaignEnded = 1,
        /// It was called off.
        CampaignCancelled = 1,
    }
}

crate::words! {
    /// What kind of campaign it is.
    pub enum CampaignType {
        /// Lower prices.
        Discount = "DISCOUNT",
        /// Paid attention.
        Ads = "ADS",
        /// Products together.
        Bundle = "BUNDLE",
        /// Out with the rest.
        Clearance = "CLEARANCE",
        /// Anything else.
        Other = "OTHER",
    }
}

/// See [`CampaignEvent::CampaignPlanned`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignPlanned {
    /// Its id.
    pub campaign_id: CampaignId,
    /// Everything else.
    pub details: CampaignDetails,
}

/// See [`CampaignEvent::CampaignEdited`]. Holds the whole details as they stand afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignEdited {
    /// Everything but the id.
    pub details: CampaignDetails,
}

/// See [`CampaignEvent::CampaignEnded`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignEnded {
    /// Its last day now.
    pub end_date: NaiveDate,
}

/// See [`CampaignEvent::CampaignCancelled`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignCancelled {
    /// Why, in free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// What is known of a campaign besides its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignDetails {
    /// Name.
    pub name: String,
    /// What kind of campaign it is.
    pub campaign_type: CampaignType,
    /// First day, local to the company.
    pub start_date: NaiveDate,
    /// Last day, itself included.
    pub end_date: NaiveDate,
    /// Whether nobody has decided yet that it will run.
    #[serde(default)]
    pub is_draft: bool,
    /// Money set aside for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// What is promoted.
    pub lines: Vec<CampaignLine>,
}

/// A promoted product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignLine {
    /// Key of the product.
    pub item_id: ItemId,
    /// Percent off, where it is cheaper.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "rust_decimal::serde::str_option")]
    pub discount: Option<Decimal>,
    /// Whom it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_audience: Option<String>,
}

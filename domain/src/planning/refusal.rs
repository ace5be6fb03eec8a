//! Why an order about planning is refused.

use chrono::NaiveDate;

use crate::companies::SettingsRefusal;
use crate::shared::field::InvalidField;

/// Why an order about planning is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanningRefusal {
    /// A setting that rule R28 does not allow.
    #[error(transparent)]
    Settings(#[from] SettingsRefusal),
    /// A setting that only the company has.
    #[error("setting {key} holds for the whole company")]
    OnlyOfTheCompany {
        /// The key.
        key: String,
    },
    /// A value that is not allowed.
    #[error("{0}")]
    Invalid(InvalidField),
    /// A value of a day that is not allowed.
    #[error("{field}")]
    InvalidDay {
        /// Which of the days, from 0.
        index: usize,
        /// What is wrong.
        field: InvalidField,
    },
    /// A day stands twice, and what it shall be is not clear.
    #[error("day {date} stands twice")]
    DayTwice {
        /// Which of the days, from 0.
        index: usize,
        /// The day.
        date: NaiveDate,
    },
    /// A day that is over cannot hide anything.
    #[error("{date} is over, today is {today}")]
    UntilIsOver {
        /// The last day without the recommendation.
        date: NaiveDate,
        /// The present day.
        today: NaiveDate,
    },
    /// A forecast cannot know the demand of days to come.
    #[error("the demand of {demand_until} is not known on {published_on}")]
    DemandNotKnown {
        /// Last day whose demand it knew.
        demand_until: NaiveDate,
        /// Day on which it was published.
        published_on: NaiveDate,
    },
    /// A run of this id was published with other content.
    #[error("a run with this id and other content was published before")]
    RunDiffers,
}

impl From<InvalidField> for PlanningRefusal {
    fn from(field: InvalidField) -> Self {
        Self::Invalid(field)
    }
}

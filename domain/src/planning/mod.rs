//! Planning: what each item needs, from its demand, stock, orders and settings (rules R1 to R31).
//!
//! One calculation: [`ItemInput`] in, [`ItemPlan`] out, by [`plan()`]. Nothing else has a say: no clock, no locale, no
//! chance. Every figure is an exact whole number of its last place; a value that 64 bits cannot hold is an error that
//! names the item and the value. [`Explanation`] lists every input, rule and result of a plan.
//!
//! Read in this order: [`number`] (R1), [`input`], [`demand`] (R3, R4), [`covariate`], [`average`] (R5, R6), [`forecast`]
//! (R7 to R9 and further methods), [`supply`] (R10 to R14), [`facts`], [`cover`] (R15, R16, R21 to R23), [`ordering`]
//! (R17 to R20, R24), [`recommendation`] (R25), [`plan`](mod@plan), [`rulebook`], [`explain`]; then what spans items:
//! [`seed`] (R8), [`lists`] (R26), [`summary`] (R27, R30), [`accuracy`] (R30), [`class`] (R31); then the facts that only
//! planning knows: [`event`], [`state`], [`command`], [`refusal`], [`decide`].

pub mod number;
pub mod input;
pub mod demand;
pub mod covariate;
pub mod average;
pub mod forecast;
pub mod supply;
pub mod facts;
pub mod cover;
pub mod ordering;
pub mod recommendation;
pub mod plan;
pub mod rulebook;
pub mod explain;
pub mod seed;
pub mod lists;
pub mod summary;
pub mod accuracy;
pub mod class;
pub mod event;
pub mod state;
pub mod command;
pub mod refusal;
pub mod decide;

pub use demand::Demand;
pub use explain::Explanation;
pub use input::{ItemInput, PlanDay, PlanSettings};
pub use number::{Amount, Days, Fixed, Overflow, Percent, PlanError, Rate, Score};
pub use plan::{ItemPlan, plan};

pub use command::{
    CalendarCommand, DismissRecommendation, PlanningSettingsCommand, PublishForecasts, RulesChange,
    SetCovariates,
};
pub use refusal::PlanningRefusal;

crate::aggregate!(
    state::PlanningSettings,
    PlanningSettingsCommand,
    event::PlanningSettingsEvent,
    PlanningRefusal
);
crate::aggregate!(state::Calendar, CalendarCommand, event::CalendarEvent, PlanningRefusal);
crate::aggregate!(state::ItemDays, SetCovariates, event::CovariatesEvent, PlanningRefusal);
crate::aggregate!(state::ForecastRun, PublishForecasts, event::ForecastRunEvent, PlanningRefusal);
crate::aggregate!(state::Dismissals, DismissRecommendation, event::RecommendationEvent, PlanningRefusal);

//! The rules of settings, days, forecasts and dismissals of planning. What is so already is no event.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::companies::Settings;
use crate::planning::command::{
    CalendarCommand, DismissRecommendation, PlanningSettingsCommand, PublishForecasts, RulesChange,
    SetCovariates,
};
use crate::planning::covariate::Covariates;
use crate::planning::event::{
    CalendarEvent, CovariateDay, CovariatesEvent, CovariatesSet, ForecastPolicy, ForecastPolicyChosen,
    ForecastRunEvent, ForecastRunPublished, ForecastsPublished, HolidayRemoved, HolidaySet, PlanningScope,
    PlanningSettingsChosen, PlanningSettingsEvent, RecommendationDismissed, RecommendationEvent,
    RecommendationRulesChosen,
};
use crate::planning::input::PLANNING_KEYS;
use crate::planning::number::Amount;
use crate::planning::recommendation::{DismissalScope, RecommendationRules, RecommendationTypes, RoleRules};
use crate::planning::refusal::PlanningRefusal;
use crate::planning::state::{Calendar, Dismissals, ForecastRun, ItemDays, PlanningSettings};
use crate::shared::field::{self, InvalidField};
use crate::shared::money::{Currency, MAX_AMOUNT};

/// Longest name of a holiday, in characters.
pub const MAX_HOLIDAY_CHARS: usize = 200;

/// Longest notes of a dismissal, in characters.
pub const MAX_NOTES_CHARS: usize = 2_000;

/// Most forecasts of one event.
pub const FORECASTS_OF_A_PART: usize = 1_000;

type Decision<E> = Result<Vec<E>, PlanningRefusal>;

impl PlanningSettings {
    /// What happens because of an order, or why it is refused.
    pub fn decide(&self, command: PlanningSettingsCommand) -> Decision<PlanningSettingsEvent> {
        match command {
            PlanningSettingsCommand::ChooseRules { change } => Ok(self.choose_rules(change)),
            PlanningSettingsCommand::ChoosePolicy { policy } => Ok(self.choose_policy(policy)),
            PlanningSettingsCommand::ChooseSettings { scope, changes, around, currency } => {
                self.choose_settings(scope, &changes, &around, currency)
            }
        }
    }

    fn choose_rules(&self, change: RulesChange) -> Vec<PlanningSettingsEvent> {
        let rules = self.rules().with(change);
        let chosen = PlanningSettingsEvent::RecommendationRulesChosen(RecommendationRulesChosen { rules });
        (rules != self.rules()).then_some(chosen).into_iter().collect()
    }

    fn choose_policy(&self, policy: ForecastPolicy) -> Vec<PlanningSettingsEvent> {
        let chosen = PlanningSettingsEvent::ForecastPolicyChosen(ForecastPolicyChosen { policy });
        (policy != self.policy).then_some(chosen).into_iter().collect()
    }

    /// Whether the thresholds go together is checked against what holds around the scope now; what is chosen there or
    /// within later cannot be known.
    fn choose_settings(
        &self,
        scope: PlanningScope,
        asked: &Map<String, Value>,
        around: &Settings,
        currency: Currency,
    ) -> Decision<PlanningSettingsEvent> {
        let changes = Settings::stored(asked, currency)?;
        if let Some(key) = changes.keys().find(|key| !PLANNING_KEYS.contains(&key.as_str())) {
            return Err(PlanningRefusal::OnlyOfTheCompany { key: key.clone() });
        }
        let is_news = |(key, value): &(String, Value)| self.chosen.get(key).unwrap_or(&Value::Null) != value;
        let changes: Map<String, Value> = changes.into_iter().filter(is_news).collect();
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let chosen = PlanningSettingsEvent::PlanningSettingsChosen(PlanningSettingsChosen { scope, changes });
        let mut after = self.clone();
        after.evolve(&chosen);
        around.folded(&after.chosen).check_thresholds(asked)?;
        Ok(vec![chosen])
    }
}

impl RecommendationRules {
    /// The rules after a change.
    #[must_use]
    pub fn with(&self, change: RulesChange) -> Self {
        let (defaults, roles) = (Self::default(), self.role_rules);
        let of_role = defaults.role_rules;
        let set = |present, change: Option<Option<RecommendationTypes>>, default| {
            change.map_or(present, |types| types.unwrap_or(default))
        };
        Self {
            enabled_types: set(self.enabled_types, change.enabled_types, defaults.enabled_types),
            role_rules: RoleRules {
                ceo: set(roles.ceo, change.ceo, of_role.ceo),
                procurement: set(roles.procurement, change.procurement, of_role.procurement),
                marketing: set(roles.marketing, change.marketing, of_role.marketing),
            },
        }
    }
}

impl Calendar {
    /// What happens because of an order, or why it is refused.
    pub fn decide(&self, command: CalendarCommand) -> Decision<CalendarEvent> {
        match command {
            CalendarCommand::SetHoliday { date_local, name } => {
                let name = field::text("name", &name, MAX_HOLIDAY_CHARS)?;
                let is_news = self.holidays.get(&date_local) != Some(&name);
                let set = CalendarEvent::HolidaySet(HolidaySet { date_local, name });
                Ok(is_news.then_some(set).into_iter().collect())
            }
            CalendarCommand::RemoveHoliday { date_local } => {
                let removed = CalendarEvent::HolidayRemoved(HolidayRemoved { date_local });
                Ok(self.holidays.contains_key(&date_local).then_some(removed).into_iter().collect())
            }
        }
    }
}

impl ItemDays {
    /// What happens because of an order, or why it is refused.
    pub fn decide(&self, command: SetCovariates) -> Decision<CovariatesEvent> {
        let SetCovariates { item_id, mut days } = command;
        let mut seen = BTreeSet::new();
        for (index, day) in days.iter().enumerate() {
            if !seen.insert(day.date_local) {
                return Err(PlanningRefusal::DayTwice { index, date: day.date_local });
            }
            check_spend(day).map_err(|field| PlanningRefusal::InvalidDay { index, field })?;
        }
        days.retain(|day| self.on(day) != day.covariates);
        if days.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![CovariatesEvent::CovariatesSet(CovariatesSet { item_id, days })])
    }

    fn on(&self, day: &CovariateDay) -> Covariates {
        self.days.get(&day.date_local).copied().unwrap_or_default()
    }
}

fn check_spend(day: &CovariateDay) -> Result<(), InvalidField> {
    let spend = day.covariates.marketing_spend.map(Amount::decimal);
    field::decimal("marketing_spend", spend, 2, MAX_AMOUNT - 1)
}

impl ForecastRun {
    /// What happens because of an order, or why it is refused.
    pub fn decide(&self, command: PublishForecasts) -> Decision<ForecastRunEvent> {
        let PublishForecasts { run, forecasts } = command;
        let run = ForecastRunPublished { items: u32::try_from(forecasts.len()).unwrap_or(u32::MAX), ..run };
        if let Some(published) = &self.published {
            return if *published == run { Ok(Vec::new()) } else { Err(PlanningRefusal::RunDiffers) };
        }
        let ForecastRunPublished { demand_until, published_on, .. } = run;
        if demand_until > published_on {
            return Err(PlanningRefusal::DemandNotKnown { demand_until, published_on });
        }
        let parts = (1..).zip(forecasts.chunks(FORECASTS_OF_A_PART)).map(|(part, forecasts)| {
            ForecastRunEvent::ForecastsPublished(ForecastsPublished { part, forecasts: forecasts.to_vec() })
        });
        Ok(std::iter::once(ForecastRunEvent::ForecastRunPublished(run)).chain(parts).collect())
    }
}

impl Dismissals {
    /// What happens because of an order, or why it is refused.
    pub fn decide(&self, command: DismissRecommendation) -> Decision<RecommendationEvent> {
        let DismissRecommendation { dismissed, today } = command;
        if let DismissalScope::Until { date } = dismissed.dismissal
            && date < today
        {
            return Err(PlanningRefusal::UntilIsOver { date, today });
        }
        let notes = field::optional_text("notes", dismissed.notes.as_deref(), MAX_NOTES_CHARS)?;
        let dismissed = RecommendationDismissed { notes, ..dismissed };
        if self.like(&dismissed).is_some() {
            return Ok(Vec::new());
        }
        Ok(vec![RecommendationEvent::RecommendationDismissed(dismissed)])
    }

    /// The dismissal that hides the same as this one, whoever said so and why.
    pub fn like(&self, dismissed: &RecommendationDismissed) -> Option<&RecommendationDismissed> {
        let hides = (dismissed.kind, &dismissed.location_id, dismissed.dismissal);
        self.dismissed.iter().find(|known| (known.kind, &known.location_id, known.dismissal) == hides)
    }
}

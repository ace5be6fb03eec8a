//! What planning knows from its own facts.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::companies::Settings;
use crate::planning::covariate::Covariates;
use crate::planning::event::{
    CalendarEvent, CovariatesEvent, ForecastPolicy, ForecastRunEvent, ForecastRunPublished,
    PlanningSettingsEvent, RecommendationDismissed, RecommendationEvent,
};
use crate::planning::recommendation::{RecommendationRules, RecommendationType};
use crate::shared::ids::LocationId;

/// Settings of one stream: of the company, a category or an item.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanningSettings {
    /// Which recommendations are made; the company's stream alone says so.
    pub rules: Option<RecommendationRules>,
    /// How forecasts are made; the company's stream alone says so.
    pub policy: ForecastPolicy,
    /// Settings of R28 that differ from those around.
    pub chosen: Map<String, Value>,
}

impl PlanningSettings {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &PlanningSettingsEvent) {
        match event {
            PlanningSettingsEvent::RecommendationRulesChosen(chosen) => self.rules = Some(chosen.rules),
            PlanningSettingsEvent::ForecastPolicyChosen(chosen) => self.policy = chosen.policy,
            PlanningSettingsEvent::PlanningSettingsChosen(chosen) => {
                for (key, value) in &chosen.changes {
                    if value.is_null() {
                        self.chosen.remove(key);
                    } else {
                        self.chosen.insert(key.clone(), value.clone());
                    }
                }
            }
        }
    }

    /// The rules that hold.
    pub fn rules(&self) -> RecommendationRules {
        self.rules.unwrap_or_default()
    }
}

/// Settings that hold for an item: the company's, changed by its category's, changed by its own.
pub fn settings_of(company: &Settings, category: &PlanningSettings, item: &PlanningSettings) -> Settings {
    company.folded(&category.chosen).folded(&item.chosen)
}

/// Holidays of a company.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Names by day.
    pub holidays: BTreeMap<NaiveDate, String>,
}

impl Calendar {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &CalendarEvent) {
        match event {
            CalendarEvent::HolidaySet(set) => {
                self.holidays.insert(set.date_local, set.name.clone());
            }
            CalendarEvent::HolidayRemoved(removed) => {
                self.holidays.remove(&removed.date_local);
            }
        }
    }
}

/// What was set for the days of one product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemDays {
    /// What was set by day.
    pub days: BTreeMap<NaiveDate, Covariates>,
}

impl ItemDays {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &CovariatesEvent) {
        let CovariatesEvent::CovariatesSet(set) = event;
        for day in &set.days {
            if day.covariates == Covariates::default() {
                self.days.remove(&day.date_local);
            } else {
                self.days.insert(day.date_local, day.covariates);
            }
        }
    }
}

/// A run of forecasts, or none yet. Its forecasts are many and decide nothing: they are only counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastRun {
    /// What was published.
    pub published: Option<ForecastRunPublished>,
    /// Items whose forecasts followed.
    pub items: usize,
}

impl ForecastRun {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &ForecastRunEvent) {
        match event {
            ForecastRunEvent::ForecastRunPublished(run) => self.published = Some(run.clone()),
            ForecastRunEvent::ForecastsPublished(part) => {
                self.items = self.items.saturating_add(part.forecasts.len());
            }
        }
    }
}

/// Dismissed recommendations of one product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismissals {
    /// All that was dismissed.
    pub dismissed: Vec<RecommendationDismissed>,
}

impl Dismissals {
    /// Takes in what happened.
    pub fn evolve(&mut self, event: &RecommendationEvent) {
        let RecommendationEvent::RecommendationDismissed(dismissed) = event;
        self.dismissed.push(dismissed.clone());
    }

    /// Whether an episode of a recommendation is not to be shown on a day.
    pub fn hides(
        &self,
        kind: RecommendationType,
        location: Option<&LocationId>,
        episode: u32,
        day: NaiveDate,
    ) -> bool {
        let same = |dismissed: &&RecommendationDismissed| {
            dismissed.kind == kind && dismissed.location_id.as_ref() == location
        };
        self.dismissed.iter().filter(same).any(|dismissed| dismissed.dismissal.hides(episode, day))
    }
}

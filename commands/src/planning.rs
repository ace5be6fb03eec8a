//! Planning: settings of a company, a category or an item here; in `days` holidays and what is known of a product's
//! days, in `forecasts` runs, in `dismissals` what nobody wants to see.

use std::sync::Arc;

use domain::catalogue::product::details::MAX_CATEGORY_CHARS;
use domain::companies::{Company, Settings};
use domain::planning::event::{COMPANY_STREAM, ForecastPolicy, PlanningScope};
use domain::planning::recommendation::THRESHOLDS;
use domain::planning::state::PlanningSettings;
use domain::planning::{PlanningRefusal, PlanningSettingsCommand, RulesChange};
use domain::shared::event::Event;
use domain::shared::field;
use domain::shared::ids::ItemId;
use serde_json::{Map, Value};

use crate::directory::Room;
use crate::operation::Outcome;
use crate::refused::{RefusalKind, Refused};
use crate::workspace::{Stop, Workspace};

mod days;
mod forecasts;
mod dismissals;

impl Workspace<'_> {
    /// Sets which recommendations are made and for whom. The thresholds are settings of the company (R25): they change
    /// together with the rules, or nothing does.
    pub(crate) fn choose_rules(
        &mut self,
        change: RulesChange,
        thresholds: &Map<String, Value>,
    ) -> Result<Outcome, Stop> {
        self.founded()?;
        let stream: Arc<str> = Arc::from(COMPANY_STREAM);
        self.state::<PlanningSettings>(&stream)?;
        check_thresholds(thresholds)?;
        // Only thresholds can be refused, so they go first.
        let settings = self.choose_settings(thresholds).map_err(|stop| within("/threshold_filters", stop))?;
        self.change_planning::<PlanningSettings>(&stream, PlanningSettingsCommand::ChooseRules { change })?;
        let rules = self.state::<PlanningSettings>(&stream)?.state.rules();
        let Outcome::Settings(Value::Object(mut settings)) = settings else { return Err(Stop::Missing) };
        settings.retain(|key, _| THRESHOLDS.contains(&key.as_str()));
        Ok(Outcome::RecommendationRules { rules, thresholds: settings })
    }

    /// Sets how forecasts are made.
    pub(crate) fn choose_policy(&mut self, policy: ForecastPolicy) -> Result<Outcome, Stop> {
        self.founded()?;
        let stream: Arc<str> = Arc::from(COMPANY_STREAM);
        self.change_planning::<PlanningSettings>(&stream, PlanningSettingsCommand::ChoosePolicy { policy })?;
        Ok(Outcome::ForecastPolicy { policy })
    }

    /// Sets settings of a category or an item.
    pub(crate) fn choose_planning_settings(
        &mut self,
        scope: &PlanningScope,
        changes: &Map<String, Value>,
    ) -> Result<Outcome, Stop> {
        self.founded()?;
        let (scope, around) = self.scoped(scope)?;
        let company = self.directory()?.company();
        let Some(profile) = company.and_then(|held| held.profile.clone()) else {
            return Err(domain::companies::CompanyRefusal::NotFound.into());
        };
        let stream: Arc<str> = Arc::from(scope.stream_id());
        let command = PlanningSettingsCommand::ChooseSettings {
            scope: scope.clone(),
            changes: changes.clone(),
            around: Box::new(around.clone()),
            currency: profile.currency,
        };
        self.change_planning::<PlanningSettings>(&stream, command)?;
        let chosen = self.state::<PlanningSettings>(&stream)?.state.chosen.clone();
        let settings = around.folded(&chosen).document();
        Ok(Outcome::PlanningSettings { scope, chosen, settings })
    }

    /// A scope by the names of its streams, and the settings that hold around it.
    fn scoped(&mut self, scope: &PlanningScope) -> Result<(PlanningScope, Settings), Stop> {
        let company = self.directory()?.company().map(|held: &Company| held.settings.clone());
        let company = company.unwrap_or_default();
        match scope {
            PlanningScope::Category { category } => {
                let category = field::text("category", category, MAX_CATEGORY_CHARS);
                let category = category.map_err(PlanningRefusal::Invalid)?;
                let scope = PlanningScope::Category { category: category.clone() };
                let stream: Arc<str> = Arc::from(scope.stream_id());
                // One that was spoken of before can be taken back after its last product went.
                let is_new = self.state::<PlanningSettings>(&stream)?.version == 0;
                if is_new && !self.directory()?.has_category(&category) {
                    let message = format!("no product is of category {category}");
                    return Err(Refused::new("unknown_category", RefusalKind::NotFound, message).into());
                }
                Ok((scope, company))
            }
            PlanningScope::Item { item_id } => {
                let key = self.directory()?.resolve(item_id)?;
                let category = self.directory()?.category_of(&key).map(str::to_owned);
                let around = PlanningScope::Category { category: category.unwrap_or_default() };
                let stream: Arc<str> = Arc::from(around.stream_id());
                let around = company.folded(&self.state::<PlanningSettings>(&stream)?.state.chosen);
                Ok((PlanningScope::Item { item_id: key_of(&key)? }, around))
            }
        }
    }

    /// Changes a stream of planning.
    fn change_planning<A>(&mut self, id: &Arc<str>, command: A::Command) -> Result<Vec<A::Event>, Stop>
    where
        A: Room<Error = PlanningRefusal> + Send + 'static,
        A::Event: Event,
    {
        let event_id = self.ids.next();
        self.change::<A>(id, event_id, None, command)
    }
}

fn check_thresholds(thresholds: &Map<String, Value>) -> Result<(), Refused> {
    match thresholds.keys().find(|key| !THRESHOLDS.contains(&key.as_str())) {
        Some(key) => {
            let message = format!("{key} is no threshold of recommendations");
            Err(Refused::new("invalid_setting", RefusalKind::Invalid, message)
                .at(format!("/threshold_filters/{key}")))
        }
        None => Ok(()),
    }
}

/// A product's key as what its streams are about.
fn key_of(key: &str) -> Result<ItemId, Stop> {
    ItemId::new(key).map_err(|_| Stop::Missing)
}

/// A refusal about a part of the request.
fn within(part: &str, stop: Stop) -> Stop {
    match stop {
        Stop::Refused(mut refused) => {
            let pointer = format!("{part}{}", refused.pointer.take().unwrap_or_default());
            Stop::Refused(refused.at(pointer))
        }
        other => other,
    }
}

impl From<PlanningRefusal> for Stop {
    fn from(refusal: PlanningRefusal) -> Self {
        use RefusalKind::{Conflict, Invalid};
        let message = refusal.to_string();
        let refused = |code, kind| Refused::new(code, kind, message.clone());
        Self::Refused(match refusal {
            PlanningRefusal::Settings(refusal) => {
                refused("invalid_setting", Invalid).at(format!("/{}", refusal.key))
            }
            PlanningRefusal::OnlyOfTheCompany { key } => {
                refused("only_of_the_company", Invalid).at(format!("/{key}"))
            }
            PlanningRefusal::Invalid(field) => Refused::field(&field),
            PlanningRefusal::InvalidDay { index, field } => {
                let refused = Refused::field(&field);
                let pointer = format!("/{index}{}", refused.pointer.as_deref().unwrap_or_default());
                refused.at(pointer)
            }
            PlanningRefusal::DayTwice { index, .. } => {
                refused("day_twice", Invalid).at(format!("/{index}/date_local"))
            }
            PlanningRefusal::UntilIsOver { today, .. } => {
                refused("date_is_over", Invalid).at("/until").figure("today", today.to_string())
            }
            PlanningRefusal::DemandNotKnown { .. } => {
                refused("demand_not_known", Invalid).at("?demand_until")
            }
            PlanningRefusal::RunDiffers => refused("run_differs", Conflict),
        })
    }
}

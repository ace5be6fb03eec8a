//! What people choose for planning.

use chrono::{DateTime, NaiveDate, Utc};
use domain::planning::Fixed;
use domain::planning::covariate::Covariates;
use domain::planning::event as plan;
use domain::planning::recommendation::{DismissalScope, RecommendationRules, RecommendationType};
use domain::registry::AnyEvent;
use domain::shared::ids::ItemId;
use serde_json::json;
use uuid::Uuid;

use super::{Everything, ITEMS};

impl Everything {
    /// Settings, days and dismissals of planning.
    pub(super) fn planning(&mut self, company_id: Uuid, now: DateTime<Utc>) {
        let item = *self.chance.of(&ITEMS);
        let date_local =
            NaiveDate::from_ymd_opt(2026, 6, 1 + u32::try_from(self.chance.below(9)).unwrap()).unwrap();
        let (stream, fact): (String, AnyEvent) = match self.chance.below(7) {
            0 => ("company".to_owned(), self.rules().into()),
            1 => {
                let policy =
                    *self.chance.of(&[plan::ForecastPolicy::Automatic, plan::ForecastPolicy::External]);
                let chosen = plan::ForecastPolicyChosen { policy };
                ("company".to_owned(), plan::PlanningSettingsEvent::ForecastPolicyChosen(chosen).into())
            }
            2 => {
                let scope = plan::PlanningScope::Item { item_id: ItemId::new(item).unwrap() };
                let changes = json!({"dead_stock_days": self.chance.below(90), "urgent_risk": null});
                let changes = changes.as_object().unwrap().clone();
                let chosen = plan::PlanningSettingsChosen { scope: scope.clone(), changes };
                (scope.stream_id(), plan::PlanningSettingsEvent::PlanningSettingsChosen(chosen).into())
            }
            3 => {
                let name = format!("Holiday {}", self.chance.below(3));
                let set = plan::HolidaySet { date_local, name };
                ("holidays".to_owned(), plan::CalendarEvent::HolidaySet(set).into())
            }
            4 => {
                let removed = plan::HolidayRemoved { date_local };
                ("holidays".to_owned(), plan::CalendarEvent::HolidayRemoved(removed).into())
            }
            5 => {
                let covariates = Covariates {
                    promotion_flag: Some(self.chance.one_in(2)).filter(|_| self.chance.one_in(2)),
                    holiday_flag: Some(self.chance.one_in(2)).filter(|_| self.chance.one_in(2)),
                    marketing_spend: Some(Fixed::of_steps(self.chance.units(9_999)))
                        .filter(|_| self.chance.one_in(2)),
                };
                let days = vec![plan::CovariateDay { date_local, covariates }];
                let set = plan::CovariatesSet { item_id: ItemId::new(item).unwrap(), days };
                (item.to_owned(), plan::CovariatesEvent::CovariatesSet(set).into())
            }
            _ => (item.to_owned(), self.dismissal(item, date_local).into()),
        };
        self.push(company_id, &stream, now, fact);
    }

    fn rules(&mut self) -> plan::PlanningSettingsEvent {
        let enabled_types = [*self.chance.of(RecommendationType::ALL)].into_iter().collect();
        let rules = RecommendationRules { enabled_types, ..RecommendationRules::default() };
        plan::PlanningSettingsEvent::RecommendationRulesChosen(plan::RecommendationRulesChosen { rules })
    }

    fn dismissal(&mut self, item: &str, date: NaiveDate) -> plan::RecommendationEvent {
        let scopes =
            [DismissalScope::Episode { episode: 2 }, DismissalScope::Until { date }, DismissalScope::Forever];
        plan::RecommendationEvent::RecommendationDismissed(plan::RecommendationDismissed {
            item_id: ItemId::new(item).unwrap(),
            location_id: Some(self.place()).filter(|_| self.chance.one_in(2)),
            kind: *self.chance.of(RecommendationType::ALL),
            dismissal: *self.chance.of(&scopes),
            dismissed_by: None,
            notes: Some("a\0b".to_owned()).filter(|_| self.chance.one_in(3)),
        })
    }
}

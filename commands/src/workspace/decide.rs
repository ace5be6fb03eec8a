//! Which room decides which operation, and how its command runs through the aggregate.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use futures::FutureExt;

use super::{Stop, Workspace};
use crate::directory::Room;
use crate::operation::{Operation, Outcome, Verdict};

impl Workspace<'_> {
    /// Decides one operation. `None`: something must be read first.
    pub(crate) fn decide(&mut self, operation: &Operation) -> Option<Verdict> {
        match self.outcome(operation) {
            Ok(outcome) => Some(Verdict::Accepted(outcome)),
            Err(Stop::Refused(refused)) => Some(Verdict::Refused(refused)),
            Err(Stop::Duplicate) => Some(Verdict::Duplicate),
            Err(Stop::Missing) => None,
        }
    }

    fn outcome(&mut self, operation: &Operation) -> Result<Outcome, Stop> {
        match operation {
            Operation::Stock { item, intent } => self.change_stock(item, intent),
            Operation::PreviewStock { item, intent } => self.preview_stock(item, intent),
            Operation::RecordLine(line) => self.record_line(line),
            Operation::ReportDay(report) => self.report_day(report),
            Operation::ReleaseQuarantined { quarantine_id } => self.release_quarantined(*quarantine_id),
            Operation::ConfigureChannel { channel, config } => self.configure_channel(channel, config),
            Operation::CreateProduct { item_id, details } => self.create_product(item_id, details),
            Operation::EditProduct { item, edit, expected_version } => {
                self.edit_product(item, edit, *expected_version)
            }
            Operation::DeactivateProduct { item } => self.deactivate_product(item),
            Operation::ReactivateProduct { item } => self.reactivate_product(item),
            Operation::CreateLocation { location_id, details, is_primary } => {
                self.create_location(location_id, details, *is_primary)
            }
            Operation::EditLocation { location_id, edit, expected_version } => {
                self.edit_location(location_id, edit, *expected_version)
            }
            Operation::DeactivateLocation { location_id, seen } => {
                self.deactivate_location(location_id, *seen)
            }
            Operation::ReactivateLocation { location_id } => self.reactivate_location(location_id),
            Operation::FoundCompany { profile } => self.found_company(profile),
            Operation::EditCompany { edit } => self.edit_company(edit),
            Operation::ChooseSettings { changes } => self.choose_settings(changes),
            Operation::StartDay { date } => self.start_day(*date),
            Operation::ChooseRecommendationRules { change, thresholds } => {
                self.choose_rules(*change, thresholds)
            }
            Operation::ChooseForecastPolicy { policy } => self.choose_policy(*policy),
            Operation::ChoosePlanningSettings { scope, changes } => {
                self.choose_planning_settings(scope, changes)
            }
            Operation::SetHoliday { date_local, name } => self.set_holiday(*date_local, name),
            Operation::RemoveHoliday { date_local } => self.remove_holiday(*date_local),
            Operation::SetCovariates { item, days } => self.set_covariates(item, days),
            Operation::PublishForecasts { run, forecasts } => self.publish_forecasts(run, forecasts),
            Operation::DismissRecommendation(dismissed) => self.dismiss(dismissed),
        }
    }
}

/// Runs a command through the aggregate trait. Deciding never waits, so the future is ready at its first poll.
pub(super) fn drive<A: Room>(state: &mut A, command: A::Command) -> Result<Vec<A::Event>, A::Error> {
    let sink = EventSink::default();
    let handled = tokio::task::unconstrained(state.handle(command, &(), &sink)).now_or_never();
    match handled {
        Some(Ok(())) => Ok(sink.collect().now_or_never().unwrap_or_default()),
        Some(Err(refusal)) => Err(refusal),
        None => Ok(Vec::new()),
    }
}

/// Runs a command on a copy of a state: what would happen, without anything happening.
pub(crate) fn rehearse<A: Aggregate<Services = ()> + Room>(
    state: &A,
    command: A::Command,
) -> Result<Vec<A::Event>, A::Error> {
    drive(&mut state.clone(), command)
}

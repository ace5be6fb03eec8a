//! Daily reports of any source, and how channels sell.

use std::sync::Arc;

use domain::sales::event::ChannelConfigured;
use domain::sales::{
    Channel, ChannelCommand, ChannelRefusal, SalesReport, SalesReportCommand, SalesReportRefusal,
};
use domain::shared::ids::{ChannelId, ItemId, LocationId};
use domain::shared::moment::{local_date, start_of_day};

use crate::operation::{DailyReport, Outcome};
use crate::refused::{RefusalKind, Refused};
use crate::workspace::{Stop, Workspace};

impl Workspace<'_> {
    /// Records what a source says of one day.
    pub(crate) fn report_day(&mut self, report: &DailyReport) -> Result<Outcome, Stop> {
        let time_zone = self.founded()?.time_zone;
        let now = self.now;
        let item = self.directory()?.resolve(&report.item)?;
        if let Some(location_id) = &report.location_id {
            self.known_location(location_id, RefusalKind::NotFound)?;
        }
        let item_id = ItemId::new(&item).map_err(|_| Stop::Missing)?;
        let stream: Arc<str> = Arc::from(format!("{}/{item}", report.source));
        let command = SalesReportCommand::ReportDay {
            source: report.source.clone(),
            item_id: item_id.clone(),
            location_id: report.location_id.clone(),
            date_local: report.date_local,
            units_sold: report.units_sold,
            revenue: report.revenue,
            on_duplicate: report.on_duplicate,
            today: local_date(now, time_zone),
        };
        let effective_at = start_of_day(report.date_local, time_zone).min(now);
        let event_id = self.ids.next();
        let events = self.change::<SalesReport>(&stream, event_id, Some(effective_at), command)?;
        if report.revenue.is_some() && !events.is_empty() {
            self.lock_currency()?;
        }
        let held = &self.state::<SalesReport>(&stream)?.state;
        let day = held.reported(&report.source, &item_id, report.location_id.as_ref(), report.date_local);
        Ok(Outcome::DayReported {
            units_sold: day.map_or(report.units_sold, |day| day.units_sold),
            changed: !events.is_empty(),
        })
    }

    /// Refuses a location that nobody entered.
    pub(crate) fn known_location(&mut self, id: &LocationId, otherwise: RefusalKind) -> Result<(), Stop> {
        if self.directory()?.location(id).is_some() {
            return Ok(());
        }
        let message = format!("no location bears {id}");
        Err(Refused::new("unknown_location", otherwise, message).at("/location_id").into())
    }

    /// Sets where a channel's sales land.
    pub(crate) fn configure_channel(
        &mut self,
        channel: &ChannelId,
        config: &ChannelConfigured,
    ) -> Result<Outcome, Stop> {
        self.founded()?;
        if let Some(location_id) = &config.location_id {
            self.known_location(location_id, RefusalKind::Invalid)?;
        }
        let id: Arc<str> = Arc::from(channel.as_str());
        let event_id = self.ids.next();
        self.change::<Channel>(&id, event_id, None, ChannelCommand::Configure(config.clone()))?;
        Ok(Outcome::Channel(config.clone()))
    }
}

impl From<ChannelRefusal> for Stop {
    fn from(refusal: ChannelRefusal) -> Self {
        match refusal {}
    }
}

impl From<SalesReportRefusal> for Stop {
    fn from(refusal: SalesReportRefusal) -> Self {
        use RefusalKind::{Conflict, Invalid};
        let message = refusal.to_string();
        let refused = |code, kind| Refused::new(code, kind, message.clone());
        Self::Refused(match refusal {
            SalesReportRefusal::NegativeUnits(_) => refused("negative_units", Invalid).at("/units_sold"),
            SalesReportRefusal::TooManyUnits(_) => refused("quantity_too_large", Invalid).at("/units_sold"),
            SalesReportRefusal::InTheFuture { .. } => refused("in_the_future", Invalid).at("/date_local"),
            SalesReportRefusal::Invalid(field) => Refused::field(&field),
            SalesReportRefusal::OtherCurrency { .. } => refused("other_currency", Conflict).at("/revenue"),
        })
    }
}

//! The rules of channels, daily reports (decisions 18 to 20) and quarantined lines (decision 23).

use chrono::{DateTime, Utc};

use crate::sales::command::{ChannelCommand, OnDuplicate, QuarantineCommand, SalesReportCommand};
use crate::sales::event::{
    ChannelConfigured, ChannelEvent, DailySalesReported, LineQuarantined, QuarantineEvent, QuarantineReason,
    QuarantineReleased, ReportedLine, SalesReportEvent,
};
use crate::sales::refusal::{ChannelRefusal, QuarantineRefusal, SalesReportRefusal};
use crate::sales::state::{Channel, Quarantine, Reported, SalesReport};
use crate::shared::field;
use crate::shared::moment::latest_instant;
use crate::shared::money::Money;
use crate::shared::quantity::{MAX_QUANTITY, Units};

impl Channel {
    /// What happens because of an order, or why it is refused.
    pub fn decide(&self, command: ChannelCommand) -> Result<Vec<ChannelEvent>, ChannelRefusal> {
        match command {
            ChannelCommand::Configure(configuration) => Ok(self.configure(configuration)),
        }
    }

    fn configure(&self, configuration: ChannelConfigured) -> Vec<ChannelEvent> {
        if self.configured.as_ref() == Some(&configuration) {
            return Vec::new();
        }
        vec![ChannelEvent::ChannelConfigured(configuration)]
    }
}

impl SalesReport {
    /// What happens because of a report, or why it is refused.
    pub fn decide(&self, command: SalesReportCommand) -> Result<Vec<SalesReportEvent>, SalesReportRefusal> {
        match command {
            SalesReportCommand::ReportDay {
                source,
                item_id,
                location_id,
                date_local,
                units_sold,
                revenue,
                on_duplicate,
                today,
            } => {
                if date_local > today {
                    return Err(SalesReportRefusal::InTheFuture { date_local, today });
                }
                let report = DailySalesReported {
                    source,
                    item_id,
                    location_id,
                    date_local,
                    units_sold,
                    revenue,
                    replaced_units: None,
                };
                self.report_day(report, on_duplicate)
            }
        }
    }

    fn report_day(
        &self,
        report: DailySalesReported,
        on_duplicate: OnDuplicate,
    ) -> Result<Vec<SalesReportEvent>, SalesReportRefusal> {
        field::price("revenue", report.revenue, 4)?;
        countable(report.units_sold)?;
        let earlier =
            self.reported(&report.source, &report.item_id, report.location_id.as_ref(), report.date_local);
        let Some(earlier) = earlier else {
            return Ok(vec![SalesReportEvent::DailySalesReported(report)]);
        };
        let now = match on_duplicate {
            OnDuplicate::Skip => return Ok(Vec::new()),
            OnDuplicate::Replace => Reported { units_sold: report.units_sold, revenue: report.revenue },
            OnDuplicate::Append => added(earlier, &report)?,
        };
        if now == *earlier {
            return Ok(Vec::new());
        }
        let replaced_units = Some(earlier.units_sold);
        let Reported { units_sold, revenue } = now;
        let report = DailySalesReported { units_sold, revenue, replaced_units, ..report };
        Ok(vec![SalesReportEvent::DailySalesReported(report)])
    }
}

impl Quarantine {
    /// What happens because of an order, or why it is refused.
    pub fn decide(&self, command: QuarantineCommand) -> Result<Vec<QuarantineEvent>, QuarantineRefusal> {
        match command {
            QuarantineCommand::Quarantine { line, reason, now } => self.keep(line, reason, now),
            QuarantineCommand::Release { already_recorded } => self.release(already_recorded),
        }
    }

    fn keep(
        &self,
        line: ReportedLine,
        reason: QuarantineReason,
        now: DateTime<Utc>,
    ) -> Result<Vec<QuarantineEvent>, QuarantineRefusal> {
        if *self != Self::Empty {
            return Err(QuarantineRefusal::AlreadyQuarantined);
        }
        if line.quantity <= 0 {
            return Err(QuarantineRefusal::QuantityNotPositive(line.quantity));
        }
        if line.quantity > MAX_QUANTITY {
            return Err(QuarantineRefusal::QuantityTooLarge(line.quantity));
        }
        let latest = latest_instant(now);
        if line.sold_at > latest {
            return Err(QuarantineRefusal::InTheFuture { sold_at: line.sold_at, latest });
        }
        Ok(vec![QuarantineEvent::LineQuarantined(LineQuarantined { line, reason })])
    }

    fn release(&self, already_recorded: bool) -> Result<Vec<QuarantineEvent>, QuarantineRefusal> {
        match self {
            Self::Empty => Err(QuarantineRefusal::NotFound),
            Self::Released => Err(QuarantineRefusal::AlreadyReleased),
            Self::Waiting { .. } => {
                Ok(vec![QuarantineEvent::QuarantineReleased(QuarantineReleased { already_recorded })])
            }
        }
    }
}

fn countable(units: Units) -> Result<(), SalesReportRefusal> {
    if units < 0 {
        return Err(SalesReportRefusal::NegativeUnits(units));
    }
    if units > MAX_QUANTITY {
        return Err(SalesReportRefusal::TooManyUnits(units));
    }
    Ok(())
}

/// The sum of two reports of one day; revenue that one of them lacks does not lessen the other's.
fn added(earlier: &Reported, further: &DailySalesReported) -> Result<Reported, SalesReportRefusal> {
    let units_sold = earlier.units_sold.saturating_add(further.units_sold);
    countable(units_sold)?;
    let revenue = match (earlier.revenue, further.revenue) {
        (Some(first), Some(second)) if first.currency != second.currency => {
            return Err(SalesReportRefusal::OtherCurrency {
                reported: first.currency,
                given: second.currency,
            });
        }
        (Some(first), Some(second)) => {
            Some(Money { amount: first.amount.saturating_add(second.amount), currency: first.currency })
        }
        (first, second) => first.or(second),
    };
    field::price("revenue", revenue, 4)?;
    Ok(Reported { units_sold, revenue })
}

//! Sales: lines by channel and the quarantine; `reports` has daily reports and channels.
//!
//! A line's external key (kind, channel, line id) is claimed with its event, so a repeat is found by the log itself.
//! A line that names an unknown item or location claims a key of its own in quarantine; once released it claims the
//! line's key, so it is recorded once whichever way it comes.

use std::sync::Arc;

use domain::sales::event::{LineKind, OnSale, QuarantineReason, ReportedLine};
use domain::sales::{Quarantine, QuarantineCommand, QuarantineRefusal};
use domain::shared::ids::{ChannelId, LocationId};
use domain::shared::moment::Stamp;
use domain::stock::{SaleLine, StockIntent};
use event_log::append::key_id;
use uuid::Uuid;

use crate::operation::Outcome;
use crate::refused::{RefusalKind, Refused};
use crate::workspace::{Missing, SoldLine, Stop, Workspace};

mod reports;

/// Where a line lands.
struct Place {
    item: Arc<str>,
    location_id: LocationId,
}

impl Workspace<'_> {
    /// Records a line, or puts it into quarantine.
    pub(crate) fn record_line(&mut self, line: &ReportedLine) -> Result<Outcome, Stop> {
        let (key, digest) = line_key(line);
        self.founded()?;
        self.check_external(key, digest)?;
        match self.place(line)? {
            Ok(place) => self.record_placed(line, &place, key, digest),
            Err(reason) => self.quarantine(line, reason),
        }
    }

    /// Tries a quarantined line again.
    pub(crate) fn release_quarantined(&mut self, quarantine_id: Uuid) -> Result<Outcome, Stop> {
        self.founded()?;
        let id: Arc<str> = Arc::from(quarantine_id.to_string());
        let held = &self.state::<Quarantine>(&id)?.state;
        let Some(line) = held.waiting().cloned() else {
            return Err(self.refuse_release(&id));
        };
        let (key, digest) = line_key(&line);
        let already_recorded = match self.check_external(key, digest) {
            Ok(()) => {
                let place = self.place(&line)?.map_err(|reason| still_unknown(&line, reason))?;
                self.record_placed(&line, &place, key, digest)?;
                false
            }
            // Recorded on another way meanwhile, perhaps in other words: the entry is done with.
            Err(Stop::Duplicate | Stop::Refused(_)) => true,
            Err(Stop::Missing) => return Err(Stop::Missing),
        };
        let event_id = self.ids.next();
        self.change::<Quarantine>(&id, event_id, None, QuarantineCommand::Release { already_recorded })?;
        Ok(Outcome::Released { already_recorded })
    }

    fn refuse_release(&mut self, id: &Arc<str>) -> Stop {
        let event_id = self.ids.next();
        let release = QuarantineCommand::Release { already_recorded: false };
        match self.change::<Quarantine>(id, event_id, None, release) {
            Err(stop) => stop,
            Ok(_) => Stop::Duplicate,
        }
    }

    /// Item and location of a line, or what nobody knows.
    fn place(&mut self, line: &ReportedLine) -> Result<Result<Place, QuarantineReason>, Stop> {
        let item = match self.directory()?.resolve(&line.item_id) {
            Ok(item) => item,
            Err(refused) if refused.kind == RefusalKind::Conflict => {
                return Ok(Err(QuarantineReason::AmbiguousItem));
            }
            Err(_) => return Ok(Err(QuarantineReason::UnknownItem)),
        };
        let location_id = match &line.location_id {
            Some(location_id) => Some(location_id.clone()),
            None => match self.sold_at(line)? {
                Some(location_id) => Some(location_id),
                None => self.landing(&line.channel)?,
            },
        };
        let known = location_id.filter(|id| self.directory().is_ok_and(|held| held.location(id).is_some()));
        Ok(known.map(|location_id| Place { item, location_id }).ok_or(QuarantineReason::UnknownLocation))
    }

    /// Where the sale that a cancellation speaks of took stock.
    fn sold_at(&mut self, line: &ReportedLine) -> Result<Option<LocationId>, Stop> {
        match line.kind {
            LineKind::Cancellation => Ok(self.sold_line(line)?.map(|sold| sold.location_id)),
            LineKind::Sale | LineKind::Shipment | LineKind::Return => Ok(None),
        }
    }

    fn sold_line(&mut self, line: &ReportedLine) -> Result<Option<SoldLine>, Stop> {
        let sale_key = (self.company_id, key_of(LineKind::Sale, line));
        if let Some(sold) = self.sold_here.get(&sale_key) {
            return Ok(Some(sold.clone()));
        }
        if self.found.archived_lines.contains(&sale_key) {
            let message = "the sale of this line is archived";
            return Err(Refused::new("archived", RefusalKind::Conflict, message).at("/line_id").into());
        }
        let Some(sold) = self.found.sold_lines.get(&sale_key) else {
            self.missing.insert(Missing::SoldLine(sale_key.0, sale_key.1));
            return Err(Stop::Missing);
        };
        Ok(sold.clone())
    }

    /// Where a channel's sales land: its own location, else the primary one.
    fn landing(&mut self, channel: &ChannelId) -> Result<Option<LocationId>, Stop> {
        let directory = self.directory()?;
        let own = directory.channel(channel.as_str()).and_then(|held| held.configuration().location_id);
        let primary = || directory.locations().find(|location| location.is_primary);
        Ok(own.or_else(|| primary().map(|location| location.location_id.clone())))
    }

    fn record_placed(
        &mut self,
        line: &ReportedLine,
        place: &Place,
        key: Uuid,
        digest: Uuid,
    ) -> Result<Outcome, Stop> {
        let at = Stamp { at: line.sold_at, offset_minutes: line.offset_minutes };
        let location_id = place.location_id.clone();
        let sale = SaleLine {
            channel: line.channel.clone(),
            order_id: line.order_id.clone(),
            line_id: line.line_id.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
        };
        let intent = match line.kind {
            LineKind::Sale => {
                let channel = self.directory()?.channel(line.channel.as_str());
                let reserve = channel.is_some_and(|held| held.configuration().on_sale == OnSale::Reserve);
                StockIntent::RecordSale { location_id, at, sale, reserve }
            }
            LineKind::Shipment => StockIntent::RecordShipment { at, sale },
            LineKind::Cancellation => {
                self.check_cancellation(line)?;
                StockIntent::RecordCancellation { location_id, at, sale }
            }
            LineKind::Return => StockIntent::RecordReturn { location_id, at, sale },
        };
        let event = self.record_stock(&place.item, intent)?;
        self.claim_external(key, digest);
        if line.kind == LineKind::Sale {
            let sold = SoldLine { location_id: place.location_id.clone(), quantity: line.quantity };
            self.sold_here.insert((self.company_id, key), sold);
        }
        if line.unit_price.is_some() {
            self.lock_currency()?;
        }
        Ok(Outcome::LineRecorded { movement_id: event.entry().movement_id })
    }

    fn check_cancellation(&mut self, line: &ReportedLine) -> Result<(), Stop> {
        match self.sold_line(line)? {
            Some(sold) if line.quantity > sold.quantity => Err(Refused::new(
                "exceeds_sale",
                RefusalKind::Conflict,
                format!("the line sold {}, {} cannot be cancelled", sold.quantity, line.quantity),
            )
            .at("/quantity")
            .figure("sold", sold.quantity)
            .figure("asked", line.quantity)
            .into()),
            Some(_) | None => Ok(()),
        }
    }

    fn quarantine(&mut self, line: &ReportedLine, reason: QuarantineReason) -> Result<Outcome, Stop> {
        let (line_key, digest) = line_key(line);
        let key = key_id(&["quarantine", &line_key.to_string()]);
        self.check_external(key, digest)?;
        let quarantine_id = self.ids.next();
        let id: Arc<str> = Arc::from(quarantine_id.to_string());
        self.begin_stream::<Quarantine>(&id)?;
        let command = QuarantineCommand::Quarantine { line: line.clone(), reason, now: self.now };
        let event_id = self.ids.next();
        self.change::<Quarantine>(&id, event_id, Some(line.sold_at), command)?;
        self.claim_external(key, digest);
        Ok(Outcome::LineQuarantined { quarantine_id, reason })
    }
}

fn still_unknown(line: &ReportedLine, reason: QuarantineReason) -> Refused {
    let (what, code) = match reason {
        QuarantineReason::UnknownItem => (line.item_id.as_str(), "unknown_item"),
        QuarantineReason::AmbiguousItem => (line.item_id.as_str(), "ambiguous_item"),
        QuarantineReason::UnknownLocation => (
            line.location_id.as_ref().map_or("its channel's location", LocationId::as_str),
            "unknown_location",
        ),
    };
    Refused::new(code, RefusalKind::Conflict, format!("{what} is still unknown"))
}

fn key_of(kind: LineKind, line: &ReportedLine) -> Uuid {
    let kind = match kind {
        LineKind::Sale => "sale",
        LineKind::Shipment => "shipment",
        LineKind::Cancellation => "cancellation",
        LineKind::Return => "return",
    };
    key_id(&[kind, line.channel.as_str(), &line.line_id])
}

/// External key of a line and a digest of all that it states.
fn line_key(line: &ReportedLine) -> (Uuid, Uuid) {
    let price = line.unit_price.map(|price| format!("{} {}", price.amount.normalize(), price.currency));
    let digest = key_id(&[
        &line.order_id,
        line.item_id.as_str(),
        line.location_id.as_ref().map_or("", LocationId::as_str),
        &line.quantity.to_string(),
        price.as_deref().unwrap_or(""),
        &line.sold_at.timestamp_micros().to_string(),
    ]);
    (key_of(line.kind, line), digest)
}

impl From<QuarantineRefusal> for Stop {
    fn from(refusal: QuarantineRefusal) -> Self {
        use RefusalKind::{Conflict, Invalid, NotFound};
        let message = refusal.to_string();
        let refused = |code, kind| Refused::new(code, kind, message.clone());
        Self::Refused(match refusal {
            QuarantineRefusal::NotFound => refused("unknown_quarantine_entry", NotFound),
            QuarantineRefusal::AlreadyQuarantined => refused("already_quarantined", Conflict),
            QuarantineRefusal::AlreadyReleased => refused("already_released", Conflict),
            QuarantineRefusal::QuantityNotPositive(_) => {
                refused("quantity_not_positive", Invalid).at("/quantity")
            }
            QuarantineRefusal::QuantityTooLarge(_) => refused("quantity_too_large", Invalid).at("/quantity"),
            QuarantineRefusal::InTheFuture { latest, .. } => {
                refused("in_the_future", Invalid).at("/sold_at").figure("latest", latest.to_rfc3339())
            }
        })
    }
}

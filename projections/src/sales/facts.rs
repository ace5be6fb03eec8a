//! What a block of the log says about sold, promised, shipped, cancelled and returned units.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use domain::shared::event::Event;
use domain::shared::ids::LocationId;
use domain::shared::quantity::Units;
use domain::stock::command::SaleLine;
use domain::stock::event::{Entry, StockEvent};
use event_log::event::StoredEvent;

use crate::projection::{ProjectionError, decode};

/// One event about units of a sale line, or about units that a person took back.
#[derive(Debug)]
pub(crate) struct Fact {
    /// Tenant.
    pub(crate) company_id: Uuid,
    /// Its place in the log.
    pub(crate) position: i64,
    /// Key of the product.
    pub(crate) item_key: Arc<str>,
    /// What happened.
    pub(crate) happened: Happened,
    /// Where; none where the event does not say.
    pub(crate) place: Option<LocationId>,
    /// Units, above 0.
    pub(crate) quantity: Units,
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// Day of the company on which it happened.
    pub(crate) local_date: NaiveDate,
    /// The line; none where a person took units back.
    pub(crate) sale: Option<SaleLine>,
}

impl Fact {
    /// Where, as rows say it; empty where the event does not.
    pub(crate) fn location_id(&self) -> &str {
        self.place.as_ref().map_or("", LocationId::as_str)
    }
}

/// What happened to the units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// They left. Demand.
    Sold,
    /// They were promised. Demand.
    Reserved,
    /// Promised units left. Demand before, so nothing now.
    Shipped,
    /// The customer does not want them. Lowers demand.
    Cancelled,
    /// They came back. Lowers demand.
    Returned,
}

/// The facts of `block`, in its order.
pub(super) fn of_block(block: &[StoredEvent]) -> Result<Vec<Fact>, ProjectionError> {
    let mut facts = Vec::with_capacity(block.len());
    for event in block.iter().filter(|event| is_about_sales(event)) {
        facts.extend(fact(event, &decode(event)?));
    }
    Ok(facts)
}

pub(super) fn is_about_sales(event: &StoredEvent) -> bool {
    *event.stream_type == *StockEvent::STREAM_TYPE
        && matches!(
            &*event.event_type,
            "Sold" | "UnitsReserved" | "ReservedUnitsShipped" | "SaleCancelled" | "Returned"
        )
}

/// What an event says about such units; none where it is about others.
pub(crate) fn fact(event: &StoredEvent, decoded: &StockEvent) -> Option<Fact> {
    let (happened, entry, location_id, sale) = match decoded {
        StockEvent::Sold(e) => (Happened::Sold, &e.entry, None, Some(&e.sale)),
        StockEvent::UnitsReserved(e) => (Happened::Reserved, &e.entry, Some(&e.location_id), Some(&e.sale)),
        StockEvent::ReservedUnitsShipped(e) => (Happened::Shipped, &e.entry, None, Some(&e.sale)),
        StockEvent::SaleCancelled(e) => (Happened::Cancelled, &e.entry, Some(&e.location_id), Some(&e.sale)),
        StockEvent::Returned(e) => (Happened::Returned, &e.entry, None, e.sale.as_ref()),
        StockEvent::OpeningBalanceSet(_)
        | StockEvent::StockAdjusted(_)
        | StockEvent::StockCounted(_)
        | StockEvent::StockTransferred(_)
        | StockEvent::StockReceived(_)
        | StockEvent::SyncedFromChannel(_) => return None,
    };
    Some(Fact {
        company_id: event.company_id,
        position: event.position,
        item_key: Arc::clone(&event.stream_id),
        happened,
        place: location_id.or_else(|| entry.movements.first().map(|movement| &movement.location_id)).cloned(),
        quantity: sale.map_or_else(|| moved(entry), |sale| sale.quantity),
        at: entry.effective_at,
        local_date: entry.local_date,
        sale: sale.cloned(),
    })
}

fn moved(entry: &Entry) -> Units {
    entry.movements.iter().map(|movement| movement.quantity).sum()
}

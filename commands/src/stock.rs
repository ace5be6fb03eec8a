//! Stock: looks up what deciding needs and runs the order on the product's stock.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::catalogue::location::event::StockRole;
use domain::shared::event::Event;
use domain::shared::ids::{ItemId, LocationId};
use domain::shared::quantity::Units;
use domain::stock::{StockCommand, StockEvent, StockFacts, StockIntent, StockItem, StockRefusal};
use event_log::event::StreamKey;

use crate::companies::Founded;
use crate::directory::Directory;
use crate::operation::{Outcome, StockLeg, StockOutcome};
use crate::refused::{RefusalKind, Refused};
use crate::workspace::{Missing, Stop, Workspace, rehearse};

impl Workspace<'_> {
    /// Changes or states the stock of a product.
    pub(crate) fn change_stock(&mut self, item: &ItemId, intent: &StockIntent) -> Result<Outcome, Stop> {
        let key = self.directory()?.resolve(item)?;
        self.check_locations(intent)?;
        let event = self.record_stock(&key, intent.clone())?;
        let outcome = self.stock_outcome(&key, &event)?;
        Ok(Outcome::Stock(outcome))
    }

    /// Answers what [`Self::change_stock`] would do.
    pub(crate) fn preview_stock(&mut self, item: &ItemId, intent: &StockIntent) -> Result<Outcome, Stop> {
        let key = self.directory()?.resolve(item)?;
        self.check_locations(intent)?;
        let command = self.stock_command(&key, intent.clone())?;
        let mut after = self.state::<StockItem>(&key)?.state.clone();
        let events = rehearse(&after, command)
            .map_err(|refusal| naming_instant(self.stock_stop(&key, refusal), instant_field(intent)))?;
        let Some(event) = events.into_iter().next() else { return Err(Stop::Duplicate) };
        after.evolve(&event);
        outcome(self.directory()?, &key, &after, &event).map(Outcome::Stock)
    }

    /// Runs an order about stock and notes its event.
    pub(crate) fn record_stock(&mut self, key: &Arc<str>, intent: StockIntent) -> Result<StockEvent, Stop> {
        let field = instant_field(&intent);
        let command = self.stock_command(key, intent)?;
        let movement_id = command.facts.movement_id;
        let effective_at = effective_at(&command);
        self.state::<StockItem>(key)?;
        let events = self.change::<StockItem>(key, movement_id, Some(effective_at), command);
        let events = match events {
            Err(Stop::Missing) => return Err(self.needs_history(key)),
            events => events.map_err(|stop| naming_instant(stop, field))?,
        };
        for location in events.iter().flat_map(StockEvent::locations) {
            self.note_movement(location)?;
        }
        events.into_iter().next().ok_or(Stop::Duplicate)
    }

    fn stock_stop(&mut self, key: &Arc<str>, refusal: StockRefusal) -> Stop {
        if refusal == StockRefusal::NeedsHistory { self.needs_history(key) } else { refusal.into() }
    }

    /// Asks for the whole past of a stream, unless it is known to be archived.
    fn needs_history(&mut self, key: &Arc<str>) -> Stop {
        if let Some(None) = self.found.histories.get(&(self.company_id, key.clone())) {
            let message = "the instant lies before events that are archived";
            return Refused::new("archived", RefusalKind::Conflict, message).into();
        }
        self.missing.insert(Missing::History(self.stock_stream(key)));
        Stop::Missing
    }

    fn stock_stream(&self, key: &Arc<str>) -> StreamKey {
        StreamKey {
            company_id: self.company_id,
            stream_type: StockEvent::STREAM_TYPE,
            stream_id: key.clone(),
        }
    }

    fn stock_command(&mut self, key: &Arc<str>, intent: StockIntent) -> Result<StockCommand, Stop> {
        let history = self.history(key);
        let (now, movement_id) = (self.now, self.ids.next());
        let Founded { time_zone, rules } = self.founded()?;
        let facts = StockFacts { movement_id, now, time_zone, rules, history };
        Ok(StockCommand { facts, intent })
    }

    /// The whole past of a stock stream with what this batch adds, if it was asked for before.
    fn history(&self, key: &Arc<str>) -> Option<Vec<StockEvent>> {
        let mut past = self.found.histories.get(&(self.company_id, key.clone()))?.clone()?;
        let here = self.events.iter().filter(|event| {
            event.company_id == self.company_id
                && event.stream_id == *key
                && event.stream_type.as_ref() == StockEvent::STREAM_TYPE
        });
        past.extend(here.filter_map(|event| {
            StockEvent::decode(&event.event_type, event.schema_version, &event.payload).ok()
        }));
        Some(past)
    }

    fn check_locations(&mut self, intent: &StockIntent) -> Result<(), Stop> {
        let named: &[(&LocationId, &'static str)] = match intent {
            StockIntent::Transfer { from, to, .. } => &[(from, "/from_location_id"), (to, "/to_location_id")],
            StockIntent::Adjust { location_id, .. }
            | StockIntent::Count { location_id, .. }
            | StockIntent::Receive { location_id, .. }
            | StockIntent::Return { location_id, .. }
            | StockIntent::Open { location_id, .. }
            | StockIntent::RecordSale { location_id, .. }
            | StockIntent::RecordCancellation { location_id, .. }
            | StockIntent::RecordReturn { location_id, .. }
            | StockIntent::RecordSnapshot { location_id, .. } => &[(location_id, "/location_id")],
            StockIntent::RecordShipment { .. } => &[],
        };
        let directory = self.directory()?;
        for (location_id, pointer) in named {
            check_location(directory, location_id, pointer)?;
        }
        Ok(())
    }

    fn stock_outcome(&mut self, key: &Arc<str>, event: &StockEvent) -> Result<StockOutcome, Stop> {
        let directory = self.directory()?;
        let held = directory.stock(key).ok_or(Stop::Missing)?;
        outcome(directory, key, &held.state, event)
    }
}

fn check_location(directory: &Directory, id: &LocationId, pointer: &'static str) -> Result<(), Refused> {
    let Some(location) = directory.location(id) else {
        return Err(Refused::new(
            "unknown_location",
            RefusalKind::NotFound,
            format!("no location bears {id}"),
        )
        .at(pointer));
    };
    if !location.is_active {
        return Err(Refused::new("inactive_location", RefusalKind::Conflict, format!("{id} is deactivated"))
            .at(pointer));
    }
    Ok(())
}

fn outcome(
    directory: &Directory,
    key: &Arc<str>,
    after: &StockItem,
    event: &StockEvent,
) -> Result<StockOutcome, Stop> {
    let legs = event.entry().movements.iter().map(|movement| StockLeg {
        location_id: movement.location_id.clone(),
        quantity_before: movement.balance_after - movement.effect,
        quantity_after: movement.balance_after,
        quantity: movement.quantity,
        effect: movement.effect,
        superseded_by: movement.superseded_by,
    });
    Ok(StockOutcome {
        movement_id: event.entry().movement_id,
        item_id: directory.present_item_id(key).cloned().ok_or(Stop::Missing)?,
        legs: legs.collect(),
        total_stock: physical_total(directory, after),
        confirmed: event.confirmed().to_vec(),
    })
}

/// On hand over all PHYSICAL locations, in units.
fn physical_total(directory: &Directory, stock: &StockItem) -> Units {
    let physical = stock.locations.iter().filter(|(id, _)| {
        directory.location(id).is_none_or(|location| location.details.stock_role == StockRole::Physical)
    });
    physical.map(|(_, ledger)| ledger.on_hand).sum()
}

/// When a stock order takes effect: the instant that it names, else now. In microseconds, as it is stored.
fn effective_at(command: &StockCommand) -> DateTime<Utc> {
    let stamp = match &command.intent {
        StockIntent::Adjust { human, .. }
        | StockIntent::Count { human, .. }
        | StockIntent::Transfer { human, .. }
        | StockIntent::Receive { human, .. }
        | StockIntent::Return { human, .. } => human.at,
        StockIntent::Open { at, .. } => *at,
        StockIntent::RecordSale { at, .. }
        | StockIntent::RecordShipment { at, .. }
        | StockIntent::RecordCancellation { at, .. }
        | StockIntent::RecordReturn { at, .. }
        | StockIntent::RecordSnapshot { at, .. } => Some(*at),
    };
    let at = stamp.map_or(command.facts.now, |stamp| stamp.at);
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// Where an order bears its instant.
fn instant_field(intent: &StockIntent) -> &'static str {
    match intent {
        StockIntent::Adjust { .. } => "/adjusted_at",
        StockIntent::Count { .. } => "/counted_at",
        StockIntent::Transfer { .. } => "/transferred_at",
        StockIntent::Receive { .. } => "/received_at",
        StockIntent::Return { .. } => "/returned_at",
        StockIntent::Open { .. } => "/opened_at",
        StockIntent::RecordSale { .. }
        | StockIntent::RecordShipment { .. }
        | StockIntent::RecordCancellation { .. }
        | StockIntent::RecordReturn { .. }
        | StockIntent::RecordSnapshot { .. } => "/sold_at",
    }
}

/// A refused instant is named by the field that bears it.
fn naming_instant(stop: Stop, field: &'static str) -> Stop {
    match stop {
        Stop::Refused(refused) if refused.code == "in_the_future" => Stop::Refused(refused.at(field)),
        stop => stop,
    }
}

impl From<StockRefusal> for Stop {
    fn from(refusal: StockRefusal) -> Self {
        use RefusalKind::{Conflict, Invalid, Stale};
        let message = refusal.to_string();
        let refused = |code, kind| Refused::new(code, kind, message.clone());
        Self::Refused(match refusal {
            StockRefusal::NeedsHistory => return Self::Missing,
            StockRefusal::WouldGoBelowZero { location_id, on_hand, asked } => {
                refused("would_go_below_zero", Conflict)
                    .at("/quantity")
                    .figure("location_id", location_id.as_str())
                    .figure("on_hand", on_hand)
                    .figure("asked", asked)
            }
            StockRefusal::ConfirmationRequired(reasons) => refused("confirmation_required", Conflict)
                .at("/confirm")
                .figure("confirm", serde_json::to_value(reasons).unwrap_or_default()),
            StockRefusal::StaleQuantity { expected, actual } => refused("stale_quantity", Stale)
                .at("/expected_quantity")
                .figure("expected", expected)
                .figure("actual", actual),
            StockRefusal::QuantityNotPositive(_) => refused("quantity_not_positive", Invalid).at("/quantity"),
            StockRefusal::NegativeStatement(_) => refused("negative_stock", Invalid).at("/quantity"),
            StockRefusal::QuantityTooLarge(_) => refused("quantity_too_large", Invalid).at("/quantity"),
            StockRefusal::InTheFuture { latest, .. } => {
                refused("in_the_future", Invalid).figure("latest", latest.to_rfc3339())
            }
            StockRefusal::SameLocation(_) => refused("same_location", Invalid).at("/to_location_id"),
            StockRefusal::AlreadyOpened { anchored_at, .. } => {
                refused("already_opened", Conflict).figure("anchored_at", anchored_at.to_rfc3339())
            }
            StockRefusal::NothingReserved { .. } => refused("nothing_reserved", Conflict).at("/line_id"),
        })
    }
}

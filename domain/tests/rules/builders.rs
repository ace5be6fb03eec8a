//! Short words for the facts and orders of the tests.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::test::TestFramework;
use domain::shared::ids::{ChannelId, ItemId, LocationId};
use domain::shared::moment::Stamp;
use domain::shared::money::{Currency, Money};
use domain::stock::command::Human;
use domain::stock::{
    AdjustKind, Reason, SaleLine, StockCommand, StockEvent, StockFacts, StockIntent, StockItem, StockRefusal,
    StockRules,
};
use uuid::Uuid;

/// The server's clock in the tests.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-03-20T12:00:00Z".parse().unwrap()
}

/// So many hours before now.
pub(crate) fn hours_ago(hours: i64) -> DateTime<Utc> {
    now() - TimeDelta::hours(hours)
}

pub(crate) fn stamp(at: DateTime<Utc>) -> Stamp {
    Stamp { at, offset_minutes: 0 }
}

pub(crate) fn place(name: &str) -> LocationId {
    LocationId::new(name).unwrap()
}

pub(crate) fn main_store() -> LocationId {
    place("MAIN")
}

pub(crate) fn item(name: &str) -> ItemId {
    ItemId::new(name).unwrap()
}

pub(crate) fn channel(name: &str) -> ChannelId {
    ChannelId::new(name).unwrap()
}

pub(crate) fn eur(amount: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: Currency::new("EUR").unwrap() }
}

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number << 8)
}

/// A line `line` of order `order` in the shop.
pub(crate) fn line(order: &str, line: &str, quantity: i64) -> SaleLine {
    SaleLine {
        channel: channel("shop"),
        order_id: order.to_owned(),
        line_id: line.to_owned(),
        quantity,
        unit_price: None,
    }
}

/// Facts for the `number`-th order.
pub(crate) fn facts(number: u128) -> StockFacts {
    StockFacts {
        movement_id: id(number),
        now: now(),
        time_zone: chrono_tz::Europe::London,
        rules: StockRules::default(),
        history: None,
    }
}

pub(crate) fn command(number: u128, intent: StockIntent) -> StockCommand {
    StockCommand { facts: facts(number), intent }
}

pub(crate) fn adjust(kind: AdjustKind, quantity: i64, human: Human) -> StockIntent {
    StockIntent::Adjust { location_id: main_store(), kind, quantity, reason: Reason::Correction, human }
}

pub(crate) fn add(quantity: i64) -> StockIntent {
    adjust(AdjustKind::Add, quantity, Human::default())
}

pub(crate) fn subtract(quantity: i64) -> StockIntent {
    adjust(AdjustKind::Subtract, quantity, Human::default())
}

pub(crate) fn count(counted: i64, at: DateTime<Utc>) -> StockIntent {
    StockIntent::Count { location_id: main_store(), counted, human: seen(at) }
}

pub(crate) fn transfer(quantity: i64) -> StockIntent {
    StockIntent::Transfer { from: main_store(), to: place("SHOP"), quantity, human: Human::default() }
}

pub(crate) fn open(quantity: i64, at: DateTime<Utc>) -> StockIntent {
    StockIntent::Open { location_id: main_store(), quantity, at: Some(stamp(at)), notes: None }
}

pub(crate) fn sale(quantity: i64, at: DateTime<Utc>) -> StockIntent {
    let sale = line("o-1", "l-1", quantity);
    StockIntent::RecordSale { location_id: main_store(), at: stamp(at), sale, reserve: false }
}

pub(crate) fn snapshot(quantity: i64, at: DateTime<Utc>) -> StockIntent {
    StockIntent::RecordSnapshot {
        location_id: main_store(),
        at: stamp(at),
        quantity,
        channel: channel("ozon"),
    }
}

/// Circumstances of something that happened at `at`.
pub(crate) fn seen(at: DateTime<Utc>) -> Human {
    Human { at: Some(stamp(at)), ..Human::default() }
}

/// Events of orders that are all accepted, given the whole history where it is needed.
pub(crate) fn history(intents: impl IntoIterator<Item = StockIntent>) -> Vec<StockEvent> {
    let mut stock = StockItem::default();
    let mut events = Vec::new();
    for (number, intent) in (1..).zip(intents) {
        let mut facts = facts(number);
        facts.history = Some(events.clone());
        for event in stock.decide(StockCommand { facts, intent }).unwrap() {
            stock.evolve(&event);
            events.push(event);
        }
    }
    events
}

/// Stock after events.
pub(crate) fn folded(events: &[StockEvent]) -> StockItem {
    let mut stock = StockItem::default();
    for event in events {
        stock.evolve(event);
    }
    stock
}

/// What an order leads to after earlier orders, through the `cqrs-es` adapter.
pub(crate) fn when(
    given: impl IntoIterator<Item = StockIntent>,
    intent: StockIntent,
) -> Result<StockEvent, StockRefusal> {
    when_knowing(given, command(1000, intent))
}

/// The same with facts of one's own.
pub(crate) fn when_knowing(
    given: impl IntoIterator<Item = StockIntent>,
    command: StockCommand,
) -> Result<StockEvent, StockRefusal> {
    let framework = TestFramework::<StockItem>::with(()).given(history(given));
    let mut events = framework.when(command).inspect_result()?;
    assert_eq!(events.len(), 1, "one order, one fact");
    Ok(events.remove(0))
}

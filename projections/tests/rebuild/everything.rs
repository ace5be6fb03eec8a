//! Random lists of every kind of event, decided by the domain where an order matters.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::catalogue::location::LocationEvent;
use domain::catalogue::location::event as place;
use domain::catalogue::product::ProductEvent;
use domain::catalogue::product::event as product;
use domain::companies::CompanyEvent;
use domain::companies::event as company;
use domain::registry::AnyEvent;
use domain::sales::event as sales;
use domain::sales::{ChannelEvent, QuarantineEvent, SalesReportEvent};
use domain::shared::event::Event;
use domain::shared::ids::{ChannelId, ItemId, LocationId};
use domain::shared::moment::Stamp;
use domain::shared::money::{Currency, Money};
use domain::stock::command::Human;
use domain::stock::{
    AdjustKind, Confirm, Reason, SaleLine, StockCommand, StockEvent, StockFacts, StockIntent, StockItem,
    StockRefusal, StockRules,
};
use event_log::event::StoredEvent;
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use crate::chance::Chance;
use crate::log::{event, noon};

mod planning;

pub(crate) const COMPANIES: [Uuid; 3] = [Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3)];
pub(crate) const ITEMS: [&str; 5] = ["tea", "чай", "mug/1", "lamp", "vase"];
const PLACES: [&str; 3] = ["MAIN", "SHOP", "MIRROR"];
const CHANNELS: [&str; 2] = ["web", "ozon"];

/// The history of some companies.
pub(crate) struct Everything {
    pub(crate) chance: Chance,
    events: Vec<StoredEvent>,
    versions: BTreeMap<(Uuid, String, String), i64>,
    stock: BTreeMap<(Uuid, &'static str), (StockItem, Vec<StockEvent>)>,
    lines: Vec<Line>,
    quarantined: Vec<(Uuid, Uuid)>,
}

/// A sale line and what was said of it.
struct Line {
    company_id: Uuid,
    item: &'static str,
    sale: SaleLine,
    said: BTreeSet<&'static str>,
}

/// So many random steps, each of which may add an event.
pub(crate) fn random_events(seed: u64, steps: usize) -> Vec<StoredEvent> {
    let mut history = Everything::new(seed);
    for step in 0..steps {
        history.step(after_steps(step));
    }
    history.events
}

/// So many random events.
pub(crate) fn exactly(seed: u64, events: usize) -> Vec<StoredEvent> {
    let mut history = Everything::new(seed);
    for step in 0.. {
        if history.events.len() >= events {
            break;
        }
        history.step(after_steps(step));
    }
    history.events.truncate(events);
    history.events
}

/// Companies with a past, then so many days, each of which begins for every company, with some random steps.
pub(crate) fn random_days(seed: u64, days: i64) -> Vec<StoredEvent> {
    const BEFORE: usize = 300;
    const A_DAY: i64 = 6;
    let mut history = Everything::new(seed);
    for company_id in COMPANIES {
        history.found(company_id, noon());
    }
    for step in 0..BEFORE {
        history.step(after_steps(step));
    }
    for day in 1..=days {
        let midnight = after_steps(BEFORE) + TimeDelta::days(day) - TimeDelta::hours(12);
        for company_id in COMPANIES {
            let started = company::DayStarted { date: midnight.date_naive() };
            history.push(company_id, &company_id.to_string(), midnight, CompanyEvent::DayStarted(started));
        }
        for step in 1..=A_DAY {
            history.step(midnight + TimeDelta::hours(step));
        }
    }
    history.events
}

/// A company in which every step sells something on one of the last 400 days, or cancels such a sale.
pub(crate) fn random_past(seed: u64, steps: usize) -> Vec<StoredEvent> {
    let company_id = COMPANIES[0];
    let mut history = Everything::new(seed);
    history.found(company_id, noon());
    for key in ITEMS {
        let (item_id, details) = (ItemId::new(key).unwrap(), history.details());
        let created = ProductEvent::ProductCreated(product::ProductCreated { item_id, details });
        history.push(company_id, key, noon(), created);
    }
    let mut sold: Vec<(&str, SaleLine, Stamp)> = Vec::new();
    for step in 0..steps {
        let now = noon() + TimeDelta::minutes(i64::try_from(step).unwrap());
        if !sold.is_empty() && history.chance.one_in(2) {
            let line = usize::try_from(history.chance.below(u64::try_from(sold.len()).unwrap())).unwrap();
            let (item, sale, at) = sold.swap_remove(line);
            let cancelled = StockIntent::RecordCancellation { location_id: history.place(), at, sale };
            history.decide(company_id, item, now, &cancelled);
        } else {
            let (item, location_id) = (*history.chance.of(&ITEMS), history.place());
            let at = Stamp { at: now - TimeDelta::days(history.chance.units(400)), offset_minutes: 0 };
            let line = history.new_line(company_id, item);
            line.said.insert("sale");
            let sale = line.sale.clone();
            sold.push((item, sale.clone(), at));
            let sale = StockIntent::RecordSale { location_id, at, sale, reserve: false };
            history.decide(company_id, item, now, &sale);
        }
    }
    history.events
}

fn after_steps(step: usize) -> DateTime<Utc> {
    noon() + TimeDelta::minutes(40 * i64::try_from(step).unwrap())
}

/// Kinds of events among these, as the registry names them.
pub(crate) fn kinds(events: &[StoredEvent]) -> BTreeSet<(String, String)> {
    events.iter().map(|event| (event.stream_type.to_string(), event.event_type.to_string())).collect()
}

impl Everything {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            chance: Chance(seed),
            events: Vec::new(),
            versions: BTreeMap::new(),
            stock: BTreeMap::new(),
            lines: Vec::new(),
            quarantined: Vec::new(),
        }
    }

    /// Everything that was pushed.
    pub(crate) fn events(&self) -> &[StoredEvent] {
        &self.events
    }

    fn step(&mut self, now: DateTime<Utc>) {
        let company_id = *self.chance.of(&COMPANIES);
        match self.chance.below(12) {
            10 => self.planned(company_id, now),
            0 => self.catalogue(company_id, now),
            1 => self.company(company_id, now),
            2 => self.outside(company_id, now),
            3 => self.planning(company_id, now),
            _ => self.stock(company_id, now),
        }
    }

    pub(crate) fn found(&mut self, company_id: Uuid, now: DateTime<Utc>) {
        let profile = company::Profile {
            name: "Founded".to_owned(),
            currency: euro(),
            time_zone: chrono_tz::Europe::London,
        };
        let founded = CompanyEvent::CompanyFounded(company::CompanyFounded { profile });
        self.push(company_id, &company_id.to_string(), now, founded);
    }

    pub(crate) fn push(
        &mut self,
        company_id: Uuid,
        stream_id: &str,
        at: DateTime<Utc>,
        fact: impl Into<AnyEvent>,
    ) {
        let fact = fact.into();
        let stream = (company_id, fact.stream_type().to_owned(), stream_id.to_owned());
        let version = self.versions.entry(stream).or_default();
        *version += 1;
        let payload = fact.payload().unwrap();
        let stored = event(company_id, (fact.stream_type(), stream_id), *version, fact.name(), payload, at);
        self.events.push(stored);
    }

    fn catalogue(&mut self, company_id: Uuid, now: DateTime<Utc>) {
        let key = *self.chance.of(&ITEMS);
        let first = !self.versions.contains_key(&(company_id, "product".to_owned(), key.to_owned()));
        let fact: AnyEvent = match self.chance.below(9) {
            0 => LocationEvent::LocationCreated(place::LocationCreated {
                location_id: self.place(),
                details: self.location(),
                is_primary: self.chance.one_in(3),
            })
            .into(),
            1 => LocationEvent::LocationEdited(place::LocationEdited { details: self.location() }).into(),
            2 if self.chance.one_in(2) => {
                LocationEvent::LocationMadePrimary(place::LocationMadePrimary {}).into()
            }
            2 => LocationEvent::LocationPrimaryWithdrawn(place::LocationPrimaryWithdrawn {}).into(),
            3 if self.chance.one_in(2) => {
                LocationEvent::LocationDeactivated(place::LocationDeactivated {}).into()
            }
            3 => LocationEvent::LocationReactivated(place::LocationReactivated {}).into(),
            _ if first => ProductEvent::ProductCreated(product::ProductCreated {
                item_id: ItemId::new(key).unwrap(),
                details: self.details(),
            })
            .into(),
            4 => {
                let (from, to) = (ItemId::new(key).unwrap(), format!("{key}-{}", self.chance.below(4)));
                let to = ItemId::new(&to).unwrap();
                ProductEvent::ProductRenamed(product::ProductRenamed { from, to }).into()
            }
            5 => ProductEvent::ProductDeactivated(product::ProductDeactivated {}).into(),
            6 => ProductEvent::ProductReactivated(product::ProductReactivated {}).into(),
            _ => ProductEvent::ProductEdited(product::ProductEdited { details: self.details() }).into(),
        };
        let place = *self.chance.of(&PLACES);
        let stream = if fact.stream_type() == ProductEvent::STREAM_TYPE { key } else { place };
        self.push(company_id, stream, now, fact);
    }

    pub(crate) fn details(&mut self) -> product::ProductDetails {
        let n = self.chance.below(1_000);
        let few = self.chance.one_in(3);
        product::ProductDetails {
            sku: format!("SKU-{}", n % 7),
            product_name: format!("Кружка {n}"),
            category: format!("C{}", n % 3),
            unit_cost: Some(self.money()).filter(|_| !few),
            selling_price: Some(self.money()).filter(|_| few),
            lead_time_days: Some(u32::try_from(n % 90).unwrap()).filter(|_| !few),
            safety_stock_days: None,
            manual_daily_forecast: Some(Decimal::new(i64::try_from(n).unwrap(), 4)).filter(|_| few),
            listed_on: NaiveDate::from_ymd_opt(2026, 1, 1 + u32::try_from(n % 28).unwrap()),
            barcodes: (0..n % 3).map(|code| format!("40063813339{code}")).collect(),
            weight_g: Some(310),
            dimensions_mm: Some([120, 80, 95]).filter(|_| few),
            listings: vec![product::Listing {
                channel: "ozon".to_owned(),
                external_id: format!("{}", n % 5),
            }],
        }
    }

    fn location(&mut self) -> place::LocationDetails {
        let mut details = place::LocationDetails::named("Lager", place::LocationKind::Own, None);
        details.metadata.insert("n".to_owned(), json!(self.chance.below(9)));
        details.city = Some("Leeds".to_owned()).filter(|_| self.chance.one_in(2));
        details
    }

    fn company(&mut self, company_id: Uuid, now: DateTime<Utc>) {
        let profile = company::Profile {
            name: format!("Company {}", self.chance.below(9)),
            currency: euro(),
            time_zone: chrono_tz::Europe::London,
        };
        let fact = match self.chance.below(5) {
            0 => CompanyEvent::CompanyFounded(company::CompanyFounded { profile }),
            1 => CompanyEvent::CompanyProfileEdited(company::CompanyProfileEdited { profile }),
            2 => CompanyEvent::CurrencyLocked(company::CurrencyLocked { currency: euro() }),
            3 => {
                let changes = json!({"dead_stock_days": self.chance.below(90), "digest_time": null});
                let changes = changes.as_object().unwrap().clone();
                CompanyEvent::SettingsChosen(company::SettingsChosen { changes })
            }
            _ => CompanyEvent::DayStarted(company::DayStarted { date: now.date_naive() }),
        };
        self.push(company_id, &company_id.to_string(), now, fact);
    }

    /// Channels, reports, quarantine.
    fn outside(&mut self, company_id: Uuid, now: DateTime<Utc>) {
        match self.chance.below(4) {
            0 => {
                let location_id = Some(self.place()).filter(|_| self.chance.one_in(2));
                let on_sale =
                    if self.chance.one_in(2) { sales::OnSale::Reserve } else { sales::OnSale::Decrement };
                let count_returns = Some(self.chance.one_in(2)).filter(|_| self.chance.one_in(2));
                let config = sales::ChannelConfigured { location_id, on_sale, count_returns };
                let channel = *self.chance.of(&CHANNELS);
                self.push(company_id, channel, now, ChannelEvent::ChannelConfigured(config));
            }
            1 => {
                let item = *self.chance.of(&ITEMS);
                let report = sales::DailySalesReported {
                    source: ChannelId::new("site").unwrap(),
                    item_id: ItemId::new(item).unwrap(),
                    location_id: Some(self.place()).filter(|_| self.chance.one_in(2)),
                    date_local: NaiveDate::from_ymd_opt(
                        2026,
                        6,
                        1 + u32::try_from(self.chance.below(9)).unwrap(),
                    )
                    .unwrap(),
                    units_sold: self.chance.units(20),
                    revenue: Some(self.money()).filter(|_| self.chance.one_in(2)),
                    replaced_units: None,
                };
                let fact = SalesReportEvent::DailySalesReported(report);
                self.push(company_id, &format!("site/{item}"), now, fact);
            }
            2 => {
                let id = Uuid::from_u128(0x9000 + u128::from(self.chance.below(1 << 40)));
                let line = sales::ReportedLine {
                    kind: sales::LineKind::Sale,
                    channel: ChannelId::new("ozon").unwrap(),
                    order_id: "order\0".to_owned(),
                    line_id: id.to_string(),
                    item_id: ItemId::new("nobody knows").unwrap(),
                    location_id: None,
                    quantity: 3,
                    unit_price: Some(self.money()),
                    sold_at: now,
                    offset_minutes: 180,
                };
                let reason = sales::QuarantineReason::UnknownItem;
                let fact = QuarantineEvent::LineQuarantined(sales::LineQuarantined { line, reason });
                self.push(company_id, &id.to_string(), now, fact);
                self.quarantined.push((company_id, id));
            }
            _ => {
                let Some((company_id, id)) = self.quarantined.pop() else { return };
                let already_recorded = self.chance.one_in(2);
                let fact =
                    QuarantineEvent::QuarantineReleased(sales::QuarantineReleased { already_recorded });
                self.push(company_id, &id.to_string(), now, fact);
            }
        }
    }

    fn stock(&mut self, company_id: Uuid, now: DateTime<Utc>) {
        let (company_id, item, intent) = self.intent(company_id, now);
        self.decide(company_id, item, now, &intent);
    }

    /// What follows from an order or a fact, if it is not refused.
    pub(crate) fn decide(
        &mut self,
        company_id: Uuid,
        item: &'static str,
        now: DateTime<Utc>,
        intent: &StockIntent,
    ) {
        let movement_id = Uuid::from_u128(0x1_0000 + 2 * u128::try_from(self.events.len()).unwrap());
        let (state, past) = self.stock.entry((company_id, item)).or_default();
        let command = |history| StockCommand {
            facts: StockFacts {
                movement_id,
                now,
                time_zone: chrono_tz::Europe::London,
                rules: StockRules::default(),
                history,
            },
            intent: intent.clone(),
        };
        let decided = match state.decide(command(None)) {
            Err(StockRefusal::NeedsHistory) => state.decide(command(Some(past.clone()))),
            decided => decided,
        };
        let decided = decided.unwrap_or_default();
        for fact in &decided {
            state.evolve(fact);
            past.push(fact.clone());
        }
        for fact in decided {
            self.push(company_id, item, now, fact);
        }
    }

    /// An order of a person or a fact of a channel, half of them in the past, on whole half days so that instants meet.
    fn intent(&mut self, company_id: Uuid, now: DateTime<Utc>) -> (Uuid, &'static str, StockIntent) {
        let item = *self.chance.of(&ITEMS);
        let location_id = self.place();
        let quantity = 1 + self.chance.units(20);
        let ago = if self.chance.one_in(2) { 0 } else { 12 * self.chance.units(9) };
        let at = Stamp { at: now - TimeDelta::hours(ago), offset_minutes: 0 };
        let human = Human {
            at: Some(at),
            notes: Some("a\0b".to_owned()).filter(|_| self.chance.one_in(5)),
            expected_quantity: None,
            confirm: vec![Confirm::Backdated, Confirm::LargeChange],
        };
        let reason = *self.chance.of(&[Reason::Damage, Reason::Correction, Reason::Other]);
        let intent = match self.chance.below(16) {
            0 => StockIntent::Open { location_id, quantity, at: Some(at), notes: None },
            1 => StockIntent::Count { location_id, counted: quantity, human },
            2 => StockIntent::Transfer { from: location_id, to: self.place(), quantity, human },
            3 => {
                let channel = ChannelId::new("ozon").unwrap();
                StockIntent::RecordSnapshot { location_id, at, quantity, channel }
            }
            4 => StockIntent::Receive { location_id, quantity, reference: Some("PO-1".to_owned()), human },
            5 => StockIntent::Return { location_id, quantity, reference: None, human },
            6 => {
                let kind = *self.chance.of(&[AdjustKind::Add, AdjustKind::Subtract, AdjustKind::SetTo]);
                StockIntent::Adjust { location_id, kind, quantity, reason, human }
            }
            7..=9 => return self.said_of_a_line(company_id, item, location_id, at),
            _ => {
                let reserve = self.chance.one_in(2);
                let line = self.new_line(company_id, item);
                if line.said.insert("sale") {
                    let sale = line.sale.clone();
                    StockIntent::RecordSale { location_id, at, sale, reserve }
                } else {
                    return self.said_of_a_line(company_id, item, location_id, at);
                }
            }
        };
        (company_id, item, intent)
    }

    /// A line of which nothing was said, or one that was cancelled before it was sold.
    fn new_line(&mut self, company_id: Uuid, item: &'static str) -> &mut Line {
        let unsold = self.lines.iter().position(|line| {
            line.company_id == company_id && line.item == item && !line.said.contains("sale")
        });
        let at = unsold.unwrap_or_else(|| {
            let n = self.lines.len();
            let channel = *self.chance.of(&CHANNELS);
            let sale = SaleLine {
                channel: ChannelId::new(channel).unwrap(),
                order_id: format!("order-{}", n / 3),
                line_id: format!("line\0-{n}"),
                quantity: 1 + self.chance.units(4),
                unit_price: Some(self.money()).filter(|_| self.chance.one_in(2)),
            };
            self.lines.push(Line { company_id, item, sale, said: BTreeSet::new() });
            n
        });
        &mut self.lines[at]
    }

    /// A shipment, cancellation or return of a line, each said once; a cancellation now and then before the sale.
    fn said_of_a_line(
        &mut self,
        company_id: Uuid,
        item: &'static str,
        location_id: LocationId,
        at: Stamp,
    ) -> (Uuid, &'static str, StockIntent) {
        let what = *self.chance.of(&["shipment", "cancellation", "return"]);
        let less = self.chance.units(3);
        let known = if self.lines.is_empty() || self.chance.one_in(8) {
            self.new_line(company_id, item)
        } else {
            let last = u64::try_from(self.lines.len()).unwrap();
            let back = self.chance.below(last.min(12));
            let at = usize::try_from(last - 1 - back).unwrap();
            &mut self.lines[at]
        };
        let mut sale = known.sale.clone();
        sale.quantity = (sale.quantity - less).max(1);
        let (company_id, item) = (known.company_id, known.item);
        let again = !known.said.insert(what);
        let intent = match what {
            _ if again => StockIntent::Count { location_id, counted: 5, human: Human::default() },
            "shipment" => StockIntent::RecordShipment { at, sale },
            "cancellation" => StockIntent::RecordCancellation { location_id, at, sale },
            _ => StockIntent::RecordReturn { location_id, at, sale },
        };
        (company_id, item, intent)
    }

    fn place(&mut self) -> LocationId {
        let place = *self.chance.of(&PLACES);
        LocationId::new(place).unwrap()
    }

    fn money(&mut self) -> Money {
        Money { amount: Decimal::new(self.chance.units(100_000), 2), currency: euro() }
    }
}

pub(crate) fn euro() -> Currency {
    Currency::new("EUR").unwrap()
}

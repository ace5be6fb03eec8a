//! How many items are planned anew because of one fact, counted by the rows that were written.

use chrono::{DateTime, TimeDelta, Utc};
use domain::catalogue::location::LocationEvent;
use domain::catalogue::location::event::{LocationCreated, LocationDetails, LocationKind};
use domain::catalogue::product::ProductEvent;
use domain::catalogue::product::event::{ProductCreated, ProductDetails};
use domain::companies::CompanyEvent;
use domain::companies::event::DayStarted;
use domain::shared::ids::{ChannelId, ItemId, LocationId};
use domain::shared::moment::Stamp;
use domain::stock::command::Human;
use domain::stock::{AdjustKind, Confirm, Reason, SaleLine, StockIntent};
use event_log::event::partition_of;
use uuid::Uuid;

use crate::chance::Chance;
use crate::everything::{COMPANIES, Everything, ITEMS};
use crate::log::{Log, noon, read_model};

const COMPANY: Uuid = COMPANIES[0];

/// A company in a log whose plans are folded after each step.
struct Counting {
    log: Log,
    history: Everything,
    folded: usize,
}

impl Counting {
    /// Folds what is new. Answers the items whose plans were written anew.
    async fn written(&mut self) -> Vec<String> {
        let partition = partition_of(COMPANY, 4);
        let new = self.history.events()[self.folded..].to_vec();
        self.folded += new.len();
        let new = self.log.append(partition, new, &mut Chance(5), 1_000).await;
        let planning = read_model("planning");
        self.log.fold_block(planning.as_ref(), partition, &new).await;
        let position = new.last().unwrap().position;
        sqlx::query_scalar(
            "select item_key from planning_1.plans where company_id = $1 and written_position = $2 order by 1",
        )
        .bind(COMPANY)
        .bind(position)
        .fetch_all(&self.log.owner)
        .await
        .unwrap()
    }

    /// So many units of an item were sold a day before `now`.
    fn sold(&mut self, item: &'static str, quantity: i64, now: DateTime<Utc>) {
        let line_id = format!("line-{}", self.history.events().len());
        let sale = SaleLine {
            channel: ChannelId::new("web").unwrap(),
            order_id: line_id.clone(),
            line_id,
            quantity,
            unit_price: None,
        };
        let at = Stamp { at: now - TimeDelta::days(1), offset_minutes: 0 };
        let fact = StockIntent::RecordSale { location_id: main(), at, sale, reserve: false };
        self.history.decide(COMPANY, item, now, &fact);
    }
}

fn main() -> LocationId {
    LocationId::new("MAIN").unwrap()
}

/// The first, third and fourth item were sold, the others never; the first three are of one category.
async fn company() -> Counting {
    let log = Log::new().await;
    log.install().await;
    let mut history = Everything::new(77);
    history.found(COMPANY, noon());
    let details = LocationDetails::named("Main", LocationKind::Own, None);
    let place = LocationCreated { location_id: main(), details, is_primary: true };
    history.push(COMPANY, "MAIN", noon(), LocationEvent::LocationCreated(place));
    for (item, category) in ITEMS.into_iter().zip(["C0", "C0", "C0", "C1", "C1"]) {
        let item_id = ItemId::new(item).unwrap();
        let details =
            ProductDetails { category: category.to_owned(), ..ProductDetails::named(&item_id, "Thing") };
        let created = ProductCreated { item_id, details };
        history.push(COMPANY, item, noon(), ProductEvent::ProductCreated(created));
    }
    let mut counting = Counting { log, history, folded: 0 };
    for item in [ITEMS[0], ITEMS[2], ITEMS[3]] {
        counting.sold(item, 4, noon());
    }
    // What is appended at once is recorded at once: the company is founded on the day after noon's.
    let midnight = noon() + TimeDelta::days(2);
    let started = CompanyEvent::DayStarted(DayStarted { date: midnight.date_naive() });
    counting.history.push(COMPANY, &COMPANY.to_string(), noon() + TimeDelta::days(1), started);
    counting
}

#[tokio::test]
async fn one_fact_plans_one_item_anew_and_those_whose_category_it_changes() {
    let mut counting = company().await;
    let mut all: Vec<String> = ITEMS.iter().map(ToString::to_string).collect();
    all.sort();
    assert_eq!(counting.written().await, all, "a day that begins plans everything");

    let now = noon() + TimeDelta::days(2);
    let human = Human {
        notes: Some("found behind the shelf".to_owned()),
        confirm: vec![Confirm::LargeChange],
        ..Human::default()
    };
    let adjusted = StockIntent::Adjust {
        location_id: main(),
        kind: AdjustKind::Add,
        quantity: 9,
        reason: Reason::Other,
        human,
    };
    counting.history.decide(COMPANY, ITEMS[0], now, &adjusted);
    assert_eq!(counting.written().await, [ITEMS[0]], "an adjustment is of one item");
    counting.history.decide(COMPANY, ITEMS[1], now, &adjusted);
    assert_eq!(counting.written().await, [ITEMS[1]], "also of one that was never sold");

    counting.sold(ITEMS[0], 3, now);
    let mut with_seeded = [ITEMS[0], ITEMS[1]];
    with_seeded.sort_unstable();
    assert_eq!(counting.written().await, with_seeded, "who takes the mean of the category is planned, too");

    counting.sold(ITEMS[4], 2, now);
    assert_eq!(counting.written().await, [ITEMS[4]], "nobody else of its category waits for a mean");
}

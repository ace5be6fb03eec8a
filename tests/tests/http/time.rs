//! The past, as it was and as it was known, equals a plain fold of the log.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tests::{Chance, Person, TestApp};

const ITEMS: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];
const PLACES: [&str; 3] = ["MAIN", "SHOP", "WEB"];
const COMMANDS: usize = 600;
const QUESTIONS: usize = 500;

/// What the log says about one movement.
struct Fact {
    item: String,
    place: String,
    at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    position: i64,
    quantity: i64,
    effect: i64,
    stated: Option<i64>,
}

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

async fn facts(person: &Person<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for event in person.events("&stream=stock_item").await {
        let item = event["stream"].as_str().unwrap().split_once(':').unwrap().1;
        for movement in event["data"]["entry"]["movements"].as_array().into_iter().flatten() {
            facts.push(Fact {
                item: item.to_owned(),
                place: movement["location_id"].as_str().unwrap().to_owned(),
                at: instant(&event["effective_at"]),
                recorded_at: instant(&event["recorded_at"]),
                position: event["position"].as_i64().unwrap(),
                quantity: movement["quantity"].as_i64().unwrap(),
                effect: movement["effect"].as_i64().unwrap(),
                stated: movement["anchored_at"].as_i64(),
            });
        }
    }
    facts
}

/// Stock by all that had happened until `at` and was known at `known_at`: the newest statement, and what came after it.
fn fold(facts: &[Fact], item: &str, place: &str, at: DateTime<Utc>, known_at: DateTime<Utc>) -> i64 {
    let here = |fact: &&Fact| {
        fact.item == item && fact.place == place && fact.at <= at && fact.recorded_at <= known_at
    };
    let mut stated: Option<(DateTime<Utc>, i64, i64)> = None;
    for fact in facts.iter().filter(here) {
        if let Some(quantity) = fact.stated
            && stated.is_none_or(|(newest, position, _)| (newest, position) < (fact.at, fact.position))
        {
            stated = Some((fact.at, fact.position, quantity));
        }
    }
    let mut stock = stated.map_or(0, |(_, _, quantity)| quantity);
    for fact in facts.iter().filter(here).filter(|fact| fact.stated.is_none()) {
        if stated.is_none_or(|(newest, ..)| fact.at > newest) {
            stock += fact.quantity;
        }
    }
    stock
}

/// Sends one command by chance; answers whether it was taken.
async fn command(person: &Person<'_>, chance: &mut Chance, number: usize) -> bool {
    let app = person.app;
    let item = *chance.one_of(&ITEMS);
    let place = *chance.one_of(&PLACES);
    let other = PLACES[(PLACES.iter().position(|known| *known == place).unwrap() + 1) % PLACES.len()];
    let quantity = chance.number(1, 12);
    // A third happened now, the rest up to four days ago.
    let minutes = if chance.number(0, 2) == 0 { 0 } else { chance.number(1, 4 * 24 * 60) };
    let at = (app.running.state.clock.now() - TimeDelta::minutes(minutes)).to_rfc3339();
    let confirm = json!(["BACKDATED", "LARGE_CHANGE"]);
    let adjust = |kind: &str| {
        json!({"item_id": item, "location_id": place, "type": kind, "quantity": quantity, "reason": "OTHER",
            "adjusted_at": at, "confirm": confirm})
    };
    let line = |kind: &str| {
        json!([{"kind": kind, "channel": "web", "order_id": "O", "line_id": number.to_string(), "item_id": item,
            "location_id": place, "quantity": quantity, "sold_at": at}])
    };
    let (path, body) = match chance.number(0, 9) {
        0 => (
            "/inventory/count",
            json!({"item_id": item, "location_id": place, "quantity": quantity * 4, "counted_at": at, "confirm": confirm}),
        ),
        1 => ("/inventory/adjust", adjust("SET_TO")),
        2 => ("/inventory/adjust", adjust("SUBTRACT")),
        3 => ("/inventory/adjust", adjust("ADD")),
        4 | 5 => (
            "/inventory/transfer",
            json!({"item_id": item, "from_location_id": place, "to_location_id": other,
            "quantity": quantity, "transferred_at": at, "confirm": confirm}),
        ),
        6 => (
            "/inventory/receive",
            json!({"item_id": item, "location_id": place, "quantity": quantity, "received_at": at, "confirm": confirm}),
        ),
        7 => ("/sales/batch", line("return")),
        _ => ("/sales/batch", line("sale")),
    };
    let answer = person.post(path, &body).await;
    assert!([200, 409].contains(&answer.status), "{path} {body}: {:#}", answer.body);
    answer.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_questions_about_the_past() {
    let app = TestApp::start().await;
    let owner = app.register("Past").await;
    let owner = owner.key("OWNER").await;
    for item in ITEMS {
        owner.product(item).await;
    }
    owner.location("SHOP", "STORE").await;
    owner.location("WEB", "WEBSITE").await;
    let mut chance = Chance::new(20_111_130);
    let begun = app.running.state.clock.now();
    for item in ITEMS {
        owner.opening(item, 40).await;
    }
    let mut taken = 0;
    for number in 0..COMMANDS {
        taken += usize::from(command(&owner, &mut chance, number).await);
        app.running.state.clock.advance(TimeDelta::minutes(chance.number(0, 40)));
    }
    assert!(taken > COMMANDS / 2, "{taken}");
    let ended = app.running.state.clock.now();
    let facts = facts(&owner).await;
    let late = facts.iter().filter(|fact| fact.effect == 0 && fact.quantity != 0).count();
    assert!(late > 30, "only {late} late facts before a statement");
    owner.get_caught_up("/inventory?as_of=2024-01-01").await.expect(200);
    answers_equal_the_fold(&owner, &facts, &mut chance, (begun, ended)).await;
    today_equals_the_fold(&owner, &facts, ended).await;
    app.stop().await;
}

/// Asks about random products, places, instants and times of knowledge.
async fn answers_equal_the_fold(
    owner: &Person<'_>,
    facts: &[Fact],
    chance: &mut Chance,
    (begun, ended): (DateTime<Utc>, DateTime<Utc>),
) {
    let span = (ended - begun).num_minutes();
    let query = |name: &str, at: DateTime<Utc>| format!("{name}={}", at.to_rfc3339().replace('+', "%2B"));
    for number in 0..QUESTIONS {
        let (item, place) = (*chance.one_of(&ITEMS), *chance.one_of(&PLACES));
        let known_at = begun + TimeDelta::minutes(chance.number(-60, span));
        // Every tenth asks for the very instant of a fact.
        let at = match number % 10 {
            0 => chance.one_of(facts).at,
            _ => begun + TimeDelta::minutes(chance.number(-4 * 24 * 60, span)),
        };
        let path = format!("/inventory?page_size=500&{}&{}", query("as_of", at), query("known_at", known_at));
        let list = owner.get(&path).await.expect(200);
        let row = list.items().iter().find(|row| row["item_id"] == item).unwrap();
        let levels: BTreeMap<&str, i64> = row["stock"]
            .as_array()
            .unwrap()
            .iter()
            .map(|level| (level["location_id"].as_str().unwrap(), level["quantity"].as_i64().unwrap()))
            .collect();
        let expected = fold(facts, item, place, at, known_at);
        assert_eq!(
            levels.get(place).copied().unwrap_or(0),
            expected,
            "{item} at {place}, {at} as known at {known_at}"
        );
    }
}

async fn today_equals_the_fold(owner: &Person<'_>, facts: &[Fact], ended: DateTime<Utc>) {
    for item in ITEMS {
        let stock = owner.stock(item).await;
        for place in PLACES {
            let effects: i64 = facts
                .iter()
                .filter(|fact| fact.item == item && fact.place == place)
                .map(|fact| fact.effect)
                .sum();
            assert_eq!(stock.get(place).copied().unwrap_or(0), effects, "the sum of effects is the stock");
            assert_eq!(effects, fold(facts, item, place, ended, ended), "and so is the fold of today");
        }
    }
}

//! A hundred people at work: each signed in, reading most of the time, writing now and then, pausing in between.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::company;
use crate::bed::{self, Bed, scatter};
use crate::http::{Connection, Shop};
use crate::lists::Latencies;
use crate::report::Report;

const PEOPLE: u64 = 100;
const ITEMS: usize = 4_000;
/// The longest pause of a person between an answer and the next request, in milliseconds; the mean is half of it.
const LONGEST_PAUSE: u64 = 1_000;
/// People who sign in at once.
const AT_ONCE: usize = 4;
const MINUTE: Duration = Duration::from_mins(1);
const PASSWORD: &str = "a long enough password";
const ROLES: [&str; 5] = ["ADMIN", "WAREHOUSE", "PROCUREMENT", "ADMIN", "PROCUREMENT"];

/// When a request began after all began, and what it took.
type Answered = (Duration, Duration);

/// People work for `working`; any answer but a success ends the measurement.
pub(crate) async fn measure(bed: &Bed, working: Duration, report: &mut Report) -> anyhow::Result<()> {
    let shop = Shop::empty(bed, "people").await?;
    company::fill(&shop, ITEMS, 20).await?;
    shop.catch_up().await?;
    let people = sign_in(&shop).await?;
    bed.settle().await?;
    let begun = Instant::now();
    let tasks: Vec<_> = people
        .into_iter()
        .zip(0..)
        .map(|(connection, person)| tokio::spawn(work(connection, person, begun, working)))
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    tell(&all, working, report)?;
    shop.stop().await;
    Ok(())
}

fn tell(all: &[Answered], working: Duration, report: &mut Report) -> anyhow::Result<()> {
    let of = |from: Duration, to: Duration| {
        let within = all.iter().filter(|(at, _)| *at >= from && *at < to);
        Latencies::new(within.map(|(_, took)| *took).collect())
    };
    let every = of(Duration::ZERO, working);
    let (first, last) = (of(Duration::ZERO, MINUTE), of(working.saturating_sub(MINUTE), working));
    let rate = f64::from(u32::try_from(all.len())?) / working.as_secs_f64();
    report.add(&format!("{PEOPLE} people at work on {ITEMS} products, requests"), rate);
    report.count("of them answered with an error", 0);
    report.millis("their p50", every.percentile(50));
    report.millis("their p99", every.percentile(99));
    report.millis("p99 of the first minute", first.percentile(99));
    report.millis("p99 of the last minute", last.percentile(99));
    report.ratio("mean of the last minute / the first", last.mean() / first.mean());
    report.ratio("p99 of the last minute / the first", last.percentile(99) / first.percentile(99));
    Ok(())
}

/// People with accounts of their own, each with a connection.
async fn sign_in(shop: &Shop) -> anyhow::Result<Vec<Connection>> {
    let mut owner = shop.connect().await?;
    let addr = shop.running.addr;
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = Vec::new();
    for (person, role) in (0..PEOPLE).zip(ROLES.iter().cycle()) {
        let email = format!("person{person}@example.com");
        let body = json!({"email": email, "password": PASSWORD, "name": email, "role": role});
        owner.post("/users", "", &body.to_string()).await?.expect_success()?;
        let turns = turns.clone();
        tasks.push(tokio::spawn(async move {
            let _turn = turns.acquire().await?;
            let mut connection = Connection::open(addr, None).await?;
            let body = json!({"email": email, "password": PASSWORD}).to_string();
            let answer = connection.post("/auth/login", "", &body).await?.expect(200)?;
            let token = answer.get("access_token").and_then(Value::as_str).context("no token")?;
            Connection::open(addr, Some(token)).await
        }));
    }
    let mut people = Vec::new();
    for task in tasks {
        people.push(task.await??);
    }
    Ok(people)
}

async fn work(
    mut connection: Connection,
    person: u64,
    begun: Instant,
    working: Duration,
) -> anyhow::Result<Vec<Answered>> {
    let mut answered = Vec::new();
    for n in 0.. {
        let chance = scatter((person << 32) + n);
        tokio::time::sleep(Duration::from_millis((chance >> 40) % LONGEST_PAUSE)).await;
        let at = begun.elapsed();
        if at >= working {
            break;
        }
        act(&mut connection, person, n, chance).await?;
        answered.push((at, begun.elapsed().saturating_sub(at)));
    }
    Ok(answered)
}

/// One request: three of four read.
async fn act(connection: &mut Connection, person: u64, n: u64, chance: u64) -> anyhow::Result<()> {
    let item = bed::item(usize::try_from((chance >> 8) % u64::try_from(ITEMS)?)?)?;
    let path = match chance % 16 {
        0..=2 => "/inventory?page_size=50&sort=priority".to_owned(),
        3 => format!("/inventory?page_size=50&search={item}"),
        4 | 5 => "/products?page_size=50&sort=-risk&action=ORDER_TODAY".to_owned(),
        6 | 7 => "/recommendations?page_size=50".to_owned(),
        8 => "/dashboard".to_owned(),
        9 => format!("/products/{item}/metrics"),
        10 => format!("/inventory/movements/{item}?page_size=50"),
        11 => format!("/products/{item}/demand"),
        what => {
            let key = format!("{person}-{n}");
            let (path, body) = if what == 15 { count(&item) } else { adjustment(&item, chance) };
            connection.post(path, &key, &body).await?.expect_success()?;
            return Ok(());
        }
    };
    connection.get(&path).await?.expect_success()
}

fn adjustment(item: &impl std::fmt::Display, chance: u64) -> (&'static str, String) {
    let quantity = 1 + (chance >> 50) % 20;
    let body = json!({"item_id": item.to_string(), "location_id": "MAIN", "type": "ADD", "quantity": quantity,
        "reason": "RECEIVING", "confirm": ["LARGE_CHANGE"]});
    ("/inventory/adjust", body.to_string())
}

fn count(item: &impl std::fmt::Display) -> (&'static str, String) {
    let body = json!({"item_id": item.to_string(), "location_id": "MAIN", "quantity": 120,
        "confirm": ["LARGE_CHANGE"]});
    ("/inventory/count", body.to_string())
}

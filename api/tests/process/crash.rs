//! `kill -9` of the server and of its PostgreSQL under load: what was acknowledged is there once, and nothing twice.
//!
//! `STOCKTRAIL_CRASH_ROUNDS=20` kills the server 20 times and PostgreSQL 5 times; otherwise 5 and 2.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use migrations::{Database, Source};
use projections::{registry, verify};

use crate::load::{ITEMS, Load, item_of};
use crate::server::{DataDir, Server};

/// How often the server and PostgreSQL are killed.
fn rounds() -> (usize, usize) {
    let asked = std::env::var("STOCKTRAIL_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok());
    let server = asked.unwrap_or(5);
    (server, (server / 4).max(2))
}

/// What the kills of a run met.
#[derive(Default)]
struct Seen {
    kills: usize,
    with_requests: usize,
    with_commits: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_counts_twice() {
    let folder = DataDir::make();
    let mut server = Server::start(&folder.0, "warn,api=info").await;
    let load = Load::begin(&server.url).await;
    let (server_kills, postgres_kills) = rounds();
    let mut seen = Seen::default();
    for round in 0..server_kills {
        server = kill_server(server, &folder, &load, &mut seen, round).await;
    }
    for round in 0..postgres_kills {
        kill_postgres(&server, &load, &mut seen, round).await;
    }
    println!(
        "{} kills, {} with requests in flight, {} with unanswered commands that were written; {} commands",
        seen.kills,
        seen.with_requests,
        seen.with_commits,
        load.acknowledged.lock().unwrap().len()
    );
    assert!(seen.with_requests * 10 >= seen.kills * 3, "too few kills met requests in flight");
    every_command_once(&server, &load).await;
    read_models_equal_a_fold(&server, &folder, &load).await;
    server.stop();
}

async fn kill_server(server: Server, folder: &DataDir, load: &Load, seen: &mut Seen, round: usize) -> Server {
    let (stop, from, url) = (AtomicBool::new(false), load.next_number(), server.url.clone());
    let killer = async {
        tokio::time::sleep(moment(round)).await;
        seen.kills += 1;
        seen.with_requests += usize::from(load.in_flight() > 0);
        server.kill();
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(load.run(&url, &stop), killer);
    let server = Server::start(&folder.0, "warn,api=info").await;
    seen.with_commits += usize::from(load.settle(&server.url).await > 0);
    load.repeat(&server.url, from).await;
    server
}

async fn kill_postgres(server: &Server, load: &Load, seen: &mut Seen, round: usize) {
    let (stop, from) = (AtomicBool::new(false), load.next_number());
    let killer = async {
        tokio::time::sleep(moment(round)).await;
        seen.kills += 1;
        seen.with_requests += usize::from(load.in_flight() > 0);
        server.kill_postgres();
        // The writers go on meanwhile: the server mends it.
        server.ready().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(load.run(&server.url, &stop), killer);
    seen.with_commits += usize::from(load.settle(&server.url).await > 0);
    load.repeat(&server.url, from).await;
}

/// When in the load a round's kill comes: never twice at the same moment.
fn moment(round: usize) -> Duration {
    Duration::from_millis(350 + u64::try_from(round).unwrap() * 137 % 400)
}

pub(crate) async fn every_command_once(server: &Server, load: &Load) {
    let mut logged: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut after = 0;
    loop {
        let page =
            load.get(&server.url, &format!("/events?limit=1000&type=StockReceived&after={after}")).await;
        for event in page["items"].as_array().unwrap() {
            let key = event["data"]["notes"].as_str().unwrap().to_owned();
            logged.entry(key).or_default().push(event["position"].as_i64().unwrap());
        }
        match page["next_after"].as_i64() {
            Some(next) => after = next,
            None => break,
        }
    }
    let acknowledged = load.acknowledged.lock().unwrap();
    for (key, position) in acknowledged.iter() {
        assert_eq!(logged.get(key), Some(&vec![*position]), "{key} was acknowledged");
    }
    assert_eq!(logged.len(), acknowledged.len(), "nothing but what was asked");
    assert!(acknowledged.len() > 200, "only {} commands", acknowledged.len());
}

async fn read_models_equal_a_fold(server: &Server, folder: &DataDir, load: &Load) {
    levels_are_as_commanded(server, load).await;
    let source = Source::Embedded { data_dir: folder.0.clone(), durable: true };
    let database = Database::attach(source).await.unwrap();
    equal_a_fold(&database).await;
    database.stop().await;
}

pub(crate) async fn levels_are_as_commanded(server: &Server, load: &Load) {
    let last = load.acknowledged.lock().unwrap().values().max().copied().unwrap();
    let levels = load.get(&server.url, &format!("/inventory?min_position={last}")).await;
    load.get(&server.url, &format!("/inventory/movements?page_size=1&min_position={last}")).await;
    let acknowledged = load.acknowledged.lock().unwrap().clone();
    for item in ITEMS {
        let row = levels["items"].as_array().unwrap().iter().find(|row| row["item_id"] == item).unwrap();
        let expected = acknowledged.keys().filter(|key| item_of(key) == item).count();
        assert_eq!(row["total_stock"], expected, "{item}");
    }
}

pub(crate) async fn equal_a_fold(database: &Database) {
    for projection in registry::all() {
        let verified = verify::verify(database.owner(), &projection).await.unwrap();
        assert!(verified.is_equal() && verified.parked == 0, "{verified:#?}");
    }
}

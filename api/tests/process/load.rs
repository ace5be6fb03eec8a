//! People who go on writing until the server is gone, and remember what they were told.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Products that are written to, among them a hot one.
pub(crate) const ITEMS: [&str; 5] = ["HOT", "A", "B", "C", "D"];
const CLIENTS: usize = 24;

/// A signed-in writer and all that it was told.
pub(crate) struct Load {
    http: reqwest::Client,
    api_key: String,
    /// Position that each acknowledged command was told, by its key.
    pub(crate) acknowledged: Mutex<BTreeMap<String, i64>>,
    /// Commands that were sent and never answered.
    pub(crate) unanswered: Mutex<Vec<String>>,
    in_flight: AtomicUsize,
    number: AtomicUsize,
}

/// The product that a command is about: a third of them are about the hot one.
pub(crate) fn item_of(key: &str) -> &'static str {
    let number: usize = key.rsplit('-').next().unwrap().parse().unwrap();
    if number.is_multiple_of(3) { "HOT" } else { ITEMS[number % ITEMS.len()] }
}

impl Load {
    /// Signs a company up and makes its products.
    pub(crate) async fn begin(url: &str) -> Self {
        let http = reqwest::Client::new();
        let register = json!({"email": "load@example.com", "password": "a long enough password", "company_name": "Load"});
        let registered: Value = http
            .post(format!("{url}/api/v1/auth/register"))
            .json(&register)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let token = registered["access_token"].as_str().unwrap();
        let make = async |path: &str, body: Value| -> Value {
            let made =
                http.post(format!("{url}/api/v1{path}")).bearer_auth(token).json(&body).send().await.unwrap();
            assert!(made.status().is_success(), "{path}: {}", made.status());
            made.json().await.unwrap()
        };
        for item in ITEMS {
            make("/products", json!({"item_id": item, "name": item})).await;
        }
        let key = make("/api-keys", json!({"name": "load", "role": "OWNER"})).await;
        Self {
            http,
            api_key: key["secret"].as_str().unwrap().to_owned(),
            acknowledged: Mutex::default(),
            unanswered: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            number: AtomicUsize::new(0),
        }
    }

    /// A signed GET.
    pub(crate) async fn get(&self, url: &str, path: &str) -> Value {
        let (status, body) = self.ask(url, path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A signed GET that may be refused.
    pub(crate) async fn ask(&self, url: &str, path: &str) -> (u16, Value) {
        let request = self.http.get(format!("{url}/api/v1{path}")).header("X-API-Key", &self.api_key);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// One command; position and whether it is a repeat, or nothing where it was not answered.
    pub(crate) async fn send(&self, url: &str, key: &str) -> Option<(i64, bool)> {
        let body = json!({"item_id": item_of(key), "location_id": "MAIN", "quantity": 1, "notes": key});
        let request = self.http.post(format!("{url}/api/v1/inventory/receive")).json(&body);
        let request = request.header("X-API-Key", &self.api_key).header("Idempotency-Key", key);
        let answer = request.timeout(Duration::from_secs(40)).send().await.ok()?;
        let (status, replayed) = (answer.status(), answer.headers().contains_key("idempotent-replay"));
        let body: Value = answer.json().await.ok()?;
        // Refused for the moment, or lost on our side: whether it was written is for the repeat to tell.
        if status == 503 || status == 429 || status == 401 && body["code"] == "unavailable" {
            return None;
        }
        assert_eq!(status, 200, "{key}: {body}");
        Some((body["position"].as_i64().unwrap(), replayed))
    }

    /// Writes with many connections until `stop`.
    pub(crate) async fn run(&self, url: &str, stop: &AtomicBool) {
        self.run_by(CLIENTS, url, stop).await;
    }

    /// Writes with so many connections until `stop`.
    pub(crate) async fn run_by(&self, clients: usize, url: &str, stop: &AtomicBool) {
        let client = async || {
            while !stop.load(Ordering::Relaxed) {
                let key = format!("key-{}", self.number.fetch_add(1, Ordering::Relaxed));
                self.in_flight.fetch_add(1, Ordering::Relaxed);
                let answer = self.send(url, &key).await;
                self.in_flight.fetch_sub(1, Ordering::Relaxed);
                match answer {
                    Some((position, _)) => drop(self.acknowledged.lock().unwrap().insert(key, position)),
                    None => self.unanswered.lock().unwrap().push(key),
                }
            }
        };
        futures::future::join_all((0..clients).map(|_| client())).await;
    }

    /// Requests that are sent and not answered at this moment.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Repeats every unanswered command until it is answered; returns how many had been written all the same.
    pub(crate) async fn settle(&self, url: &str) -> usize {
        let unanswered = std::mem::take(&mut *self.unanswered.lock().unwrap());
        let mut written = 0;
        for key in unanswered {
            let begun = Instant::now();
            let (position, replayed) = loop {
                if let Some(answer) = self.send(url, &key).await {
                    break answer;
                }
                assert!(begun.elapsed() < Duration::from_mins(1), "{key} is never answered");
            };
            written += usize::from(replayed);
            self.acknowledged.lock().unwrap().insert(key, position);
        }
        written
    }

    /// Repeats every acknowledged command since `from`: each is known by its key and changes nothing.
    pub(crate) async fn repeat(&self, url: &str, from: usize) {
        let known: Vec<(String, i64)> = self
            .acknowledged
            .lock()
            .unwrap()
            .iter()
            .map(|(key, position)| (key.clone(), *position))
            .collect();
        let number = |key: &str| key.rsplit('-').next().unwrap().parse::<usize>().unwrap();
        for (key, position) in known.iter().filter(|(key, _)| number(key) >= from) {
            assert_eq!(self.send(url, key).await, Some((*position, true)), "{key}");
        }
    }

    /// The number that the next command will bear.
    pub(crate) fn next_number(&self) -> usize {
        self.number.load(Ordering::Relaxed)
    }
}

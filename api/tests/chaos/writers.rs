//! People and programs that change stock over HTTP, repeat what was not answered under the same key, and remember what
//! they were told.
//!
//! A refusal is not kept under its key. So where an earlier attempt of the same command was not answered, a refusal says
//! nothing yet: that attempt may still be on its way in a process that was stopped. Such a command is asked again when
//! everything has come to rest ([`Writers::settle`]).

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::findings::{Findings, Kind};
use crate::history::Told;
use crate::model::{Answer, Leg, Order, PLACES};
use crate::plan::seed_of;
use crate::town::{APIS, Town};

/// Items of each company.
pub(crate) const ITEMS: usize = 6;
/// Writers of each item: as many commands may overlap, and a few that are asked again.
const WRITERS: usize = 3;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a command is repeated in all.
const LIMIT: Duration = Duration::from_secs(45);
/// One in so many commands is sent and not listened to.
const UNHEARD: usize = 25;
/// Pause before a command is sent again.
const PAUSE: Duration = Duration::from_millis(20);

/// A company, each in a partition of its own.
#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) id: Uuid,
    pub(crate) partition: i16,
    pub(crate) api_key: String,
}

/// Everybody who writes, and what they were told in this round.
pub(crate) struct Writers {
    pub(crate) http: reqwest::Client,
    pub(crate) companies: Vec<Company>,
    told: Mutex<Vec<Told>>,
    open: Mutex<Vec<Command>>,
    findings: Mutex<Findings>,
    pub(crate) counts: Counts,
}

/// What the writers have met.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) done: AtomicUsize,
    pub(crate) refused: AtomicUsize,
    /// Attempts without an answer.
    pub(crate) unanswered: AtomicUsize,
    /// Of these, attempts that the writer did not listen to.
    pub(crate) unheard: AtomicUsize,
    /// Commands that had been carried out when they were repeated.
    pub(crate) replayed: AtomicUsize,
}

/// A command under way.
#[derive(Debug, Clone)]
struct Command {
    key: String,
    item: usize,
    order: Order,
    asked: Instant,
    /// An attempt may still be under way.
    unheard: bool,
}

/// How one attempt ended.
enum Attempt {
    Answered(Answer, Option<i64>),
    /// It may have arrived.
    Unheard,
    /// It has not arrived.
    NotSent,
    /// Nothing more can be done about it.
    Hopeless,
}

/// Number of an item among all, from its company and its number there.
pub(crate) fn item_number(company: usize, item: usize) -> usize {
    company * ITEMS + item
}

/// Name of an item.
pub(crate) fn item_name(item: usize) -> String {
    format!("ITEM-{}", item % ITEMS)
}

impl Writers {
    /// Founds a company in each of two partitions, with items and locations.
    pub(crate) async fn found(town: &Town) -> Self {
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(1)).build().unwrap();
        let (mut companies, mut tries) = (Vec::<Company>::new(), 0);
        while companies.len() < 2 {
            let company = found_company(&http, town, tries).await;
            tries += 1;
            if companies.iter().all(|other| other.partition != company.partition) {
                companies.push(company);
            }
        }
        Self {
            http,
            companies,
            told: Mutex::default(),
            open: Mutex::default(),
            findings: Mutex::default(),
            counts: Counts::default(),
        }
    }

    /// Writes until `stop`, and until every command that was begun is answered.
    pub(crate) async fn write(&self, town: &Town, seed: u64, stop: &AtomicBool) {
        let items = self.companies.len() * ITEMS;
        let writers = (0..items * WRITERS).map(|writer| self.write_one(town, seed, writer, stop));
        futures::future::join_all(writers).await;
    }

    /// What one writer asks follows from the seed; how often it has to be asked does not.
    async fn write_one(&self, town: &Town, seed: u64, writer: usize, stop: &AtomicBool) {
        let mut rng = Rng::with_seed(seed_of(seed, writer));
        let mut chance = rng.fork();
        let mut number = 0;
        while !stop.load(Ordering::Relaxed) {
            for _ in 0..rng.usize(1..8) {
                number += 1;
                let key = format!("{seed:x}-{writer}-{number}");
                let command = Command::new(key, writer / WRITERS, draw(&mut rng));
                self.carry_out(town, command, None, &mut chance).await;
            }
            let pause = Duration::from_millis(rng.u64(50..400));
            if !stop.load(Ordering::Relaxed) {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// When everything works again: asks again what may still have been under way. First a command goes through each
    /// process and company, so that everything is decided that was in their hands.
    pub(crate) async fn settle(&self, town: &Town, seed: u64) {
        if !self.findings.lock().unwrap().is_empty() {
            self.open.lock().unwrap().clear();
            return;
        }
        let mut chance = Rng::with_seed(seed);
        for company in 0..self.companies.len() {
            for api in 0..APIS {
                let key = format!("{seed:x}-rest-{company}-{api}");
                let order = Order::Receive { at: 0, quantity: 1 };
                let command = Command::new(key, item_number(company, 0), order);
                self.carry_out(town, command, Some(api), &mut chance).await;
            }
        }
        let open = std::mem::take(&mut *self.open.lock().unwrap());
        for command in open {
            self.carry_out(town, Command { unheard: false, ..command }, None, &mut chance).await;
        }
    }

    /// What this round's commands were told, and what was wrong with answers.
    pub(crate) fn take(&self) -> (Vec<Told>, Findings) {
        self.open.lock().unwrap().clear();
        (std::mem::take(&mut *self.told.lock().unwrap()), std::mem::take(&mut *self.findings.lock().unwrap()))
    }

    /// Repeats a command until it is answered.
    async fn carry_out(&self, town: &Town, mut command: Command, api: Option<usize>, chance: &mut Rng) {
        let begun = Instant::now();
        let mut tries = 0;
        while begun.elapsed() < LIMIT {
            let begun = Instant::now();
            let unheard = tries == 0 && api.is_none() && chance.usize(0..UNHEARD) == 0;
            let patience = if unheard { Duration::from_millis(chance.u64(1..30)) } else { PATIENCE };
            let api = api.unwrap_or_else(|| chance.usize(0..APIS));
            tries += 1;
            match self.attempt(town, api, &command, patience).await {
                Attempt::Answered(Answer::Refused { .. }, _) if command.unheard => {
                    return self.open.lock().unwrap().push(command);
                }
                Attempt::Answered(answer, position) => return self.note(command, begun, answer, position),
                Attempt::Hopeless => return,
                Attempt::Unheard => {
                    self.counts.unanswered.fetch_add(1, Ordering::Relaxed);
                    self.counts.unheard.fetch_add(usize::from(unheard), Ordering::Relaxed);
                    command.unheard = true;
                }
                Attempt::NotSent => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.finding(Kind::Unanswered, format!("{} after {tries} tries: {:?}", command.key, command.order));
    }

    fn note(&self, command: Command, attempted: Instant, answer: Answer, position: Option<i64>) {
        let Command { key, item, order, asked, .. } = command;
        // What is refused has looked at the stock during the attempt that was answered.
        let (count, asked) = match answer {
            Answer::Done { .. } => (&self.counts.done, asked),
            Answer::Refused { .. } => (&self.counts.refused, attempted),
        };
        count.fetch_add(1, Ordering::Relaxed);
        let told = Told { key, item, order, asked, answered: Instant::now(), answer, position };
        self.told.lock().unwrap().push(told);
    }

    async fn attempt(&self, town: &Town, api: usize, command: &Command, patience: Duration) -> Attempt {
        let Some(url) = town.api(api) else { return Attempt::NotSent };
        let (path, body) = request(command);
        let company = &self.companies[command.item / ITEMS];
        let request = self.http.post(format!("{url}/api/v1{path}")).json(&body).timeout(patience);
        let request = request.header("X-API-Key", &company.api_key).header("Idempotency-Key", &command.key);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return Attempt::NotSent,
            Err(_) => return Attempt::Unheard,
        };
        let (status, replayed) =
            (answer.status().as_u16(), answer.headers().contains_key("idempotent-replay"));
        let Ok(body) = answer.json::<Value>().await else { return Attempt::Unheard };
        self.counts.replayed.fetch_add(usize::from(replayed), Ordering::Relaxed);
        match (status, body["code"].as_str()) {
            (200, _) => match done(&body) {
                Some(answer) => Attempt::Answered(answer, body["position"].as_i64()),
                None => self.bad_answer(command, status, &body),
            },
            (409, Some("would_go_below_zero")) => match body["on_hand"].as_i64() {
                Some(on_hand) => Attempt::Answered(Answer::Refused { on_hand }, None),
                None => self.bad_answer(command, status, &body),
            },
            // Not taken in for now; or nobody knows what became of it.
            (429 | 503, _) | (401, Some("unavailable")) => Attempt::Unheard,
            _ => self.bad_answer(command, status, &body),
        }
    }

    /// One that no command here may get. A fault of the server may pass, others stay.
    fn bad_answer(&self, command: &Command, status: u16, body: &Value) -> Attempt {
        self.finding(Kind::BadAnswer, format!("{} {:?}: {status} {body}", command.key, command.order));
        if status == 500 { Attempt::Unheard } else { Attempt::Hopeless }
    }

    fn finding(&self, kind: Kind, what: String) {
        self.findings.lock().unwrap().add(kind, what);
    }
}

impl Command {
    fn new(key: String, item: usize, order: Order) -> Self {
        Self { key, item, order, asked: Instant::now(), unheard: false }
    }
}

/// What a writer asks next.
fn draw(rng: &mut Rng) -> Order {
    let at = rng.usize(0..PLACES.len());
    match rng.u8(0..100) {
        0..40 => Order::Receive { at, quantity: rng.i64(1..10) },
        40..65 => Order::Subtract { at, quantity: rng.i64(1..16) },
        65..85 => Order::Transfer { from: at, quantity: rng.i64(1..10) },
        85..93 => Order::Count { at, quantity: rng.i64(0..31) },
        _ => Order::SetTo { at, quantity: rng.i64(0..31) },
    }
}

/// Path and body of a command.
fn request(command: &Command) -> (&'static str, Value) {
    let (item, notes) = (item_name(command.item), &command.key);
    let adjust = |kind: &str, at: usize, quantity: i64| {
        json!({"item_id": item, "location_id": PLACES[at], "type": kind, "quantity": quantity,
            "reason": "CORRECTION", "confirm": ["LARGE_CHANGE"], "notes": notes})
    };
    let plain = |at: usize, quantity: i64| json!({"item_id": item, "location_id": PLACES[at], "quantity": quantity, "notes": notes});
    match command.order {
        Order::Receive { at, quantity } => ("/inventory/receive", plain(at, quantity)),
        Order::Count { at, quantity } => ("/inventory/count", plain(at, quantity)),
        Order::Subtract { at, quantity } => ("/inventory/adjust", adjust("SUBTRACT", at, quantity)),
        Order::SetTo { at, quantity } => ("/inventory/adjust", adjust("SET_TO", at, quantity)),
        Order::Transfer { from, quantity } => (
            "/inventory/transfer",
            json!({"item_id": item, "from_location_id": PLACES[from], "to_location_id": PLACES[1 - from],
                "quantity": quantity, "notes": notes}),
        ),
    }
}

/// What an answer says; none where it does not say enough.
fn done(body: &Value) -> Option<Answer> {
    let legs = match body.get("from") {
        Some(from) => vec![leg(from)?, leg(&body["to"])?],
        None => vec![leg(body)?],
    };
    Some(Answer::Done { movement_id: body["movement_id"].as_str()?.parse().ok()?, legs })
}

fn leg(body: &Value) -> Option<Leg> {
    let location = body["location_id"].as_str()?;
    Some(Leg {
        at: PLACES.iter().position(|place| *place == location)?,
        before: body["quantity_before"].as_i64()?,
        after: body["quantity_after"].as_i64()?,
        superseded_by: body["superseded_by"].as_str().and_then(|id| id.parse().ok()),
    })
}

async fn found_company(http: &reqwest::Client, town: &Town, number: usize) -> Company {
    let url = town.api(0).unwrap();
    let email = format!("chaos-{number}@example.com");
    let register = json!({"email": email, "password": "a long enough password", "company_name": "Chaos"});
    let registered = post(http.post(format!("{url}/api/v1/auth/register")).json(&register)).await;
    let token = registered["access_token"].as_str().unwrap();
    let signed = |path: &str| http.post(format!("{url}/api/v1{path}")).bearer_auth(token);
    for item in 0..ITEMS {
        let name = item_name(item);
        post(signed("/products").json(&json!({"item_id": name, "name": name}))).await;
    }
    let shop = json!({"location_id": PLACES[1], "name": "Shop", "kind": "STORE"});
    post(signed("/locations").json(&shop)).await;
    let key = post(signed("/api-keys").json(&json!({"name": "chaos", "role": "OWNER"}))).await;
    let id = registered["company"]["company_id"].as_str().unwrap().parse().unwrap();
    let partition = event_log::event::partition_of(id, town.partitions);
    Company { id, partition, api_key: key["secret"].as_str().unwrap().to_owned() }
}

async fn post(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let (status, body) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{status}: {body}");
    serde_json::from_str(&body).unwrap()
}

//! Several processes on one partition, one of which commits for all.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use domain::catalogue::location::event::{LocationDetails, LocationKind};
use domain::catalogue::product::event::ProductDetails;
use domain::companies::event::Profile;
use domain::shared::ids::{CompanyId, ItemId, LocationId};
use domain::shared::money::Currency;
use domain::stock::StockIntent;
use domain::stock::command::Human;
use event_log::append::key_id;
use event_log::event::Metadata;
use event_log::lead::{self, Candidate, Lead};
use event_log::read;
use migrations::Role;
use migrations::testing::{TestDatabase, fresh_database};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::Route;
use super::desk::{Desk, greeting, welcome};
use super::line::Line;
use crate::clock::{Clock, Ids};
use crate::committer::{CommitterConfig, Committers};
use crate::operation::{ProductEdit, RequestKey};
use crate::{Operation, Submission, SubmitError, Verdict};

/// One of several processes.
struct Process {
    committers: Committers,
    company_id: CompanyId,
}

impl Process {
    async fn start(database: &TestDatabase, company_id: CompanyId) -> Self {
        let pool = database.pool(Role::Committer, 9).await.unwrap();
        let config = CommitterConfig {
            pool,
            partitions: 4,
            clock: Clock::system(),
            snapshot_every: 1_000,
            listen: Some(Ipv4Addr::LOCALHOST.into()),
        };
        Self { committers: Committers::start(&config), company_id }
    }

    /// A company with one product, seen by two processes.
    async fn two(database: &TestDatabase) -> [Self; 2] {
        let company_id = CompanyId(Ids.next());
        let both = [Self::start(database, company_id).await, Self::start(database, company_id).await];
        let profile = Profile {
            name: "Shop".into(),
            currency: Currency::new("EUR").unwrap(),
            time_zone: chrono_tz::UTC,
        };
        let details = Box::new(LocationDetails::named("Main", LocationKind::Own, None));
        let operations = vec![
            Operation::FoundCompany { profile },
            Operation::CreateLocation { location_id: place(), details, is_primary: true },
            Operation::CreateProduct { item_id: item(), details: ProductDetails::named(&item(), "A") },
        ];
        both[0].accepted(submission(company_id, None, operations)).await;
        both
    }

    /// Two processes that both write until one of them has a line to the other; that one comes second.
    async fn leader_and_follower(database: &TestDatabase) -> [Self; 2] {
        let [one, other] = Self::two(database).await;
        write_until_one_follows(&one, &other).await;
        if one.follows() { [other, one] } else { [one, other] }
    }

    fn route(&self) -> &Route {
        &self.committers.partition(self.company_id.0).unwrap().route
    }

    fn follows(&self) -> bool {
        self.route().line().is_some()
    }

    fn batches(&self) -> u64 {
        self.route().batches.load(Ordering::Relaxed)
    }

    async fn receive(&self, key: Option<&str>) -> Result<(), SubmitError> {
        let receipt = self.committers.submit(delivery(self.company_id, key)).await?;
        assert!(matches!(receipt.verdicts[..], [Verdict::Accepted(_)]), "{receipt:?}");
        Ok(())
    }

    async fn accepted(&self, submission: Submission) {
        let receipt = self.committers.submit(submission).await.unwrap();
        assert!(
            receipt.verdicts.iter().all(|verdict| matches!(verdict, Verdict::Accepted(_))),
            "{receipt:?}"
        );
    }

    /// Number of deliveries in the log, whose versions have no gap.
    async fn deliveries(&self, database: &TestDatabase) -> i64 {
        let mut connection = database.owner().acquire().await.unwrap();
        let partition = self.committers.partition_of(self.company_id.0);
        let events = read::after(&mut connection, partition, 0, 100_000).await.unwrap();
        assert!(events.iter().zip(1..).all(|(event, position)| event.position == position));
        let versions =
            events.iter().filter(|event| &*event.stream_type == "stock_item").map(|event| event.version);
        let versions: Vec<_> = versions.collect();
        let count = i64::try_from(versions.len()).unwrap();
        assert_eq!(versions, (1..=count).collect::<Vec<_>>());
        count
    }
}

async fn write_until_one_follows(one: &Process, other: &Process) {
    let patience = Instant::now();
    while !one.follows() && !other.follows() {
        assert!(patience.elapsed().as_secs() < 20, "nobody has a line to the other");
        one.receive(None).await.unwrap();
        other.receive(None).await.unwrap();
    }
}

fn place() -> LocationId {
    LocationId::new("MAIN").unwrap()
}

fn item() -> ItemId {
    ItemId::new("A").unwrap()
}

fn submission(company_id: CompanyId, key: Option<&str>, operations: Vec<Operation>) -> Submission {
    let id = Ids.next();
    let metadata = Metadata {
        actor: "user:test".into(),
        command_id: id,
        correlation_id: id,
        causation_id: None,
        source: "test".into(),
    };
    let request_key = key.map(|key| RequestKey { key: key.into(), digest: key_id(&["body"]) });
    Submission { company_id, metadata, request_key, operations }
}

fn delivery(company_id: CompanyId, key: Option<&str>) -> Submission {
    let (reference, human) = (Some("D-1".into()), Human::default());
    let intent = StockIntent::Receive { location_id: place(), quantity: 1, reference, human };
    submission(company_id, key, vec![Operation::Stock { item: item(), intent }])
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_lead_hands_its_commands_over() {
    let database = fresh_database().await;
    let [leader, follower] = Process::leader_and_follower(&database).await;
    let before = leader.deliveries(&database).await;
    let own = follower.batches();
    let key = |n: u32| format!("k{n}");
    let sent = (0..200).flat_map(|n| {
        let twice = [&follower, if n % 2 == 0 { &leader } else { &follower }];
        twice.map(|process| process.committers.submit(delivery(process.company_id, Some(&key(n)))))
    });
    let receipts = futures::future::join_all(sent).await;
    let replayed = receipts.iter().filter(|receipt| receipt.as_ref().unwrap().replayed).count();
    assert_eq!(replayed, 200, "each key is one command");
    assert_eq!(leader.deliveries(&database).await, before + 200);
    assert_eq!(follower.batches(), own, "it has appended nothing itself");
    let newest = receipts.iter().map(|receipt| receipt.as_ref().unwrap().position).max().unwrap();
    assert_eq!(follower.committers.head(follower.company_id.0), newest, "it knows how far the log is");
    leader.receive(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_stopped_answers_what_it_took_and_another_goes_on() {
    let database = fresh_database().await;
    let [leader, follower] = Process::leader_and_follower(&database).await;
    let before = leader.deliveries(&database).await;
    let sent = futures::future::join_all((0..300).map(|_| follower.receive(None)));
    let (sent, ()) = tokio::join!(sent, leader.committers.stop());
    for receipt in sent {
        receipt.expect("nothing is lost, although no command had a key");
    }
    assert_eq!(follower.deliveries(&database).await, before + 300);
    assert!(!follower.follows());
    follower.receive(None).await.unwrap();
    let third = Process::start(&database, follower.company_id).await;
    write_until_one_follows(&follower, &third).await;
}

/// The process that leads according to the table takes everything and answers nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_falls_silent_is_left() {
    let database = fresh_database().await;
    let [process, _] = Process::two(&database).await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let candidate = Candidate { holder: Ids.next(), host: Some(address.ip()), port: address.port() };
    let partition = process.committers.partition_of(process.company_id.0);
    let pool = database.pool(Role::Committer, 1).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let lead = lead::claim(&mut connection, partition, &candidate, Duration::from_hours(1)).await.unwrap();
    let silent = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert_eq!(line.trim(), greeting(lead.secret));
        stream.write_all(format!("{}\n", welcome(lead.secret)).as_bytes()).await.unwrap();
        let mut taken = 0;
        while stream.read_line(&mut line).await.unwrap() > 0 {
            taken += 1;
        }
        taken
    });
    process.route().contention.notify_one();
    let patience = Instant::now();
    while !process.follows() {
        assert!(patience.elapsed().as_secs() < 10, "no line");
        tokio::task::yield_now().await;
    }
    let (one, other) = tokio::join!(process.receive(Some("k")), process.receive(None));
    assert_eq!(
        [one, other],
        [const { Err(SubmitError::Unavailable) }; 2],
        "nobody knows what became of them"
    );
    process.receive(Some("k")).await.unwrap();
    assert_eq!(process.deliveries(&database).await, 1);
    assert_eq!(silent.await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hands_over_to_or_takes_from_strangers() {
    let database = fresh_database().await;
    let [process, _] = Process::two(&database).await;
    let queue = &process.committers.partition(process.company_id.0).unwrap().queue;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let lead = lead_at(listener.local_addr().unwrap());
    let desk = Desk::open(listener, queue.downgrade());
    assert!(Line::connect(lead.clone()).await.is_err(), "it does not lead yet");
    desk.admit(lead.secret);
    let mut stranger = BufReader::new(TcpStream::connect(&lead.address).await.unwrap());
    let text = serde_json::to_string(&delivery(process.company_id, None)).unwrap();
    let lines = format!("{}\n1 {text}\n", greeting(Uuid::nil()));
    stranger.write_all(lines.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // The connection is closed, maybe before everything was read.
    drop(stranger.read_line(&mut answer).await);
    assert_eq!(answer, "");
    assert!(Line::connect(Lead { secret: Uuid::nil(), ..lead.clone() }).await.is_err());
    let line = Line::connect(lead).await.unwrap();
    drop(line);
    desk.close().await;
    assert_eq!(process.deliveries(&database).await, 0);
}

#[test]
fn what_is_handed_over_is_what_was_asked() {
    let company_id = CompanyId(Uuid::nil());
    let asked = delivery(company_id, Some("k"));
    let text = serde_json::to_string(&asked).unwrap();
    assert!(!text.contains('\n'));
    let read: Submission = serde_json::from_str(&text).unwrap();
    assert_eq!(format!("{read:?}"), format!("{asked:?}"));
    let edit = ProductEdit { category: Some(None), ..ProductEdit::default() };
    let edit = Operation::EditProduct { item: item(), edit: Box::new(edit), expected_version: None };
    let refused = serde_json::to_string(&submission(company_id, None, vec![edit]));
    assert!(refused.is_err(), "a field that is to be cleared would be read as one that stays");
}

fn lead_at(address: SocketAddr) -> Lead {
    Lead { holder: Ids.next(), address: address.to_string(), secret: Ids.next() }
}

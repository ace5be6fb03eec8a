//! A shop with some history, its read models, and the program under test.

use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use commands::clock::{Clock, Ids};
use commands::{CommitterConfig, Committers, Operation, Submission, SubmitError, Verdict};
use domain::catalogue::location::event::{LocationDetails, LocationKind};
use domain::catalogue::product::event::ProductDetails;
use domain::companies::event::Profile;
use domain::shared::ids::{ChannelId, CompanyId, ItemId, LocationId};
use domain::shared::moment::Stamp;
use domain::shared::money::Currency;
use domain::stock::command::Human;
use domain::stock::{AdjustKind, Reason, SaleLine, StockIntent};
use event_log::append::{Appended, Batch, append, head};
use event_log::event::{Meaning, Metadata, StoredEvent, partition_of};
use migrations::testing::{TestDatabase, fresh_database};
use migrations::{Database, Role};
use projections::heads::Heads;
use projections::lease::Leases;
use projections::positions::Positions;
use projections::runner::{Runner, RunnerConfig, caught_up};
use projections::{install, registry};

/// What the program said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }
}

/// Runs the program with these arguments.
pub(crate) async fn replay(arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_replay"));
    command.args(arguments).env_remove("DATABASE_URL");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    Said::of(&output.unwrap())
}

/// A company with a lamp and two locations.
pub(crate) struct Shop {
    pub(crate) database: TestDatabase,
    pub(crate) company_id: CompanyId,
    pub(crate) clock: Clock,
    committers: Committers,
}

impl Shop {
    /// Founds the company; nothing has moved and nothing is folded.
    pub(crate) async fn found() -> Self {
        Self::found_in(fresh_database().await).await
    }

    /// The same in this database.
    pub(crate) async fn found_in(database: TestDatabase) -> Self {
        let pool = database.pool(Role::Committer, 9).await.unwrap();
        let clock = Clock::system();
        let config =
            CommitterConfig { pool, partitions: 4, clock: clock.clone(), snapshot_every: 100, listen: None };
        let committers = Committers::start(&config);
        let shop = Self { database, company_id: CompanyId(Ids.next()), clock, committers };
        let profile = Profile {
            name: "Lamps".to_owned(),
            currency: Currency::new("EUR").unwrap(),
            time_zone: chrono_tz::UTC,
        };
        let details = ProductDetails::named(&item(), "Desk lamp");
        shop.submit(vec![
            Operation::FoundCompany { profile },
            location("MAIN", true),
            location("STORE", false),
            Operation::CreateProduct { item_id: item(), details },
        ])
        .await;
        shop
    }

    /// A shop whose lamp was received, moved, sold, counted and adjusted; one sale was learnt after the count.
    pub(crate) async fn with_history() -> Self {
        let shop = Self::found().await;
        shop.live().await;
        shop
    }

    /// Lets that happen and tells what was asked.
    pub(crate) async fn live(&self) -> Vec<StockIntent> {
        let sold_at = self.clock.now() + TimeDelta::minutes(1);
        let steps: [&dyn Fn() -> StockIntent; 6] = [
            &|| receive(10),
            &|| transfer(4),
            &|| count(5),
            &|| sale("1", sold_at),
            &|| sale("2", self.clock.now()),
            &|| add(2),
        ];
        let mut asked = Vec::new();
        for step in steps {
            let intent = step();
            self.stock(intent.clone()).await;
            asked.push(intent);
            self.clock.advance(TimeDelta::hours(1));
        }
        asked
    }

    /// The same, with every read model folded.
    pub(crate) async fn folded() -> Self {
        let shop = Self::with_history().await;
        shop.fold().await;
        shop
    }

    /// Folds every read model as far as the log goes.
    pub(crate) async fn fold(&self) {
        self.fold_until("select true").await;
    }

    /// The same, until the checkpoints say so too: where nothing was to be folded they are saved a little later.
    pub(crate) async fn fold_and_save(&self) {
        let saved = "select bool_and(at.position = head.position) from projections.checkpoints at
                     join log.log_head head using (partition) where at.copy = 'live'";
        self.fold_until(saved).await;
    }

    async fn fold_until(&self, condition: &str) {
        let projections = registry::all();
        install::install(self.database.owner(), &projections).await.unwrap();
        let pool = self.database.pool(Role::Projector, 4).await.unwrap();
        let (heads, clock) = (Heads::new(4), self.clock.clone());
        heads.read(&pool).await.unwrap();
        let config = RunnerConfig {
            leases: Leases::new(pool.clone(), Ids.next(), "test"),
            pool,
            positions: Positions::new(&projections, 4),
            projections,
            partitions: 4,
            feeds: Arc::new(|_| None),
            heads,
            now: Arc::new(move || clock.now()),
        };
        let runner = Runner::start(config.clone());
        assert!(caught_up(&config, Duration::from_secs(20)).await);
        while !sqlx::query_scalar::<_, bool>(condition).fetch_one(self.database.owner()).await.unwrap() {
            tokio::task::yield_now().await;
        }
        runner.stop().await;
    }

    pub(crate) async fn stock(&self, intent: StockIntent) {
        self.submit(vec![Operation::Stock { item: item(), intent }]).await;
    }

    /// The same for what a rule forbids.
    pub(crate) async fn is_refused(&self, intent: StockIntent) {
        let verdicts = self.order(self.company_id, vec![Operation::Stock { item: item(), intent }]).await;
        assert!(matches!(verdicts[..], [Verdict::Refused(_)]), "{verdicts:?}");
    }

    async fn submit(&self, operations: Vec<Operation>) {
        for verdict in self.order(self.company_id, operations).await {
            assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
        }
    }

    /// Founds a company with `products` products in a partition of the log.
    pub(crate) async fn neighbour(&self, partition: i16, products: usize) {
        let company_id = loop {
            let id = Ids.next();
            if partition_of(id, 4) == partition {
                break CompanyId(id);
            }
        };
        let profile = Profile {
            name: "Neighbour".to_owned(),
            currency: Currency::new("EUR").unwrap(),
            time_zone: chrono_tz::UTC,
        };
        let mut operations = vec![Operation::FoundCompany { profile }];
        operations.extend((0..products).map(|number| {
            let item_id = ItemId::new(&format!("P{number}")).unwrap();
            let details = ProductDetails::named(&item_id, "Thing");
            Operation::CreateProduct { item_id, details }
        }));
        for verdict in self.order(company_id, operations).await {
            assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
        }
    }

    /// Lets the committers forget everything, as a restart does.
    pub(crate) async fn restart(&mut self) {
        let pool = self.database.pool(Role::Committer, 9).await.unwrap();
        let config = CommitterConfig {
            pool,
            partitions: 4,
            clock: self.clock.clone(),
            snapshot_every: 100,
            listen: None,
        };
        std::mem::replace(&mut self.committers, Committers::start(&config)).stop().await;
    }

    /// Submits operations and says what became of them.
    pub(crate) async fn order(&self, company_id: CompanyId, operations: Vec<Operation>) -> Vec<Verdict> {
        self.try_order(company_id, operations).await.unwrap()
    }

    /// The same where nothing may become of them.
    pub(crate) async fn try_order(
        &self,
        company_id: CompanyId,
        operations: Vec<Operation>,
    ) -> Result<Vec<Verdict>, SubmitError> {
        let command_id = Ids.next();
        let metadata = Metadata {
            actor: "user:ann".to_owned(),
            command_id,
            correlation_id: command_id,
            causation_id: None,
            source: "test".to_owned(),
        };
        let submission = Submission { company_id, metadata, request_key: None, operations };
        self.committers.submit(submission).await.map(|receipt| receipt.verdicts)
    }

    /// Appends so many deliveries of another product in one batch, each with a long note.
    pub(crate) async fn receive_many(&self, deliveries: i64) {
        let partition = partition_of(self.company_id.0, 4);
        let pool = self.database.pool(Role::Committer, 1).await.unwrap();
        let mut conn = pool.acquire().await.unwrap();
        let expected = head(&mut conn, partition).await.unwrap();
        let recorded_at = self.clock.now();
        let events = (1..=deliveries).map(|version| delivery(self.company_id, version, recorded_at));
        let mut events: Vec<StoredEvent> = events.collect();
        for (event, position) in events.iter_mut().zip(expected.position + 1..) {
            (event.partition, event.position) = (partition, position);
        }
        let batch = Batch { partition, expected, events, keys: Vec::new(), recorded_at };
        assert!(matches!(append(&mut conn, &batch).await.unwrap(), Appended::Done(_)));
    }

    /// Starts the program on this database and does not wait for it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_replay"));
        let url = self.database.url();
        command.args(arguments).args(["--database-url", &url]).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Runs the program on this database.
    pub(crate) async fn replay(&self, arguments: &[&str]) -> Said {
        replay_on(&self.database, arguments).await
    }

    /// The same, about this company.
    pub(crate) async fn replay_here(&self, arguments: &[&str]) -> Said {
        let company_id = self.company_id.to_string();
        self.replay(&[arguments, &["--company", &company_id]].concat()).await
    }

    /// Changes something that nobody may change: as the owner, with the triggers off.
    pub(crate) async fn tamper(&self, change: &str) {
        let change = format!(
            "set session_replication_role = replica; {change}; set session_replication_role = origin"
        );
        sqlx::raw_sql(&change).execute(self.database.owner()).await.unwrap();
    }
}

fn delivery(company_id: CompanyId, version: i64, at: DateTime<Utc>) -> StoredEvent {
    let movement_id = Ids.next();
    let payload = serde_json::json!({
        "entry": {
            "movement_id": movement_id, "effective_at": at, "local_date": at.date_naive(),
            "movements": [{"location_id": "MAIN", "quantity": 1, "effect": 1, "balance_after": version}],
        },
        "notes": "n".repeat(600),
    });
    StoredEvent {
        partition: 0,
        position: 0,
        company_id: company_id.0,
        stream_type: Arc::from("stock_item"),
        stream_id: Arc::from("BULB"),
        version,
        event_id: movement_id,
        event_type: Arc::from("StockReceived"),
        schema_version: 1,
        effective_at: at,
        recorded_at: at,
        payload: Arc::from(payload.to_string()),
        metadata: Arc::from(r#"{"actor":"user:ann"}"#),
        meaning: Meaning::default(),
    }
}

async fn replay_on(database: &Database, arguments: &[&str]) -> Said {
    let url = database.url();
    replay(&[arguments, &["--database-url", &url]].concat()).await
}

pub(crate) fn item() -> ItemId {
    ItemId::new("LAMP").unwrap()
}

pub(crate) fn place(location_id: &str) -> LocationId {
    LocationId::new(location_id).unwrap()
}

fn location(location_id: &str, is_primary: bool) -> Operation {
    let details = Box::new(LocationDetails::named(location_id, LocationKind::Own, None));
    Operation::CreateLocation { location_id: place(location_id), details, is_primary }
}

pub(crate) fn receive(quantity: i64) -> StockIntent {
    let human = Human::default();
    StockIntent::Receive { location_id: place("MAIN"), quantity, reference: Some("PO-1".to_owned()), human }
}

fn transfer(quantity: i64) -> StockIntent {
    let human = Human::default();
    StockIntent::Transfer { from: place("MAIN"), to: place("STORE"), quantity, human }
}

fn count(counted: i64) -> StockIntent {
    let human = Human { notes: Some("one was broken".to_owned()), ..Human::default() };
    StockIntent::Count { location_id: place("MAIN"), counted, human }
}

pub(crate) fn add(quantity: i64) -> StockIntent {
    adjust(AdjustKind::Add, quantity)
}

pub(crate) fn take(quantity: i64) -> StockIntent {
    adjust(AdjustKind::Subtract, quantity)
}

fn adjust(kind: AdjustKind, quantity: i64) -> StockIntent {
    let (location_id, human) = (place("MAIN"), Human::default());
    StockIntent::Adjust { location_id, kind, quantity, reason: Reason::Correction, human }
}

fn sale(line_id: &str, at: DateTime<Utc>) -> StockIntent {
    let sale = SaleLine {
        channel: ChannelId::new("web").unwrap(),
        order_id: format!("order-{line_id}"),
        line_id: line_id.to_owned(),
        quantity: 1,
        unit_price: None,
    };
    let at = Stamp { at, offset_minutes: 0 };
    StockIntent::RecordSale { location_id: place("MAIN"), at, sale, reserve: false }
}

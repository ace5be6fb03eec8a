//! One durable PostgreSQL, a wire to it that can be cut, a broker, and two processes of each role that know only the wire
//! and the broker.

use std::sync::RwLock;
use std::time::{Duration, Instant};

use migrations::{Database, Source};
use sqlx::PgPool;
use tokio::sync::Mutex;

use crate::findings::{Findings, Kind};
use crate::proxy::Proxy;
use crate::server::{DataDir, Server};
use crate::topic::Topic;

/// Processes of each role.
pub(crate) const EACH: usize = 2;
/// Those that answer requests.
pub(crate) const APIS: usize = EACH;
/// Every role.
pub(crate) const ROLES: [&str; 3] = ["api", "worker", "relay"];
/// How long a reader of the log is waited for.
const READERS: Duration = Duration::from_secs(1);
/// How long anything may take that comes by itself.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A process that is started again whenever it dies.
struct Member {
    role: &'static str,
    number: usize,
    server: Mutex<Option<Server>>,
    /// Where it answers; none while it is not there.
    url: RwLock<Option<String>>,
}

/// Everything.
pub(crate) struct Town {
    pub(crate) database: Database,
    pub(crate) proxy: Proxy,
    pub(crate) topic: Topic,
    pub(crate) partitions: i16,
    url: String,
    folder: DataDir,
    members: Vec<Member>,
}

impl Town {
    /// Starts everything and waits until it works.
    pub(crate) async fn found() -> Self {
        let folder = DataDir::make();
        let source = Source::Embedded { data_dir: folder.0.join("database"), durable: true };
        let database = Database::open(source).await.unwrap();
        let partitions = projections::heads::partitions(database.owner()).await.unwrap();
        let direct = database.url();
        let (before, place) = direct.rsplit_once('@').unwrap();
        let (address, name) = place.split_once('/').unwrap();
        let (_, port) = address.rsplit_once(':').unwrap();
        let proxy = Proxy::before(port.parse().unwrap()).await;
        let url = format!("{before}@{}/{name}", proxy.address);
        let all = ROLES.into_iter().flat_map(|role| (0..EACH).map(move |number| (role, number)));
        let member =
            |(role, number)| Member { role, number, server: Mutex::default(), url: RwLock::default() };
        let members = all.map(member).collect();
        let topic = Topic::make(partitions);
        let town = Self { database, proxy, topic, partitions, url, folder, members };
        for member in &town.members {
            town.raise(member, &mut *member.server.lock().await).await;
        }
        let mut findings = Findings::default();
        assert!(town.ready(&mut findings).await, "{findings}{}", town.last_words().await);
        town
    }

    /// Where a process of role `api` answers; none while it is being started.
    pub(crate) fn api(&self, number: usize) -> Option<String> {
        self.member("api", number).url.read().unwrap().clone()
    }

    /// `kill -9`; then it is started again.
    pub(crate) async fn kill(&self, role: &str, number: usize) {
        let member = self.member(role, number);
        let mut server = member.server.lock().await;
        *member.url.write().unwrap() = None;
        let ended = server.take().unwrap();
        // Its log ends with it.
        for line in ended.log().lines().filter(|line| line.contains("request failed")) {
            println!("{role} {number}, which is killed now: {line}");
        }
        ended.kill();
        self.raise(member, &mut server).await;
    }

    /// Stops it where it stands for so long; a worker while it waits for events, which it has in its hands when it goes
    /// on.
    pub(crate) async fn stop_for(&self, role: &str, number: usize, time: Duration) {
        let server = self.member(role, number).server.lock().await;
        let server = server.as_ref().unwrap();
        if role == "worker" {
            self.halt_reader(server).await;
        } else {
            server.halt();
        }
        tokio::time::sleep(time).await;
        server.go_on();
        if role == "relay" {
            self.topic.relay_went_on();
        }
    }

    /// Stops a worker once somebody waits for events. Readers of the log look at every child of its table, writers only
    /// at the one that they write, so an empty child is held meanwhile.
    async fn halt_reader(&self, server: &Server) {
        let held = async {
            let mut tx = self.database.owner().begin().await?;
            sqlx::raw_sql("lock table log.events_000001 in access exclusive mode").execute(&mut *tx).await?;
            let begun = Instant::now();
            while waiting_readers(self.database.owner()).await? == 0 && begun.elapsed() < READERS {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            server.halt();
            tx.rollback().await
        };
        // Where PostgreSQL is killed meanwhile, nobody waits.
        if held.await.is_err() {
            server.halt();
        }
    }

    /// `kill -9` of PostgreSQL; returns when it takes connections again.
    pub(crate) async fn kill_postgres(&self) {
        let pid = self.database.server_pid().unwrap();
        crate::server::send("-KILL", &pid.to_string());
        let begun = Instant::now();
        while self.database.server_pid() == Some(pid)
            || sqlx::query("select 1").execute(self.database.owner()).await.is_err()
        {
            assert!(begun.elapsed() < PATIENCE, "PostgreSQL does not come back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Holds the head row of a partition for so long, so that nothing is committed there.
    pub(crate) async fn slow_commits(&self, partition: i16, time: Duration) -> Result<(), sqlx::Error> {
        let mut tx = self.database.owner().begin().await?;
        sqlx::query("select from log.log_head where partition = $1 for update")
            .bind(partition)
            .execute(&mut *tx)
            .await?;
        tokio::time::sleep(time).await;
        tx.rollback().await
    }

    /// Takes the broker away for so long.
    pub(crate) async fn no_broker(&self, time: Duration) {
        tokio::task::block_in_place(|| self.topic.broker.down());
        tokio::time::sleep(time).await;
        self.topic.broker.up();
    }

    /// Waits until every process says that it is ready. False where one does not.
    pub(crate) async fn ready(&self, findings: &mut Findings) -> bool {
        let (begun, http) = (Instant::now(), reqwest::Client::new());
        for member in &self.members {
            let url = format!("{}/health/ready", member.url.read().unwrap().clone().unwrap());
            while !http.get(&url).send().await.is_ok_and(|answer| answer.status() == 200) {
                if begun.elapsed() > PATIENCE {
                    findings.add(Kind::Behind, format!("{} {} is not ready", member.role, member.number));
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        true
    }

    /// The last that every process has said, for whoever looks for the cause of a finding.
    pub(crate) async fn last_words(&self) -> String {
        let mut words = Vec::new();
        for Member { role, number, server, .. } in &self.members {
            let log = server.lock().await.as_ref().map(Server::log).unwrap_or_default();
            let count = log.lines().count();
            let lines = log.lines().enumerate();
            let lines = lines.filter(|(at, line)| at + 15 >= count || line.contains("request failed"));
            let lines: Vec<&str> = lines.map(|(_, line)| line).collect();
            words.extend([format!("--- {role} {number}"), lines.join("\n")]);
        }
        words.join("\n")
    }

    /// Ends everything.
    pub(crate) async fn end(self) {
        for member in self.members {
            drop(member.server.into_inner());
        }
        self.database.stop().await;
    }

    fn member(&self, role: &str, number: usize) -> &Member {
        self.members.iter().find(|member| (member.role, member.number) == (role, number)).unwrap()
    }

    /// Starts a process, as often as it takes: its start may meet a fault of its own.
    async fn raise(&self, member: &Member, server: &mut Option<Server>) {
        let begun = Instant::now();
        loop {
            match Server::launch(&self.folder.0, &self.settings(member.role)).await {
                Ok(started) => {
                    *member.url.write().unwrap() = Some(started.url.clone());
                    *server = Some(started);
                    return;
                }
                Err(log) => assert!(begun.elapsed() < PATIENCE, "{} does not start: {log}", member.role),
            }
        }
    }

    fn settings<'a>(&'a self, role: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("DATABASE_URL", &self.url),
            ("STOCKTRAIL_ROLE", role),
            ("STOCKTRAIL_SECRET", "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b"),
            ("STOCKTRAIL_LOG", "warn,api=info"),
            // Six processes share the server's 100 connections.
            ("STOCKTRAIL_READ_CONNECTIONS", "4"),
            ("STOCKTRAIL_PROJECTOR_CONNECTIONS", "4"),
            ("KAFKA_BROKERS", self.topic.brokers()),
        ]
    }
}

/// Workers that wait for events.
async fn waiting_readers(owner: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "select count(*) from pg_stat_activity
         where datname = current_database() and application_name = 'stocktrail_projector'
           and wait_event_type = 'Lock' and query like '%from log.events where partition%'",
    )
    .fetch_one(owner)
    .await
}

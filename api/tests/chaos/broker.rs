//! The broker, in a process of its own. The built-in broker's sockets are inherited by every process that its own one
//! starts, and a connection that somebody else still holds does not end when the broker goes away.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use connectors::kafka::config::DEFAULT_TOPIC;
use connectors::kafka::testing::TestBroker;

/// Tells the process how many partitions the topic has.
const PARTITIONS: &str = "STOCKTRAIL_CHAOS_BROKER";

/// A running broker with one topic.
pub(crate) struct Broker {
    process: Child,
    wire: Mutex<Wire>,
    servers: String,
}

struct Wire {
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Broker {
    /// Starts it, with a topic of so many partitions.
    pub(crate) fn start(partitions: i16) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "broker::connections_end_when_the_broker_goes_away", "--nocapture"])
            .env(PARTITIONS, partitions.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut wire = Wire { orders, answers };
        let servers = wire.answer("broker at ");
        Self { process, wire: Mutex::new(wire), servers }
    }

    /// Where it is.
    pub(crate) fn servers(&self) -> &str {
        &self.servers
    }

    /// Takes it away: connections end, new ones are refused.
    pub(crate) fn down(&self) {
        self.order("down");
    }

    /// Brings it back, with everything that it had.
    pub(crate) fn up(&self) {
        self.order("up");
    }

    fn order(&self, order: &str) {
        let mut wire = self.wire.lock().unwrap();
        writeln!(wire.orders, "{order}").unwrap();
        assert_eq!(wire.answer("broker is "), order);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

impl Wire {
    /// What comes behind `intro`; the test harness of the process has lines of its own.
    fn answer(&mut self, intro: &str) -> String {
        let line = self.answers.by_ref().map(Result::unwrap).find(|line| line.contains(intro)).unwrap();
        line.split_once(intro).unwrap().1.to_owned()
    }
}

/// Also what the process runs that [`Broker::start`] starts.
#[test]
fn connections_end_when_the_broker_goes_away() {
    if let Ok(partitions) = std::env::var(PARTITIONS) {
        return serve(partitions.parse().unwrap());
    }
    let broker = Broker::start(1);
    let mut connection = TcpStream::connect(broker.servers()).unwrap();
    broker.down();
    let end = connection.read(&mut [0]);
    assert!(!matches!(end, Ok(bytes) if bytes > 0), "{end:?}");
    assert!(TcpStream::connect(broker.servers()).is_err());
    broker.up();
    assert!(TcpStream::connect(broker.servers()).is_ok());
}

/// Obeys until nobody gives orders any more.
fn serve(partitions: i32) {
    let broker = TestBroker::built_in().unwrap();
    broker.create_topic(DEFAULT_TOPIC, partitions);
    println!("broker at {}", broker.servers());
    for order in std::io::stdin().lines().map(Result::unwrap) {
        match order.as_str() {
            "down" => broker.down(),
            "up" => broker.up(),
            other => panic!("what is {other}?"),
        }
        println!("broker is {order}");
    }
}

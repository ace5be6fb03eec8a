//! A broker for tests and measurements: librdkafka's built-in one, which speaks the real protocol on a port of the
//! loopback address, or the real broker that `KAFKA_BROKERS` names.
//!
//! The built-in broker keeps messages in memory only, at most 5 MB per partition, and cannot make topics for a client. It
//! also takes a repeated request for a new one (it compares sequence numbers of transactions only), so
//! [`TestBroker::down`] lets no answer get lost: a real broker recognises what comes again.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::config::KafkaConfig;
use super::quiet::Quiet;

/// Errors that a broker may give to a request and that mean: not now.
const NOT_NOW: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
/// As many requests as may come while a broker goes down.
const MANY: usize = 100_000;
/// How long requests are refused before the connections are cut, so that every answer has left.
const LAST_ANSWERS: Duration = Duration::from_millis(250);

/// A broker.
#[derive(Debug)]
pub struct TestBroker {
    servers: String,
    mock: Option<mpsc::Sender<Order>>,
}

/// What the built-in broker is to do, and whom to tell that it is done.
type Order = (Box<dyn FnOnce(&Mock) + Send>, mpsc::Sender<()>);
type Mock = MockCluster<'static, rdkafka::producer::DefaultProducerContext>;

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
#[error("no broker for the test: {0}")]
pub struct NoBroker(String);

impl TestBroker {
    /// The broker that `KAFKA_BROKERS` names, else a built-in one.
    pub fn start() -> Result<Self, NoBroker> {
        match std::env::var("KAFKA_BROKERS") {
            Ok(servers) if !servers.is_empty() => Ok(Self { servers, mock: None }),
            _ => Self::built_in(),
        }
    }

    /// A built-in broker, whatever `KAFKA_BROKERS` says.
    pub fn built_in() -> Result<Self, NoBroker> {
        let (ready, started) = mpsc::channel();
        let (orders, inbox) = mpsc::channel::<Order>();
        // It may not leave its thread.
        thread::spawn(move || match MockCluster::new(1) {
            Ok(mock) => {
                let _gone = ready.send(Ok(mock.bootstrap_servers()));
                while let Ok((order, done)) = inbox.recv() {
                    order(&mock);
                    let _gone = done.send(());
                }
            }
            Err(error) => drop(ready.send(Err(error.to_string()))),
        });
        let servers = started.recv().map_err(|error| NoBroker(error.to_string()))?.map_err(NoBroker)?;
        Ok(Self { servers, mock: Some(orders) })
    }

    /// Its address.
    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// Whether it can be put out of order; a real broker cannot.
    pub fn is_built_in(&self) -> bool {
        self.mock.is_some()
    }

    /// Makes a topic. A real broker's topics are made by the relay.
    pub fn create_topic(&self, topic: &str, partitions: i32) {
        let topic = topic.to_owned();
        self.order(move |mock| told(&mock.create_topic(&topic, partitions, 1)));
    }

    /// Takes it away: connections end, new ones are refused. What it has answered is known to the client.
    pub fn down(&self) {
        self.order(|mock| {
            mock.request_errors(RDKafkaApiKey::Produce, &vec![NOT_NOW; MANY]);
            thread::sleep(LAST_ANSWERS);
            told(&mock.broker_down(-1));
            mock.clear_request_errors(RDKafkaApiKey::Produce);
        });
    }

    /// Brings it back, with everything that it had.
    pub fn up(&self) {
        self.order(|mock| told(&mock.broker_up(-1)));
    }

    /// Gives these errors to the next requests to take messages, which it does not take;
    /// `RD_KAFKA_RESP_ERR__TRANSPORT` cuts the connection instead of answering.
    pub fn refuse(&self, errors: &[RDKafkaRespErr]) {
        let errors = errors.to_vec();
        self.order(move |mock| mock.request_errors(RDKafkaApiKey::Produce, &errors));
    }

    /// Lets every answer take so long.
    pub fn answer_after(&self, delay: Duration) {
        self.order(move |mock| told(&mock.broker_round_trip_time(-1, delay)));
    }

    /// Removes a topic of a real broker.
    pub async fn remove_topic(&self, topic: &str) {
        if self.is_built_in() {
            return;
        }
        let config = KafkaConfig::new(&self.servers);
        let made: Result<AdminClient<Quiet>, _> = config.client().create_with_context(Quiet);
        if let Ok(admin) = made {
            let _left = admin.delete_topics(&[topic], &AdminOptions::new()).await;
        }
    }

    fn order(&self, order: impl FnOnce(&Mock) + Send + 'static) {
        let Some(mock) = &self.mock else { return };
        let (done, finished) = mpsc::channel();
        if mock.send((Box::new(order), done)).is_ok() {
            let _gone = finished.recv();
        }
    }
}

fn told(done: &rdkafka::error::KafkaResult<()>) {
    if let Err(error) = done {
        tracing::error!(%error, "the built-in broker does not obey");
    }
}

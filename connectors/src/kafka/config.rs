//! Where the topic is, and how librdkafka is to reach it.

use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::layout::Layout;

/// Topic that is used where none is named.
pub const DEFAULT_TOPIC: &str = "stocktrail.events";

/// The outlet for events.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// Addresses of brokers, `host:port`, separated by commas.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// Kafka partitions for each partition of the log, 1 or more. It cannot change while the topic is kept.
    pub spread: u16,
    /// Copies of each message in a topic that the relay creates; none for the broker's default.
    pub replication: Option<u16>,
    /// Further settings of librdkafka, for example of encryption and sign-in.
    pub settings: Vec<Setting>,
}

/// One setting of librdkafka. Its value may be a secret and is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    name: String,
    value: String,
}

/// Settings on which the relay's promises rest, or that it uses for itself.
const OURS: [&str; 25] = [
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "batch.num.messages",
    "batch.size",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "isolation.level",
    "linger.ms",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.max.bytes",
    "message.timeout.ms",
    "metadata.broker.list",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "request.required.acks",
    "retries",
    "transactional.id",
];

/// A text that is no usable setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// There is no `=` in it.
    #[error("a setting is written name=value")]
    Form,
    /// The relay chooses it.
    #[error("the relay chooses {0} itself")]
    Ours(String),
}

impl std::str::FromStr for Setting {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let (name, value) = text.split_once('=').ok_or(SettingError::Form)?;
        let name = name.trim();
        if name.is_empty() {
            return Err(SettingError::Form);
        }
        if OURS.contains(&name) {
            return Err(SettingError::Ours(name.to_owned()));
        }
        Ok(Self { name: name.to_owned(), value: value.trim().to_owned() })
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=…", self.name)
    }
}

impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { brokers, topic, spread, replication, settings } = self;
        f.debug_struct("KafkaConfig")
            .field("brokers", brokers)
            .field("topic", topic)
            .field("spread", spread)
            .field("replication", replication)
            .field("settings", settings)
            .finish()
    }
}

impl KafkaConfig {
    /// The default topic of these brokers, with one Kafka partition for each partition of the log.
    pub fn new(brokers: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            topic: DEFAULT_TOPIC.to_owned(),
            spread: 1,
            replication: None,
            settings: Vec::new(),
        }
    }

    /// How a log of so many partitions lies in the topic.
    pub fn layout(&self, partitions: i16) -> Layout {
        Layout::new(partitions, self.spread)
    }

    /// What every client of these brokers has in common.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        for Setting { name, value } in &self.settings {
            client.set(name, value);
        }
        client.set("bootstrap.servers", &self.brokers);
        // A broker that is back is found within moments, also after hours.
        client.set("reconnect.backoff.max.ms", "2000");
        client.set_log_level(RDKafkaLogLevel::Warning);
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_carry_the_promises_cannot_be_changed() {
        let parse = |text: &str| text.parse::<Setting>();
        assert_eq!(parse("enable.idempotence=false"), Err(SettingError::Ours("enable.idempotence".into())));
        assert_eq!(parse("acks"), Err(SettingError::Form));
        assert_eq!(parse(" =1"), Err(SettingError::Form));
        let password = parse("sasl.password= a=b").unwrap();
        assert_eq!(password.value, "a=b");
        assert_eq!(format!("{password:?}"), "sasl.password=…", "values may be secrets");
    }
}

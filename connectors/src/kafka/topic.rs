//! The topic as it must be: it is there, and its partitions fit the log's.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::config::KafkaConfig;
use super::error::RelayError;
use super::quiet::Quiet;

/// How long the broker may take to say something.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// Looks at the topic, and makes it where it is missing. Only a topic that fits is used.
pub(crate) async fn prepare(config: &KafkaConfig, partitions: i16) -> Result<(), RelayError> {
    let asked = config.clone();
    let looked = tokio::task::spawn_blocking(move || count(&asked)).await;
    match looked.map_err(|_| RelayError::CutOff)?? {
        Some(found) => fits(config, partitions, found),
        None => create(config, partitions).await,
    }
}

/// Number of the topic's partitions; none where there is no such topic. Blocks.
fn count(config: &KafkaConfig) -> Result<Option<i32>, RelayError> {
    // A consumer, because a producer that asks for a topic makes it.
    let mut client = config.client();
    let consumer: BaseConsumer<Quiet> =
        client.set("allow.auto.create.topics", "false").create_with_context(Quiet)?;
    let metadata = consumer.fetch_metadata(Some(&config.topic), PATIENCE)?;
    let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == config.topic) else {
        return Ok(None);
    };
    match topic.error().map(RDKafkaErrorCode::from) {
        None => Ok(Some(i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX))),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
        Some(code) => Err(KafkaError::MetadataFetch(code).into()),
    }
}

fn fits(config: &KafkaConfig, partitions: i16, found: i32) -> Result<(), RelayError> {
    let wanted = config.layout(partitions).kafka_partitions();
    if found == wanted {
        return Ok(());
    }
    let (topic, spread) = (config.topic.clone(), config.spread);
    Err(RelayError::WrongPartitions { topic, found, wanted, spread, partitions })
}

/// Makes the topic. Nothing is ever removed from it, unless somebody changes its settings.
async fn create(config: &KafkaConfig, partitions: i16) -> Result<(), RelayError> {
    let refused = |reason: String| RelayError::NoTopic { topic: config.topic.clone(), reason };
    let wanted = config.layout(partitions).kafka_partitions();
    let replication = TopicReplication::Fixed(config.replication.map_or(-1, i32::from));
    let topic = NewTopic::new(&config.topic, wanted, replication)
        .set("cleanup.policy", "delete")
        .set("retention.ms", "-1")
        .set("retention.bytes", "-1");
    let admin: AdminClient<Quiet> = config.client().create_with_context(Quiet)?;
    let options =
        AdminOptions::new().request_timeout(Some(PATIENCE * 2)).operation_timeout(Some(PATIENCE * 2));
    let made = admin.create_topics([&topic], &options).await.map_err(|error| refused(error.to_string()))?;
    match made.into_iter().next() {
        // Somebody else was faster; the next look says whether it fits.
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {
            Err(refused("it appeared just now".to_owned()))
        }
        Some(Err((_, code))) => Err(refused(code.to_string())),
        Some(Ok(_)) | None => {
            tracing::info!(topic = config.topic, partitions = wanted, "topic made");
            Ok(())
        }
    }
}

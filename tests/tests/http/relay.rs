//! Every event of the log as a message of a Kafka topic, through the front door: the AsyncAPI document is true of real
//! messages, and a broker that is away stops nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use connectors::kafka::KafkaConfig;
use connectors::kafka::testing::TestBroker;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use reqwest::Method;
use serde_json::{Map, Value, json};
use sqlx::Row;
use tests::{Answer, Person, TestApp, until};

use crate::exercises::{World, exercise};
use crate::schema::Schemas;

/// A message as any consumer sees it.
struct Read {
    key: String,
    headers: Value,
    payload: Value,
    text: String,
}

async fn relaying() -> (TestBroker, KafkaConfig, TestApp) {
    let broker = TestBroker::start().unwrap();
    let topic = format!("tests.{}", commands::clock::Ids.next());
    let kafka = KafkaConfig { topic, ..KafkaConfig::new(broker.servers()) };
    broker.create_topic(&kafka.topic, 4);
    let asked = kafka.clone();
    let app = TestApp::start_with(|config| config.kafka = Some(asked)).await;
    (broker, kafka, app)
}

/// Waits until the operators' page says that every partition was relayed to its end.
async fn relayed(owner: &Person<'_>) {
    until("everything is relayed", async || {
        let list = owner.get("/ops/relay").await.expect(200);
        let rows = list.items();
        let done = |row: &Value| row["state"] == "relaying" && row["lag_events"] == 0;
        (rows.len() == 4 && rows.iter().all(done)).then_some(())
    })
    .await;
}

fn read(kafka: &KafkaConfig) -> Vec<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.brokers)
        .set("group.id", "tests")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let (mut from, mut missing) = (TopicPartitionList::new(), 0);
    for partition in 0..4 {
        let (_, end) = consumer.fetch_watermarks(&kafka.topic, partition, Duration::from_secs(10)).unwrap();
        missing += end;
        from.add_partition_offset(&kafka.topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&from).unwrap();
    let (mut all, begun) = (Vec::new(), Instant::now());
    while missing > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{missing} messages do not come");
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.unwrap();
        let text = |bytes: Option<&[u8]>| std::str::from_utf8(bytes.unwrap()).unwrap().to_owned();
        let headers: Map<String, Value> = message
            .headers()
            .unwrap()
            .iter()
            .map(|header| (header.key.to_owned(), json!(text(header.value))))
            .collect();
        let payload = text(message.payload());
        all.push(Read {
            key: text(message.key()),
            headers: Value::Object(headers),
            payload: serde_json::from_str(&payload).unwrap(),
            text: payload,
        });
        missing -= 1;
    }
    all
}

/// Does everything that can be done to a company.
async fn live(app: &TestApp) -> Person<'_> {
    let world = World::found(app, "K").await;
    let document = app.anonymous(Method::GET, "/api/v1/openapi.json", None).await.expect(200).body;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, described) in item.as_object().unwrap() {
            let (id, signed_in) =
                (described["operationId"].as_str().unwrap(), !described["x-roles"].is_null());
            let names = world.names().await;
            let exercise = exercise(id, &names).unwrap();
            if path.starts_with("/api/") && exercise.writes && signed_in {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let request = world.request(Some(&world.owner), &method, &exercise.right, false);
                assert_eq!(Answer::of(request).await.status, exercise.status, "{id}");
            }
        }
    }
    world.owner.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_asyncapi_document_is_true_of_every_message() {
    let (broker, kafka, app) = relaying().await;
    let owner = live(&app).await;
    relayed(&owner).await;
    let document = app.anonymous(Method::GET, "/api/v1/asyncapi.json", None).await.expect(200).body;
    assert_eq!(
        (&document["asyncapi"], &document["channels"]["events"]["address"]),
        (&json!("3.0.0"), &json!(kafka.topic))
    );
    assert_eq!(document["channels"]["events"]["bindings"]["kafka"]["partitions"], 4);
    let messages: BTreeMap<&str, &Value> = document["components"]["messages"]
        .as_object()
        .unwrap()
        .values()
        .map(|message| (message["name"].as_str().unwrap(), message))
        .collect();
    let logged = sqlx::query("select event_id::text, payload::text from log.events")
        .fetch_all(app.database.owner())
        .await
        .unwrap();
    let mut logged: BTreeMap<String, String> = logged.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut seen = BTreeSet::new();
    let all = {
        let kafka = kafka.clone();
        tokio::task::spawn_blocking(move || read(&kafka)).await.unwrap()
    };
    for message in all {
        let name = message.headers["ce_type"].as_str().unwrap();
        let described = messages.get(name).unwrap_or_else(|| panic!("{name} is not in the document"));
        let schemas = Schemas(&document);
        let faults = schemas.faults(&described["headers"], &message.headers);
        assert!(faults.is_empty(), "{name}: {faults:#?}");
        let faults = schemas.faults(&described["payload"], &message.payload);
        assert!(faults.is_empty(), "{name}: {faults:#?}\n{:#}", message.payload);
        let company = message.headers["ce_source"].as_str().unwrap().rsplit('/').next().unwrap();
        let stream = message.headers["ce_subject"].as_str().unwrap().replacen(':', "/", 1);
        assert_eq!(message.key, format!("{company}/{stream}"));
        let id = message.headers["ce_id"].as_str().unwrap();
        assert_eq!(logged.remove(id), Some(message.text), "each event once, with its bytes: {name}");
        seen.insert(name.to_owned());
    }
    assert!(logged.is_empty(), "not relayed: {logged:#?}");
    assert!(seen.len() > 15, "{seen:?}");
    // Every operation of the document refers to messages of its channel.
    for message in document["operations"]["relay"]["messages"].as_array().unwrap() {
        let place = message["$ref"].as_str().unwrap().trim_start_matches('#');
        let place = document.pointer(place).unwrap()["$ref"].as_str().unwrap().trim_start_matches('#');
        assert!(document.pointer(place).is_some(), "{place}");
    }
    app.stop().await;
    broker.remove_topic(&kafka.topic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_go_on_while_the_broker_is_away() {
    let (broker, kafka, app) = relaying().await;
    let owner = app.register("Away").await;
    owner.product("A").await;
    relayed(&owner).await;
    if broker.is_built_in() {
        broker.down();
        let delivery = json!({"item_id": "A", "location_id": "MAIN", "quantity": 5});
        for _ in 0..20 {
            owner.post("/inventory/receive", &delivery).await.expect(200);
        }
        until("it waits", async || {
            let list = owner.get("/ops/relay").await.expect(200);
            let waits = |row: &&Value| row["state"] == "waiting" && row["detail"].is_string();
            list.items().iter().any(|row| waits(&row)).then_some(())
        })
        .await;
        app.anonymous(Method::GET, "/health/ready", None).await.expect(200);
        let metrics = app.anonymous(Method::GET, "/metrics", None).await.expect(200).body;
        let metrics = metrics.as_str().unwrap();
        assert!(metrics.contains("stocktrail_relay_lag_events{outlet=\"kafka\""), "{metrics}");
        broker.up();
        relayed(&owner).await;
    }
    app.stop().await;
    broker.remove_topic(&kafka.topic).await;
}

//! The AsyncAPI document of the topic, made from the event types: what a consumer may rely on.

use std::sync::LazyLock;

use domain::registry::{EventType, event_types};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::{Map, Value, json};

use super::config::KafkaConfig;
use super::message::{CONTENT_TYPE, SPEC_VERSION, header, type_of};
use super::schema::{Fields, collect, schema_of};

/// Version of the Kafka bindings of the document.
const BINDING: &str = "0.5.0";

/// One example of every event type and version that was ever stored.
#[derive(RustEmbed)]
#[folder = "../domain/fixtures/events"]
struct Golden;

/// The document for a topic, of a log with so many partitions where that is known.
pub fn document(kafka: &KafkaConfig, partitions: Option<i16>) -> Value {
    let (mut refs, mut messages) = (Map::new(), Map::new());
    for (event_type, version) in versions() {
        let name = name_of(&event_type, version);
        refs.insert(name.clone(), reference("components/messages", &name));
        messages.insert(name.clone(), message(&event_type, version, &name));
    }
    let mut schemas = SCHEMAS.clone();
    schemas.insert("Headers".to_owned(), headers());
    let sent: Vec<Value> = refs.keys().map(|name| reference("channels/events/messages", name)).collect();
    let mut binding = json!({"topic": kafka.topic, "bindingVersion": BINDING});
    if let (Some(partitions), Some(binding)) = (partitions, binding.as_object_mut()) {
        binding.insert("partitions".to_owned(), json!(kafka.layout(partitions).kafka_partitions()));
    }
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:stocktrail:events",
        "info": {
            "title": "Stocktrail events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {"events": {
            "address": kafka.topic,
            "title": "Every event of the log",
            "description": "In the order of the log: a Kafka partition holds events of one partition of the log, in rising \
                position. All events of a stream have one key.",
            "messages": refs,
            "bindings": {"kafka": binding},
        }},
        "operations": {"relay": {
            "action": "send",
            "title": "Relay the log",
            "channel": {"$ref": "#/channels/events"},
            "messages": sent,
        }},
        "components": {"messages": messages, "schemas": schemas},
    })
}

const ABOUT: &str = "Every event of the append-only log as a CloudEvent 1.0 in binary mode. There are neither gaps nor \
    repeats, and a consumer can see for itself: ce_position rises within a Kafka partition, and ce_previous names the \
    position of the message before. A new shape of an event is a new type; unknown types, headers and fields are to be \
    passed over.";

/// Schemas of all payloads, made at the first use: the decoder is asked some thousands of times.
static SCHEMAS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let all: Vec<_> = versions()
        .filter_map(|(event_type, version)| Some((event_type, version, golden(&event_type, version)?)))
        .collect();
    let mut fields = Fields::new();
    for (_, _, golden) in &all {
        collect(&mut fields, golden);
    }
    all.iter()
        .map(|(event_type, version, golden)| {
            (name_of(event_type, *version), schema_of(event_type, *version, golden, &fields))
        })
        .collect()
});

/// Every version of every event type that may be in the log.
fn versions() -> impl Iterator<Item = (EventType, i16)> {
    event_types()
        .into_iter()
        .flat_map(|event_type| (1..=event_type.version).map(move |version| (event_type, version)))
}

fn name_of(event_type: &EventType, version: i16) -> String {
    format!("{}.v{version}", event_type.name)
}

fn golden(event_type: &EventType, version: i16) -> Option<Value> {
    let EmbeddedFile { data, .. } = Golden::get(&format!("{}.json", name_of(event_type, version)))?;
    serde_json::from_slice(&data).ok()
}

fn message(event_type: &EventType, version: i16, name: &str) -> Value {
    json!({
        "name": type_of(event_type.name, version),
        "title": event_type.name,
        "contentType": CONTENT_TYPE,
        "tags": [{"name": event_type.stream_type}],
        "headers": {"allOf": [
            reference("components/schemas", "Headers"),
            {"type": "object", "properties": {
                header::TYPE: {"const": type_of(event_type.name, version)},
                header::SCHEMA_VERSION: {"const": version.to_string()},
            }},
        ]},
        "payload": reference("components/schemas", name),
        "bindings": {"kafka": {
            "key": {
                "type": "string",
                "description": "Company, stream type and stream id, joined by /.",
                "examples": [format!("01910000-0000-7000-8000-000000000001/{}/22086", event_type.stream_type)],
            },
            "bindingVersion": BINDING,
        }},
    })
}

/// What the headers of every message say.
fn headers() -> Value {
    let number = |about: &str| json!({"type": "string", "pattern": "^[0-9]+$", "description": about});
    let instant = |about: &str| json!({"type": "string", "format": "date-time", "description": about});
    let properties = json!({
        header::SPEC_VERSION: {"const": SPEC_VERSION},
        header::ID: {"type": "string", "format": "uuid", "description": "The event. No other has this id."},
        header::TYPE: {"type": "string", "description": "What happened, and the version of the payload's shape."},
        header::SOURCE: {"type": "string", "format": "uri-reference", "description": "The company's log."},
        header::SUBJECT: {"type": "string", "description": "The stream: type and id, joined by a colon."},
        header::TIME: instant("When it was recorded."),
        header::EFFECTIVE_AT: instant("When it happened."),
        header::PARTITION: number("Partition of the log."),
        header::POSITION: number("Place in that partition, from 1, without gaps."),
        header::PREVIOUS: number("Position of the message before this one in the same Kafka partition; 0 for the first."),
        header::STREAM_VERSION: number("Place in the stream, from 1, without gaps."),
        header::SCHEMA_VERSION: number("Version of the payload's shape."),
        header::METADATA: {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "Who caused it, and through which request: actor, command_id, correlation_id, causation_id, source.",
        },
        header::CONTENT_TYPE: {"const": CONTENT_TYPE},
    });
    let required: Vec<String> = properties.as_object().into_iter().flat_map(Map::keys).cloned().collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn reference(section: &str, name: &str) -> Value {
    json!({"$ref": format!("#/{section}/{name}")})
}

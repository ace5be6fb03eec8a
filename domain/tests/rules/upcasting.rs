//! Older shapes of an event are brought to today's, shown on made-up shapes.

use domain::shared::event::{DecodeError, Event, Upcaster, upcast};
use domain::stock::StockEvent;
use serde::Deserialize;
use serde_json::{Value, json};

/// Version 3 of a made-up event; version 1 said `qty` in dozens, version 2 `quantity` in units without a reason.
#[derive(Debug, PartialEq, Deserialize)]
struct Moved {
    quantity: i64,
    reason: String,
}

const UPCASTERS: &[Upcaster] = &[
    Upcaster {
        event: "Moved",
        from: 1,
        change: |old| json!({ "quantity": old.get("qty").and_then(Value::as_i64).unwrap_or_default() * 12 }),
    },
    Upcaster {
        event: "Moved",
        from: 2,
        change: |mut old| {
            if let Some(fields) = old.as_object_mut() {
                fields.insert("reason".to_owned(), json!("OTHER"));
            }
            old
        },
    },
];

fn read(stored: i16, payload: &str) -> Result<Moved, DecodeError> {
    upcast(UPCASTERS, "Moved", stored, 3, payload)
}

#[test]
fn todays_shape_is_read_as_it_is() {
    let moved = read(3, r#"{"quantity":5,"reason":"LOSS"}"#).unwrap();
    assert_eq!(moved, Moved { quantity: 5, reason: "LOSS".to_owned() });
}

#[test]
fn every_older_shape_passes_through_each_version_between() {
    let other = |quantity| Moved { quantity, reason: "OTHER".to_owned() };
    assert_eq!(read(2, r#"{"quantity":5}"#).unwrap(), other(5));
    assert_eq!(read(1, r#"{"qty":2}"#).unwrap(), other(24));
}

#[test]
fn a_version_that_no_upcaster_reads_or_a_newer_release_wrote_is_named() {
    for stored in [0, 4] {
        let unreadable = read(stored, "{}");
        let Err(DecodeError::UnknownVersion { name, version, newest }) = unreadable else {
            panic!("read version {stored}")
        };
        assert_eq!((name.as_str(), version, newest), ("Moved", stored, 3));
    }
}

#[test]
fn a_payload_of_another_shape_is_named() {
    assert!(matches!(read(3, r#"{"quantity":"five"}"#), Err(DecodeError::Payload { .. })));
    assert!(matches!(read(1, "no json"), Err(DecodeError::Payload { .. })));
}

#[test]
fn an_event_that_nobody_knows_is_named() {
    let unknown = StockEvent::decode("StockVanished", 1, "{}");
    assert!(matches!(unknown, Err(DecodeError::UnknownType(name)) if name == "StockVanished"));
    assert!(matches!(StockEvent::decode("Sold", 2, "{}"), Err(DecodeError::UnknownVersion { .. })));
}

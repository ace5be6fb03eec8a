//! Every event ever stored stays readable: one file per event type and version in `domain/fixtures/events`.
//!
//! A stored file never changes. For a new event type add a sample to `samples.rs`; for a new shape raise the
//! version, add an upcaster and keep the old file. The first run of this test then fails, having written the missing
//! file from the sample: look at it, commit it, run again.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use domain::registry::{AnyEvent, EventType, event_types};

use crate::samples::samples;

fn path(event_type: &EventType, version: i16) -> PathBuf {
    let name = format!("{}.v{version}.json", event_type.name);
    [env!("CARGO_MANIFEST_DIR"), "fixtures", "events", &name].iter().collect()
}

fn type_named(name: &str) -> EventType {
    *event_types()
        .iter()
        .find(|known| known.name == name)
        .unwrap_or_else(|| panic!("nobody knows event {name}"))
}

/// A golden file is the payload, indented for people.
fn shown(payload: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(payload).unwrap();
    serde_json::to_string_pretty(&value).unwrap() + "\n"
}

fn value(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_event_type_has_one_name_and_one_sample() {
    let sampled: Vec<&str> = samples().iter().map(AnyEvent::name).collect();
    let known: Vec<&str> = event_types().iter().map(|known| known.name).collect();
    assert_eq!(sampled, known, "samples stand in the order of the registry");
    assert_eq!(
        known.iter().collect::<BTreeSet<_>>().len(),
        known.len(),
        "names are unique over all features"
    );
}

#[test]
fn every_event_writes_the_shape_of_its_golden_file() {
    let mut written = Vec::new();
    for event in samples() {
        let file = path(&type_named(event.name()), event.schema_version());
        let payload = shown(&event.payload().unwrap());
        if let Ok(golden) = fs::read_to_string(&file) {
            assert_eq!(value(&golden), value(&payload), "{}", file.display());
        } else {
            fs::write(&file, payload).unwrap();
            written.push(file);
        }
    }
    assert!(written.is_empty(), "golden files were missing and are written now, look at them: {written:?}");
}

#[test]
fn every_golden_file_ever_stored_is_read_by_todays_code() {
    for known in event_types() {
        for version in 1..=known.version {
            let Ok(golden) = fs::read_to_string(path(&known, version)) else {
                panic!("{} version {version} has no golden file", known.name)
            };
            let event = AnyEvent::decode(known.stream_type, known.name, version, &golden).unwrap();
            assert_eq!((event.stream_type(), event.name()), (known.stream_type, known.name));
            if version == known.version {
                assert_eq!(value(&event.payload().unwrap()), value(&golden), "{}", known.name);
            }
        }
    }
}

#[test]
fn no_golden_file_is_left_alone() {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "fixtures", "events"].iter().collect();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let (event, version) = name.strip_suffix(".json").and_then(|name| name.rsplit_once(".v")).unwrap();
        let known = type_named(event);
        assert!((1..=known.version).contains(&version.parse().unwrap()), "{name}");
    }
}

#[test]
fn an_event_of_an_unknown_stream_type_is_named() {
    let unknown = AnyEvent::decode("teapot", "Sold", 1, "{}").unwrap_err();
    assert_eq!(unknown.to_string(), "unknown event type teapot/Sold");
}

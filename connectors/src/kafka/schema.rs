//! JSON schemas of stored events, found out from the code that reads them.
//!
//! The golden file of an event gives its fields, those of all other events more that it might have. Which of them it
//! knows, which must be there, may be null or take one of a few words is asked of the decoder, field by field, by
//! taking the field away or putting something else in its place. So the schema never says more than what is true of
//! every event that can be read.

use std::collections::BTreeMap;

use domain::registry::{AnyEvent, EventType};
use domain::shared::event::DecodeError;
use serde_json::{Map, Value, json};

/// No field may hold it.
const NONSENSE: &str = "\u{1}nonsense";

/// What fields of any event hold, by their names.
pub(crate) type Fields = BTreeMap<String, Vec<Value>>;

/// Adds the fields of a golden file.
pub(crate) fn collect(fields: &mut Fields, golden: &Value) {
    match golden {
        Value::Object(inner) => {
            for (name, value) in inner {
                let seen = fields.entry(name.clone()).or_default();
                if !seen.contains(value) {
                    seen.push(value.clone());
                }
                collect(fields, value);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(fields, item)),
        _ => {}
    }
}

/// The schema of one event type in one version, from its golden file and the fields of all events.
pub(crate) fn schema_of(event_type: &EventType, version: i16, golden: &Value, fields: &Fields) -> Value {
    let mut probe = Probe { event_type: *event_type, version, fields, sample: golden.clone() };
    probe.complete(&mut Vec::new());
    let mut schema = probe.schema(&mut Vec::new(), &probe.sample);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("examples".to_owned(), json!([golden]));
    }
    schema
}

/// A way from the whole payload to a part of it.
type Path = Vec<Step>;

#[derive(Debug, Clone)]
enum Step {
    Field(String),
    First,
}

struct Probe<'a> {
    event_type: EventType,
    version: i16,
    /// What fields of any event hold.
    fields: &'a Fields,
    /// A payload that today's code reads.
    sample: Value,
}

impl Probe<'_> {
    /// Gives the sample, at this place and below, every field that the decoder knows there.
    fn complete(&mut self, path: &mut Path) {
        if self.is_free(path) {
            return;
        }
        let names: Vec<Step> = match at(&self.sample, path) {
            Some(Value::Object(present)) => {
                let present: Vec<String> = present.keys().cloned().collect();
                for (name, values) in self.fields.iter().filter(|(name, _)| !present.contains(name)) {
                    path.push(Step::Field(name.clone()));
                    self.add(path, values);
                    path.pop();
                }
                let Some(Value::Object(known)) = at(&self.sample, path) else { return };
                known.keys().cloned().map(Step::Field).collect()
            }
            Some(Value::Array(items)) if !items.is_empty() => vec![Step::First],
            _ => return,
        };
        for step in names {
            path.push(step);
            self.complete(path);
            path.pop();
        }
    }

    /// Adds a field if the decoder knows it: then it does not take just anything there.
    fn add(&mut self, path: &Path, values: &[Value]) {
        if self.reads(path, Change::To(json!({NONSENSE: [NONSENSE]}))).is_ok() {
            return;
        }
        if let Some(value) =
            values.iter().find(|value| self.reads(path, Change::To((*value).clone())).is_ok())
        {
            apply(&mut self.sample, path, Change::To(value.clone()));
        }
    }

    fn schema(&self, path: &mut Path, value: &Value) -> Value {
        let mut schema = match value {
            Value::Object(fields) => self.object(path, fields),
            Value::Array(items) => self.array(path, items),
            Value::String(text) => self.text(path, text),
            Value::Bool(_) => json!({"type": "boolean"}),
            Value::Number(number) if number.is_f64() => json!({"type": "number"}),
            Value::Number(_) => json!({"type": "integer"}),
            Value::Null => return json!({}),
        };
        if !path.is_empty()
            && self.reads(path, Change::To(Value::Null)).is_ok()
            && let Some(kind) = schema.get_mut("type")
        {
            *kind = json!([kind.take(), "null"]);
            if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
                words.push(Value::Null);
            }
        }
        schema
    }

    /// Whether any field may stand here, as in what people note about a location: what nobody knows is kept.
    fn is_free(&self, path: &mut Path) -> bool {
        path.push(Step::Field(NONSENSE.to_owned()));
        let mut changed = self.sample.clone();
        apply(&mut changed, path, Change::To(json!(1)));
        let kept = self.decode(&changed).ok().and_then(|event| event.payload().ok());
        let kept: Option<Value> = kept.and_then(|payload| serde_json::from_str(&payload).ok());
        let kept = kept.is_some_and(|payload| at(&payload, path).is_some());
        path.pop();
        kept
    }

    fn object(&self, path: &mut Path, fields: &Map<String, Value>) -> Value {
        if self.is_free(path) {
            return json!({"type": "object"});
        }
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for (name, value) in fields {
            path.push(Step::Field(name.clone()));
            if self.reads(path, Change::Without).is_err() && !self.goes_with_a_word(path, fields) {
                required.push(json!(name));
            }
            properties.insert(name.clone(), self.schema(path, value));
            path.pop();
        }
        for (name, schema) in self.with_other_words(path, fields) {
            properties.entry(name).or_insert(schema);
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if !required.is_empty()
            && let Some(schema) = schema.as_object_mut()
        {
            schema.insert("required".to_owned(), Value::Array(required));
        }
        schema
    }

    /// Whether a field is there only with some words of another field of its object, as a date is with `until` alone.
    fn goes_with_a_word(&self, path: &Path, fields: &Map<String, Value>) -> bool {
        let Some(Step::Field(own)) = path.last() else { return false };
        let place = path.get(..path.len() - 1).unwrap_or_default().to_vec();
        fields.iter().filter(|(name, value)| *name != own && value.is_string()).any(|(name, _)| {
            let beside = [place.clone(), vec![Step::Field(name.clone())]].concat();
            self.words_at(&beside).into_iter().any(|word| {
                let mut changed = self.sample.clone();
                apply(&mut changed, path, Change::Without);
                apply(&mut changed, &beside, Change::To(json!(word)));
                // With another word another field may be missing, which the sample does not have.
                match self.decode(&changed) {
                    Ok(_) => true,
                    Err(error) => missing(&error).is_some_and(|field| field != *own),
                }
            })
        })
    }

    /// Fields that are there only with another word of one of these than the sample has.
    fn with_other_words(&self, path: &Path, fields: &Map<String, Value>) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        for (tag, _) in fields.iter().filter(|(_, value)| value.is_string()) {
            let beside = [path.clone(), vec![Step::Field(tag.clone())]].concat();
            for word in self.words_at(&beside) {
                let mut other = Self { sample: self.sample.clone(), ..*self };
                apply(&mut other.sample, &beside, Change::To(json!(word)));
                let Err(error) = other.decode(&other.sample) else { continue };
                let Some(name) = missing(&error) else { continue };
                let mut place = [path.clone(), vec![Step::Field(name.clone())]].concat();
                let values = self.fields.get(&name).map(Vec::as_slice).unwrap_or_default();
                let fits =
                    values.iter().find(|value| other.reads(&place, Change::To((*value).clone())).is_ok());
                if let Some(value) = fits {
                    apply(&mut other.sample, &place, Change::To(value.clone()));
                    found.push((name, other.schema(&mut place, value)));
                }
            }
        }
        found
    }

    /// The words that a text field takes; none where it takes any text.
    fn words_at(&self, path: &Path) -> Vec<String> {
        let refusal = self.reads(path, Change::To(json!(NONSENSE))).err().map(|error| reason(&error));
        refusal.as_deref().and_then(words_of).unwrap_or_default()
    }

    fn array(&self, path: &mut Path, items: &[Value]) -> Value {
        let Some(first) = items.first() else { return json!({"type": "array"}) };
        path.push(Step::First);
        let items = self.schema(path, first);
        path.pop();
        json!({"type": "array", "items": items})
    }

    fn text(&self, path: &Path, text: &str) -> Value {
        let words = self.words_at(path);
        if !words.is_empty() {
            return json!({"type": "string", "enum": words});
        }
        let is_refused = self.reads(path, Change::To(json!(NONSENSE))).is_err();
        match (is_refused, format_of(text)) {
            (true, Some(format)) => json!({"type": "string", "format": format}),
            _ => json!({"type": "string"}),
        }
    }

    /// Whether today's code reads the sample with one part of it changed.
    fn reads(&self, path: &Path, change: Change) -> Result<(), DecodeError> {
        let mut changed = self.sample.clone();
        apply(&mut changed, path, change);
        self.decode(&changed).map(drop)
    }

    fn decode(&self, payload: &Value) -> Result<AnyEvent, DecodeError> {
        let EventType { stream_type, name, .. } = self.event_type;
        AnyEvent::decode(stream_type, name, self.version, &payload.to_string())
    }
}

fn at<'v>(value: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::First => value.get(0),
    })
}

enum Change {
    Without,
    To(Value),
}

fn apply(value: &mut Value, path: &[Step], change: Change) {
    match path {
        [] => {
            if let Change::To(other) = change {
                *value = other;
            }
        }
        [Step::Field(name)] if matches!(change, Change::Without) => {
            if let Some(fields) = value.as_object_mut() {
                fields.remove(name);
            }
        }
        [Step::Field(name), rest @ ..] => {
            if let Some(fields) = value.as_object_mut() {
                apply(fields.entry(name.clone()).or_insert(Value::Null), rest, change);
            }
        }
        [Step::First, rest @ ..] => {
            if let Some(inner) = value.get_mut(0) {
                apply(inner, rest, change);
            }
        }
    }
}

fn reason(error: &DecodeError) -> String {
    match error {
        DecodeError::Payload { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

/// The field that the decoder misses: serde names it in its refusal.
fn missing(error: &DecodeError) -> Option<String> {
    let refusal = reason(error);
    let named = refusal.strip_prefix("missing field `")?.split('`').next()?;
    Some(named.to_owned())
}

/// The words that the decoder would have taken: serde names them in its refusal.
fn words_of(refusal: &str) -> Option<Vec<String>> {
    let (_, expected) =
        refusal.strip_prefix("unknown variant").and_then(|rest| rest.split_once("expected "))?;
    let words: Vec<String> = expected.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    (!words.is_empty()).then_some(words)
}

/// The format of a text that the decoder does not take for any other.
fn format_of(text: &str) -> Option<&'static str> {
    if uuid::Uuid::parse_str(text).is_ok() {
        Some("uuid")
    } else if chrono::DateTime::parse_from_rfc3339(text).is_ok() {
        Some("date-time")
    } else if text.parse::<chrono::NaiveDate>().is_ok() {
        Some("date")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use domain::registry::event_types;

    use super::*;

    #[test]
    fn the_decoder_says_what_must_be_there_and_what_may_be() {
        let sold = event_types().into_iter().find(|known| known.name == "Sold").unwrap();
        let golden = json!({
            "entry": {
                "effective_at": "2026-03-19T22:30:00.123456Z", "local_date": "2026-03-20",
                "movement_id": "00000000-0000-0000-0000-000000000700",
                "movements": [{"balance_after": 1, "effect": -2, "location_id": "MAIN", "quantity": -2}],
            },
            "sale": {"channel": "shop", "line_id": "1", "order_id": "1", "quantity": 2},
        });
        let mut fields = Fields::new();
        collect(&mut fields, &golden);
        collect(&mut fields, &json!({"discrepancy": "opened", "reason": "DAMAGE", "offset_minutes": 180}));
        let schema = schema_of(&sold, 1, &golden, &fields);
        assert_eq!(schema["required"], json!(["entry", "sale"]));
        let entry = &schema["properties"]["entry"];
        assert_eq!(entry["required"], json!(["effective_at", "local_date", "movement_id"]));
        assert_eq!(entry["properties"]["local_date"], json!({"type": "string", "format": "date"}));
        assert_eq!(entry["properties"]["offset_minutes"]["type"], "integer");
        let movement = &entry["properties"]["movements"]["items"];
        assert_eq!(movement["required"], json!(["balance_after", "effect", "location_id", "quantity"]));
        let discrepancy = &movement["properties"]["discrepancy"];
        assert_eq!(*discrepancy, json!({"type": ["string", "null"], "enum": ["opened", "closed", null]}));
        assert!(schema["properties"].get("reason").is_none(), "another event's");
    }
}

//! Checks JSON against the schemas of the OpenAPI document.
//!
//! It knows the words that the document uses and fails at any other, so that none is passed over in silence. It is
//! stricter than JSON Schema in one point: a field that a schema with fields does not name is wrong too.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Words that say nothing about validity.
const REMARKS: [&str; 6] = ["description", "example", "examples", "default", "title", "contentMediaType"];

/// The document whose references are followed.
pub(crate) struct Schemas<'a>(pub(crate) &'a Value);

impl Schemas<'_> {
    /// What is wrong with `value`, by place; nothing for a valid one.
    pub(crate) fn faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.check(schema, value, "", &mut faults);
        if faults.is_empty() {
            self.undeclared(&[schema], value, "", &mut faults);
        }
        faults
    }

    fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let target = self.0.pointer(reference.trim_start_matches('#'));
                self.resolved(target.unwrap_or_else(|| panic!("{reference} leads nowhere")))
            }
            None => schema,
        }
    }

    fn check(&self, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
        let schema = self.resolved(schema).as_object().unwrap_or_else(|| panic!("{schema} is no schema"));
        for (word, rule) in schema {
            let fault = match word.as_str() {
                "type" => (!has_type(rule, value)).then(|| format!("is not {rule}")),
                "enum" => {
                    (!rule.as_array().unwrap().contains(value)).then(|| format!("is not one of {rule}"))
                }
                "const" => (rule != value).then(|| format!("is not {rule}")),
                "format" => format_fault(rule.as_str().unwrap(), value),
                "minimum" => is_less(number(value), number(rule)).then(|| format!("is below {rule}")),
                "maximum" => is_less(number(rule), number(value)).then(|| format!("is above {rule}")),
                "minLength" => {
                    is_less(length(value), number(rule)).then(|| format!("is shorter than {rule}"))
                }
                "maxLength" => is_less(number(rule), length(value)).then(|| format!("is longer than {rule}")),
                "minItems" => is_less(length(value), number(rule)).then(|| format!("has fewer than {rule}")),
                "maxItems" => is_less(number(rule), length(value)).then(|| format!("has more than {rule}")),
                "pattern" => pattern_fault(rule.as_str().unwrap(), value),
                "required" => missing(rule, value),
                "oneOf" | "anyOf" => self.alternatives(word, rule, value),
                "properties" | "propertyNames" | "items" | "allOf" | "additionalProperties" => {
                    self.inside((word, rule), schema, (value, place), faults);
                    None
                }
                remark if REMARKS.contains(&remark) => None,
                other => panic!("{other} is a word of the document that this check does not know"),
            };
            if let Some(fault) = fault {
                faults.push(format!("{place}: {value} {fault}"));
            }
        }
    }

    /// Checks the parts of a value. `(word, rule)` is one line of `schema`.
    fn inside(
        &self,
        (word, rule): (&str, &Value),
        schema: &Map<String, Value>,
        (value, place): (&Value, &str),
        faults: &mut Vec<String>,
    ) {
        match (word, value) {
            ("allOf", _) => {
                rule.as_array().unwrap().iter().for_each(|part| self.check(part, value, place, faults));
            }
            ("properties", Value::Object(fields)) => {
                for (name, part) in rule.as_object().unwrap() {
                    if let Some(field) = fields.get(name) {
                        self.check(part, field, &format!("{place}/{name}"), faults);
                    }
                }
            }
            ("propertyNames", Value::Object(fields)) => {
                for name in fields.keys() {
                    self.check(rule, &Value::from(name.as_str()), &format!("{place}/{name}"), faults);
                }
            }
            ("items", Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.check(rule, item, &format!("{place}/{index}"), faults);
                }
            }
            ("additionalProperties", Value::Object(fields)) if rule.is_object() => {
                let named = schema.get("properties").and_then(Value::as_object);
                for (name, field) in
                    fields.iter().filter(|(name, _)| !named.is_some_and(|all| all.contains_key(*name)))
                {
                    self.check(rule, field, &format!("{place}/{name}"), faults);
                }
            }
            _ => {}
        }
    }

    fn alternatives(&self, word: &str, rule: &Value, value: &Value) -> Option<String> {
        let fits = |part: &&Value| {
            let mut faults = Vec::new();
            self.check(part, value, "", &mut faults);
            faults.is_empty()
        };
        let fitting = rule.as_array()?.iter().filter(fits).count();
        let right = if word == "oneOf" { fitting == 1 } else { fitting > 0 };
        (!right).then(|| format!("fits {fitting} of {word} {rule}"))
    }

    /// Fields that no schema of this place names. `schemas` are those that hold together here.
    fn undeclared(&self, schemas: &[&Value], value: &Value, place: &str, faults: &mut Vec<String>) {
        let holding = self.holding(schemas, value);
        match value {
            Value::Object(fields) => {
                let names: BTreeSet<&String> =
                    holding.iter().copied().filter_map(fields_of).flat_map(Map::keys).collect();
                let open = names.is_empty()
                    || holding.iter().any(|schema| schema.contains_key("additionalProperties"));
                for (name, field) in fields {
                    let parts: Vec<&Value> = holding
                        .iter()
                        .copied()
                        .filter_map(fields_of)
                        .filter_map(|all| all.get(name))
                        .collect();
                    if !names.contains(name) && !open {
                        faults.push(format!("{place}/{name}: the document does not name it"));
                    }
                    if !parts.is_empty() {
                        self.undeclared(&parts, field, &format!("{place}/{name}"), faults);
                    }
                }
            }
            Value::Array(items) => {
                let parts: Vec<&Value> = holding.iter().filter_map(|schema| schema.get("items")).collect();
                for (index, item) in items.iter().enumerate().filter(|_| !parts.is_empty()) {
                    self.undeclared(&parts, item, &format!("{place}/{index}"), faults);
                }
            }
            _ => {}
        }
    }

    /// The plain schemas behind references, `allOf` and the alternatives that fit.
    fn holding<'s>(&'s self, schemas: &[&'s Value], value: &Value) -> Vec<&'s Map<String, Value>> {
        let mut plain = Vec::new();
        for schema in schemas {
            let schema = self.resolved(schema);
            let parts = |word: &str| schema.get(word).and_then(Value::as_array).into_iter().flatten();
            plain.extend(schema.as_object());
            let fits = |part: &&Value| {
                let mut faults = Vec::new();
                self.check(part, value, "", &mut faults);
                faults.is_empty()
            };
            let chosen = parts("oneOf").chain(parts("anyOf")).filter(fits);
            let deeper: Vec<&Value> = parts("allOf").chain(chosen).collect();
            plain.extend(self.holding(&deeper, value));
        }
        plain
    }
}

fn missing(rule: &Value, value: &Value) -> Option<String> {
    let fields = value.as_object()?;
    let missing: Vec<&str> = rule
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| !fields.contains_key(*name))
        .collect();
    (!missing.is_empty()).then(|| format!("lacks {}", missing.join(", ")))
}

fn fields_of(schema: &Map<String, Value>) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

fn has_type(rule: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    };
    match rule {
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        name => is(name.as_str().unwrap()),
    }
}

fn format_fault(format: &str, value: &Value) -> Option<String> {
    let right = match (format, value) {
        ("uuid", Value::String(text)) => uuid::Uuid::parse_str(text).is_ok(),
        ("date-time", Value::String(text)) => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
        ("date", Value::String(text)) => text.parse::<chrono::NaiveDate>().is_ok(),
        ("email", Value::String(text)) => text.contains('@'),
        ("uri-reference", Value::String(text)) => !text.contains(char::is_whitespace),
        ("int32", Value::Number(number)) => {
            number.as_i64().is_none_or(|number| i32::try_from(number).is_ok())
        }
        ("int64" | "double" | "float", _) | (_, Value::Null | Value::Number(_)) => true,
        (other, value) => panic!("{other} is a format that this check does not know; {value}"),
    };
    (!right).then(|| format!("is no {format}"))
}

fn pattern_fault(pattern: &str, value: &Value) -> Option<String> {
    assert_eq!(pattern, "^[0-9]+$", "a pattern that this check does not know");
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (!value.as_str().is_some_and(digits)).then(|| format!("does not match {pattern}"))
}

/// Whether both are there and the first is less.
fn is_less(a: Option<f64>, b: Option<f64>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a < b)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

/// Characters of a text or items of an array; nothing for anything else, which has no length to be wrong.
fn length(value: &Value) -> Option<f64> {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        _ => return None,
    };
    u32::try_from(length).ok().map(f64::from)
}

#[test]
fn wrong_values_are_found() {
    let document = serde_json::json!({"components": {"schemas": {
        "Base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "format": "uuid"}}},
        "More": {"allOf": [{"$ref": "#/components/schemas/Base"},
            {"type": "object", "properties": {"n": {"type": ["integer", "null"], "minimum": 0}}}]}}}});
    let schemas = Schemas(&document);
    let more = serde_json::json!({"$ref": "#/components/schemas/More"});
    let id = uuid::Uuid::from_u128(1).to_string();
    let faults = |value: Value| schemas.faults(&more, &value).len();
    assert_eq!(faults(serde_json::json!({"id": id, "n": 1})), 0);
    assert_eq!(faults(serde_json::json!({"id": id, "n": null})), 0);
    assert_eq!(faults(serde_json::json!({"n": 1})), 1);
    assert_eq!(faults(serde_json::json!({"id": "x"})), 1);
    assert_eq!(faults(serde_json::json!({"id": id, "n": -1})), 1);
    assert_eq!(faults(serde_json::json!({"id": id, "n": "1"})), 1);
    assert_eq!(faults(serde_json::json!({"id": id, "secret": 1})), 1);
}

//! Every operation of the OpenAPI document: a success that the document describes, and the refusals that all share.

use std::collections::BTreeMap;

use futures::StreamExt;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tests::{Answer, Person, TestApp};

use crate::exercises::{Ask, Exercise, Names, World, exercise};
use crate::schema::Schemas;

/// One operation of the document.
struct Operation<'a> {
    method: Method,
    path: &'a str,
    id: &'a str,
    described: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, described) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            all.push(Operation { method, path, id: described["operationId"].as_str().unwrap(), described });
        }
    }
    all
}

impl Operation<'_> {
    fn is_root(&self) -> bool {
        !self.path.starts_with("/api/")
    }

    fn needs_sign_in(&self) -> bool {
        self.described["security"].as_array().is_some_and(|ways| !ways.is_empty())
    }

    fn roles(&self) -> Vec<&str> {
        self.described["x-roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn exercise(&self, names: &Names) -> Exercise {
        exercise(self.id, names)
            .unwrap_or_else(|| panic!("{} {} ({}) has no exercise", self.method, self.path, self.id))
    }
}

/// A server, its document, and one person of every role.
struct Walk<'a> {
    world: World<'a>,
    document: Value,
    people: BTreeMap<&'static str, Person<'a>>,
}

const ROLES: [&str; 6] = ["ADMIN", "CEO", "PROCUREMENT", "MARKETING", "WAREHOUSE", "VIEWER"];

impl<'a> Walk<'a> {
    async fn begin(app: &'a TestApp) -> Self {
        let world = World::found(app, "S").await;
        let document = app.anonymous(Method::GET, "/api/v1/openapi.json", None).await.expect(200).body;
        let mut people = BTreeMap::from([("OWNER", world.owner.clone())]);
        for role in ROLES {
            people.insert(role, world.owner.member(&format!("role.{}", role.to_lowercase()), role).await);
        }
        Self { world, document, people }
    }

    async fn send(
        &self,
        operation: &Operation<'_>,
        person: Option<&Person<'_>>,
        ask: &Ask,
        key: Option<&str>,
    ) -> Answer {
        let request = self.world.request(person, &operation.method, ask, operation.is_root());
        let request = match key {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        };
        let answer =
            if operation.id == "stream_events" { first_of(request).await } else { Answer::of(request).await };
        self.check(operation, &answer);
        answer
    }

    /// Whatever is answered must stand in the document.
    fn check(&self, operation: &Operation<'_>, answer: &Answer) {
        let Operation { method, path, .. } = operation;
        let place = format!("{method} {path} -> {}", answer.status);
        let described = &operation.described["responses"][answer.status.to_string()];
        assert!(!described.is_null(), "{place} is not in the document: {:#}", answer.body);
        let described = match described["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => described,
        };
        let kind = answer.headers.get("content-type").map(|kind| kind.to_str().unwrap()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap();
        let content = described["content"].as_object().unwrap_or_else(|| panic!("{place} has no content"));
        let content = content.get(kind).unwrap_or_else(|| panic!("{place}: {kind} is not in the document"));
        let faults = Schemas(&self.document).faults(&content["schema"], &answer.body);
        assert!(faults.is_empty(), "{place}: {faults:#?}\n{:#}", answer.body);
        if answer.status >= 400 {
            assert_eq!(kind, "application/problem+json", "{place}");
            assert_eq!(answer.body["status"], answer.status, "{place}");
        }
    }
}

/// The beginning of an answer without end.
async fn first_of(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    if response.status() != 200 {
        return read(response).await;
    }
    let (status, headers): (u16, HeaderMap) = (200, response.headers().clone());
    let chunk = response.bytes_stream().next().await.unwrap().unwrap();
    Answer { status, headers, body: json!(String::from_utf8_lossy(&chunk)) }
}

async fn read(response: reqwest::Response) -> Answer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.json().await.unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_succeeds_as_the_document_says() {
    let app = TestApp::start().await;
    let walk = Walk::begin(&app).await;
    for operation in operations(&walk.document) {
        let names = walk.world.names().await;
        let exercise = operation.exercise(&names);
        let owner = operation.needs_sign_in().then_some(&walk.world.owner);
        walk.caught_up(&operation).await;
        let answer = walk.send(&operation, owner, &exercise.right, None).await;
        assert_eq!(
            answer.status, exercise.status,
            "{} {}: {:#}",
            operation.method, operation.path, answer.body
        );
    }
    app.stop().await;
}

impl Walk<'_> {
    /// Names were made a moment ago: a read sees them once the read models have caught up.
    async fn caught_up(&self, operation: &Operation<'_>) {
        if operation.method == Method::GET && !operation.is_root() {
            self.world.owner.get_caught_up("/sales?page_size=1").await.expect(200);
            self.world.owner.get_caught_up("/inventory?page_size=1").await.expect(200);
            self.world.owner.get_caught_up("/inventory/movements?page_size=1").await.expect(200);
            self.world.owner.get_caught_up("/products?page_size=1").await.expect(200);
            self.world.owner.get_caught_up("/locations?page_size=1").await.expect(200);
            self.world.owner.get_caught_up("/forecast/latest?page_size=1").await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_asks_who_is_calling_and_what_he_may_do() {
    let app = TestApp::start().await;
    let walk = Walk::begin(&app).await;
    let names = walk.world.names().await;
    let written = app.written().await;
    for operation in operations(&walk.document).iter().filter(|operation| operation.needs_sign_in()) {
        let place = format!("{} {}", operation.method, operation.path);
        let ask = operation.exercise(&names).right;
        assert_eq!(walk.send(operation, None, &ask, None).await.status, 401, "{place}");
        let mut stranger = walk.world.owner.clone();
        stranger.token = "nonsense".to_owned();
        let answer = walk.send(operation, Some(&stranger), &ask, None).await;
        assert_eq!(
            (answer.status, answer.headers["www-authenticate"].to_str().unwrap()),
            (401, "Bearer"),
            "{place}"
        );
        let roles = operation.roles();
        assert!(!roles.is_empty(), "{place} names no roles");
        for (role, person) in walk.people.iter().filter(|(role, _)| !roles.contains(role)) {
            let answer = walk.send(operation, Some(person), &ask, None).await;
            assert_eq!((answer.status, answer.text("/code")), (403, "forbidden"), "{place} as {role}");
        }
        let joint = if ask.path.contains('?') { '&' } else { '?' };
        let elsewhere =
            Ask { path: format!("{}{joint}client_id={}", ask.path, uuid::Uuid::from_u128(1)), ..ask };
        let answer = walk.send(operation, Some(&walk.world.owner), &elsewhere, None).await;
        assert_eq!((answer.status, answer.text("/code")), (403, "other_company"), "{place}");
    }
    assert_eq!(app.written().await, written, "nothing was written");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_refuses_what_is_unknown_or_wrong() {
    let app = TestApp::start().await;
    let walk = Walk::begin(&app).await;
    let names = walk.world.names().await;
    let written = app.written().await;
    for operation in operations(&walk.document) {
        let Some(wrong) = operation.exercise(&names).wrong else { continue };
        let owner = operation.needs_sign_in().then_some(&walk.world.owner);
        let answer = walk.send(&operation, owner, &wrong, None).await;
        let place = format!("{} {}: {:#}", operation.method, operation.path, answer.body);
        assert!([404, 422].contains(&answer.status), "{place}");
    }
    assert_eq!(app.written().await, written, "nothing was written");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_counts_once_under_its_key() {
    let app = TestApp::start().await;
    let walk = Walk::begin(&app).await;
    for operation in operations(&walk.document) {
        let (names, others) = (walk.world.names().await, walk.world.names().await);
        let (exercise, other) = (operation.exercise(&names), operation.exercise(&others));
        if !exercise.writes {
            continue;
        }
        let place = format!("{} {}", operation.method, operation.path);
        let owner = operation.needs_sign_in().then_some(&walk.world.owner);
        prepare(&walk, operation.id, &names).await;
        let key = format!("once-{}", operation.id);
        let first = walk.send(&operation, owner, &exercise.right, Some(&key)).await;
        assert_eq!(first.status, exercise.status, "{place}: {:#}", first.body);
        assert!(!first.headers.contains_key("idempotent-replay"), "{place}");
        let written = app.written().await;
        let again = walk.send(&operation, owner, &exercise.right, Some(&key)).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{place}");
        assert_eq!(
            again.headers.get("idempotent-replay").map(|value| value.to_str().unwrap()),
            Some("true"),
            "{place}"
        );
        assert_eq!(
            again.headers.get("stocktrail-position"),
            first.headers.get("stocktrail-position"),
            "{place}"
        );
        assert_eq!(app.written().await, written, "{place} wrote twice");
        prepare(&walk, operation.id, &others).await;
        let written = app.written().await;
        let reused = walk.send(&operation, owner, &other.right, Some(&key)).await;
        assert_eq!(
            (reused.status, reused.text("/code")),
            (422, "idempotency_key_reused"),
            "{place}: {:#}",
            reused.body
        );
        assert_eq!(app.written().await, written, "{place} wrote again");
    }
    app.stop().await;
}

/// Some writes change nothing unless something was done before.
async fn prepare(walk: &Walk<'_>, operation: &str, names: &Names) {
    let (method, before) = match operation {
        "reactivate_product" => (Method::POST, "deactivate_product"),
        "reactivate_location" | "reactivate_warehouse" => (Method::POST, "deactivate_location"),
        "remove_holiday" => (Method::PUT, "set_holiday"),
        _ => return,
    };
    let ask = exercise(before, names).unwrap().right;
    let request = walk.world.request(Some(&walk.world.owner), &method, &ask, false);
    Answer::of(request).await.expect(200);
}

#[tokio::test]
async fn the_page_of_the_document_needs_no_other_host() {
    let app = TestApp::start().await;
    let page = app.anonymous(Method::GET, "/api/docs", None).await.expect(200);
    let html = page.body.as_str().unwrap();
    assert!(html.contains("<html") && !html.contains("http://") && !html.contains("https://"), "{html}");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");
    let mut seen = 0;
    for part in html.split('"').filter(|part| part.starts_with("/console/")) {
        let file = app.anonymous(Method::GET, part, None).await.expect(200);
        assert!(!file.body.as_str().unwrap_or_default().contains("https://cdn"), "{part}");
        seen += 1;
    }
    assert!(seen > 0, "{html}");
    let document = app.anonymous(Method::GET, "/api/v1/openapi.json", None).await.expect(200);
    assert_eq!(document.text("/openapi"), "3.1.0");
    assert_eq!(app.anonymous(Method::GET, "/api/openapi.json", None).await.expect(200).body, document.body);
    app.stop().await;
}

//! A server under test and the people who use it.

use std::collections::BTreeMap;

use api::config::Config;
use api::rate::RateLimit;
use api::server::{self, Running};
use migrations::Source;
use migrations::testing::{TestDatabase, fresh_database};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::answer::Answer;

/// A running server on a database of its own.
pub struct TestApp {
    /// The server; its clock can be moved.
    pub running: Running,
    /// The database.
    pub database: TestDatabase,
    /// Speaks to it.
    pub http: reqwest::Client,
    _folder: TempDir,
}

/// Somebody signed in, or a key of a company.
#[derive(Clone)]
pub struct Person<'a> {
    /// The server.
    pub app: &'a TestApp,
    /// Bearer token; the secret of an API key for [`Person::key`].
    pub token: String,
    is_key: bool,
    /// Refresh token.
    pub refresh_token: String,
    /// Active company.
    pub company_id: String,
    /// Sign-in name.
    pub email: String,
}

/// Password of everybody in tests.
pub const PASSWORD: &str = "a long enough password";

impl TestApp {
    /// Starts a server without rate limit.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a server with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let database = fresh_database().await;
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(Source::Url(database.url()), folder.path().to_owned());
        config.rate_limit = RateLimit::Off;
        change(&mut config);
        let running = server::start(config).await.unwrap();
        Self { running, database, http: reqwest::Client::new(), _folder: folder }
    }

    /// Address of a path of the API.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.addr)
    }

    /// A request without sign-in.
    pub async fn anonymous(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = self.http.request(method, self.url(path));
        Answer::of(if let Some(body) = body { request.json(body) } else { request }).await
    }

    /// A new company with its owner. The name makes the email.
    pub async fn register(&self, name: &str) -> Person<'_> {
        let email = format!("{}@example.com", name.to_lowercase().replace(' ', "."));
        let body = json!({
            "email": email, "password": PASSWORD, "company_name": name, "currency": "EUR", "timezone": "Europe/London"
        });
        let answer = self.anonymous(Method::POST, "/api/v1/auth/register", Some(&body)).await.expect(201);
        self.signed_in(&answer, email)
    }

    /// Signs in.
    pub async fn login(&self, email: &str) -> Person<'_> {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = self.anonymous(Method::POST, "/api/v1/auth/login", Some(&body)).await.expect(200);
        self.signed_in(&answer, email.to_owned())
    }

    fn signed_in(&self, answer: &Answer, email: String) -> Person<'_> {
        let text = |pointer: &str| answer.body.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        Person {
            app: self,
            token: text("/access_token"),
            is_key: false,
            refresh_token: text("/refresh_token"),
            company_id: text("/company/company_id"),
            email,
        }
    }

    /// How many events were written, but for what jobs write by themselves, as the days that begin.
    pub async fn written(&self) -> i64 {
        sqlx::query_scalar("select count(*) from log.events where metadata ->> 'source' not like 'job:%'")
            .fetch_one(self.database.owner())
            .await
            .unwrap()
    }

    /// Stops the server.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

impl<'a> Person<'a> {
    /// A request that bears this person's token.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.app.http.request(method, self.app.url(&format!("/api/v1{path}")));
        if self.is_key { request.header("X-API-Key", &self.token) } else { request.bearer_auth(&self.token) }
    }

    /// Another member of the company, signed in.
    pub async fn member(&self, name: &str, role: &str) -> Person<'a> {
        let email = format!("{name}@example.com");
        let body = json!({"email": email, "password": PASSWORD, "name": name, "role": role});
        self.post("/users", &body).await.expect(201);
        self.app.login(&email).await
    }

    /// A key of the company. Unlike a token it outlives any move of the clock.
    pub async fn key(&self, role: &str) -> Person<'a> {
        let made = self.post("/api-keys", &json!({"name": "tests", "role": role})).await.expect(201);
        Person { token: made.text("/secret").to_owned(), is_key: true, ..self.clone() }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// Creates or commands.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    /// The same under an idempotency key.
    pub async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
    }

    /// Changes.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(body)).await
    }

    /// Deactivates.
    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// Sends lines of NDJSON.
    pub async fn post_lines(&self, path: &str, lines: impl Into<String>) -> Answer {
        let request = self.request(Method::POST, path).header("Content-Type", "application/x-ndjson");
        Answer::of(request.body(lines.into())).await
    }

    /// Every event of the company that the filter (`&type=…`, may be empty) lets through, oldest first.
    pub async fn events(&self, filter: &str) -> Vec<Value> {
        self.events_after(0, filter).await
    }

    /// The same beyond a position.
    pub async fn events_after(&self, position: i64, filter: &str) -> Vec<Value> {
        let (mut events, mut after) = (Vec::new(), position);
        loop {
            let page = self.get(&format!("/events?limit=1000&after={after}{filter}")).await.expect(200);
            events.extend_from_slice(page.items());
            match page.body["next_after"].as_i64() {
                Some(next) => after = next,
                None => return events,
            }
        }
    }

    /// Position of the last event of the company's partition.
    pub fn head(&self) -> i64 {
        self.app.running.state.committers.head(self.company_id.parse().unwrap())
    }

    /// Reads a list that has caught up with everything this person was answered so far.
    pub async fn get_caught_up(&self, path: &str) -> Answer {
        let head = self.head();
        let joint = if path.contains('?') { '&' } else { '?' };
        self.get(&format!("{path}{joint}min_position={head}")).await
    }

    /// A product with nothing but a name.
    pub async fn product(&self, item_id: &str) {
        self.post("/products", &json!({"item_id": item_id, "product_name": item_id})).await.expect(201);
    }

    /// First stock of a product at MAIN.
    pub async fn opening(&self, item_id: &str, quantity: i64) {
        let body = json!({"item_id": item_id, "location_id": "MAIN", "quantity": quantity});
        self.post("/inventory/opening", &body).await.expect_success();
    }

    /// First stock of a product at a location, at an instant.
    pub async fn opening_at(&self, item_id: &str, location_id: &str, quantity: i64, at: &str) {
        let body =
            json!({"item_id": item_id, "location_id": location_id, "quantity": quantity, "opened_at": at});
        self.post("/inventory/opening", &body).await.expect(200);
    }

    /// A location of this kind, named like its key.
    pub async fn location(&self, location_id: &str, kind: &str) {
        let body = json!({"location_id": location_id, "name": location_id, "kind": kind});
        self.post("/locations", &body).await.expect(201);
    }

    /// Stock of a product by location, as the stock list shows it once it has caught up.
    pub async fn stock(&self, item_id: &str) -> BTreeMap<String, i64> {
        self.stock_where(item_id, "").await
    }

    /// The same with more parameters (`&as_of=…`).
    pub async fn stock_where(&self, item_id: &str, more: &str) -> BTreeMap<String, i64> {
        let list = self.get_caught_up(&format!("/inventory?page_size=500{more}")).await.expect(200);
        let row = list.items().iter().find(|row| row["item_id"] == item_id);
        let row = row.unwrap_or_else(|| panic!("no {item_id}: {:#}", list.body));
        let place = |place: &Value| {
            (place["location_id"].as_str().unwrap().to_owned(), place["quantity"].as_i64().unwrap())
        };
        row["stock"].as_array().unwrap().iter().map(place).collect()
    }
}

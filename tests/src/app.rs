//! A server under test and the people who use it.

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

/// Somebody signed in.
pub struct Person<'a> {
    app: &'a TestApp,
    /// Bearer token.
    pub token: String,
    /// Refresh token.
    pub refresh_token: String,
    /// Active company.
    pub company_id: String,
    /// Sign-in name.
    pub email: String,
}

/// Password of everybody in tests.
pub(crate) const PASSWORD: &str = "a long enough password";

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
            refresh_token: text("/refresh_token"),
            company_id: text("/company/company_id"),
            email,
        }
    }

    /// Stops the server.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

impl Person<'_> {
    /// A request that bears this person's token.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.app.http.request(method, self.app.url(&format!("/api/v1{path}"))).bearer_auth(&self.token)
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

    /// Reads a list that has caught up with everything this person was answered so far.
    pub async fn get_caught_up(&self, path: &str) -> Answer {
        let company = self.company_id.parse().unwrap();
        let head = self.app.running.state.committers.head(company);
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
}

//! A small client of the server's own API.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::Value;

use super::DemoError;

/// Signed-in client of one server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    /// A client that is not signed in yet.
    pub(super) fn new(address: SocketAddr) -> Result<Self, DemoError> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(2)).build()?;
        Ok(Self { http, base: format!("http://{address}/api/v1"), token: None })
    }

    /// Signs every further request.
    pub(super) fn sign(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    /// Answer of a GET; nothing for 404.
    pub(super) async fn get(&self, path: &str) -> Result<Option<Value>, DemoError> {
        match self.send(path, self.request(Method::GET, path)).await {
            Ok(answer) => Ok(Some(answer)),
            Err(DemoError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Answer of a POST.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, DemoError> {
        self.send(path, self.request(Method::POST, path).json(body)).await
    }

    /// Answer of a POST that counts once under its key.
    pub(super) async fn post_once(&self, path: &str, key: &str, body: &Value) -> Result<Value, DemoError> {
        self.send(path, self.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
    }

    /// Answer of a PUT.
    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<Value, DemoError> {
        self.send(path, self.request(Method::PUT, path).json(body)).await
    }

    /// Answer of a POST of NDJSON.
    pub(super) async fn post_lines(&self, path: &str, lines: String) -> Result<Value, DemoError> {
        let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, "application/x-ndjson");
        self.send(path, request.body(lines)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends, and sends again while the server asks for patience.
    async fn send(&self, path: &str, request: RequestBuilder) -> Result<Value, DemoError> {
        loop {
            let attempt =
                request.try_clone().ok_or(DemoError::Unexpected("a request that cannot be repeated"))?;
            let response = attempt.send().await?;
            let status = response.status();
            if status.is_success() {
                return Ok(response.json().await?);
            }
            if status != StatusCode::TOO_MANY_REQUESTS {
                let (path, status) = (path.to_owned(), status.as_u16());
                return Err(DemoError::Refused { path, status, body: response.text().await? });
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

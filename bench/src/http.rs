//! Our HTTP API under load: keep-alive connections that speak just enough HTTP, so that the load costs little.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::config::Config;
use api::rate::RateLimit;
use api::server::{self, Running};
use domain::shared::ids::CompanyId;
use migrations::Source;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::bed::{self, Bed};

/// A server on the bed's database with a company signed in.
pub(crate) struct Shop {
    /// The server.
    pub(crate) running: Running,
    /// Bearer token of its owner.
    pub(crate) token: String,
    /// The company.
    pub(crate) company_id: CompanyId,
    _folder: TempDir,
}

impl Shop {
    /// Starts a server and registers a company with `items` products of 1,000,000 pieces each.
    pub(crate) async fn open(bed: &Bed, name: &str, items: usize) -> anyhow::Result<Self> {
        let shop = Self::empty(bed, name).await?;
        stock(shop.running.addr, &shop.token, items).await?;
        Ok(shop)
    }

    /// Starts a server and registers a company without products.
    pub(crate) async fn empty(bed: &Bed, name: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut config = Config::new(Source::Url(bed.database.url()), folder.path().to_owned());
        config.rate_limit = RateLimit::Off;
        config.snapshot_every = 1_000;
        let running = server::start(config).await?;
        // What other measurements have written is folded first.
        let names: Vec<_> = projections::registry::all().iter().map(|projection| projection.name()).collect();
        for partition in 0..4 {
            let head =
                event_log::append::head(&mut *bed.database.owner().acquire().await?, partition).await?;
            running.state.positions.wait(&names, partition, head.position, Duration::from_mins(10)).await?;
        }
        let (token, company_id) = register(running.addr, name).await?;
        Ok(Self { running, token, company_id, _folder: folder })
    }

    /// A new connection that bears the owner's token.
    pub(crate) async fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(self.running.addr, Some(&self.token)).await
    }

    /// Waits until every read model has folded all that was appended.
    pub(crate) async fn catch_up(&self) -> anyhow::Result<()> {
        let head = self.running.state.committers.head(self.company_id.0);
        let names: Vec<_> = projections::registry::all().iter().map(|projection| projection.name()).collect();
        self.running.state.wait(self.company_id.0, &names, head, Duration::from_mins(10)).await?;
        Ok(())
    }

    /// Stops the server; the bed's database stays.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}

/// A new company; its owner's token and its id.
pub(crate) async fn register(addr: SocketAddr, name: &str) -> anyhow::Result<(String, CompanyId)> {
    let mut connection = Connection::open(addr, None).await?;
    let body = json!({
        "email": format!("{name}@example.com"), "password": "a long enough password", "company_name": name,
        "currency": "EUR", "timezone": "Europe/London"
    });
    let answer = connection.post("/auth/register", "", &body.to_string()).await?.expect(201)?;
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).context("no sign-in");
    Ok((text("/access_token")?.to_owned(), CompanyId(text("/company/company_id")?.parse()?)))
}

/// Makes `items` products of 1,000,000 pieces each.
pub(crate) async fn stock(addr: SocketAddr, token: &str, items: usize) -> anyhow::Result<()> {
    let mut connection = Connection::open(addr, Some(token)).await?;
    for first in (0..items).step_by(1_000) {
        let rows = first..(first + 1_000).min(items);
        let products: Vec<_> = rows
            .clone()
            .map(|n| {
                let cents = bed::scatter(u64::try_from(n)?) % 10_000;
                Ok(json!({
                    "item_id": bed::item(n)?, "product_name": format!("Product {cents} of {n}"),
                    "category": format!("C{}", cents % 40),
                    "unit_cost": {"amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "EUR"}
                }))
            })
            .collect::<anyhow::Result<_>>()?;
        connection.post("/products", "", &json!(products).to_string()).await?.expect_success()?;
        let openings: Vec<_> = rows
            .map(|n| {
                let quantity = 1_000_000 + bed::scatter(u64::try_from(n)?) % 1_000;
                Ok(json!({"item_id": bed::item(n)?, "location_id": "MAIN", "quantity": quantity}))
            })
            .collect::<anyhow::Result<_>>()?;
        connection.post("/inventory/opening", "", &json!(openings).to_string()).await?.expect_success()?;
    }
    Ok(())
}

/// Adjustments a second over `connections`, each with a request key, spread over `items` products.
pub(crate) async fn adjust(
    shop: &Shop,
    items: u64,
    connections: usize,
    run: &str,
    seconds: Duration,
) -> anyhow::Result<f64> {
    adjust_at(&[shop.running.addr], &shop.token, (items, connections), run, seconds).await
}

/// The same at several servers, connections spread evenly.
pub(crate) async fn adjust_at(
    servers: &[SocketAddr],
    token: &str,
    (items, connections): (u64, usize),
    run: &str,
    seconds: Duration,
) -> anyhow::Result<f64> {
    let mut open = Vec::new();
    for addr in servers.iter().cycle().take(connections) {
        open.push(Mutex::new(Connection::open(*addr, Some(token)).await?));
    }
    let (open, run) = (Arc::new(open), run.to_owned());
    let tally = bed::hammer(connections, seconds, move |n| {
        let (open, run) = (open.clone(), run.clone());
        async move {
            let caller = usize::try_from(n >> 40)?;
            let mut connection = open.get(caller).context("no such caller")?.lock().await;
            let item = usize::try_from(bed::scatter(n) % items)?;
            let body = format!(
                r#"{{"item_id":"{}","location_id":"MAIN","type":"ADD","quantity":1,"reason":"RECEIVING"}}"#,
                bed::item(item)?
            );
            connection.post("/inventory/adjust", &format!("{run}-{n}"), &body).await?.expect_success()?;
            Ok(true)
        }
    })
    .await?;
    Ok(tally.done)
}

/// One keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    authorization: String,
    buffer: Vec<u8>,
}

/// Status and body of an answer.
pub(crate) struct Reply<'a> {
    status: u16,
    body: &'a [u8],
}

impl Reply<'_> {
    /// The body, if the status is this one.
    pub(crate) fn expect(&self, status: u16) -> anyhow::Result<Value> {
        anyhow::ensure!(self.status == status, "{}: {}", self.status, String::from_utf8_lossy(self.body));
        if self.body.len() > 4_096 {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(self.body).unwrap_or(Value::Null))
    }

    /// Whether the body holds this text.
    pub(crate) fn holds(&self, text: &str) -> bool {
        String::from_utf8_lossy(self.body).contains(text)
    }

    /// Fails unless the status is a 2xx.
    pub(crate) fn expect_success(&self) -> anyhow::Result<()> {
        let success = (200..300).contains(&self.status);
        anyhow::ensure!(success, "{}: {}", self.status, String::from_utf8_lossy(self.body));
        Ok(())
    }
}

impl Connection {
    /// A connection that bears this token.
    pub(crate) async fn open(addr: SocketAddr, token: Option<&str>) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let authorization =
            token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        Ok(Self { stream, authorization, buffer: Vec::with_capacity(8_192) })
    }

    /// Sends a JSON body and reads the whole answer.
    pub(crate) async fn post(&mut self, path: &str, key: &str, body: &str) -> anyhow::Result<Reply<'_>> {
        self.send("POST", path, key, "application/json", body.as_bytes()).await
    }

    /// Reads.
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<Reply<'_>> {
        self.send("GET", path, "", "application/json", b"").await
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        key: &str,
        media: &str,
        body: &[u8],
    ) -> anyhow::Result<Reply<'_>> {
        let key = if key.is_empty() { String::new() } else { format!("Idempotency-Key: {key}\r\n") };
        let length = body.len();
        let authorization = &self.authorization;
        let head = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: bench\r\n{authorization}{key}Content-Type: {media}\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request).await?;
        self.buffer.clear();
        let (status, start, end) = loop {
            anyhow::ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server hung up");
            if let Some(found) = measure(&self.buffer)? {
                break found;
            }
        };
        while self.buffer.len() < end {
            anyhow::ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server hung up");
        }
        Ok(Reply { status, body: self.buffer.get(start..end).unwrap_or_default() })
    }
}

/// Status, start and end of the body, once the head is complete.
fn measure(buffer: &[u8]) -> anyhow::Result<Option<(u16, usize, usize)>> {
    let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(buffer.get(..end).unwrap_or_default()).to_ascii_lowercase();
    let status = head.split_whitespace().nth(1).context("no status")?.parse()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(Ok(0), |length| length.trim().parse())?;
    Ok(Some((status, end + 4, end + 4 + length)))
}

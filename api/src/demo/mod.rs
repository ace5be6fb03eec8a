//! The demo: a year of real sales of a gift wholesaler, loaded through the public API as any client would.
//!
//! The data end in 2011; every day is moved by the same number of whole weeks, so that they end in the past week and
//! weekdays stay. The number is kept with the shop's location, so a second start repeats the first one and adds nothing.
//! Read in this order: [`load`], `goods` (products, places, opening stock), `sales`, `handwork`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use connectors::online_retail::reader::ReadError;
use domain::shared::moment::local_date;
use serde_json::{Value, json};

mod client;
mod goods;
mod sales;
mod handwork;

use client::Client;

const EMAIL: &str = "demo@stocktrail.example";
const PASSWORD: &str = "stocktrail-demo";
const ZONE: Tz = chrono_tz::Europe::London;
/// The last day of the data.
const LAST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(2011, 12, 9) {
    Some(day) => day,
    None => NaiveDate::MAX,
};
/// The location that keeps by how many weeks the data were moved, and whether they are complete.
const SHOP: &str = "SHOP";

/// Why the demo cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A data file is missing or cannot be read.
    #[error("the data file {path} cannot be read")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: csv::Error,
    },
    /// The sales cannot be read.
    #[error("the sales cannot be read")]
    Sales(#[from] ReadError),
    /// The server cannot be reached.
    #[error("the server cannot be reached")]
    Http(#[from] reqwest::Error),
    /// The server refused.
    #[error("{path} was answered with {status}: {body}")]
    Refused {
        /// The operation.
        path: String,
        /// HTTP status.
        status: u16,
        /// The problem.
        body: String,
    },
    /// The server answered something else than its document says, or a task of the loader ended early.
    #[error("{0}")]
    Unexpected(&'static str),
}

/// Folder of the demo's data: `STOCKTRAIL_DEMO_DATA`, else `tests/data` beside the caller or beside the source.
pub fn data_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("STOCKTRAIL_DEMO_DATA") {
        return PathBuf::from(folder);
    }
    let here = PathBuf::from("tests/data");
    if here.is_dir() { here } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data") }
}

/// Loads the demo into the server at `addr`, as of `now`. What is there already stays as it is.
pub async fn load(addr: SocketAddr, now: DateTime<Utc>, folder: &Path) -> Result<(), DemoError> {
    let address = reachable(addr);
    let client = sign_in(address).await?;
    let weeks = match client.get(&format!("/locations/{SHOP}")).await? {
        Some(shop) if shop.pointer("/metadata/demo_loaded") == Some(&json!(true)) => {
            tracing::info!("the demo is loaded already");
            announce(address);
            return Ok(());
        }
        Some(shop) => shop
            .pointer("/metadata/demo_weeks")
            .and_then(Value::as_i64)
            .ok_or(DemoError::Unexpected("not a demo company"))?,
        None => weeks_until(now),
    };
    let shift = Shift { weeks };
    goods::places(&client, weeks).await?;
    let opening = goods::products_and_stock(&client, shift, folder).await?;
    let levels = sales::load(&client, shift, folder, opening).await?;
    let position = handwork::load(&client, shift, levels).await?;
    client.put(&format!("/locations/{SHOP}"), &json!({"metadata": goods::metadata(weeks, true)})).await?;
    wait_for_read_models(&client, position).await?;
    tracing::info!("the demo is loaded");
    announce(address);
    Ok(())
}

/// By how much the data are moved.
#[derive(Debug, Clone, Copy)]
struct Shift {
    weeks: i64,
}

impl Shift {
    /// The day on which a day of the data falls.
    fn day(self, day: NaiveDate) -> NaiveDate {
        day.checked_add_signed(TimeDelta::weeks(self.weeks)).unwrap_or(day)
    }

    /// The instant at which a local time of the data falls, with its offset. An hour that a clock change leaves out
    /// counts as the next one.
    fn instant(self, local: NaiveDateTime) -> DateTime<Tz> {
        let local = local.checked_add_signed(TimeDelta::weeks(self.weeks)).unwrap_or(local);
        let later = || ZONE.from_local_datetime(&(local + TimeDelta::hours(1))).earliest();
        ZONE.from_local_datetime(&local)
            .earliest()
            .or_else(later)
            .unwrap_or_else(|| local.and_utc().with_timezone(&ZONE))
    }
}

/// Whole weeks from the end of the data to the past week: the last seven days before today.
fn weeks_until(now: DateTime<Utc>) -> i64 {
    let yesterday = local_date(now, ZONE).pred_opt().unwrap_or(LAST_DAY);
    yesterday.signed_duration_since(LAST_DAY).num_days().div_euclid(7)
}

async fn sign_in(address: SocketAddr) -> Result<Client, DemoError> {
    let mut client = Client::new(address)?;
    let registration = json!({
        "email": EMAIL, "password": PASSWORD, "name": "Demo", "company_name": "Gift Wholesale Ltd",
        "currency": "GBP", "timezone": ZONE.name(),
    });
    let session = match client.post("/auth/register", &registration).await {
        Err(DemoError::Refused { status: 409, .. }) => {
            client.post("/auth/login", &json!({"email": EMAIL, "password": PASSWORD})).await?
        }
        session => session?,
    };
    let token = session
        .get("access_token")
        .and_then(Value::as_str)
        .ok_or(DemoError::Unexpected("no access token"))?;
    client.sign(token);
    Ok(client)
}

async fn wait_for_read_models(client: &Client, position: i64) -> Result<(), DemoError> {
    for path in ["/sales", "/inventory", "/inventory/movements"] {
        let path = format!("{path}?page_size=1&min_position={position}");
        while let Err(DemoError::Refused { status: 503, .. }) = client.get(&path).await {
            tracing::info!("demo: the read models are catching up");
        }
    }
    Ok(())
}

fn announce(address: SocketAddr) {
    tracing::info!("Stocktrail is at http://{address}/ and its API at http://{address}/api/docs");
    tracing::info!("sign in as {EMAIL} with the password {PASSWORD}");
}

/// Where a client on this machine reaches a server that listens everywhere.
fn reachable(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), addr.port()),
        _ => addr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_end_in_the_past_week_and_weekdays_stay() {
        for day in 10..25 {
            let now = Utc.with_ymd_and_hms(2026, 11, day, 0, 30, 0).unwrap();
            let last = Shift { weeks: weeks_until(now) }.day(LAST_DAY);
            let age = now.date_naive().signed_duration_since(last).num_days();
            assert!((1..=7).contains(&age), "{last} seen on {now}");
        }
    }

    #[test]
    fn local_times_keep_their_hour_through_clock_changes() {
        let shift = Shift { weeks: 760 };
        for (day, hour) in [((2011, 3, 25), 9), ((2011, 3, 28), 9), ((2011, 10, 31), 9)] {
            let local =
                NaiveDate::from_ymd_opt(day.0, day.1, day.2).unwrap().and_hms_opt(hour, 26, 0).unwrap();
            assert_eq!(shift.instant(local).naive_local() - local, TimeDelta::weeks(760));
        }
    }
}

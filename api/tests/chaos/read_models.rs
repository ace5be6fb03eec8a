//! Read models beside the log: at its end, equal to what the model of stock says, and from time to time to a fresh fold.

use std::time::{Duration, Instant};

use projections::{registry, status, verify};
use serde_json::Value;
use sqlx::PgPool;

use crate::findings::{Findings, Kind};
use crate::ledger::Ledger;
use crate::model::PLACES;
use crate::town::{APIS, PATIENCE, Town};
use crate::writers::{ITEMS, Writers, item_name, item_number};

/// Waits until every read model has come to the end of the log. False where one does not.
pub(crate) async fn caught_up(pool: &PgPool, findings: &mut Findings) -> bool {
    let begun = Instant::now();
    loop {
        let rows = status::read(pool).await.unwrap();
        let behind: Vec<_> =
            rows.iter().filter(|row| row.copy == "live" && row.position < row.head).collect();
        if behind.is_empty() {
            return true;
        }
        if begun.elapsed() > PATIENCE {
            for row in behind {
                let what =
                    format!("{} stands at {} of {} in {}", row.name, row.position, row.head, row.partition);
                findings.add(Kind::Behind, what);
            }
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What people read through each process, and the movements behind it.
pub(crate) async fn check(town: &Town, writers: &Writers, ledger: &Ledger, findings: &mut Findings) {
    for (number, company) in writers.companies.iter().enumerate() {
        let position = ledger.logs[usize::try_from(company.partition).unwrap()].position;
        for api in 0..APIS {
            let url = town.api(api).unwrap();
            let list = format!("{url}/api/v1/inventory?page_size=100&min_position={position}");
            let request = writers.http.get(list).header("X-API-Key", &company.api_key);
            let answer = request.timeout(Duration::from_secs(30)).send().await.unwrap();
            let (status, body) = (answer.status(), answer.json::<Value>().await.unwrap());
            if status != 200 {
                findings.add(Kind::Behind, format!("company {number}, api {api}: {status} {body}"));
                continue;
            }
            compare_levels(number, api, &body, ledger, findings);
        }
        let movements: i64 =
            sqlx::query_scalar("select count(*) from movements_2.movements where company_id = $1")
                .bind(company.id)
                .fetch_one(town.database.owner())
                .await
                .unwrap();
        if movements != ledger.movements[number] {
            let what = format!("company {number} has {movements} movements of {}", ledger.movements[number]);
            findings.add(Kind::Drift, what);
        }
    }
}

fn compare_levels(company: usize, api: usize, body: &Value, ledger: &Ledger, findings: &mut Findings) {
    for item in 0..ITEMS {
        let (number, name) = (item_number(company, item), item_name(item));
        let rows = body["items"].as_array().into_iter().flatten();
        let row = rows.into_iter().find(|row| row["item_id"] == *name);
        for (at, place) in PLACES.iter().enumerate() {
            let levels = row.and_then(|row| row["stock"].as_array()).into_iter().flatten();
            let level = levels.into_iter().find(|level| level["location_id"] == *place);
            let shown = level.and_then(|level| level["quantity"].as_i64()).unwrap_or(0);
            let stands = ledger.stock[number].on_hand(at);
            if shown != stands {
                let what =
                    format!("company {company}, api {api}: {name} at {place} is {shown}, not {stands}");
                findings.add(Kind::Drift, what);
            }
        }
    }
}

/// Folds every read model afresh and compares.
pub(crate) async fn verify_all(pool: &PgPool, findings: &mut Findings) {
    for projection in registry::all() {
        let verified = verify::verify(pool, &projection).await.unwrap();
        if !verified.is_equal() || verified.parked > 0 {
            findings.add(Kind::Drift, format!("{verified:?}"));
        }
    }
}

//! Planning beside its peers: the pure plan beside statsforecast and pandas, a full recompute beside a COPY of its rows,
//! one change until its recommendation is seen, and every list and dashboard by plans at a steady rate.

mod real;
mod python;
mod figures;
mod pure;
mod company;
mod recompute;
mod visible;
pub(crate) mod users;

use std::time::Duration;

use crate::bed::Bed;
use crate::http::Shop;
use crate::lists::{self, steady};
use crate::report::Report;

/// Requests a second.
const STEADY: u32 = 100;
/// Sizes of companies, with the sale lines of each product.
const COMPANIES: [(usize, u32); 2] = [(4_000, 20), (100_000, 6)];

/// Measures everything but `users`.
pub(crate) async fn measure(bed: &Bed, seconds: Duration, report: &mut Report) -> anyhow::Result<()> {
    pure::measure(report)?;
    for (items, sales) in COMPANIES {
        let shop = Shop::empty(bed, &format!("planning{items}")).await?;
        company::fill(&shop, items, sales).await?;
        shop.catch_up().await?;
        sqlx::raw_sql("vacuum analyze").execute(bed.database.owner()).await?;
        bed.settle().await?;
        steady_reads(&shop, items, seconds, report).await?;
        let seen = visible::measure(&shop, items).await?;
        report.millis(
            &format!("an adjustment until its recommendation is seen, {items} products, p50"),
            seen.percentile(50),
        );
        report.millis(
            &format!("an adjustment until its recommendation is seen, {items} products, p99"),
            seen.percentile(99),
        );
        recompute::measure(bed, &shop, items, report).await?;
        shop.stop().await;
    }
    Ok(())
}

/// Every page by plans at a steady rate.
async fn steady_reads(
    shop: &Shop,
    items: usize,
    seconds: Duration,
    report: &mut Report,
) -> anyhow::Result<()> {
    let by = |path: &str, own: &[&str]| {
        let mut requests = lists::pages(path, own);
        requests.extend(lists::pages(path, lists::PLANS));
        requests
    };
    let asked = [
        ("/dashboard", vec!["/dashboard".to_owned()]),
        ("/recommendations", lists::pages("/recommendations", lists::RECOMMENDATIONS)),
        ("/inventory", by("/inventory", lists::INVENTORY)),
        ("/products", by("/products", lists::PRODUCTS)),
    ];
    let begun = std::time::Instant::now();
    shop.connect().await?.get("/dashboard").await?.expect(200)?;
    let first = begun.elapsed().as_secs_f64() * 1_000.0;
    report.millis(&format!("the first GET /dashboard of {items} planned after the start"), first);
    for (path, requests) in asked {
        let read = steady(shop, requests, STEADY, seconds).await?;
        report.millis(&format!("GET {path} of {items} planned at 100/s, p50"), read.percentile(50));
        report.millis(&format!("GET {path} of {items} planned at 100/s, p99"), read.percentile(99));
    }
    Ok(())
}

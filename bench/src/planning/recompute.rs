//! Every plan of a company computed and stored anew, beside a binary COPY of the same rows into a table without indexes.

use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::NaiveDate;
use commands::{Operation, Submission};
use futures::TryStreamExt;
use sqlx::Connection as _;

use crate::bed::{self, Bed};
use crate::http::Shop;
use crate::report::Report;

/// Times that both are measured, one after the other; the middle ratio counts.
const ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_mins(5);

/// Begins days, each of which plans the whole company.
pub(crate) async fn measure(bed: &Bed, shop: &Shop, items: usize, report: &mut Report) -> anyhow::Result<()> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        bed.settle().await?;
        let recomputed = begin_day(bed, shop).await?.as_secs_f64();
        bed.settle().await?;
        let (copied, rows) = copy(bed, shop).await?;
        anyhow::ensure!(rows == u64::try_from(items)?, "{rows} plans of {items} products");
        rounds.push((recomputed / copied.as_secs_f64(), recomputed, copied.as_secs_f64()));
    }
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, recomputed, copied) = *rounds.get(ROUNDS / 2).context("no round")?;
    report.millis(&format!("all plans of {items} products computed and stored"), recomputed * 1_000.0);
    report.millis(&format!("binary COPY of these {items} rows, no keys"), copied * 1_000.0);
    report.ratio(&format!("computing and storing {items} plans / COPY, in time"), ratio);
    Ok(())
}

/// From the order that begins the next day until its plans are there.
async fn begin_day(bed: &Bed, shop: &Shop) -> anyhow::Result<Duration> {
    let company = shop.company_id;
    let today: NaiveDate = sqlx::query_scalar("select day from planning_1.today where company_id = $1")
        .bind(company.0)
        .fetch_one(bed.database.owner())
        .await?;
    let date = today.succ_opt().context("no day after")?;
    let begun = Instant::now();
    let operations = vec![Operation::StartDay { date }];
    let submission =
        Submission { company_id: company, metadata: bed::metadata(), request_key: None, operations };
    let receipt = shop.running.state.committers.submit(submission).await?;
    let verdicts = receipt.verdicts;
    anyhow::ensure!(matches!(verdicts.as_slice(), [commands::Verdict::Accepted(_)]), "refused: {verdicts:?}");
    shop.running.state.wait(company.0, &["planning"], receipt.position, PATIENCE).await?;
    Ok(begun.elapsed())
}

/// Time of a binary COPY of the company's plans into an empty table, and their number.
async fn copy(bed: &Bed, shop: &Shop) -> anyhow::Result<(Duration, u64)> {
    let owner = bed.database.owner();
    let table = "drop table if exists bench_plans; create table bench_plans (like planning_1.plans)";
    sqlx::raw_sql(table).execute(owner).await?;
    let mut connection = sqlx::PgConnection::connect(&bed.database.url()).await?;
    let source = format!(
        "copy (select * from planning_1.plans where company_id = '{}' order by item_key) to stdout (format binary)",
        shop.company_id.0
    );
    let bytes: Vec<_> = connection.copy_out_raw(&source).await?.try_collect().await?;
    let chunks: Vec<_> = bytes.chunks(64).map(<[_]>::concat).collect();
    bed.settle().await?;
    let begun = Instant::now();
    let mut sink = connection.copy_in_raw("copy bench_plans from stdin (format binary)").await?;
    for chunk in chunks {
        sink.send(chunk).await?;
    }
    let rows = sink.finish().await?;
    let took = begun.elapsed();
    sqlx::query("drop table bench_plans").execute(owner).await?;
    Ok((took, rows))
}

//! Figures, not promises: `cargo test -p event-log --release -- --ignored --nocapture speed`.
#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "prints figures"
)]

use std::time::Instant;

use event_log::append::{Batch, append, head};
use event_log::copy::copy;
use event_log::event::StoredEvent;
use event_log::{read, verify};
use migrations::{Database, Role, Source};

use crate::support::{company, done, event, noon};

const BATCHES: i64 = 400;
const SIZE: i64 = 500;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute; for figures only"]
async fn speed() {
    for durable in [true, false] {
        let data_dir = migrations::testing::data_dir().unwrap();
        let database =
            Database::open(Source::Embedded { data_dir: data_dir.clone(), durable }).await.unwrap();
        println!("durable: {durable}");
        measure(&database).await;
        database.stop().await;
        std::fs::remove_dir_all(data_dir).unwrap();
    }
}

async fn measure(database: &Database) {
    let pool = database.pool(Role::Committer, 8).await.unwrap();
    for writers in [1_i16, 2, 4] {
        let begun = Instant::now();
        let running = (0..writers).map(|partition| {
            let pool = pool.clone();
            tokio::spawn(async move { fill(&mut pool.acquire().await.unwrap(), partition).await })
        });
        for writer in running.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let events = BATCHES * SIZE * i64::from(writers);
        println!("append, {writers} writers: {:.0} events/s", events as f64 / begun.elapsed().as_secs_f64());
    }
    let mut conn = pool.acquire().await.unwrap();
    let total = head(&mut conn, 0).await.unwrap().position as f64;
    let begun = Instant::now();
    let mut position = 0;
    loop {
        let block = read::after(&mut conn, 0, position, 2_000).await.unwrap();
        let Some(last) = block.last() else { break };
        position = last.position;
    }
    println!("feed: {:.0} events/s", total / begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let mut copied = copy(&pool, 0, 0, i64::MAX).await.unwrap();
    let mut count = 0.0;
    while let Some(block) = copied.next().await.unwrap() {
        count += block.len() as f64;
    }
    println!("copy: {:.0} events/s", count / begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let report = verify::verify(&pool, 0, &[], |_| {}).await.unwrap();
    assert_eq!(report.fault, None);
    println!("verify: {:.0} events/s", report.events as f64 / begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let mut expected = head(&mut conn, 0).await.unwrap();
    for n in 0..200 {
        let events = vec![typical(0, expected.position + 1, 1_000_000 + n, 1)];
        let batch = Batch { partition: 0, expected, events, keys: Vec::new(), recorded_at: noon() };
        expected = done(append(&mut conn, &batch).await.unwrap());
    }
    println!("append of one event: {:.0} µs", begun.elapsed().as_secs_f64() * 1e6 / 200.0);
}

async fn fill(conn: &mut sqlx::PgConnection, partition: i16) {
    let mut expected = head(conn, partition).await.unwrap();
    let first = expected.position;
    for _ in 0..BATCHES {
        let events = (1..=SIZE)
            .map(|n| {
                let position = expected.position + n;
                let (stream, version) = ((position - 1) % 1000, (position - 1) / 1000 + 1);
                typical(partition, position, stream, version)
            })
            .collect();
        let batch = Batch { partition, expected, events, keys: Vec::new(), recorded_at: noon() };
        expected = done(append(conn, &batch).await.unwrap());
    }
    assert_eq!(expected.position, first + BATCHES * SIZE);
}

fn typical(partition: i16, position: i64, stream: i64, version: i64) -> StoredEvent {
    let mut event =
        event(partition, position, company(u128::from(partition.unsigned_abs())), stream, version);
    event.payload = format!(
        "{{\"location\":\"01910000-0000-7000-8000-0000000000{:02}\",\"quantity\":{version},\"channel\":\"ozon\",\
          \"line\":\"{position}-1\",\"price\":{{\"amount\":\"199.90\",\"currency\":\"RUB\"}}}}",
        stream % 10
    )
    .into();
    event.metadata = format!(
        "{{\"actor\":\"user:01910000-0000-7000-8000-000000000001\",\"command_id\":\"01910000-0000-7000-8000-{position:012}\",\
          \"correlation_id\":\"01910000-0000-7000-8000-{position:012}\",\"source\":\"http\"}}"
    )
    .into();
    event
}

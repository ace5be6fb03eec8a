//! Tables are in memory before a list is asked for, and readers are not held up while they are renewed.

use std::time::Duration;

use migrations::Role;
use projections::stock::board::{Ask, Boards, Freshness, REFRESH_EVERY};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::facts::{COMPANIES, day_one, read_models};

const COMPANY: Uuid = COMPANIES[0];

#[tokio::test]
async fn who_is_noticed_finds_the_list_in_memory() {
    let (database, owner) = read_models().await;
    let reads = database.pool(Role::Api, 1).await.unwrap();
    let boards = Boards::new(reads.clone());
    products(&owner, COMPANY, 2, "A", 6).await;
    products(&owner, COMPANIES[1], 1, "B", 7).await;
    boards.notice(COMPANY);
    boards.warm().await;
    assert_eq!(boards.rows(), 2, "only of the company that was noticed");
    boards.notice(COMPANIES[1]);
    boards.warm().await;
    let _no_connection_is_left = reads.acquire().await.unwrap();
    assert_eq!(names(&boards, COMPANY, Freshness::Recent).await, ["A", "A"]);
    assert_eq!(names(&boards, COMPANIES[1], Freshness::Recent).await, ["B"]);
}

#[tokio::test]
async fn changes_arrive_without_a_reader_until_the_server_stops() {
    let (database, owner) = read_models().await;
    let boards = Boards::new(database.pool(Role::Api, 2).await.unwrap());
    let stop = CancellationToken::new();
    let keeper = tokio::spawn(boards.clone().keep_warm(stop.clone()));
    products(&owner, COMPANY, 1, "A", 6).await;
    boards.notice(COMPANY);
    until_rows(&boards, 1).await;
    products(&owner, COMPANY, 3, "B", 7).await;
    until_rows(&boards, 3).await;
    stop.cancel();
    keeper.await.unwrap();
}

#[tokio::test]
async fn a_reader_who_waits_for_nothing_is_not_held_up_by_a_renewal() {
    let (database, owner) = read_models().await;
    let reads = database.pool(Role::Api, 1).await.unwrap();
    let boards = Boards::new(reads.clone());
    products(&owner, COMPANY, 1, "A", 6).await;
    assert_eq!(names(&boards, COMPANY, Freshness::Now).await, ["A"]);
    products(&owner, COMPANY, 1, "B", 7).await;
    let held = reads.acquire().await.unwrap();
    tokio::time::sleep(REFRESH_EVERY).await;
    for _ in 0..3 {
        assert_eq!(names(&boards, COMPANY, Freshness::Recent).await, ["A"]);
    }
    let other = boards.clone();
    let waiting = tokio::spawn(async move { names(&other, COMPANY, Freshness::Now).await });
    tokio::time::sleep(REFRESH_EVERY).await;
    assert!(!waiting.is_finished());
    drop(held);
    assert_eq!(waiting.await.unwrap(), ["B"]);
}

#[tokio::test]
async fn a_large_renewal_keeps_what_did_not_change() {
    let (database, owner) = read_models().await;
    let boards = Boards::new(database.pool(Role::Api, 2).await.unwrap());
    products(&owner, COMPANY, 6_000, "A", 6).await;
    assert_eq!(names(&boards, COMPANY, Freshness::Now).await.len(), 6_000);
    products(&owner, COMPANY, 5_500, "B", 7).await;
    let names = names(&boards, COMPANY, Freshness::Now).await;
    let renamed = names.iter().filter(|name| *name == "B").count();
    assert_eq!((renamed, names.len()), (5_500, 6_000));
}

#[tokio::test]
async fn who_was_crowded_out_comes_back_only_when_a_list_is_asked_for() {
    let (database, owner) = read_models().await;
    let boards = Boards::with_max_rows(database.pool(Role::Api, 2).await.unwrap(), 2);
    products(&owner, COMPANY, 2, "A", 6).await;
    products(&owner, COMPANIES[1], 1, "B", 7).await;
    boards.notice(COMPANY);
    boards.warm().await;
    assert_eq!(boards.rows(), 2);
    assert_eq!(names(&boards, COMPANIES[1], Freshness::Recent).await, ["B"]);
    assert_eq!(boards.rows(), 1, "the other one had to leave");
    boards.notice(COMPANY);
    boards.warm().await;
    assert_eq!(boards.rows(), 1);
    assert_eq!(names(&boards, COMPANY, Freshness::Recent).await, ["A", "A"]);
    assert_eq!(boards.rows(), 2);
}

async fn names(boards: &Boards, company: Uuid, fresh: Freshness) -> Vec<String> {
    let ask = Ask { limit: usize::MAX, ..Ask::default() };
    let found = boards.list(company, &ask, fresh).await.unwrap();
    found.items.into_iter().map(|item| item.product_name).collect()
}

async fn until_rows(boards: &Boards, rows: usize) {
    let there = async {
        while boards.rows() != rows {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), there).await.unwrap();
}

/// The first `count` products of a company have this name since `position`.
async fn products(owner: &PgPool, company: Uuid, count: i32, name: &str, position: i64) {
    sqlx::query(
        "insert into catalogue_1.products
             (company_id, item_key, item_id, sku, product_name, category, barcodes, listings, is_active, created_at,
              updated_at, changed_position, version)
         select $1, n::text, n::text, n::text, $3, 'Toys', '{}', '[]', true, $4, $4, $5, 1
         from generate_series(1, $2) as n
         on conflict (company_id, item_key) do update set
             product_name = excluded.product_name, changed_position = excluded.changed_position",
    )
    .bind(company)
    .bind(count)
    .bind(name)
    .bind(day_one())
    .bind(position)
    .execute(owner)
    .await
    .unwrap();
}

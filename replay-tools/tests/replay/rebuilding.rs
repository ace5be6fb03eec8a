//! `replay rebuild`, `replay rollback` and `replay status`.

use crate::support::{Shop, add};

async fn on_hand(shop: &Shop) -> i64 {
    sqlx::query_scalar("select sum(on_hand)::bigint from inventory_1.levels")
        .fetch_one(shop.database.owner())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_rebuild_shows_the_difference_and_takes_the_place_of_the_live_copy() {
    let shop = Shop::folded().await;
    shop.tamper("update inventory_1.levels set on_hand = 99 where location_id = 'STORE'").await;

    let said = shop.replay(&["rebuild", "inventory", "--diff-only"]).await;
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.out.contains("levels: 1 differ"), "{}", said.out);
    assert!(said.out.contains(&format!("{} | LAMP | STORE", shop.company_id)), "{}", said.out);
    assert!(said.out.contains("on_hand: 99 in the live copy, 4 in the new copy"), "{}", said.out);
    assert_eq!(on_hand(&shop).await, 105);

    let said = shop.replay(&["rebuild", "inventory"]).await;
    assert_eq!(said.code, 1, "{}", said.err);
    assert_eq!(on_hand(&shop).await, 10);

    let said = shop.replay(&["rebuild", "inventory", "--diff-only", "--max-rate", "1000"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("equals the live copy"), "{}", said.out);

    let said = shop.replay(&["rollback", "inventory"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(on_hand(&shop).await, 105);
}

#[tokio::test]
async fn a_rebuild_that_is_killed_goes_on_and_writes_nothing_twice() {
    let shop = Shop::folded().await;
    shop.receive_many(20_000).await;
    shop.fold().await;
    let number =
        async |sql: &str| -> i64 { sqlx::query_scalar(sql).fetch_one(shop.database.owner()).await.unwrap() };
    let written = "select coalesce(max(written), 0)::bigint from projections.loads";
    for _ in 0..3 {
        let before = number(written).await;
        let mut rebuilding = shop.start(&["rebuild", "movements", "--max-rate", "20000"]);
        while number(written).await == before {
            assert!(rebuilding.try_wait().unwrap().is_none(), "it ended too early");
            tokio::task::yield_now().await;
        }
        rebuilding.kill().unwrap();
        rebuilding.wait().unwrap();
    }
    assert!(number("select count(*) from movements_2__next.movements").await > 0, "rows of killed runs stay");
    let said = loop {
        let said = shop.replay(&["rebuild", "movements"]).await;
        // The server has to notice that the killed one is gone.
        if !said.err.contains("being made already") {
            break said;
        }
    };
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("equals the live copy"), "{}", said.out);
    assert!(said.err.contains("events at"), "progress is shown: {}", said.err);
    assert_eq!(number("select count(*) from movements_2.movements where item_key = 'BULB'").await, 20_000);
    let said = shop.replay(&["verify"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[tokio::test]
async fn a_read_model_of_no_name_cannot_be_rebuilt() {
    let shop = Shop::found().await;
    let said = shop.replay(&["rebuild", "weather"]).await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("there is no projection named weather"), "{}", said.err);
}

#[tokio::test]
async fn status_shows_heads_checkpoints_and_lag() {
    let shop = Shop::folded().await;
    let said = shop.replay(&["status"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(
        said.out.lines().filter(|line| line.starts_with(['0', '1', '2', '3'])).count(),
        4,
        "{}",
        said.out
    );
    assert!(line_of(&said.out, "inventory").ends_with("none"), "{}", said.out);

    shop.stock(add(1)).await;
    let said = shop.replay(&["status"]).await;
    assert!(line_of(&said.out, "inventory").contains("1 event, "), "{}", said.out);
}

fn line_of<'a>(out: &'a str, name: &str) -> &'a str {
    out.lines().find(|line| line.starts_with(name)).unwrap()
}

#[tokio::test]
async fn status_names_read_models_that_were_never_installed() {
    let shop = Shop::found().await;
    let said = shop.replay(&["status"]).await;
    assert!(said.out.contains("not installed"), "{}", said.out);
}

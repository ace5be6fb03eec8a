//! `replay verify` without a checkpoint.

use crate::support::{Shop, add};

#[tokio::test]
async fn verify_passes_on_a_log_and_read_models_that_nobody_touched() {
    let shop = Shop::folded().await;
    let said = shop.replay(&["verify"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.out.contains("effects, on hand and the fold agree for 2 item and location pairs"),
        "{}",
        said.out
    );
    assert!(said.out.ends_with("everything agrees\n"), "{}", said.out);
}

#[tokio::test]
async fn verify_passes_while_read_models_lag_behind_the_log() {
    let shop = Shop::folded().await;
    shop.stock(add(1)).await;
    let said = shop.replay(&["verify"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[tokio::test]
async fn verify_names_an_event_that_was_altered() {
    let shop = Shop::folded().await;
    let id: uuid::Uuid =
        sqlx::query_scalar("select event_id from log.events where event_type = 'StockReceived'")
            .fetch_one(shop.database.owner())
            .await
            .unwrap();
    shop.tamper(
        "update log.events set payload = replace(payload::text, '\"quantity\":10', '\"quantity\":11')::json
         where event_type = 'StockReceived'",
    )
    .await;
    let said = shop.replay(&["verify"]).await;
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains(&format!("altered: event {id} (StockReceived)")), "{}", said.out);
    assert!(said.out.ends_with("DIFFERENCES FOUND\n"), "{}", said.out);
}

#[tokio::test]
async fn verify_names_an_event_that_was_removed() {
    let shop = Shop::folded().await;
    let position: i64 =
        sqlx::query_scalar("select position from log.events where event_type = 'StockCounted'")
            .fetch_one(shop.database.owner())
            .await
            .unwrap();
    shop.tamper("delete from log.events where event_type = 'StockCounted'").await;
    let said = shop.replay(&["verify"]).await;
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains(&format!("missing: position {position}")), "{}", said.out);
}

#[tokio::test]
async fn verify_names_stock_that_was_changed_in_a_read_model() {
    let shop = Shop::folded().await;
    shop.tamper("update inventory_1.levels set on_hand = on_hand + 1 where location_id = 'STORE'").await;
    let said = shop.replay(&["verify"]).await;
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains("inventory_1  DIFFERS"), "{}", said.out);
    assert!(said.out.contains(&format!("{} | LAMP | STORE", shop.company_id)), "{}", said.out);
    let fault = format!("LAMP at STORE of company {}: on hand 5, the log says 4", shop.company_id);
    assert!(said.out.contains(&fault), "{}", said.out);
}

#[tokio::test]
async fn verify_names_a_movement_that_does_not_add_up() {
    let shop = Shop::folded().await;
    shop.tamper("delete from movements_2.movements where location_id = 'STORE'").await;
    let said = shop.replay(&["verify"]).await;
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains("sum of effects 0, the log says 4"), "{}", said.out);
}

//! `replay parked`: an event that cannot be read waits with its stream until somebody decides.

use crate::support::{Shop, add};

const SPOIL: &str =
    "create table kept as select position, payload::text from log.events where event_type = 'StockCounted';
    update log.events set payload = '{}' where event_type = 'StockCounted'";
const MEND: &str =
    "update log.events e set payload = kept.payload::json from kept where e.position = kept.position";

/// A shop whose count nobody can read.
async fn spoilt() -> Shop {
    let shop = Shop::with_history().await;
    shop.tamper(SPOIL).await;
    shop.fold().await;
    shop
}

async fn ids(shop: &Shop) -> Vec<i64> {
    sqlx::query_scalar("select id from projections.parked order by id")
        .fetch_all(shop.database.owner())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_parked_event_is_shown_and_folded_where_it_belongs_once_it_is_mended() {
    let shop = spoilt().await;
    let said = shop.replay(&["parked"]).await;
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let line = said.out.lines().find(|line| line.contains("inventory_1")).unwrap();
    assert!(line.contains("StockCounted") && line.contains("stock_item/"), "{line}");
    let said = shop.replay(&["verify"]).await;
    assert!(said.out.contains("inventory_1  IS INCOMPLETE: 1 stream cannot be folded"), "{}", said.out);
    assert!(said.out.contains("inventory_1  2 rows equal a fresh fold"), "{}", said.out);
    assert_eq!(said.code, 1);

    let first = ids(&shop).await[0].to_string();
    let said = shop.replay(&["parked", "retry", &first]).await;
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("1 event tried again, 1 still parked"), "{}", said.out);

    shop.tamper(MEND).await;
    let said = shop.replay(&["parked", "retry", "--all"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let said = shop.replay(&["parked"]).await;
    assert_eq!((said.code, said.out.as_str()), (0, "nothing is parked\n"));
    shop.stock(add(1)).await;
    shop.fold().await;
    let said = shop.replay(&["verify"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[tokio::test]
async fn a_skipped_event_is_left_out_and_said_to_be() {
    let shop = spoilt().await;
    for id in ids(&shop).await {
        let said = shop.replay(&["parked", "skip", &id.to_string()]).await;
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert!(said.out.contains("1 event skipped for good, 0 still parked"), "{}", said.out);
    }
    let said = shop.replay(&["parked"]).await;
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(said.out.contains("skipped"), "{}", said.out);
    let said = shop.replay(&["verify"]).await;
    assert!(said.out.contains("movements_2  leaves out 1 event"), "{}", said.out);
    assert!(!said.out.contains("movements_2  DIFFERS"), "{}", said.out);
    let said = shop.replay(&["parked", "skip", "1"]).await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("no event is parked under 1"), "{}", said.err);
}

#[tokio::test]
async fn retrying_names_what_to_retry() {
    let shop = Shop::folded().await;
    let said = shop.replay(&["parked"]).await;
    assert_eq!((said.code, said.out.as_str()), (0, "nothing is parked\n"));
    assert_eq!(shop.replay(&["parked", "retry"]).await.code, 2);
    assert_eq!(shop.replay(&["parked", "retry", "1", "--all"]).await.code, 2);
    assert_eq!(shop.replay(&["parked", "retry", "1"]).await.code, 1);
}

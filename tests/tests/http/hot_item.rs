//! Everybody takes the same piece at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tests::TestApp;

const CONNECTIONS: usize = 64;
const REQUESTS: usize = 2_000;
const PIECES: i64 = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_thousand_who_want_one_of_a_thousand_pieces_exactly_a_thousand_get_it() {
    let app = TestApp::start().await;
    let owner = app.register("Hot").await;
    owner.product("HOT").await;
    owner.opening("HOT", PIECES).await;
    let (asked, accepted, refused) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    // The last pieces are more than half of what is there, which must be confirmed.
    let body = json!({"item_id": "HOT", "location_id": "MAIN", "type": "SUBTRACT", "quantity": 1, "reason": "OTHER",
        "confirm": ["LARGE_CHANGE"]});
    let connection = async || {
        while asked.fetch_add(1, Ordering::Relaxed) < REQUESTS {
            let answer = owner.post("/inventory/adjust", &body).await;
            if answer.status == 200 {
                accepted.fetch_add(1, Ordering::Relaxed);
            } else {
                let refusal = answer.expect_code(409, "would_go_below_zero");
                assert_eq!((refusal.number("/on_hand"), refusal.number("/asked")), (0, 1));
                refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    futures::future::join_all((0..CONNECTIONS).map(|_| connection())).await;
    assert_eq!((accepted.into_inner(), refused.into_inner()), (1_000, 1_000));
    assert_eq!(owner.stock("HOT").await["MAIN"], 0);
    assert_eq!(owner.events("&type=StockAdjusted").await.len(), 1_000);
    app.stop().await;
}

//! `replay checkpoint`, `replay verify --checkpoint`, `replay prove` and `replay check-proof`.

use std::path::Path;

use event_log::append::{Appended, Batch, append, head};
use event_log::event::partition_of;
use event_log::read;
use event_log::signing::SigningKey;
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::{Said, Shop, add, replay};

/// A private key as it is given.
fn key(n: u8) -> String {
    format!("{n:02x}").repeat(32)
}

fn public_key(n: u8) -> String {
    SigningKey::new(&[n; 32]).public_key().to_string()
}

/// A shop, and a folder for what is kept elsewhere.
struct Kept {
    shop: Shop,
    folder: TempDir,
}

impl Kept {
    async fn with_history() -> Self {
        Self { shop: Shop::folded().await, folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Takes a checkpoint.
    async fn take(&self, name: &str) -> String {
        let file = self.file(name);
        let said = self.shop.replay(&["checkpoint", &file, "--signing-key", &key(1)]).await;
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        file
    }

    async fn verify(&self, file: &str) -> Said {
        self.shop.replay(&["verify", "--checkpoint", file, "--public-key", &public_key(1)]).await
    }

    fn partition(&self) -> i16 {
        partition_of(self.shop.company_id.0, 4)
    }

    /// Cuts off everything after the last batch but `batches`, and lets the head say that it never was.
    async fn cut_off(&self, batches: i64) {
        let partition = self.partition();
        self.shop
            .tamper(&format!(
                "create temp table kept as select * from log.log_batch where partition = {partition}
                    order by batch desc offset {batches} limit 1;
                 delete from log.events e using kept where e.partition = kept.partition and e.position > kept.last_position;
                 delete from log.log_batch b using kept where b.partition = kept.partition and b.batch > kept.batch;
                 update log.log_head h set position = kept.last_position, batch = kept.batch, hash = kept.hash
                    from kept where h.partition = kept.partition;
                 drop table kept"
            ))
            .await;
    }
}

#[tokio::test]
async fn a_log_that_grew_extends_its_signed_checkpoint() {
    let kept = Kept::with_history().await;
    let (early, late) = (kept.take("early").await, kept.file("late"));
    let said = kept.verify(&early).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    kept.shop.stock(add(1)).await;
    let said = kept.shop.replay(&["checkpoint", &late, "--signing-key", &key(1)]).await;
    assert!(said.out.contains(&format!("signed with {}", public_key(1))), "{}{}", said.out, said.err);
    let said = kept.shop.replay(&["verify", "--checkpoint", &early, "--checkpoint", &late]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(said.out.matches("the log extends it").count(), 2, "{}", said.out);
}

#[tokio::test]
async fn a_checkpoint_of_another_key_or_with_one_flipped_bit_is_refused() {
    let kept = Kept::with_history().await;
    let file = kept.take("kept").await;
    let other = public_key(2);
    let said = kept.shop.replay(&["verify", "--checkpoint", &file, "--public-key", &other]).await;
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains(&format!("not with {other}")), "{}", said.err);
    let good = std::fs::read(&file).unwrap();
    for at in (0..good.len()).step_by(97) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&file, &bad).unwrap();
        let said = kept.shop.replay(&["verify", "--checkpoint", &file]).await;
        assert_eq!(said.code, 1, "byte {at}: {}", said.out);
        assert!(said.err.contains("the checkpoint"), "{}", said.err);
    }
}

#[tokio::test]
async fn a_log_whose_tail_was_cut_off_fails_against_a_signed_checkpoint() {
    let kept = Kept::with_history().await;
    let file = kept.take("kept").await;
    kept.cut_off(1).await;
    let said = kept.verify(&file).await;
    assert_eq!(said.code, 1);
    assert!(said.out.contains("the tail was cut off"), "{}", said.out);
    assert!(said.out.contains("THE LOG DOES NOT EXTEND IT"), "{}", said.out);
    // More events after the cut do not mend it.
    let elsewhere = kept.file("again");
    let again = kept.shop.replay(&["checkpoint", &elsewhere, "--signing-key", &key(1)]).await;
    assert_eq!(again.code, 0, "the chain alone cannot tell: {}", again.out);
}

#[tokio::test]
async fn a_log_that_was_put_in_another_order_fails_against_a_signed_checkpoint() {
    let kept = Kept::with_history().await;
    let (file, partition) = (kept.take("kept").await, kept.partition());
    let mut conn = kept.shop.database.owner().acquire().await.unwrap();
    let mut events = read::after(&mut conn, partition, 0, 1_000).await.unwrap();
    kept.cut_off(2).await;
    let mut expected = head(&mut conn, partition).await.unwrap();
    // Somebody who may do everything writes the last two batches anew, the other way round: a chain without a fault.
    events.retain(|event| event.position > expected.position);
    assert_eq!(events.len(), 2);
    let places: Vec<_> = events.iter().map(|event| (event.position, event.version)).collect();
    events.reverse();
    for (mut event, place) in events.into_iter().zip(places) {
        (event.position, event.version) = place;
        let recorded_at = event.recorded_at;
        let batch = Batch { partition, expected, events: vec![event], keys: Vec::new(), recorded_at };
        expected = match append(&mut conn, &batch).await.unwrap() {
            Appended::Done(head) => head,
            other => panic!("not appended: {other:?}"),
        };
    }
    let said = kept.verify(&file).await;
    assert_eq!(said.code, 1);
    assert!(said.out.contains("the chain does not pass through the checkpoint of batch"), "{}", said.out);
    assert!(said.out.contains("THE LOG DOES NOT EXTEND IT"), "{}", said.out);
}

#[tokio::test]
async fn no_checkpoint_is_made_without_a_key_or_of_a_log_that_does_not_hold() {
    let kept = Kept::with_history().await;
    let (file, absent) = (kept.file("kept"), kept.file("no-such-folder"));
    let said = kept.shop.replay(&["checkpoint", &file, "--data-dir", &absent]).await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("there is no signing key"), "{}", said.err);
    kept.shop.tamper("update log.events set payload = '{}' where event_type = 'StockCounted'").await;
    let said = kept.shop.replay(&["checkpoint", &file, "--signing-key", &key(1)]).await;
    assert_eq!(said.code, 1);
    assert!(said.out.contains("NO CHECKPOINT"), "{}", said.out);
    assert!(!Path::new(&file).exists() && !Path::new(&absent).exists());
}

impl Kept {
    async fn event(&self, event_type: &str) -> Uuid {
        sqlx::query_scalar("select event_id from log.events where event_type = $1 order by position limit 1")
            .bind(event_type)
            .fetch_one(self.shop.database.owner())
            .await
            .unwrap()
    }

    /// Writes the proof of an event.
    async fn prove(&self, event: Uuid, name: &str, more: &[&str]) -> Said {
        let (event, file, key) = (event.to_string(), self.file(name), key(1));
        let arguments = ["prove", &event, "--write", &file, "--signing-key", &key];
        self.shop.replay(&[&arguments, more].concat()).await
    }
}

#[tokio::test]
async fn a_proof_is_checked_without_a_database_and_one_flipped_bit_spoils_it() {
    let kept = Kept::with_history().await;
    let said = kept.prove(kept.event("StockReceived").await, "proof", &[]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let (proof, folder) = (kept.file("proof"), kept.file("nothing-here"));
    drop(kept.shop);
    let trusted = public_key(1);
    let check = ["check-proof", &proof, "--data-dir", &folder, "--public-key"];
    let said = replay(&[&check[..], &[&trusted]].concat()).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("(StockReceived)") && said.out.contains("\"quantity\":10"), "{}", said.out);
    let said = replay(&[&check[..], &[&public_key(2)]].concat()).await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("proves nothing"), "{}", said.err);
    let good = std::fs::read(&proof).unwrap();
    for (n, at) in (0..good.len()).step_by(61).enumerate() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (n % 8);
        std::fs::write(&proof, &bad).unwrap();
        let said = replay(&check[..4]).await;
        assert_eq!((said.code, said.out.as_str()), (1, ""), "bit {} of byte {at}", n % 8);
    }
}

#[tokio::test]
async fn a_proof_leads_to_a_checkpoint_that_somebody_kept() {
    let kept = Kept::with_history().await;
    let file = kept.take("kept").await;
    kept.shop.stock(add(1)).await;
    let by = ["--checkpoint", file.as_str()];
    let said = kept.prove(kept.event("StockTransferred").await, "proof", &by).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("leads to the checkpoint"), "{}", said.out);
    let said = replay(&["check-proof", &kept.file("proof")]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);

    let newest = "select event_id from log.events order by recorded_at desc limit 1";
    let newest: Uuid = sqlx::query_scalar(newest).fetch_one(kept.shop.database.owner()).await.unwrap();
    let said = kept.prove(newest, "late", &by).await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("the checkpoint does not reach the event"), "{}", said.err);

    kept.cut_off(2).await;
    let said = kept.prove(kept.event("StockTransferred").await, "forked", &by).await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("the log does not extend the checkpoint"), "{}", said.err);
}

#[tokio::test]
async fn a_movement_is_proved_by_its_own_id_and_an_altered_event_not_at_all() {
    let kept = Kept::with_history().await;
    let second_leg: Uuid = sqlx::query_scalar(
        "select movement_id from movements_2.movements where location_id = 'STORE' and quantity = 4",
    )
    .fetch_one(kept.shop.database.owner())
    .await
    .unwrap();
    let transfer = kept.event("StockTransferred").await;
    assert_ne!(second_leg, transfer);
    let said = kept.shop.replay(&["prove", &second_leg.to_string()]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains(&format!("event {transfer} (StockTransferred)")), "{}", said.out);
    assert!(said.out.ends_with("the event is in the chain\n"), "{}", said.out);

    kept.shop.tamper("update log.events set effective_at = effective_at - interval '1 day' where event_type = 'StockTransferred'").await;
    let said = kept.prove(transfer, "proof", &[]).await;
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.ends_with("THE EVENT IS NOT IN THE CHAIN\n"), "{}", said.out);
    let said = kept.prove(Uuid::nil(), "nothing", &[]).await;
    assert!(said.code == 1 && said.err.contains("the log has no event"), "{}", said.err);
}

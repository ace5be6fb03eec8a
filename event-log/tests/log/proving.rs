//! One event is proved to somebody who has nothing but a signed checkpoint.

use event_log::append::{append, head};
use event_log::checkpoint::{Flaw, SignedCheckpoint, Tip, tip, tip_at};
use event_log::proof::{self, Proof, ProofError};
use event_log::read;
use event_log::signing::SigningKey;
use uuid::Uuid;

use crate::support::{PARTITION, company, done, event, filled, noon, tamper};

fn signed(tip: Tip) -> SignedCheckpoint {
    SignedCheckpoint::sign(&SigningKey::new(&[7; 32]), noon(), vec![tip])
}

#[tokio::test]
async fn a_proof_leads_from_one_event_to_every_later_checkpoint() {
    let (database, pool, heads) = filled().await;
    let mut conn = pool.acquire().await.unwrap();
    let mut tips = Vec::new();
    for head in &heads {
        tips.push(tip_at(&mut conn, PARTITION, head).await.unwrap());
    }
    for position in [1, 23, 50] {
        let found = proof::inclusion(&mut conn, PARTITION, position).await.unwrap().unwrap();
        assert!(found.holds() && heads.contains(&found.head) && found.event.position == position);
        for tip in &tips {
            let proven = proof::prove(&mut conn, found.clone(), signed(tip.clone())).await;
            if tip.batch < found.head.batch {
                assert!(matches!(proven, Err(ProofError::NotCovered)), "{position} by {}", tip.batch);
                continue;
            }
            let text = proven.unwrap().to_text().unwrap();
            let read = Proof::parse(&text).unwrap();
            read.check(Some(&SigningKey::new(&[7; 32]).public_key())).unwrap();
            assert_eq!(read.event(), found.event);
        }
    }
    assert_eq!(proof::inclusion(&mut conn, PARTITION, 51).await.unwrap(), None);
    tamper(&database, "update log.events set payload = '{}' where partition = 1 and position = 24").await;
    let found = proof::inclusion(&mut conn, PARTITION, 23).await.unwrap().unwrap();
    assert!(!found.holds(), "a neighbour was altered");
    let altered = proof::prove(&mut conn, found, signed(tips[10].clone())).await;
    assert!(matches!(altered, Err(ProofError::Altered)));
}

#[tokio::test]
async fn one_flipped_bit_anywhere_spoils_a_proof() {
    let (_database, pool, _) = filled().await;
    let mut conn = pool.acquire().await.unwrap();
    let here = tip(&mut conn, PARTITION).await.unwrap();
    let found = proof::inclusion(&mut conn, PARTITION, 23).await.unwrap().unwrap();
    let text = proof::prove(&mut conn, found, signed(here)).await.unwrap().to_text().unwrap() + "\n";
    Proof::parse(&text).unwrap().check(None).unwrap();
    let mut tried = 0;
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let Ok(spoilt) = String::from_utf8(bytes) else { continue };
            let outcome = Proof::parse(&spoilt).and_then(|proof| proof.check(None));
            assert!(outcome.is_err(), "bit {bit} of byte {at}: {spoilt}");
            tried += 1;
        }
    }
    assert!(tried > 10_000, "{tried}");
}

#[tokio::test]
async fn a_proof_needs_the_log_that_the_checkpoint_was_taken_of() {
    let (_database, pool, _) = filled().await;
    let mut conn = pool.acquire().await.unwrap();
    let here = tip(&mut conn, PARTITION).await.unwrap();
    let found = proof::inclusion(&mut conn, PARTITION, 23).await.unwrap().unwrap();
    let forked = signed(Tip { tree: [1; 32], ..here.clone() });
    let refused = proof::prove(&mut conn, found.clone(), forked).await;
    assert!(matches!(refused, Err(ProofError::NotExtended)));
    let elsewhere = signed(Tip { partition: 2, ..here.clone() });
    assert!(matches!(proof::prove(&mut conn, found.clone(), elsewhere).await, Err(ProofError::NotCovered)));
    let proof = proof::prove(&mut conn, found, signed(here)).await.unwrap();
    let trusted = SigningKey::new(&[8; 32]).public_key();
    assert!(matches!(proof.check(Some(&trusted)), Err(Flaw::OtherKey { .. })));
}

#[tokio::test]
async fn an_event_is_found_by_its_id_wherever_the_id_says_that_it_was_made() {
    let (_database, pool, _) = filled().await;
    let mut conn = pool.acquire().await.unwrap();
    // The log's ids bear no time; the second one differs in the last bit.
    let (id, leg) = (event(PARTITION, 22, company(1), 2, 5).event_id, Uuid::from_u128((1 << 64) + 51));
    let found = read::find(&mut conn, PARTITION, None, id).await.unwrap();
    assert_eq!(found, Some(22));
    assert_eq!(read::find(&mut conn, PARTITION, Some(company(2)), id).await.unwrap(), Some(22));
    assert_eq!(read::find(&mut conn, PARTITION, Some(company(4)), id).await.unwrap(), None);
    assert_eq!(
        read::find(&mut conn, PARTITION, None, leg).await.unwrap(),
        Some(50),
        "the second movement of 50"
    );
    assert_eq!(read::find(&mut conn, 0, None, id).await.unwrap(), None);
    // Ids that were made before, after and while the log was written.
    for (position, made) in [(51, "0190"), (52, "019d"), (53, "7fff")] {
        let expected = head(&mut conn, PARTITION).await.unwrap();
        let mut batch = crate::support::batch(PARTITION, expected, 1);
        let id: Uuid = format!("{made}9cc0-0000-7000-8000-000000000042").parse().unwrap();
        batch.events[0].event_id = id;
        done(append(&mut conn, &batch).await.unwrap());
        assert_eq!(read::find(&mut conn, PARTITION, None, id).await.unwrap(), Some(position), "{made}");
    }
}

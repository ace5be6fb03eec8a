//! What auditors take home and what they are told: checkpoints, proofs, verification.

use std::path::Path;

use event_log::archive::{self, Archive};
use event_log::checkpoint::{Flaw, SignedCheckpoint};
use event_log::proof::Proof;
use event_log::signing::SigningKey;
use event_log::verify::verify;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Person, TestApp, until};

/// A server that signs with a key that we know.
async fn start() -> TestApp {
    TestApp::start_with(|config| config.signing_key = Some("05".repeat(32))).await
}

fn trusted() -> event_log::signing::PublicKey {
    SigningKey::new(&[5; 32]).public_key()
}

/// As the owner, with the triggers off.
async fn tamper(app: &TestApp, change: &str) {
    let change =
        format!("set session_replication_role = replica; {change}; set session_replication_role = origin");
    sqlx::raw_sql(&change).execute(app.database.owner()).await.unwrap();
}

/// The exact bytes of an answer.
async fn bytes(person: &Person<'_>, path: &str) -> String {
    let response = person.request(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.text().await.unwrap()
}

/// A company whose only event is this product.
async fn with_product<'a>(app: &'a TestApp, name: &str, item: &str) -> Person<'a> {
    let person = app.register(name).await;
    person.product(item).await;
    person.opening(item, 40).await;
    person
}

#[tokio::test]
async fn a_checkpoint_is_signed_and_the_log_that_grows_extends_it() {
    let app = start().await;
    let ann = with_product(&app, "Ann", "TEA").await;
    let text = bytes(&ann, "/audit/checkpoint").await;
    let kept = SignedCheckpoint::parse(&text).unwrap();
    kept.check(Some(&trusted())).unwrap();
    let partition = app.running.state.committers.partition_of(ann.company_id.parse().unwrap());
    let tip = kept.tip(partition).unwrap();
    assert_eq!((kept.partitions.len(), tip.position > 0), (1, true), "of the company's partition alone");
    ann.product("MORE").await;
    let report = verify(app.database.owner(), partition, &kept.partitions).await.unwrap();
    assert!(report.fault.is_none() && report.head.batch > tip.batch, "{report:?}");

    let later = SignedCheckpoint::parse(&bytes(&ann, "/audit/checkpoint").await).unwrap();
    assert!(later.tip(partition).unwrap().position >= ann.head() - 1 && later.taken_at > kept.taken_at);
    tamper(&app, "update log.events set metadata = '{}' where event_type = 'OpeningBalanceSet'").await;
    let report = verify(app.database.owner(), partition, &kept.partitions).await.unwrap();
    assert!(report.fault.is_some() && report.head.batch < tip.batch, "{report:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_movement_is_proved_to_somebody_who_has_the_key_alone() {
    let app = start().await;
    let ann = with_product(&app, "Ann", "TEA").await;
    ann.location("SHOP", "STORE").await;
    let body = serde_json::json!({"item_id": "TEA", "from_location_id": "MAIN", "to_location_id": "SHOP", "quantity": 3});
    ann.post("/inventory/transfer", &body).await.expect(200);
    let movements = ann.get_caught_up("/inventory/movements?item_id=TEA").await.expect(200);
    assert_eq!(movements.items().len(), 3);
    for movement in movements.items() {
        let text = bytes(&ann, &format!("/audit/proof/{}", movement["movement_id"].as_str().unwrap())).await;
        let proof = Proof::parse(&text).unwrap();
        proof.check(Some(&trusted())).unwrap();
        assert_eq!(proof.event().position, movement["position"].as_i64().unwrap());
        assert_eq!(proof.event().stream_id.as_ref(), "TEA");
        let other = SigningKey::new(&[6; 32]).public_key();
        assert!(matches!(proof.check(Some(&other)), Err(Flaw::OtherKey { .. })));
    }
    app.stop().await;
}

#[tokio::test]
async fn another_companys_event_cannot_be_proved_and_an_altered_one_neither() {
    let app = start().await;
    let ann = with_product(&app, "Ann", "TEA").await;
    let event = ann.events("&type=OpeningBalanceSet").await.remove(0);
    let path = format!("/audit/proof/{}", event["event_id"].as_str().unwrap());
    let bob = with_product(&app, "Bob", "TEA").await;
    assert_eq!(bob.get(&path).await.expect(404).text("/code"), "not_found");
    for change in
        ["effective_at = effective_at - interval '1 day'", "recorded_at = recorded_at - interval '1 day'"]
    {
        tamper(&app, &format!("update log.events set {change} where position = {}", event["position"])).await;
        assert_eq!(ann.get(&path).await.expect(409).text("/code"), "event_altered", "{change}");
    }
    app.stop().await;
}

/// Verifies to the end, part by part.
async fn walk(person: &Person<'_>) -> Vec<Value> {
    let (mut parts, mut after) = (Vec::new(), 0);
    loop {
        let part = person.get(&format!("/audit/verify?after_batch={after}")).await.expect(200).body;
        let next = part["next_after_batch"].as_i64();
        parts.push(part);
        match next {
            Some(next) => after = next,
            None => return parts,
        }
    }
}

#[tokio::test]
async fn verification_holds_and_names_what_was_altered_but_not_of_another_company() {
    let app = start().await;
    let ann = with_product(&app, "Ann", "TEA").await;
    let mut bob = with_product(&app, "Bob", "COFFEE").await;
    let partition =
        |person: &Person<'_>| app.running.state.committers.partition_of(person.company_id.parse().unwrap());
    for n in 0.. {
        if partition(&bob) == partition(&ann) {
            break;
        }
        bob = with_product(&app, &format!("Bob {n}"), "COFFEE").await;
    }
    let parts = walk(&ann).await;
    let last = parts.last().unwrap();
    assert!(parts.iter().all(|part| part["holds"] == true && part["fault"].is_null()), "{parts:?}");
    assert_eq!(parts[0]["from"]["hash"], "0".repeat(64));
    assert!(last["to"]["position"].as_i64().unwrap() >= bob.head() - 1, "{last}");
    let rest = ann.get(&format!("/audit/verify?after_batch={}", last["to"]["batch"])).await.expect(200);
    assert_eq!((&rest.body["from"], rest.body["holds"].as_bool()), (&last["to"], Some(true)));
    let beyond = ann.get("/audit/verify?after_batch=1000000").await.expect(422);
    assert_eq!(beyond.text("/errors/0/pointer"), "?after_batch");
    ann.get("/audit/verify?after_batch=-1").await.expect(422);

    let altered = format!(
        "update log.events set metadata = '{{}}' where company_id = '{}' and stream_id = 'TEA'",
        ann.company_id
    );
    tamper(&app, &altered).await;
    let (told, others) = (walk(&ann).await.pop().unwrap(), walk(&bob).await.pop().unwrap());
    for part in [&told, &others] {
        assert_eq!(
            (&part["holds"], &part["fault"]["kind"]),
            (&Value::from(false), &Value::from("altered")),
            "{part}"
        );
        assert!(part["next_after_batch"].is_null(), "{part}");
    }
    assert!(told["fault"]["detail"].as_str().unwrap().contains("product/TEA"), "{told}");
    let detail = others["fault"]["detail"].as_str().unwrap();
    assert!(detail.contains("another company") && !detail.contains("TEA"), "{others}");
    app.stop().await;
}

/// A company whose movements so far are in a file and not in the database; what it has of them else stays.
async fn with_archived_movements<'a>(app: &'a TestApp, folder: &Path) -> Person<'a> {
    let ann = with_product(app, "Ann", "TEA").await;
    for quantity in 1..6 {
        let receive = json!({"item_id": "TEA", "location_id": "MAIN", "quantity": quantity});
        ann.post("/inventory/receive", &receive).await.expect(200);
    }
    ann.get_caught_up("/inventory").await.expect(200);
    let owner = app.database.owner();
    let partition = app.running.state.committers.partition_of(ann.company_id.parse().unwrap());
    let (range, _) = archive::write(owner, folder, partition, (1, ann.head())).await.unwrap();
    sqlx::query(
        "insert into log.archived
             (partition, first_position, last_position, gone_until, file, sha256, archived_at)
         values ($1, $2, $3, $3, $4, $5, clock_timestamp())",
    )
    .bind(partition)
    .bind(range.first)
    .bind(range.last)
    .bind(&range.file)
    .bind(range.sha256.as_slice())
    .execute(owner)
    .await
    .unwrap();
    tamper(app, "delete from log.events where stream_type = 'stock_item'").await;
    ann
}

async fn rebuilt(person: &Person<'_>, state: &str) -> Value {
    let started = person.post("/ops/projections/movements/rebuild", &json!({})).await.expect(202);
    let path = format!("/jobs/{}", started.text("/job_id"));
    let ended = until("the rebuild", async || {
        let read = person.get(&path).await.expect(200);
        ["failed", "finished"].contains(&read.text("/state")).then_some(read)
    });
    let ended = ended.await;
    assert_eq!(ended.text("/state"), state, "{:#}", ended.body);
    ended.body
}

#[tokio::test]
async fn archived_events_are_verified_and_folded_from_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::at(Some(folder.path().to_owned()));
    let app = TestApp::start_with(|config| config.archive = archive).await;
    let ann = with_archived_movements(&app, folder.path()).await;
    let verified = ann.get("/audit/verify").await.expect(200);
    assert_eq!((&verified.body["holds"], &verified.body["next_after_batch"]), (&json!(true), &Value::Null));
    assert_eq!(verified.number("/events"), verified.number("/to/position"));
    let done = rebuilt(&ann, "finished").await;
    assert_eq!(done["result"]["switched"], true, "{done:#}");
    let tables = done["result"]["tables"].as_array().unwrap();
    assert!(tables.iter().any(|table| table["table"] == "movements" && table["other_rows"] == 6), "{done:#}");
    for table in tables {
        assert_eq!(table["checksum"], table["other_checksum"], "{done:#}");
    }
    app.stop().await;
}

#[tokio::test]
async fn where_the_archive_is_not_known_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::start().await;
    let ann = with_archived_movements(&app, folder.path()).await;
    let refused = ann.get("/audit/verify").await.expect_code(409, "archived");
    assert!(refused.number("/archived_until") > 0, "{:#}", refused.body);
    let failed = rebuilt(&ann, "failed").await;
    assert!(
        failed["error"].as_str().unwrap().contains("are archived; name the archive's folder"),
        "{failed:#}"
    );
    assert_eq!(failed["attempts"], 1, "no other attempt would succeed: {failed:#}");
    app.stop().await;
}

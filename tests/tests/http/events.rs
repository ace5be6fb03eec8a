//! The log as its company reads it: pages, filters, and a stream that misses nothing.

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Person, TestApp};

async fn shop(app: &TestApp) -> Person<'_> {
    let owner = app.register("Log").await;
    owner.product("A").await;
    owner.product("B").await;
    owner.opening("A", 100).await;
    owner.opening("B", 100).await;
    owner
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event_type"].as_str().unwrap()).collect()
}

fn positions(events: &[Value]) -> Vec<i64> {
    events.iter().map(|event| event["position"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn events_are_paged_ordered_and_filtered() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let all = owner.events("").await;
    let known: Vec<&str> = types(&all).into_iter().filter(|name| *name != "DayStarted").collect();
    assert_eq!(
        known,
        [
            "CompanyFounded",
            "LocationCreated",
            "ProductCreated",
            "ProductCreated",
            "OpeningBalanceSet",
            "OpeningBalanceSet"
        ]
    );
    assert!(positions(&all).is_sorted());
    let first = owner.get("/events?limit=2").await.expect(200);
    let next = first.number("/next_after");
    assert_eq!(next, positions(first.items())[1]);
    let rest = owner.get(&format!("/events?after={next}&limit=1000")).await.expect(200);
    assert_eq!(first.items().len() + rest.items().len(), owner.events("").await.len());
    let newest = owner.get("/events?order=desc&limit=1").await.expect(200);
    assert_eq!(positions(newest.items())[0], *positions(&owner.events("").await).last().unwrap());
    for (filter, count) in [
        ("&stream=stock_item", 2),
        ("&stream=stock_item:A", 1),
        ("&stream=product", 2),
        ("&item=B", 1),
        ("&type=ProductCreated,LocationCreated", 3),
        ("&from=2036-01-01T00:00:00Z", 0),
        ("&effective_to=2020-01-01T00:00:00Z", 0),
        ("&to=2036-01-01T00:00:00Z&stream=location", 1),
    ] {
        assert_eq!(owner.events(filter).await.len(), count, "{filter}");
    }
    for query in ["limit=0", "limit=1001", "after=-1", "order=up", "from=yesterday"] {
        owner.get(&format!("/events?{query}")).await.expect(422);
    }
    let event = &owner.events("&stream=stock_item:A").await[0];
    let me = owner.get("/auth/me").await.text("/user/user_id").to_owned();
    assert_eq!(event["metadata"]["actor"], format!("user:{me}"));
    assert_eq!(event["metadata"]["source"], "http");
    assert_eq!((&event["version"], &event["schema_version"]), (&json!(1), &json!(1)));
    app.stop().await;
}

/// Reads server-sent events until `count` have come.
async fn follow(person: &Person<'_>, last: Option<i64>, count: usize) -> Vec<(i64, String, Value)> {
    let request = person.request(Method::GET, "/events/stream?after=0");
    let request = match last {
        Some(position) => request.header("Last-Event-ID", position),
        None => request,
    };
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut stream, mut text, mut seen) = (response.bytes_stream(), String::new(), Vec::new());
    while seen.len() < count {
        let chunk = tokio::time::timeout(std::time::Duration::from_secs(20), stream.next()).await;
        text.push_str(std::str::from_utf8(&chunk.expect("nothing came").unwrap().unwrap()).unwrap());
        while let Some((message, rest)) = text.split_once("\n\n") {
            let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            if let (Some(id), Some(kind), Some(data)) = (field("id"), field("event"), field("data")) {
                seen.push((id.parse().unwrap(), kind.to_owned(), serde_json::from_str(data).unwrap()));
            }
            text = rest.to_owned();
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_reconnects_misses_nothing_while_others_write() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let other = app.register("Other").await;
    other.product("A").await;
    let add = json!({"item_id": "A", "location_id": "MAIN", "type": "ADD", "quantity": 1, "reason": "OTHER"});
    let write = async |person: &Person<'_>| {
        for _ in 0..60 {
            person.post("/inventory/adjust", &add).await.expect(200);
        }
    };
    let read = async {
        let mut seen: Vec<(i64, String, Value)> = Vec::new();
        while seen.len() < 66 {
            let last = seen.last().map(|(position, ..)| *position);
            let missing = 66 - seen.len();
            seen.extend(follow(&owner, last, missing.min(7)).await);
        }
        seen
    };
    other.opening("A", 1_000).await;
    let ((), (), seen) = tokio::join!(write(&owner), write(&other), read);
    let head = seen.last().unwrap().0;
    let logged: Vec<Value> = owner
        .events("")
        .await
        .into_iter()
        .filter(|event| event["position"].as_i64().unwrap() <= head)
        .collect();
    let streamed: Vec<&Value> = seen.iter().map(|(_, _, event)| event).collect();
    assert_eq!(json!(streamed), json!(logged), "each once, in order, and nobody else's");
    assert!(seen.iter().all(|(id, kind, event)| event["position"] == *id && event["event_type"] == *kind));
    app.stop().await;
}

#[tokio::test]
async fn a_stream_begins_where_it_is_asked_to() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let all = positions(&owner.events("").await);
    let tail = follow(&owner, Some(all[all.len() - 3]), 2).await;
    assert_eq!(tail.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), all[all.len() - 2..]);
    owner.get("/events/stream?after=-1").await.expect(422);
    let bad = owner.request(Method::GET, "/events/stream").header("Last-Event-ID", "x");
    tests::Answer::of(bad).await.expect(422);
    app.stop().await;
}

#[tokio::test]
async fn events_that_were_archived_are_not_passed_over_in_silence() {
    let app = TestApp::start().await;
    let owner = shop(&app).await;
    let all = positions(&owner.events("").await);
    let whole = owner.get("/events").await.expect(200);
    assert_eq!(whole.body["archived_until"], Value::Null);
    let until = all[2];
    sqlx::query(
        "insert into log.archived
             (partition, first_position, last_position, gone_until, file, sha256, archived_at)
         values (0, 1, $1, $1, 'file', sha256('file'), clock_timestamp())",
    )
    .bind(until)
    .execute(app.database.owner())
    .await
    .unwrap();
    for (query, expected) in [
        ("", all[3..].to_vec()),
        ("?order=desc", all[3..].iter().rev().copied().collect()),
        (&format!("?after={until}"), all[3..].to_vec()),
        (&format!("?order=desc&after={}", all[4]), vec![all[3]]),
    ] {
        let page = owner.get(&format!("/events{query}")).await.expect(200);
        // The company's day may begin meanwhile.
        let known = positions(page.items()).into_iter().filter(|position| Some(position) <= all.last());
        assert_eq!(known.collect::<Vec<_>>(), expected, "{query}");
        assert_eq!(page.body["archived_until"], until);
    }
    for path in ["/events?after=0", &format!("/events?after={}", all[1]), "/events/stream?after=0"] {
        let refused = owner.get(path).await.expect_code(409, "archived");
        assert_eq!(refused.number("/archived_until"), until);
    }
    app.stop().await;
}

//! A company sees its own things, whatever it asks for.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row;
use tests::{Answer, Person, TestApp, until};

use crate::exercises::{Names, World, exercise, request};

/// Names of the same shape that nobody bears.
fn unknown(names: &Names) -> Names {
    let number = names.number;
    let id = |n: u128| uuid::Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + n).to_string();
    Names {
        item: format!("Z-Товар/{number} x"),
        new_item: format!("Z-NEW-{number}"),
        location: format!("Z-PLACE-{number}"),
        channel: format!("Z-channel-{number}"),
        order: format!("Z-order/1-{number}"),
        quarantine_id: id(1),
        user_id: id(2),
        email: format!("z{number}@example.com"),
        key_id: id(3),
        refresh_token: "nonsense".to_owned(),
        company_id: id(4),
        queued_job: id(5),
        failed_job: id(6),
        event_id: id(7),
        run_id: id(8),
        ..names.clone()
    }
}

/// What an answer says apart from names, ids, instants and tokens.
fn plain(value: &Value, names: &Names) -> Value {
    match value {
        Value::Object(fields) => {
            let secret = [
                "access_token",
                "refresh_token",
                "secret",
                "prefix",
                "etag",
                "next_cursor",
                "instance",
                "head",
                "position",
                "moved_at",
                "lag_events",
            ];
            let plain_field = |(name, field): (&String, &Value)| {
                let hidden = secret.contains(&name.as_str()) && !field.is_null();
                (name.clone(), if hidden { json!("…") } else { plain(field, names) })
            };
            Value::Object(fields.iter().map(plain_field).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| plain(item, names)).collect()),
        Value::String(file) if file.contains("\r\n") => {
            let cells = file.split(['\r', '\n', ',']).map(|cell| plain_text(cell, names));
            json!(cells.collect::<Vec<_>>())
        }
        Value::String(text) => json!(plain_text(text, names)),
        other => other.clone(),
    }
}

fn plain_text(text: &str, names: &Names) -> String {
    if uuid::Uuid::parse_str(text).is_ok() || chrono::DateTime::parse_from_rfc3339(text).is_ok() {
        return "…".to_owned();
    }
    let text =
        &text.replace("Curious", "§").replace("Control", "§").replace("curious", "§").replace("control", "§");
    let text = &without_ids(text);
    let own = [&names.item, &names.new_item, &names.location, &names.channel, &names.order, &names.email];
    own.iter().fold(text.to_owned(), |text, name| text.replace(name.as_str(), "§"))
}

/// The text with every UUID in it taken out.
fn without_ids(text: &str) -> String {
    const LENGTH: usize = 36;
    let (mut left, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        match rest.get(..LENGTH) {
            Some(id) if uuid::Uuid::parse_str(id).is_ok() => {
                left.push('…');
                rest = &rest[LENGTH..];
            }
            _ => {
                left.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn another_companys_things_are_like_things_that_nobody_has() {
    let app = TestApp::start().await;
    let theirs = World::found(&app, "A").await;
    let names = theirs.names().await;
    let nobodys = unknown(&names);
    // Two strangers in the same state: one asks for A's things, the other for nobody's.
    let (curious, control) = (app.register("Curious").await, app.register("Control").await);
    for stranger in [&curious, &control] {
        until("the day begins", async || {
            let jobs = stranger.get("/jobs?kind=day_start&state=finished").await.expect(200);
            (!jobs.items().is_empty()).then_some(())
        })
        .await;
        stranger.get_caught_up("/inventory").await.expect(200);
    }
    let document = app.anonymous(Method::GET, "/api/v1/openapi.json", None).await.expect(200).body;
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, described) in item.as_object().unwrap() {
            let id = described["operationId"].as_str().unwrap();
            // Streams have no end, who is not signed in has no company, and the others say what companies share, or begin
            // work of which the next list of jobs shows more or less.
            let shared = [
                "list_projections",
                "rebuild_projection",
                "read_checkpoint",
                "verify_log",
                "refresh_metrics",
            ];
            if !path.starts_with("/api/")
                || described["x-roles"].is_null()
                || id == "stream_events"
                || shared.contains(&id)
            {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let ask = async |person: &Person<'_>, names: &Names| -> Answer {
                let exercise = exercise(id, names).unwrap_or_else(|| panic!("{id} has no exercise"));
                let request = request(&app, Some(person), &method, &exercise.right, false);
                // Reads see what this walk has written so far.
                Answer::of(match method {
                    Method::GET => request.header("Stocktrail-Min-Position", person.head()),
                    _ => request,
                })
                .await
            };
            let (curious_got, control_got) = (ask(&curious, &names).await, ask(&control, &nobodys).await);
            assert_eq!(
                (curious_got.status, plain(&curious_got.body, &names)),
                (control_got.status, plain(&control_got.body, &nobodys)),
                "{method} {path}"
            );
            asked += 1;
        }
    }
    assert!(asked > 60, "{asked}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_or_filter_shows_another_companys_things() {
    let app = TestApp::start().await;
    let theirs = World::found(&app, "A").await;
    let names = theirs.names().await;
    let stranger = app.register("Stranger").await;
    stranger.get_caught_up("/inventory").await.expect(200);
    stranger.get_caught_up("/sales").await.expect(200);
    let document = app.anonymous(Method::GET, "/api/v1/openapi.json", None).await.expect(200).body;
    let values = BTreeMap::from([
        ("item_id", names.item.as_str()),
        ("item", &names.item),
        ("location_id", &names.location),
        ("channel", &names.channel),
        ("order_id", &names.order),
        ("search", "A-"),
        ("created_by", &names.user_id),
        ("reference_id", &names.order),
        ("status", "all"),
        ("stream", "product"),
    ]);
    let traces: Vec<&String> = vec![
        &names.item,
        &names.location,
        &names.channel,
        &names.order,
        &names.user_id,
        &names.key_id,
        &names.email,
        &names.queued_job,
        &names.quarantine_id,
        &names.run_id,
        &theirs.owner.company_id,
        &theirs.owner.email,
    ];
    let mut asked_in_all = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let get = &item["get"];
        if get.is_null() || path.contains('{') || path.ends_with("/stream") || !path.starts_with("/api/v1") {
            continue;
        }
        let offered =
            get["parameters"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str());
        let filters: Vec<(&str, &str)> =
            offered.filter_map(|name| values.get_key_value(name)).map(|(n, v)| (*n, *v)).collect();
        let alone = std::iter::once(Vec::new()).chain(filters.iter().map(|filter| vec![*filter]));
        for query in alone {
            let request = stranger.request(Method::GET, path.trim_start_matches("/api/v1")).query(&query);
            let answer = Answer::of(request).await;
            assert!(answer.status < 500, "{path} {query:?}: {:#}", answer.body);
            let found = answer.status == 200;
            let text = answer.body.to_string();
            for trace in traces.iter().filter(|_| found) {
                assert!(!text.contains(trace.as_str()), "{path} {query:?} shows {trace}: {text}");
            }
            asked_in_all += 1;
        }
    }
    assert!(asked_in_all > 30, "{asked_in_all}");
    app.stop().await;
}

#[tokio::test]
async fn without_a_company_the_api_role_sees_no_row_of_any_table() {
    let app = TestApp::start().await;
    let (one, two) = (World::found(&app, "A").await, World::found(&app, "B").await);
    one.names().await;
    two.names().await;
    one.owner
        .post("/products", &json!({"item_id": "priced", "name": "x", "unit_cost": "1"}))
        .await
        .expect(201);
    for world in [&one, &two] {
        for path in ["/inventory", "/inventory/movements", "/sales", "/quarantine", "/settings/history"] {
            world.owner.get_caught_up(path).await.expect(200);
        }
    }
    let owner = app.database.owner();
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', n.nspname, c.relname)
         from pg_attribute as a
         join pg_class as c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm')
         join pg_namespace as n on n.oid = c.relnamespace
         where a.attname = 'company_id' and not a.attisdropped and n.nspname not like 'pg_%'
         order by 1",
    )
    .fetch_all(owner)
    .await
    .unwrap();
    let mut connection = owner.acquire().await.unwrap();
    let mut filled = 0;
    for table in &tables {
        let rows: i64 =
            sqlx::query_scalar(&format!("select count(*) from {table}")).fetch_one(owner).await.unwrap();
        filled += i64::from(rows > 0);
        let allowed: bool = sqlx::query_scalar("select has_table_privilege('stocktrail_api', $1, 'select')")
            .bind(table)
            .fetch_one(owner)
            .await
            .unwrap();
        for company in ["", one.owner.company_id.as_str()] {
            let mut tx = sqlx::Connection::begin(&mut *connection).await.unwrap();
            sqlx::raw_sql("set local role stocktrail_api").execute(&mut *tx).await.unwrap();
            if !company.is_empty() {
                sqlx::query("select set_config('app.company_id', $1, true)")
                    .bind(company)
                    .execute(&mut *tx)
                    .await
                    .unwrap();
            }
            let foreign = format!("select count(*) from {table} where company_id::text <> $1");
            match sqlx::query(&foreign).bind(company).fetch_one(&mut *tx).await {
                Ok(row) => assert_eq!(row.get::<i64, _>(0), 0, "{table} as {company:?}"),
                Err(error) => assert!(!allowed, "{table}: {error}"),
            }
        }
    }
    assert!(tables.len() > 20, "{tables:?}");
    assert!(filled > 20, "only {filled} of {tables:?} hold rows");
    app.stop().await;
}

#[tokio::test]
async fn the_api_role_cannot_get_rid_of_its_limits() {
    let app = TestApp::start().await;
    app.register("Any").await;
    let owner = app.database.owner();
    let mut connection = owner.acquire().await.unwrap();
    for order in [
        "set local row_security = off; select count(*) from log.events",
        "alter table log.events disable row level security",
        "set local role stocktrail_projector",
        "update log.events set payload = '{}'",
        "delete from log.events",
        "truncate log.events",
        "insert into log.events select * from log.events",
        "drop table log.events",
        "create table public.mine (id int)",
        "alter role stocktrail_api bypassrls",
    ] {
        let mut tx = sqlx::Connection::begin(&mut *connection).await.unwrap();
        // As the pool of the API connects: its role from the start, not one that it could leave.
        sqlx::raw_sql("set local session authorization stocktrail_api").execute(&mut *tx).await.unwrap();
        assert!(sqlx::raw_sql(order).execute(&mut *tx).await.is_err(), "{order}");
    }
    app.stop().await;
}

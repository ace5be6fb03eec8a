//! Jobs and schedules.

use chrono::{NaiveDate, TimeDelta};
use commands::accounts::jobs::NewJob;
use serde_json::{Value, json};
use tests::{Person, TestApp, until};

/// The first job of a kind and state, once there is one.
async fn job(person: &Person<'_>, kind: &str, state: &str) -> Value {
    let path = format!("/jobs?kind={kind}&state={state}");
    until(&path, async || person.get(&path).await.expect(200).items().first().cloned()).await
}

#[tokio::test]
async fn a_company_starts_its_day_by_a_job_that_can_be_seen() {
    let app = TestApp::start().await;
    let owner = app.register("Acme").await;
    let job = job(&owner, "day_start", "finished").await;
    let id = job["job_id"].as_str().unwrap();
    let read = owner.get(&format!("/jobs/{id}")).await.expect(200);
    assert_eq!((read.text("/kind"), read.number("/attempts")), ("day_start", 1));
    owner.post(&format!("/jobs/{id}/retry"), &json!({})).await.expect_code(409, "job_state");
    owner.post(&format!("/jobs/{id}/cancel"), &json!({})).await.expect_code(409, "job_state");
    owner.get("/jobs?state=nonsense").await.expect(422);
    owner.get("/jobs?kind=%00").await.expect(422);
    app.stop().await;
}

#[tokio::test]
async fn days_that_passed_while_nobody_looked_are_all_started_in_order() {
    let app = TestApp::start().await;
    let owner = app.register("Sleeps").await;
    let owner = owner.key("OWNER").await;
    job(&owner, "day_start", "finished").await;
    app.running.state.clock.advance(TimeDelta::days(3));
    let days = until("four days", async || {
        let days = owner.events("&type=DayStarted").await;
        (days.len() >= 4).then_some(days)
    })
    .await;
    let dates: Vec<NaiveDate> =
        days.iter().map(|event| event["data"]["date"].as_str().unwrap().parse().unwrap()).collect();
    assert!(dates.windows(2).all(|pair| pair[0].succ_opt() == Some(pair[1])), "{dates:?}");
    assert_eq!(dates.len(), 4, "each day once");
    app.stop().await;
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_and_a_failed_one_runs_again() {
    let app = TestApp::start().await;
    let owner = app.register("Works").await;
    let company_id = owner.company_id.parse().unwrap();
    let jobs = &app.running.state.jobs;
    let waiting = jobs.enqueue_now(NewJob::new(company_id, "untaken", json!({"n": 1}))).await.unwrap();
    let cancelled = owner.post(&format!("/jobs/{waiting}/cancel"), &json!({})).await.expect(200);
    assert_eq!(cancelled.text("/state"), "cancelled");
    let again = owner.post(&format!("/jobs/{waiting}/cancel"), &json!({})).await.expect(200);
    assert_eq!(again.body, cancelled.body, "once more makes no difference");

    // A rebuild of what is no read model fails for good; tried again it fails again.
    let body = json!({"projection": "nonsense", "diff_only": true});
    let failing = jobs.enqueue_now(NewJob::new(company_id, "rebuild_projection", body)).await.unwrap();
    let failed = job(&owner, "rebuild_projection", "failed").await;
    assert_eq!(failed["job_id"], failing.to_string());
    assert!(failed["error"].as_str().unwrap().contains("nonsense"), "{failed}");
    let again = owner.post(&format!("/jobs/{failing}/retry"), &json!({})).await.expect(202);
    assert_eq!(again.text("/state"), "queued");
    let twice = until("the second failure", async || {
        let read = owner.get(&format!("/jobs/{failing}")).await.expect(200);
        (read.text("/state") == "failed").then_some(read)
    })
    .await;
    assert!(twice.number("/attempts") >= 1);
    app.stop().await;
}

#[tokio::test]
async fn a_read_model_is_rebuilt_by_a_job_and_stays_the_same() {
    let app = TestApp::start().await;
    let owner = app.register("Rebuilds").await;
    owner.product("A").await;
    owner.opening("A", 7).await;
    let before = owner.get_caught_up("/inventory").await.expect(200);
    let started = owner.post("/ops/projections/inventory/rebuild", &json!({})).await.expect(202);
    let id = started.text("/job_id").to_owned();
    assert_eq!(started.headers["location"], format!("/api/v1/jobs/{id}").as_str());
    let done = until("the rebuild", async || {
        let read = owner.get(&format!("/jobs/{id}")).await.expect(200);
        assert_ne!(read.text("/state"), "failed", "{:#}", read.body);
        (read.text("/state") == "finished").then_some(read)
    })
    .await;
    assert!(done.body["result"].is_object(), "{:#}", done.body);
    let listed = owner.get("/ops/projections").await.expect(200);
    let [rebuilt] = &listed.body["rebuilds"].as_array().unwrap()[..] else { panic!("{:#}", listed.body) };
    assert_eq!((&rebuilt["name"], &rebuilt["outcome"]), (&json!("inventory"), &json!("switched")));
    assert_eq!((&rebuilt["running"], &rebuilt["differences"]), (&json!(false), &json!(0)));
    assert_eq!(rebuilt["events_done"], rebuilt["events_total"]);
    assert_eq!(owner.get_caught_up("/inventory").await.expect(200).body, before.body);
    let receive = json!({"item_id": "A", "location_id": "MAIN", "quantity": 1});
    owner.post("/inventory/receive", &receive).await.expect(200);
    assert_eq!(owner.stock("A").await["MAIN"], 8, "the new copy goes on");
    owner.post("/ops/projections/nonsense/rebuild", &json!({})).await.expect(404);
    owner.post("/ops/projections/inventory/rebuild?max_rate=0", &json!({})).await.expect(422);
    app.stop().await;
}

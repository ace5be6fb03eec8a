//! The queue, the runner and the scheduler.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Room;
use crate::accounts::AccountsError;
use crate::accounts::jobs::{
    CompanyZones, DayStart, Job, JobContext, JobError, JobHandler, JobState, Jobs, NewJob, PLATFORM, Runner,
    RunnerSettings, Schedule, Scheduler, StartDays,
};
use crate::clock::Ids;

type Work = dyn Fn(JobContext, Value) -> BoxFuture<'static, Result<Value, JobError>> + Send + Sync;

/// A handler made of a closure.
struct Handler(&'static str, Box<Work>);

impl JobHandler for Handler {
    fn kind(&self) -> &'static str {
        self.0
    }

    fn run(&self, context: JobContext, payload: Value) -> BoxFuture<'_, Result<Value, JobError>> {
        (self.1)(context, payload)
    }
}

fn handler<F, Fut>(kind: &'static str, work: F) -> Arc<dyn JobHandler>
where
    F: Fn(JobContext, Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, JobError>> + Send + 'static,
{
    Arc::new(Handler(kind, Box::new(move |context, payload| Box::pin(work(context, payload)))))
}

fn quick() -> RunnerSettings {
    RunnerSettings {
        workers: 3,
        lease: Duration::from_millis(400),
        beat: Duration::from_millis(50),
        poll: Duration::from_millis(20),
    }
}

fn queue(room: &Room) -> Jobs {
    Jobs::new(room.pool.clone(), room.clock.clone(), Ids)
}

/// Starts a runner; it stops with the token.
fn start(jobs: &Jobs, handlers: Vec<Arc<dyn JobHandler>>) -> CancellationToken {
    let stop = CancellationToken::new();
    tokio::spawn(Runner::new(jobs.clone(), handlers, quick()).run(stop.clone()));
    stop
}

async fn until(jobs: &Jobs, company: Uuid, job: Uuid, wanted: impl Fn(&Job) -> bool) -> Job {
    for _ in 0..500 {
        let job = jobs.get(company, job).await.unwrap();
        if wanted(&job) {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the job never got there: {:?}", jobs.get(company, job).await);
}

fn company() -> Uuid {
    Uuid::from_u128(77)
}

#[tokio::test]
async fn a_job_runs_shows_progress_and_keeps_its_result() {
    let room = Room::open().await;
    let jobs = queue(&room);
    let double = handler("double", |context, payload| async move {
        context.progress(1, Some(2)).await?;
        Ok(json!({ "twice": payload["n"].as_i64().unwrap_or(0) * 2 }))
    });
    let stop = start(&jobs, vec![double]);
    let id = jobs.enqueue_now(NewJob::new(company(), "double", json!({ "n": 21 }))).await.unwrap();
    let job = until(&jobs, company(), id, |job| job.state == JobState::Finished).await;
    assert_eq!(job.result, Some(json!({ "twice": 42 })));
    assert_eq!((job.attempts, job.progress_done, job.progress_total), (1, 1, Some(2)));
    assert!(matches!(jobs.get(Uuid::from_u128(78), id).await, Err(AccountsError::NotFound)));
    stop.cancel();
}

#[tokio::test]
async fn two_workers_never_claim_the_same_job() {
    let room = Room::open().await;
    let jobs = queue(&room);
    let ran = Arc::new(AtomicUsize::new(0));
    let count = |ran: Arc<AtomicUsize>| {
        handler("count", move |_, _| {
            let ran = Arc::clone(&ran);
            async move {
                ran.fetch_add(1, Ordering::SeqCst);
                Ok(Value::Null)
            }
        })
    };
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(jobs.enqueue_now(NewJob::new(company(), "count", Value::Null)).await.unwrap());
    }
    let stops = [start(&jobs, vec![count(Arc::clone(&ran))]), start(&jobs, vec![count(Arc::clone(&ran))])];
    for id in ids {
        assert_eq!(until(&jobs, company(), id, |job| job.state == JobState::Finished).await.attempts, 1);
    }
    assert_eq!(ran.load(Ordering::SeqCst), 40);
    stops.iter().for_each(CancellationToken::cancel);
}

#[tokio::test]
async fn a_failing_job_waits_longer_each_time_and_fails_in_the_end() {
    let room = Room::open().await;
    let jobs = queue(&room);
    let stop =
        start(&jobs, vec![handler("fail", |_, _| async { Err(JobError::Again("not yet".to_owned())) })]);
    let new = NewJob { max_attempts: 3, ..NewJob::new(company(), "fail", Value::Null) };
    let id = jobs.enqueue_now(new).await.unwrap();
    for attempt in 1..=2 {
        let job =
            until(&jobs, company(), id, |job| job.state == JobState::Queued && job.attempts == attempt).await;
        let pause = job.run_at - room.clock.now();
        assert!(pause > TimeDelta::zero() && pause <= TimeDelta::seconds(2_i64.pow(attempt.cast_unsigned())));
        room.clock.advance(pause);
    }
    let job = until(&jobs, company(), id, |job| job.state == JobState::Failed).await;
    assert_eq!((job.attempts, job.error.as_deref()), (3, Some("not yet")));
    let again = jobs.retry(&room.accounts, company(), id, None).await.unwrap().value;
    assert_eq!((again.state, again.attempts), (JobState::Queued, 0));
    until(&jobs, company(), id, |job| job.attempts == 1).await;
    stop.cancel();
}

#[tokio::test]
async fn a_job_that_can_never_succeed_or_panics_is_recorded() {
    let room = Room::open().await;
    let jobs = queue(&room);
    let never = handler("never", |_, _| async { Err(JobError::Never("no such file".to_owned())) });
    let panics = handler("panics", |_, payload| async move {
        assert!(payload.is_object(), "boom");
        Ok(Value::Null)
    });
    let stop = start(&jobs, vec![never, panics]);
    let never = jobs.enqueue_now(NewJob::new(company(), "never", Value::Null)).await.unwrap();
    let once = NewJob { max_attempts: 1, ..NewJob::new(company(), "panics", Value::Null) };
    let panics = jobs.enqueue_now(once).await.unwrap();
    assert_eq!(until(&jobs, company(), never, |job| job.state == JobState::Failed).await.attempts, 1);
    let job = until(&jobs, company(), panics, |job| job.state == JobState::Failed).await;
    assert_eq!(job.error.as_deref(), Some("the handler broke off"));
    stop.cancel();
}

#[tokio::test]
async fn a_job_can_be_called_off_waiting_or_running() {
    let room = Room::open().await;
    let jobs = queue(&room);
    let waiting = jobs.enqueue_now(NewJob::new(company(), "idle", Value::Null)).await.unwrap();
    let cancelled = jobs.cancel(&room.accounts, company(), waiting, None).await.unwrap().value;
    assert_eq!(cancelled.state, JobState::Cancelled);
    let patient = handler("patient", |context, _| async move {
        context.stop().cancelled().await;
        Err(JobError::Cancelled)
    });
    let stop = start(&jobs, vec![patient]);
    let running = jobs.enqueue_now(NewJob::new(company(), "patient", Value::Null)).await.unwrap();
    until(&jobs, company(), running, |job| job.state == JobState::Running).await;
    assert!(jobs.cancel(&room.accounts, company(), running, None).await.unwrap().value.cancel_requested);
    until(&jobs, company(), running, |job| job.state == JobState::Cancelled).await;
    let finished = jobs.retry(&room.accounts, company(), running, None).await.unwrap().value;
    assert!(!finished.cancel_requested);
    assert!(matches!(
        jobs.retry(&room.accounts, company(), running, None).await,
        Err(AccountsError::JobState { .. })
    ));
    stop.cancel();
}

#[tokio::test]
async fn a_job_whose_worker_died_runs_again() {
    let room = Room::open().await;
    let jobs = queue(&room);
    let id = jobs.enqueue_now(NewJob::new(company(), "work", Value::Null)).await.unwrap();
    let kinds = ["work".to_owned()];
    let dead = jobs.claim(&kinds, 1, Duration::from_millis(50)).await.unwrap().pop().unwrap();
    assert!(jobs.claim(&kinds, 1, Duration::from_secs(5)).await.unwrap().is_empty());
    let stop = start(&jobs, vec![handler("work", |_, _| async { Ok(json!("done")) })]);
    let job = until(&jobs, company(), id, |job| job.state == JobState::Finished).await;
    assert_eq!(job.attempts, 2);
    jobs.end(&dead, JobState::Failed, None, Some("too late".to_owned())).await.unwrap();
    assert_eq!(jobs.get(company(), id).await.unwrap().state, JobState::Finished);
    stop.cancel();
}

#[tokio::test]
async fn a_job_whose_worker_died_at_the_last_attempt_fails() {
    let room = Room::open().await;
    let jobs = queue(&room);
    let last = NewJob { max_attempts: 1, ..NewJob::new(company(), "work", Value::Null) };
    let id = jobs.enqueue_now(last).await.unwrap();
    jobs.claim(&["work".to_owned()], 1, Duration::from_millis(20)).await.unwrap();
    let stop = start(&jobs, vec![handler("work", |_, _| async { Ok(Value::Null) })]);
    let job = until(&jobs, company(), id, |job| job.state == JobState::Failed).await;
    assert_eq!(job.attempts, 1);
    stop.cancel();
}

#[tokio::test]
async fn an_open_job_is_not_made_twice() {
    let room = Room::open().await;
    let jobs = queue(&room);
    let new = || NewJob::new(company(), "refresh", Value::Null).deduplicated("all");
    let made = futures::future::join_all((0..6).map(|_| jobs.enqueue_now(new()))).await;
    let first = *made[0].as_ref().unwrap();
    assert!(made.iter().all(|id| *id.as_ref().unwrap() == first));
    let elsewhere = NewJob { company_id: Uuid::from_u128(78), ..new() };
    assert_ne!(jobs.enqueue_now(elsewhere).await.unwrap(), first);
    jobs.cancel(&room.accounts, company(), first, None).await.unwrap();
    let second = jobs.enqueue_now(new()).await.unwrap();
    assert_ne!(second, first);
    let again = jobs.retry(&room.accounts, company(), first, None).await.unwrap().value;
    assert_eq!(again.state, JobState::Queued);
    let (listed, total) = jobs
        .list(company(), &crate::accounts::jobs::JobFilter { limit: 10, ..Default::default() })
        .await
        .unwrap();
    assert_eq!((listed[0].job_id, total), (second, 2));
}

#[tokio::test]
async fn an_enqueued_job_lives_and_dies_with_its_transaction() {
    let room = Room::open().await;
    let jobs = queue(&room);
    let mut tx = room.pool.begin().await.unwrap();
    let id = jobs.enqueue(&mut tx, NewJob::new(company(), "x", Value::Null)).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(matches!(jobs.get(company(), id).await, Err(AccountsError::NotFound)));
}

#[tokio::test]
async fn jobs_of_a_lane_run_one_after_the_other_in_order() {
    let room = Room::open().await;
    let jobs = queue(&room);
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    let pace = handler("step", move |context, payload| {
        let seen = Arc::clone(&seen);
        async move {
            if payload == json!(0) && context.job().attempts == 1 {
                return Err(JobError::Again("once more".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            seen.lock().unwrap().push(payload.as_i64().unwrap());
            Ok(Value::Null)
        }
    });
    let mut last = Uuid::nil();
    for n in 0..4 {
        last = jobs.enqueue_now(NewJob::new(company(), "step", json!(n)).in_lane("steps")).await.unwrap();
    }
    let stop = start(&jobs, vec![pace]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(order.lock().unwrap().is_empty());
    room.clock.advance(TimeDelta::seconds(3));
    until(&jobs, company(), last, |job| job.state == JobState::Finished).await;
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3]);
    stop.cancel();
}

#[tokio::test]
async fn a_runner_that_ends_gives_its_jobs_back() {
    let room = Room::open().await;
    let jobs = queue(&room);
    let endless = handler("endless", |_, _| async {
        std::future::pending::<()>().await;
        Ok(Value::Null)
    });
    let stop = start(&jobs, vec![endless]);
    let id = jobs.enqueue_now(NewJob::new(company(), "endless", Value::Null)).await.unwrap();
    until(&jobs, company(), id, |job| job.state == JobState::Running).await;
    stop.cancel();
    let job = until(&jobs, company(), id, |job| job.state == JobState::Queued).await;
    assert_eq!(job.error.as_deref(), Some("the process ended"));
}

/// Every company lives in one zone.
struct OneZone(Tz);

impl CompanyZones for OneZone {
    fn zones<'a>(
        &'a self,
        companies: &'a [Uuid],
    ) -> BoxFuture<'a, Result<HashMap<Uuid, Tz>, Box<dyn std::error::Error + Send + Sync>>> {
        Box::pin(async { Ok(companies.iter().map(|company| (*company, self.0)).collect()) })
    }
}

/// Remembers the days it was told.
#[derive(Default)]
struct Diary(Mutex<Vec<NaiveDate>>);

impl StartDays for Diary {
    fn start_day(
        &self,
        _company_id: Uuid,
        date: NaiveDate,
    ) -> BoxFuture<'_, Result<(), Box<dyn std::error::Error + Send + Sync>>> {
        self.0.lock().unwrap().push(date);
        Box::pin(async { Ok(()) })
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(room: &Room, instant: &str) {
    let instant: DateTime<Utc> = instant.parse().unwrap();
    room.clock.advance(instant - room.clock.now());
}

async fn company_since_now(room: &Room) -> Uuid {
    sqlx::query("insert into accounts.companies (company_id, created_at) values ($1, $2)")
        .bind(company())
        .bind(room.clock.now())
        .execute(&room.pool)
        .await
        .unwrap();
    company()
}

#[tokio::test]
async fn the_scheduler_catches_up_three_missed_days_across_a_clock_change() {
    let room = Room::open().await;
    let jobs = queue(&room);
    // In London the clocks go back in the night to 25 October 2026.
    at(&room, "2026-10-23T12:00:00Z");
    let company = company_since_now(&room).await;
    let zones = Arc::new(OneZone(chrono_tz::Europe::London));
    let plan = || vec![Schedule::at_midnight(DayStart::KIND)];
    let scheduler = Scheduler::new(jobs.clone(), zones.clone(), plan());
    assert_eq!(scheduler.tick().await.unwrap(), 1);
    assert_eq!(scheduler.tick().await.unwrap(), 0);
    at(&room, "2026-10-23T22:59:59Z");
    assert_eq!(scheduler.tick().await.unwrap(), 0);
    at(&room, "2026-10-26T00:00:01Z");
    let other = Scheduler::new(jobs.clone(), zones, plan());
    let (one, two) = futures::future::join(scheduler.tick(), other.tick()).await;
    assert_eq!(one.unwrap() + two.unwrap(), 3);

    let diary = Arc::new(Diary::default());
    let days: Arc<dyn StartDays> = Arc::<Diary>::clone(&diary);
    let stop = start(&jobs, vec![Arc::new(DayStart::new(days))]);
    let newest = jobs.newest(company, DayStart::KIND).await.unwrap().unwrap();
    until(&jobs, company, newest.job_id, |job| job.state == JobState::Finished).await;
    let expected = ["2026-10-23", "2026-10-24", "2026-10-25", "2026-10-26"].map(day);
    assert_eq!(*diary.0.lock().unwrap(), expected);
    stop.cancel();
}

#[tokio::test]
async fn a_company_far_in_the_west_starts_its_day_later() {
    let room = Room::open().await;
    let jobs = queue(&room);
    at(&room, "2026-06-01T12:00:00Z");
    company_since_now(&room).await;
    let zone = Arc::new(OneZone(chrono_tz::America::Los_Angeles));
    let scheduler = Scheduler::new(jobs, zone, vec![Schedule::at_midnight(DayStart::KIND)]);
    assert_eq!(scheduler.tick().await.unwrap(), 1);
    at(&room, "2026-06-02T06:59:59Z");
    assert_eq!(scheduler.tick().await.unwrap(), 0);
    at(&room, "2026-06-02T07:00:00Z");
    assert_eq!(scheduler.tick().await.unwrap(), 1);
}

#[tokio::test]
async fn a_cron_schedule_starts_the_latest_missed_time_once() {
    let room = Room::open().await;
    let jobs = queue(&room);
    at(&room, "2026-06-01T12:00:00Z");
    let company = company_since_now(&room).await;
    let plan = vec![
        Schedule::platform("tidy", "20 3 * * *").unwrap(),
        Schedule::company("mail", "0 9 * * *").unwrap(),
    ];
    let scheduler = Scheduler::new(jobs.clone(), Arc::new(OneZone(chrono_tz::Europe::London)), plan);
    assert_eq!(scheduler.tick().await.unwrap(), 1);
    assert_eq!(scheduler.tick().await.unwrap(), 0);
    at(&room, "2026-06-04T10:00:00Z");
    assert_eq!(scheduler.tick().await.unwrap(), 2);
    assert_eq!(scheduler.tick().await.unwrap(), 0);
    let tidy = jobs.newest(PLATFORM, "tidy").await.unwrap().unwrap();
    assert_eq!(tidy.payload, json!({ "at": "2026-06-04T03:20:00Z" }));
    let mail = jobs.newest(company, "mail").await.unwrap().unwrap();
    assert_eq!(mail.payload, json!({ "at": "2026-06-04T08:00:00Z" }));
    assert!(Schedule::platform("tidy", "not a cron").is_err());
}

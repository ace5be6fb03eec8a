//! Plans after anything in any order: what is kept equals one computation from all inputs, and a fold from zero.

use std::collections::BTreeSet;

use domain::shared::event::Event;
use event_log::event::{StoredEvent, partition_of};
use migrations::Role;
use projections::planning::queries::{Question, material, view};
use projections::planning::recompute::plan_all;
use projections::verify;
use sqlx::PgPool;

use crate::chance::Chance;
use crate::everything::{COMPANIES, exactly, random_days, random_past};
use crate::log::{Log, read_model};

const PARTITIONS: i16 = 4;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Plans of every company equal those computed from every day of every item. Answers how many.
async fn equal_one_computation(reads: &PgPool, told: &str) -> usize {
    let mut plans = 0;
    for company_id in COMPANIES {
        let kept = view(reads, company_id, &Question::default()).await.unwrap();
        let material = material(reads, company_id, &Question::default()).await.unwrap();
        let (Some(kept), Some(material)) = (kept, material) else { continue };
        let computed = plan_all(&material.facts).planned;
        assert_eq!(kept.planned.len(), computed.len(), "{told}");
        for (kept, computed) in kept.planned.iter().zip(&computed) {
            assert_eq!(kept, computed, "{told}");
        }
        plans += kept.planned.len();
    }
    plans
}

/// Live tables equal a fold from zero.
async fn equal_a_fold_from_zero(log: &Log, told: &str) {
    let verified = verify::verify(&log.owner, &read_model("planning")).await.unwrap();
    assert!(verified.is_equal(), "{told}: {verified:#?}");
    assert!(verified.tables.iter().map(|table| table.rows).sum::<i64>() > 0, "{told}");
}

fn of(partition: i16, events: &[StoredEvent]) -> Vec<StoredEvent> {
    let its = events.iter().filter(|event| partition_of(event.company_id, PARTITIONS) == partition);
    its.cloned().collect()
}

#[tokio::test]
async fn plans_after_random_events_in_any_blocks_are_those_of_one_computation() {
    let seeds = setting("STOCKTRAIL_PLAN_SEEDS").unwrap_or(3);
    let events = usize::try_from(setting("STOCKTRAIL_PLAN_EVENTS").unwrap_or(2_000)).unwrap();
    let first = setting("STOCKTRAIL_PLAN_SEED").unwrap_or(1);
    let planning = [read_model("planning")];
    for seed in first..first + seeds {
        let history = exactly(0x9e37_79b9_7f4a_7c15 ^ seed, events);
        assert_eq!(history.len(), events);
        let log = Log::new().await;
        log.install().await;
        let reads = log.database.pool(Role::Api, 2).await.unwrap();
        let mut chance = Chance(seed);
        let told = format!("STOCKTRAIL_PLAN_SEED={seed} of {events} events");
        for partition in 0..PARTITIONS {
            let its = log.append(partition, of(partition, &history), &mut chance, 60).await;
            for part in its.chunks(events / 8) {
                log.fold_these(&planning, partition, part, &mut chance).await;
                equal_one_computation(&reads, &told).await;
            }
        }
        assert!(equal_one_computation(&reads, &told).await > 0, "{told}");
        equal_a_fold_from_zero(&log, &told).await;
        println!("seed {seed}: {events} events, plans equal");
    }
}

/// First and last sale stand in the stored plans: here they come and go all the time, long before the days that every
/// plan reads.
#[tokio::test]
async fn plans_after_late_sales_and_cancellations_are_those_of_one_computation() {
    let planning = [read_model("planning")];
    let log = Log::new().await;
    log.install().await;
    let reads = log.database.pool(Role::Api, 2).await.unwrap();
    let mut chance = Chance(7);
    let partition = partition_of(COMPANIES[0], PARTITIONS);
    let its = log.append(partition, random_past(71, 300), &mut chance, 60).await;
    let mut first_sales = BTreeSet::new();
    for (step, part) in its.chunks(3).enumerate() {
        log.fold_these(&planning, partition, part, &mut chance).await;
        equal_one_computation(&reads, &format!("step {step}")).await;
        let kept = view(&reads, COMPANIES[0], &Question::default()).await.unwrap().unwrap();
        first_sales.extend(kept.planned.into_iter().map(|kept| (kept.item_key, kept.plan.first_sale_date)));
    }
    assert!(first_sales.len() > 50, "{first_sales:?}");
    equal_a_fold_from_zero(&log, "late sales and cancellations").await;
}

#[tokio::test]
async fn sixty_days_that_begin_leave_the_plans_of_one_computation_each() {
    let history = random_days(60_061, 60);
    let log = Log::new().await;
    log.install().await;
    let reads = log.database.pool(Role::Api, 2).await.unwrap();
    let planning = [read_model("planning")];
    let mut chance = Chance(60);
    let mut days = 0;
    for partition in 0..PARTITIONS {
        let its = log.append(partition, of(partition, &history), &mut chance, 20).await;
        // Each part ends with the beginning of a day, so that nothing but it is the newest that happened.
        for part in its.split_inclusive(|event| &*event.event_type == "DayStarted") {
            log.fold_these(&planning, partition, part, &mut chance).await;
            days += usize::from(part.last().is_some_and(|last| &*last.event_type == "DayStarted"));
            equal_one_computation(&reads, &format!("day {days}")).await;
        }
    }
    assert!(days >= 3 * 60, "{days}");
    let sold = history.iter().filter(|event| &*event.stream_type == domain::stock::StockEvent::STREAM_TYPE);
    assert!(sold.count() > 300);
    equal_a_fold_from_zero(&log, "sixty days").await;
}

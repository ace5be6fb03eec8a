//! Events that cannot be folded: they wait with their streams, everything else goes on.

use std::sync::atomic::Ordering;

use event_log::archive::Archive;
use projections::parked::refold::{Fate, decide};
use projections::parked::{ParkedEvent, list};

use crate::support::{HERS, HIS, Told, World, until};

const HEAVY: &str = r#""heavy""#;
const UNREADABLE: &str = r#""unreadable""#;

async fn parked(world: &World) -> Vec<ParkedEvent> {
    list(world.database.owner()).await.unwrap()
}

/// One bad event in the middle of two companies' streams.
fn one_bad(bad: &str) -> Vec<Told<'_>> {
    vec![
        (HERS, "cup", "{}"),
        (HIS, "cup", "{}"),
        (HERS, "cup", bad),
        (HERS, "mug", "{}"),
        (HERS, "cup", "{}"),
        (HIS, "cup", "{}"),
    ]
}

#[tokio::test]
async fn a_bad_event_waits_with_its_stream_and_everything_else_goes_on_in_order() {
    for bad in [HEAVY, UNREADABLE] {
        let world = World::new().await;
        world.append_many(0, 100).await;
        let head = world.append(0, &one_bad(bad)).await;
        let process = world.process().await;
        process.reaches(0, head).await;
        assert_eq!(world.versions(HERS, "cup").await, [1]);
        assert_eq!(world.versions(HERS, "mug").await, [1]);
        assert_eq!(world.versions(HIS, "cup").await, [1, 2]);
        assert_eq!(world.counted().await, 104);

        // Later events of the stream wait, too, whoever meets them.
        let head = world.append(0, &[(HERS, "cup", "{}"), (HERS, "mug", "{}")]).await;
        process.reaches(0, head).await;
        process.stop().await;
        let process = world.process().await;
        let head = world.append(0, &[(HERS, "cup", "{}"), (HERS, "mug", "{}")]).await;
        process.reaches(0, head).await;
        assert_eq!(world.versions(HERS, "cup").await, [1]);
        assert_eq!(world.versions(HERS, "mug").await, [1, 2, 3]);

        let events = parked(&world).await;
        let [event] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((event.position, event.company_id, &*event.stream_id), (103, HERS, "cup"));
        assert_eq!((event.waiting, event.attempts, &*event.state), (3, 1, "parked"));
        assert!(
            event.error.contains("sums_events_check") || event.error.contains("nobody can read it"),
            "{event:?}"
        );
        let status = projections::status::read(world.database.owner()).await.unwrap();
        assert_eq!(status.iter().map(|row| row.parked).collect::<Vec<_>>(), [1, 0, 0, 0]);
        let verified = world.verified().await;
        assert!(verified.is_equal(), "{verified:?}");
        assert_eq!((verified.parked, verified.skipped), (1, 0));
        process.stop().await;
    }
}

#[tokio::test]
async fn a_mended_event_is_folded_where_it_belongs_while_the_worker_goes_on() {
    let world = World::new().await;
    let process = world.process().await;
    let head = world.append(0, &one_bad(HEAVY)).await;
    process.reaches(0, head).await;
    let owner = world.database.owner();
    let id = parked(&world).await[0].id;

    let again =
        decide(owner, world.ledger.as_ref(), &Archive::default(), Some(id), Fate::Retry).await.unwrap();
    assert_eq!((again.events, again.still_parked), (1, 1));
    assert_eq!(parked(&world).await[0].attempts, 2);
    assert_eq!(world.counted().await, 4);

    world.ledger.mended.store(true, Ordering::SeqCst);
    let again =
        decide(owner, world.ledger.as_ref(), &Archive::default(), Some(id), Fate::Retry).await.unwrap();
    assert_eq!((again.events, again.still_parked), (1, 0));
    assert_eq!(parked(&world).await, []);
    assert_eq!(world.versions(HERS, "cup").await, [1, 2, 3]);
    assert_eq!(world.counted().await, 6);

    let head = world.append(0, &[(HERS, "cup", "{}"), (HIS, "cup", "{}")]).await;
    process.reaches(0, head).await;
    assert_eq!(world.versions(HERS, "cup").await, [1, 2, 3, 4]);
    process.stop().await;
    let verified = world.verified().await;
    assert!(verified.is_equal() && verified.parked == 0, "{verified:?}");
}

#[tokio::test]
async fn a_skipped_event_is_left_out_for_good_and_its_stream_goes_on() {
    let world = World::new().await;
    let process = world.process().await;
    process.reaches(0, world.append(0, &one_bad(UNREADABLE)).await).await;
    let id = parked(&world).await[0].id;
    let skipped =
        decide(world.database.owner(), world.ledger.as_ref(), &Archive::default(), Some(id), Fate::Skip)
            .await
            .unwrap();
    assert_eq!((skipped.events, skipped.still_parked), (1, 0));
    assert_eq!(world.versions(HERS, "cup").await, [1, 3]);
    process.reaches(0, world.append(0, &[(HERS, "cup", "{}")]).await).await;
    assert_eq!(world.versions(HERS, "cup").await, [1, 3, 4]);
    assert_eq!(parked(&world).await[0].state, "skipped");
    let verified = world.verified().await;
    assert!(verified.is_equal(), "{verified:?}");
    assert_eq!((verified.parked, verified.skipped), (0, 1));
    process.stop().await;
}

#[tokio::test]
async fn several_bad_events_are_all_found_and_mended_at_once() {
    let world = World::new().await;
    world.append_many(0, 300).await;
    let bad: Vec<String> = (0..7).map(|number| format!("bad-{number}")).collect();
    let told: Vec<Told<'_>> = bad
        .iter()
        .flat_map(|stream| {
            [
                (HERS, stream.as_str(), "{}"),
                (HERS, stream.as_str(), HEAVY),
                (HIS, stream.as_str(), UNREADABLE),
            ]
        })
        .collect();
    world.append(0, &told).await;
    let head = world.append_many(0, 300).await;
    let process = world.process().await;
    process.reaches(0, head).await;
    assert_eq!(parked(&world).await.len(), 14);
    assert_eq!(world.counted().await, 607);
    world.ledger.mended.store(true, Ordering::SeqCst);
    let again = decide(world.database.owner(), world.ledger.as_ref(), &Archive::default(), None, Fate::Retry)
        .await
        .unwrap();
    assert_eq!((again.events, again.still_parked), (14, 0));
    assert_eq!(world.counted().await, head);
    assert!(world.is_in_order().await);
    assert!(world.verified().await.is_equal());
    process.stop().await;
}

#[tokio::test]
async fn where_everything_fails_nothing_more_is_parked_and_the_read_model_waits() {
    let world = World::new().await;
    let streams: Vec<String> = (0..1_100).map(|number| format!("bad-{number}")).collect();
    let told: Vec<Told<'_>> = streams.iter().map(|stream| (HERS, stream.as_str(), UNREADABLE)).collect();
    let head = world.append(0, &told).await;
    let process = world.process().await;
    until("the worker has begun", async || world.holders().await[0] == process.name).await;
    world.append_many(1, 5).await;
    process.reaches(1, 5).await;
    assert_eq!(process.stands_at(0), 0, "of {head}");
    assert_eq!(parked(&world).await, [], "what was tried in vain is rolled back");
    world.ledger.mended.store(true, Ordering::SeqCst);
    process.reaches(0, head).await;
    process.stop().await;
}

#[tokio::test]
async fn a_lost_connection_parks_nothing() {
    let world = World::new().await;
    let process = world.process().await;
    for _ in 0..5 {
        let head = world.append_many(0, 50).await;
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and application_name = 'stocktrail_projector'",
        )
        .execute(world.database.owner())
        .await
        .unwrap();
        process.reaches(0, head).await;
    }
    assert_eq!(parked(&world).await, []);
    assert_eq!(world.counted().await, 250);
    process.stop().await;
}

//! One process commits to a partition for the others, for as long as it says so.

use std::net::Ipv4Addr;
use std::time::Duration;

use event_log::lead::{Candidate, claim, leave};
use migrations::Role;
use migrations::testing::fresh_database;
use uuid::Uuid;

const LONG: Duration = Duration::from_hours(1);

fn candidate(number: u128, port: u16) -> Candidate {
    Candidate { holder: Uuid::from_u128(number), host: Some(Ipv4Addr::LOCALHOST.into()), port }
}

#[tokio::test]
async fn whoever_claims_first_leads_until_its_time_is_over_or_it_leaves() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 1).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let (one, other) = (candidate(1, 1001), candidate(2, 1002));
    let first = claim(&mut conn, 0, &one, LONG).await.unwrap();
    assert_eq!((first.holder, first.address.as_str()), (one.holder, "127.0.0.1:1001"));
    assert_eq!(claim(&mut conn, 0, &other, LONG).await.unwrap(), first, "the other learns who leads");
    let elsewhere = claim(&mut conn, 1, &other, LONG).await.unwrap();
    assert_eq!(elsewhere.holder, other.holder, "each partition has a lead of its own");
    assert_eq!(
        claim(&mut conn, 0, &one, Duration::ZERO).await.unwrap(),
        first,
        "it holds on with the same secret"
    );

    let second = claim(&mut conn, 0, &other, LONG).await.unwrap();
    assert_eq!((second.holder, second.address.as_str()), (other.holder, "127.0.0.1:1002"));
    assert_ne!(second.secret, first.secret);
    leave(&mut conn, 0, one.holder).await.unwrap();
    assert_eq!(claim(&mut conn, 0, &one, LONG).await.unwrap(), second, "nobody gives up what another has");
    leave(&mut conn, 0, other.holder).await.unwrap();
    assert_eq!(claim(&mut conn, 0, &one, LONG).await.unwrap().holder, one.holder);
}

#[tokio::test]
async fn a_process_that_does_not_know_its_address_is_reached_where_the_database_sees_it() {
    let database = fresh_database().await;
    let pool = database.pool(Role::Committer, 1).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let nowhere = Candidate { host: None, ..candidate(1, 1001) };
    assert_eq!(claim(&mut conn, 0, &nowhere, LONG).await.unwrap().address, "127.0.0.1:1001");
    let six = Candidate { host: Some(std::net::Ipv6Addr::LOCALHOST.into()), ..candidate(1, 1001) };
    assert_eq!(claim(&mut conn, 0, &six, LONG).await.unwrap().address, "[::1]:1001");
}

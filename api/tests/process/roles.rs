//! One database, many processes: who does what, and what happens when one of them is killed or asked to stop.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::load::Load;
use crate::server::{Server, command};
use crate::town::{TAKE_OVER, Town, leases, until_held_by, until_shared};

#[tokio::test(flavor = "multi_thread")]
async fn every_role_does_its_part_and_no_more() {
    let town = Town::found().await;
    let api = town.start("api").await;
    let load = Load::begin(&api.url).await;
    let (position, _) = load.send(&api.url, "key-1").await.unwrap();
    let late = format!("/inventory?min_position={position}");
    let (status, problem) = load.ask(&api.url, &late).await;
    assert_eq!((status, &problem["code"]), (503, &"not_yet".into()), "an api process folds nothing");

    let worker = town.start("worker").await;
    load.get(&api.url, &late).await;
    until_shared(&load, &api, &[(worker.pid(), leases())]).await;
    assert_eq!(load.ask(&worker.url, "/inventory").await.0, 404, "a worker answers no requests");
    assert!(worker.metric("stocktrail_projection_leases_held").await > 0.0);

    let relay = command(&town.folder.0, &town.settings("relay")).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&relay.stderr);
    assert!(!relay.status.success() && said.contains("no broker is configured"), "{said}");

    let all = town.start("all").await;
    until_shared(&load, &api, &[(worker.pid(), leases() / 2), (all.pid(), leases() / 2)]).await;
    for (number, server) in (2..).zip([&api, &all, &api, &all]) {
        let key = format!("key-{number}");
        let (position, _) = load.send(&server.url, &key).await.unwrap();
        load.acknowledged.lock().unwrap().insert(key, position);
        for reader in [&api, &all] {
            load.get(&reader.url, &format!("/inventory?min_position={position}")).await;
        }
    }
    worker.stop();
    all.stop();
    api.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn four_workers_share_the_read_models_and_any_of_them_may_die() {
    let town = Town::found().await;
    let api = town.start("api").await;
    let load = Load::begin(&api.url).await;
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(town.start("worker").await);
    }
    let stop = AtomicBool::new(false);
    let trouble = async {
        until_shared(&load, &api, &quarters(&workers)).await;
        for _ in 0..2 {
            workers.remove(0).kill();
            let living: Vec<u32> = workers.iter().map(Server::pid).collect();
            let took = until_held_by(&load, &api, &living).await;
            assert!(took <= TAKE_OVER, "taken over after {took:?}");
            println!("taken over {took:?} after a kill");
            workers.push(town.start("worker").await);
            until_shared(&load, &api, &quarters(&workers)).await;
        }
        stop.store(true, Ordering::Relaxed);
        workers
    };
    let ((), workers) = tokio::join!(load.run_by(6, &api.url, &stop), trouble);
    load.settle(&api.url).await;
    town.is_sound(&api, &load).await;
    for worker in workers {
        worker.stop();
    }
    api.stop();
}

fn quarters(workers: &[Server]) -> Vec<(u32, usize)> {
    workers.iter().map(|worker| (worker.pid(), leases() / 4)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_asked_to_stop_answers_what_it_took_and_hands_over_at_once() {
    let town = Town::found().await;
    let (one, other) = (town.start("all").await, town.start("all").await);
    let load = Load::begin(&one.url).await;
    until_shared(&load, &one, &[(one.pid(), leases() / 2), (other.pid(), leases() / 2)]).await;
    let stop = AtomicBool::new(false);
    let url = one.url.clone();
    let ending = async {
        while load.acknowledged.lock().unwrap().len() < 300 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(load.in_flight() > 0);
        one.terminate();
        stop.store(true, Ordering::Relaxed);
        tokio::task::block_in_place(|| one.ended());
        until_held_by(&load, &other, &[other.pid()]).await
    };
    let ((), took) = tokio::join!(load.run_by(12, &url, &stop), ending);
    assert!(took < Duration::from_secs(3), "not released but run out: {took:?}");
    println!("handed over in {took:?}");
    let written = load.settle(&other.url).await;
    assert_eq!(written, 0, "what is committed is answered");
    let begun = Instant::now();
    town.is_sound(&other, &load).await;
    println!("checked in {:?}", begun.elapsed());
    other.stop();
}

//! `replay archive`, and what reads across files and database.

use chrono::TimeDelta;
use commands::{Operation, Verdict};
use domain::shared::moment::Stamp;
use domain::stock::Confirm;
use domain::stock::StockIntent;
use domain::stock::command::Human;
use migrations::testing::{fresh_database, small_children};
use tempfile::TempDir;

use crate::support::{Said, Shop, add, item, place, receive};

/// A shop with a long history in a log of small children, every partition beyond the second one, and a folder.
async fn old_shop() -> (Shop, TempDir) {
    let database = fresh_database().await;
    small_children(database.owner(), 20).await.unwrap();
    let shop = Shop::found_in(database).await;
    shop.stock(receive(100)).await;
    for _ in 0..45 {
        shop.stock(add(2)).await;
        shop.clock.advance(TimeDelta::hours(1));
    }
    for partition in 0..4 {
        shop.neighbour(partition, 45).await;
    }
    (shop, tempfile::tempdir().unwrap())
}

async fn archive(shop: &Shop, folder: &TempDir, arguments: &[&str]) -> Said {
    let folder = folder.path().to_str().unwrap();
    shop.replay(&[&["archive", "--archive", folder], arguments].concat()).await
}

fn count_at(at: chrono::DateTime<chrono::Utc>) -> StockIntent {
    let human = Human {
        at: Some(Stamp { at, offset_minutes: 0 }),
        confirm: vec![Confirm::Backdated, Confirm::LargeChange],
        ..Human::default()
    };
    StockIntent::Count { location_id: place("MAIN"), counted: 7, human }
}

#[tokio::test]
async fn the_tools_read_across_files_and_database() {
    let (shop, folder) = old_shop().await;
    shop.fold_and_save().await;
    let before = shop.replay(&["export"]).await;
    let late = shop.clock.now().to_rfc3339();
    let early = (shop.clock.now() - TimeDelta::hours(40)).to_rfc3339();
    let as_of = async |instant: &str, folder: &[&str]| {
        shop.replay_here(&[&["as-of", instant, "--item", "LAMP"], folder].concat()).await
    };
    let (early_before, late_before) = (as_of(&early, &[]).await, as_of(&late, &[]).await);
    let explained = shop.replay_here(&["explain", "LAMP"]).await;

    let said = archive(&shop, &folder, &["--before", "40"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("positions 0 to 19 have left the database"), "{}", said.out);
    assert!(said.out.ends_with("2 ranges archived\n"), "{}", said.out);
    let files = 2 * said.out.lines().filter(|line| line.contains(".ndjson.gz")).count();
    assert!(files >= 10, "{}", said.out);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), files, "a file and a manifest each");

    let with = ["--archive", folder.path().to_str().unwrap()];
    let after = shop.replay(&[&["export"], &with[..]].concat()).await;
    assert_eq!((after.code, after.out), (0, before.out.clone()), "{}", after.err);
    assert_eq!(as_of(&early, &with).await.out, early_before.out);
    assert_eq!(as_of(&late, &with).await.out, late_before.out);
    assert_eq!(shop.replay_here(&[&["explain", "LAMP"], &with[..]].concat()).await.out, explained.out);
    for arguments in [&["export"][..], &["as-of", &late, "--item", "LAMP"], &["explain", "LAMP"]] {
        let refused = shop.replay_here(arguments).await;
        assert_eq!(refused.code, 1, "{}", refused.out);
        assert!(refused.err.contains("are archived; name the archive's folder"), "{}", refused.err);
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let refused = shop.replay(&["export", "--archive", elsewhere.path().to_str().unwrap()]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("the archive's file"), "{}", refused.err);
    let live = shop.replay(&["export", "--from", "60"]).await;
    assert_eq!((live.code, live.err.as_str()), (0, ""), "what is live needs no archive");

    let again = archive(&shop, &folder, &["--before", "40"]).await;
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.out.ends_with("0 ranges archived\n"), "{}", again.out);
}

const READ_MODELS: [&str; 7] =
    ["catalogue", "companies", "planning_settings", "inventory", "movements", "sales", "quarantine"];

#[tokio::test]
async fn proofs_and_rebuilds_read_across_files_and_database() {
    let (shop, folder) = old_shop().await;
    shop.fold_and_save().await;
    let with = ["--archive", folder.path().to_str().unwrap()];
    let verified = shop.replay(&["verify"]).await;
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    let mut compared = Vec::new();
    for name in READ_MODELS {
        compared.push(shop.replay(&["rebuild", name, "--diff-only"]).await.out);
    }
    let said = archive(&shop, &folder, &["--before", "40"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);

    let after = shop.replay(&[&["verify"], &with[..]].concat()).await;
    assert_eq!((after.code, after.out), (0, verified.out.clone()), "{}", after.err);
    for (name, before) in READ_MODELS.iter().zip(&compared) {
        let after = shop.replay(&[&["rebuild", name, "--diff-only"], &with[..]].concat()).await;
        assert_eq!((after.code, &after.out), (0, before), "{}", after.err);
        let refused = shop.replay(&["rebuild", name]).await;
        assert_eq!(refused.code, 1, "{}", refused.out);
        assert!(refused.err.contains("are archived; name the archive's folder"), "{}", refused.err);
    }
    let refused = shop.replay(&["verify"]).await;
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("are archived; name the archive's folder"), "{}", refused.err);

    // What is wrong is found and mended from the files.
    shop.tamper("update inventory_1.levels set on_hand = on_hand + 7 where item_key = 'LAMP'").await;
    shop.tamper("delete from movements_2.movements where position < 20").await;
    let wrong = shop.replay(&[&["verify"], &with[..]].concat()).await;
    assert_eq!(wrong.code, 1, "{}", wrong.err);
    assert!(
        wrong.out.contains("inventory_1  DIFFERS") && wrong.out.contains("DOES NOT ADD UP"),
        "{}",
        wrong.out
    );
    for name in ["inventory", "movements"] {
        let rebuilt = shop.replay(&[&["rebuild", name], &with[..]].concat()).await;
        assert!(rebuilt.out.contains("the new copy is live"), "{}{}", rebuilt.out, rebuilt.err);
    }
    let mended = shop.replay(&[&["verify"], &with[..]].concat()).await;
    assert_eq!((mended.code, mended.out), (0, verified.out), "{}", mended.err);
}

#[tokio::test]
async fn a_former_copy_that_stood_still_comes_back_across_the_archive() {
    let database = fresh_database().await;
    small_children(database.owner(), 20).await.unwrap();
    let shop = Shop::found_in(database).await;
    shop.stock(receive(100)).await;
    shop.fold().await;
    let rebuilt = shop.replay(&["rebuild", "inventory"]).await;
    assert_eq!(rebuilt.code, 0, "{}{}", rebuilt.out, rebuilt.err);
    for _ in 0..45 {
        shop.stock(add(2)).await;
    }
    for partition in 0..4 {
        shop.neighbour(partition, 45).await;
    }
    shop.fold_and_save().await;
    let folder = tempfile::tempdir().unwrap();
    let said = archive(&shop, &folder, &["--before", "40"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let refused = shop.replay(&["rollback", "inventory"]).await;
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("are archived"), "{}", refused.err);
    let with = ["--archive", folder.path().to_str().unwrap()];
    let back = shop.replay(&[&["rollback", "inventory"], &with[..]].concat()).await;
    assert_eq!(back.code, 0, "{}{}", back.out, back.err);
    let verified = shop.replay(&[&["verify"], &with[..]].concat()).await;
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

#[tokio::test]
async fn a_range_that_is_not_folded_stays() {
    let (shop, folder) = old_shop().await;
    shop.fold_and_save().await;
    shop.tamper("update projections.checkpoints set position = 10 where name = 'inventory'").await;
    let said = archive(&shop, &folder, &[]).await;
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("inventory has folded partition"), "{}", said.err);
    let export = shop.replay(&["export"]).await;
    assert_eq!(export.code, 0, "{}", export.err);
}

#[tokio::test]
async fn commands_go_on_without_the_archive_and_refuse_what_they_cannot_know() {
    let (mut shop, folder) = old_shop().await;
    shop.fold_and_save().await;
    let said = archive(&shop, &folder, &["--before", "40"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    shop.restart().await;
    shop.stock(add(1)).await;
    let company_id = shop.company_id;
    let long_ago = shop.clock.now() - TimeDelta::hours(40);
    let order = async |shop: &Shop, intent| {
        shop.order(company_id, vec![Operation::Stock { item: item(), intent }]).await.remove(0)
    };
    match order(&shop, count_at(long_ago)).await {
        Verdict::Refused(refused) => assert_eq!(refused.code, "archived"),
        other => panic!("{other:?}"),
    }
    let now = shop.clock.now();
    assert!(matches!(order(&shop, count_at(now)).await, Verdict::Accepted(_)));
    shop.fold().await;
    let with = ["explain", "LAMP", "--archive", folder.path().to_str().unwrap()];
    let said = shop.replay_here(&with).await;
    assert_eq!(said.code, 0, "the fold, the effects and the read model agree: {}", said.out);
    assert!(said.out.contains("total     7"), "{}", said.out);

    // After a release with another shape of states the snapshots are written anew from the archive.
    shop.tamper("update log.snapshots set fingerprint = company_id, position = 39").await;
    shop.restart().await;
    let refused = shop.try_order(company_id, vec![Operation::Stock { item: item(), intent: add(1) }]).await;
    assert!(refused.is_err(), "{refused:?}");
    let said = archive(&shop, &folder, &["--renew-snapshots"]).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    shop.restart().await;
    shop.stock(add(1)).await;
}

//! How the program finds its database, and how it ends when it does not.

use migrations::{Database, Source};

use crate::support::replay;

#[tokio::test]
async fn a_running_private_server_is_shared_and_one_that_rests_is_started() {
    let folder = migrations::testing::data_dir().unwrap();
    let data_dir = folder.to_str().unwrap();
    let source = Source::Embedded { data_dir: folder.clone(), durable: false };
    let database = Database::open(source).await.unwrap();
    let said = replay(&["--data-dir", data_dir, "status"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    sqlx::query("select 1").execute(database.owner()).await.unwrap();

    database.stop().await;
    let said = replay(&["status", "--data-dir", data_dir]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_data_directory_that_does_not_exist_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    let said = replay(&["status", "--data-dir", absent.to_str().unwrap()]).await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("opening the data directory"), "{}", said.err);
    assert!(!absent.exists());
}

#[tokio::test]
async fn wrong_usage_ends_with_2() {
    for arguments in [
        &["status", "--loudly"][..],
        &[],
        &["as-of", "yesterday", "--item", "LAMP", "--company", "0191b2f4-0000-7000-8000-000000000000"],
        &["export", "--format", "xml"],
        &["rebuild", "inventory", "--max-rate", "0"],
    ] {
        assert_eq!(replay(arguments).await.code, 2, "{arguments:?}");
    }
}

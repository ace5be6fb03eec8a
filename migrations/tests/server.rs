//! The private server through its crashes, and the database it serves.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use migrations::testing::{data_dir, fresh_database};
use migrations::{Database, DatabaseError, Role, Source};
use sqlx::PgPool;

const CHILD: &str = "STOCKTRAIL_TEST_CHILD_OF";

async fn open(data_dir: &Path) -> Result<Database, DatabaseError> {
    Database::open(Source::Embedded { data_dir: data_dir.to_owned(), durable: true }).await
}

fn alive(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

fn kill(pid: u32, signal: &str) {
    Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
}

async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !check().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn checkpoint(pool: &PgPool, name: &str) -> Result<(), sqlx::Error> {
    let insert = sqlx::query(
        "insert into projections.checkpoints (name, version, partition, position) values ($1, 1, 0, 7)",
    );
    insert.bind(name).execute(pool).await?;
    Ok(())
}

async fn checkpoints(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select name from projections.checkpoints order by name")
        .fetch_all(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_cluster_is_made_once_stopped_and_opened_again() {
    let folder = data_dir().unwrap();
    let database = open(&folder).await.unwrap();
    let pid = database.server_pid().unwrap();
    let pool = database.pool(Role::Projector, 2).await.unwrap();
    checkpoint(&pool, "kept").await.unwrap();
    assert!(matches!(open(&folder).await, Err(DatabaseError::InUse(_))), "one process per data directory");
    database.stop().await;
    assert!(!alive(pid));

    let database = open(&folder).await.unwrap();
    let pool = database.pool(Role::Projector, 2).await.unwrap();
    assert_eq!(checkpoints(&pool).await, ["kept"]);
    let durable: (String, String) =
        sqlx::query_as("select current_setting('fsync'), current_setting('synchronous_commit')")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(durable, ("on".to_owned(), "on".to_owned()));
    database.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_killed_server_comes_back_on_its_socket_and_pools_connect_again() {
    let folder = data_dir().unwrap();
    let database = open(&folder).await.unwrap();
    let pool = database.pool(Role::Projector, 4).await.unwrap();
    checkpoint(&pool, "before").await.unwrap();
    let (url, killed) = (database.url(), database.server_pid().unwrap());
    kill(killed, "-KILL");
    eventually("the server comes back", async || {
        database.server_pid() != Some(killed) && checkpoint(&pool, "after").await.is_ok()
    })
    .await;
    assert_eq!(checkpoints(&pool).await, ["after", "before"]);
    assert_eq!(database.url(), url, "same port");
    assert!(PgPool::connect(&url).await.is_ok());
    database.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_killed_session_takes_the_server_through_recovery_and_pools_connect_again() {
    let folder = data_dir().unwrap();
    let database = open(&folder).await.unwrap();
    let pool = database.pool(Role::Projector, 4).await.unwrap();
    checkpoint(&pool, "before").await.unwrap();
    let mut neighbour = pool.acquire().await.unwrap();
    let session: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&pool).await.unwrap();
    kill(u32::try_from(session).unwrap(), "-KILL");
    // A server that has noticed ends every session before it recovers.
    eventually("the neighbour is ended", async || {
        sqlx::query("select").execute(&mut *neighbour).await.is_err()
    })
    .await;
    drop(neighbour);
    eventually("the server recovers", async || checkpoint(&pool, "after").await.is_ok()).await;
    assert_eq!(checkpoints(&pool).await, ["after", "before"]);
    database.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

/// Not a test of its own: the process that the next tests kill. Writes its server's pid and waits for ever.
#[tokio::test]
async fn child() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let folder = PathBuf::from(folder);
    let database = open(&folder).await.unwrap();
    let pool = database.pool(Role::Projector, 2).await.unwrap();
    checkpoint(&pool, "child").await.unwrap();
    std::fs::write(folder.join("pid.new"), database.server_pid().unwrap().to_string()).unwrap();
    std::fs::rename(folder.join("pid.new"), folder.join("pid")).unwrap();
    std::future::pending::<()>().await;
}

async fn start_child(folder: &Path) -> (Child, u32) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child"])
        .env(CHILD, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let file = folder.join("pid");
    eventually("the child's server runs", async || file.exists()).await;
    (child, std::fs::read_to_string(file).unwrap().parse().unwrap())
}

#[tokio::test]
async fn the_server_dies_with_a_killed_process_and_loses_nothing() {
    let folder = data_dir().unwrap();
    let (mut child, server) = start_child(&folder).await;
    assert!(alive(server));
    child.kill().unwrap();
    child.wait().unwrap();
    let database = open(&folder).await.unwrap();
    assert!(!alive(server), "no server is left behind");
    let pool = database.pool(Role::Projector, 2).await.unwrap();
    assert_eq!(checkpoints(&pool).await, ["child"]);
    database.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn process_and_server_killed_at_once_is_recovered() {
    let folder = data_dir().unwrap();
    let (mut child, server) = start_child(&folder).await;
    // Stopped, the server cannot follow its death signal: the next process finds an orphan.
    kill(server, "-STOP");
    child.kill().unwrap();
    child.wait().unwrap();
    kill(server, "-KILL");
    let database = open(&folder).await.unwrap();
    let pool = database.pool(Role::Projector, 2).await.unwrap();
    assert_eq!(checkpoints(&pool).await, ["child"]);
    database.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_running_orphan_is_stopped_first() {
    let folder = data_dir().unwrap();
    let (mut child, server) = start_child(&folder).await;
    kill(server, "-STOP");
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        kill(server, "-CONT");
    });
    let database = open(&folder).await.unwrap();
    resumed.join().unwrap();
    assert!(!alive(server));
    let pool = database.pool(Role::Projector, 2).await.unwrap();
    assert_eq!(checkpoints(&pool).await, ["child"]);
    database.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_data_directory_that_the_servers_user_cannot_enter_is_served_from_elsewhere() {
    use std::os::unix::fs::PermissionsExt;
    let folder = data_dir().unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let database = open(&folder).await.unwrap();
    let pool = database.pool(Role::Projector, 2).await.unwrap();
    checkpoint(&pool, "kept").await.unwrap();
    database.stop().await;
    let database = open(&folder).await.unwrap();
    let pool = database.pool(Role::Projector, 2).await.unwrap();
    assert_eq!(checkpoints(&pool).await, ["kept"]);
    database.stop().await;
    if let Ok(elsewhere) = std::fs::read_to_string(folder.join("postgres-is-at")) {
        assert!(elsewhere.starts_with("/var/tmp/stocktrail-"), "{elsewhere}");
        std::fs::remove_dir_all(elsewhere).unwrap();
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn nobody_connects_without_the_password() {
    let folder = data_dir().unwrap();
    let database = open(&folder).await.unwrap();
    let url = database.url();
    let (before, rest) = url.split_once("://stocktrail:").unwrap();
    let (_, host) = rest.split_once('@').unwrap();
    let refused = PgPool::connect(&format!("{before}://stocktrail:guess@{host}")).await.unwrap_err();
    assert_eq!(
        refused.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(),
        Some("28P01"),
        "{refused}"
    );
    database.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn an_address_of_a_running_server_serves_too_and_opening_twice_changes_nothing() {
    let database = fresh_database().await;
    sqlx::raw_sql("create database by_url").execute(database.owner()).await.unwrap();
    let (before, _) = database.url().rsplit_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let open = || Database::open(Source::Url(format!("{before}/by_url")));
    let (first, second) = tokio::join!(open(), open());
    let (first, second) = (first.unwrap(), second.unwrap());
    let heads: i64 =
        sqlx::query_scalar("select count(*) from log.log_head").fetch_one(second.owner()).await.unwrap();
    assert_eq!(heads, 4);
    assert_eq!(first.server_pid(), None);
    for role in Role::ALL {
        let pool = first.pool(role, 1).await.unwrap();
        let user: String = sqlx::query_scalar("select current_user::text").fetch_one(&pool).await.unwrap();
        assert_eq!(user, role.name());
    }
}

#[test]
fn missing_programs_are_told_with_the_command_that_installs_them() {
    let told = DatabaseError::NotInstalled.to_string();
    assert!(told.contains("apt-get install postgresql"), "{told}");
}

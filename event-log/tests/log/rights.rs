//! What the service roles cannot do, read from the catalog so that no table or role is forgotten.

use event_log::append::head;
use migrations::Role;
use migrations::testing::fresh_database;

use crate::support::grow;

const REFUSED: &str = "42501";

#[tokio::test]
async fn no_service_role_changes_the_log() {
    let database = fresh_database().await;
    let committer = database.pool(Role::Committer, 2).await.unwrap();
    let before = grow(&mut committer.acquire().await.unwrap(), 0, 3).await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'log' and c.relkind in ('r', 'p') and c.relname <> 'snapshots'",
    )
    .fetch_all(database.owner())
    .await
    .unwrap();
    assert!(tables.len() >= 6 && tables.contains(&"log.events_000001".to_owned()), "{tables:?}");
    for role in Role::ALL {
        let pool = database.pool(role, 2).await.unwrap();
        for table in &tables {
            for change in [
                format!("update {table} set partition = partition"),
                format!("delete from {table}"),
                format!("truncate {table}"),
                format!("drop table {table} cascade"),
                format!("insert into {table} select * from {table}"),
                format!("alter table {table} disable trigger all"),
                format!("alter table {table} disable row level security"),
            ] {
                let refused = sqlx::raw_sql(&change).execute(&pool).await;
                let error = refused.expect_err(&format!("{} may {change}", role.name()));
                let code = error
                    .as_database_error()
                    .and_then(sqlx::error::DatabaseError::code)
                    .unwrap_or_default()
                    .into_owned();
                assert_eq!(code, REFUSED, "{} {change}: {error}", role.name());
            }
        }
    }
    assert_eq!(head(&mut committer.acquire().await.unwrap(), 0).await.unwrap(), before);
}

#[tokio::test]
async fn even_the_owner_is_refused_by_a_trigger_on_every_child() {
    let database = fresh_database().await;
    let committer = database.pool(Role::Committer, 2).await.unwrap();
    grow(&mut committer.acquire().await.unwrap(), 0, 3).await;
    sqlx::raw_sql("select log.ensure_children(3500000)").execute(database.owner()).await.unwrap();
    for table in ["events", "events_000000", "events_000003", "log_batch"] {
        for change in ["update log.T set partition = 0", "delete from log.T", "truncate log.T"] {
            let change = change.replace('T', table);
            let refused = sqlx::raw_sql(&change).execute(database.owner()).await;
            let error = refused.expect_err(&change);
            assert!(error.to_string().contains("append only"), "{error}");
        }
    }
}

#[tokio::test]
async fn no_service_role_owns_a_thing_or_can_switch_security_off() {
    let database = fresh_database().await;
    let strong: Vec<String> = sqlx::query_scalar(
        "select rolname::text from pg_roles where rolname like 'stocktrail\\_%'
         and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolcanlogin)",
    )
    .fetch_all(database.owner())
    .await
    .unwrap();
    assert!(strong.is_empty(), "{strong:?}");
    let owned: i64 = sqlx::query_scalar(
        "select (select count(*) from pg_class where relowner in (select oid from pg_roles where rolname like 'stocktrail\\_%'))
            + (select count(*) from pg_namespace where nspowner in (select oid from pg_roles where rolname like 'stocktrail\\_%'))",
    )
    .fetch_one(database.owner())
    .await
    .unwrap();
    assert_eq!(owned, 0);
}

#[tokio::test]
async fn every_table_with_a_company_is_secured() {
    let database = fresh_database().await;
    let open: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'company_id'
         where c.relkind in ('r', 'p') and not c.relrowsecurity",
    )
    .fetch_all(database.owner())
    .await
    .unwrap();
    assert!(open.is_empty(), "{open:?}");
    let calling: Vec<String> = sqlx::query_scalar(
        "select p.proname::text from pg_proc p where p.pronamespace = 'log'::regnamespace
         and has_function_privilege('stocktrail_api', p.oid, 'execute')",
    )
    .fetch_all(database.owner())
    .await
    .unwrap();
    assert!(calling.is_empty(), "{calling:?}");
}

//! Makes the schemas of the projections: tables, row-level security, grants, checkpoints at 0.
//!
//! Runs as the owner at start. A schema that exists is left as it is: other tables mean another version. A version that
//! is new to a long log is not made here but by [`crate::rebuild::build`], which folds it first and brings it to life
//! when it is complete; the former version goes on meanwhile, read and folded by the processes of the former release.

use std::sync::Arc;

use sqlx::{Connection, Executor, PgConnection, PgPool};

use crate::checkpoint::{self, Copy, Key};
use crate::projection::{Projection, ProjectionError, schema_of};

/// Serialises installers of several processes.
const INSTALL_LOCK: i64 = 0x5354_4f43_4b50_524a;

/// A log of so many events is folded by the runner within a second or two; a longer one is folded before anybody reads.
pub const SHORT_LOG: i64 = 20_000;

/// Creates what is missing for these projections. Answers those that the log is too long for: they are to be
/// [built](crate::rebuild::build), and are not live before.
pub async fn install(
    owner: &PgPool,
    projections: &[Arc<dyn Projection>],
) -> Result<Vec<Arc<dyn Projection>>, ProjectionError> {
    let mut conn = owner.acquire().await?;
    let mut tx = conn.begin().await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(INSTALL_LOCK).execute(&mut *tx).await?;
    let events: i64 = sqlx::query_scalar("select coalesce(sum(position), 0)::bigint from log.log_head")
        .fetch_one(&mut *tx)
        .await?;
    let mut missing = Vec::new();
    for projection in projections {
        let schema = schema_of(projection.as_ref());
        if !exists(&mut tx, &schema).await? {
            if events > SHORT_LOG {
                missing.push(Arc::clone(projection));
                continue;
            }
            create_copy(&mut tx, projection.as_ref(), &schema).await?;
        }
        let key = Key { name: projection.name(), version: projection.version(), copy: Copy::Live };
        checkpoint::start(&mut tx, key).await?;
    }
    tx.commit().await?;
    Ok(missing)
}

/// Whether a schema exists.
pub(crate) async fn exists(conn: &mut PgConnection, schema: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select 1 from pg_catalog.pg_namespace where nspname = $1)")
        .bind(schema)
        .fetch_one(conn)
        .await
}

/// Creates a projection's tables in a new schema, with security and grants. Leaves `search_path` at that schema
/// until the transaction ends.
pub(crate) async fn create_copy(
    conn: &mut PgConnection,
    projection: &dyn Projection,
    schema: &str,
) -> Result<(), sqlx::Error> {
    conn.execute(sqlx::raw_sql(&format!(
        "create schema {schema};
         set local search_path = {schema}, public;
         grant usage on schema {schema} to stocktrail_projector, stocktrail_api, stocktrail_committer"
    )))
    .await?;
    conn.execute(sqlx::raw_sql(projection.ddl())).await?;
    conn.execute(sqlx::raw_sql(&format!(
        "grant select, insert, update, delete, truncate on all tables in schema {schema} to stocktrail_projector;
         grant usage on all sequences in schema {schema} to stocktrail_projector;
         grant select on all tables in schema {schema} to stocktrail_api, stocktrail_committer"
    )))
    .await?;
    for table in tables_with_company(conn, schema).await? {
        conn.execute(sqlx::raw_sql(&format!(
            "alter table {schema}.\"{table}\" enable row level security;
             create policy one_company on {schema}.\"{table}\" for select to stocktrail_api
                 using (company_id = nullif(current_setting('app.company_id', true), '')::uuid);
             create policy every_company on {schema}.\"{table}\" to stocktrail_projector
                 using (true) with check (true);
             create policy every_company_read on {schema}.\"{table}\" for select to stocktrail_committer
                 using (true);
             -- Plans must not depend on which companies were there when the table was last analysed: one that is
             -- unknown would be taken for empty, and any index for as good as the right one.
             alter table {schema}.\"{table}\" alter column company_id set statistics 0"
        )))
        .await?;
    }
    Ok(())
}

/// Tables of a schema whose rows belong to companies.
pub(crate) async fn tables_with_company(
    conn: &mut PgConnection,
    schema: &str,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "select class.relname::text
         from pg_catalog.pg_class class
         join pg_catalog.pg_namespace namespace on namespace.oid = class.relnamespace
         join pg_catalog.pg_attribute attribute on attribute.attrelid = class.oid
         where namespace.nspname = $1 and class.relkind in ('r', 'p') and attribute.attname = 'company_id'
         order by class.relname",
    )
    .bind(schema)
    .fetch_all(conn)
    .await
}

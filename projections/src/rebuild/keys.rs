//! Keys and indexes of a copy, taken off while its rows come in and put back afterwards.
//!
//! An index over rows that are there is sorted once; one that is there before the rows is searched for each of them.
//! PostgreSQL's own definitions are kept, so that a read model states its tables in one piece.

use futures::{StreamExt, TryStreamExt};
use sqlx::{Executor, PgConnection, PgPool};

use super::copies::Made;

/// Statements that make the keys of a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Keys {
    /// Names of indexes, in the order of `indexes`.
    names: Vec<String>,
    /// Statements that make indexes, those of primary keys included.
    indexes: Vec<String>,
    /// Statements that make constraints of some of these indexes.
    constraints: Vec<String>,
}

/// SQLSTATE of a thing that exists already.
const EXISTS: &str = "42P07";

impl Keys {
    /// Takes every primary key, unique constraint and index off the tables of a schema.
    pub(super) async fn take_off(conn: &mut PgConnection, schema: &str) -> Result<Self, sqlx::Error> {
        // With the statements that take it off and, where it is a constraint, make it one again.
        let found: Vec<(String, String, String, Option<String>)> = sqlx::query_as(
            "select format('%I.%I', namespace.nspname, index.relname),
                    pg_get_indexdef(index.oid),
                    case when con.oid is null
                        then format('drop index %I.%I', namespace.nspname, index.relname)
                        else format('alter table %I.%I drop constraint %I', namespace.nspname, class.relname, con.conname)
                    end,
                    case when con.oid is not null
                        then format('alter table %I.%I add constraint %I %s using index %I', namespace.nspname,
                            class.relname, con.conname,
                            case con.contype when 'p' then 'primary key' else 'unique' end, index.relname)
                    end
             from pg_catalog.pg_index place
             join pg_catalog.pg_class index on index.oid = place.indexrelid
             join pg_catalog.pg_class class on class.oid = place.indrelid
             join pg_catalog.pg_namespace namespace on namespace.oid = class.relnamespace
             left join pg_catalog.pg_constraint con on con.conindid = index.oid and con.contype in ('p', 'u')
             where namespace.nspname = $1
             order by class.relname, place.indisprimary desc, index.relname",
        )
        .bind(schema)
        .fetch_all(&mut *conn)
        .await?;
        let mut keys = Self::default();
        for (name, definition, take_off, constraint) in found {
            conn.execute(sqlx::raw_sql(&take_off)).await?;
            keys.names.push(name);
            keys.indexes.push(definition);
            keys.constraints.extend(constraint);
        }
        Ok(keys)
    }

    /// Notes them beside a new rebuild.
    pub(super) async fn keep(
        &self,
        conn: &mut PgConnection,
        made: &Made,
        fingerprint: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into projections.rebuilds
                 (name, version, stage, events_done, events_total, events_per_second, started_at, updated_at,
                  fingerprint, index_names, indexes, constraints)
             values ($1, $2, 'loading', 0, 0, 0, clock_timestamp(), clock_timestamp(), $3, $4, $5, $6)
             on conflict (name, version) do update set
                 stage = excluded.stage,
                 events_done = 0,
                 events_total = 0,
                 events_per_second = 0,
                 started_at = excluded.started_at,
                 updated_at = excluded.updated_at,
                 finished_at = null,
                 outcome = null,
                 differences = null,
                 pause_ms = null,
                 fingerprint = excluded.fingerprint,
                 index_names = excluded.index_names,
                 indexes = excluded.indexes,
                 constraints = excluded.constraints",
        )
        .bind(made.name)
        .bind(made.version)
        .bind(fingerprint)
        .bind(&self.names)
        .bind(&self.indexes)
        .bind(&self.constraints)
        .execute(conn)
        .await?;
        Ok(())
    }

    /// Those of an interrupted rebuild that was begun by the same code; it goes on then.
    pub(super) async fn kept(
        conn: &mut PgConnection,
        made: &Made,
        fingerprint: &str,
    ) -> Result<Option<Self>, sqlx::Error> {
        let kept: Option<(Vec<String>, Vec<String>, Vec<String>)> = sqlx::query_as(
            "update projections.rebuilds
             set updated_at = clock_timestamp(), finished_at = null, outcome = null
             where name = $1 and version = $2 and fingerprint = $3
             returning index_names, indexes, constraints",
        )
        .bind(made.name)
        .bind(made.version)
        .bind(fingerprint)
        .fetch_optional(conn)
        .await?;
        Ok(kept.map(|(names, indexes, constraints)| Self { names, indexes, constraints }))
    }

    /// Makes those that are missing, some at the same time, then brings the statistics up to date.
    pub(super) async fn put_back(
        mut self,
        pool: &PgPool,
        schema: &str,
        connections: usize,
    ) -> Result<(), sqlx::Error> {
        let mut missing = Vec::new();
        for (name, definition) in self.names.iter().zip(std::mem::take(&mut self.indexes)) {
            let made: bool =
                sqlx::query_scalar("select to_regclass($1) is not null").bind(name).fetch_one(pool).await?;
            if !made {
                missing.push(definition);
            }
        }
        futures::stream::iter(missing)
            .map(|definition| async move { make_index(pool, &definition).await })
            .buffer_unordered(connections)
            .try_collect::<()>()
            .await?;
        self.constrain(pool, schema).await?;
        analyze(pool, schema).await
    }

    /// Makes constraints of their indexes, all at once or none.
    async fn constrain(&self, pool: &PgPool, schema: &str) -> Result<(), sqlx::Error> {
        let made: bool = sqlx::query_scalar(
            "select exists (
                 select from pg_catalog.pg_constraint con
                 join pg_catalog.pg_namespace namespace on namespace.oid = con.connamespace
                 where namespace.nspname = $1 and con.contype in ('p', 'u')
             )",
        )
        .bind(schema)
        .fetch_one(pool)
        .await?;
        if !made && !self.constraints.is_empty() {
            let mut tx = pool.begin().await?;
            tx.execute(sqlx::raw_sql(&self.constraints.join(";\n"))).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Makes an index; one that exists will do.
async fn make_index(pool: &PgPool, statement: &str) -> Result<(), sqlx::Error> {
    match pool.execute(sqlx::raw_sql(statement)).await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(EXISTS) => Ok(()),
        made => made.map(|_| ()),
    }
}

async fn analyze(pool: &PgPool, schema: &str) -> Result<(), sqlx::Error> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', schemaname, tablename) from pg_catalog.pg_tables where schemaname = $1",
    )
    .bind(schema)
    .fetch_all(pool)
    .await?;
    for table in tables {
        pool.execute(sqlx::raw_sql(&format!("analyze {table}"))).await?;
    }
    Ok(())
}

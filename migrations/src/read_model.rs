//! Schemas of read models: made from a projection's DDL, with the rights that every read model has.

use sqlx::PgConnection;

use crate::database::Database;
use crate::error::DatabaseError;

/// Projector writes, API reads one company; security is on for every table with a company.
const SECURE: &str = r"
do $$
declare
    model text := current_setting('stocktrail.read_model');
    made record;
begin
    execute format('grant usage on schema %I to stocktrail_api, stocktrail_projector', model);
    execute format('grant select on all tables in schema %I to stocktrail_api', model);
    execute format('grant select, insert, update, delete, truncate on all tables in schema %I
        to stocktrail_projector', model);
    execute format('grant usage, select on all sequences in schema %I to stocktrail_projector', model);
    for made in
        select c.relname from pg_class c
        join pg_namespace n on n.oid = c.relnamespace and n.nspname = model
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'company_id' and not a.attisdropped
        where c.relkind in ('r', 'p')
    loop
        execute format('alter table %I.%I enable row level security', model, made.relname);
        execute format('create policy own_company on %I.%I for select to stocktrail_api
            using (company_id = nullif(current_setting(''app.company_id'', true), '''')::uuid)', model, made.relname);
        execute format('create policy every_company on %I.%I to stocktrail_projector
            using (true) with check (true)', model, made.relname);
    end loop;
end
$$;
";

impl Database {
    /// Makes the schema of a read model from `ddl` (names without schema) when it is missing, and says whether it did.
    /// An existing schema is left as it is.
    pub async fn ensure_read_model(&self, schema: &str, ddl: &str) -> Result<bool, DatabaseError> {
        check_name(schema)?;
        let mut transaction = self.owner().begin().await?;
        lock(&mut transaction, schema).await?;
        let found = sqlx::query("select 1 from pg_namespace where nspname = $1").bind(schema);
        if found.fetch_optional(&mut *transaction).await?.is_some() {
            return Ok(false);
        }
        sqlx::raw_sql(&format!("create schema {schema}; set local search_path = {schema}"))
            .execute(&mut *transaction)
            .await?;
        sqlx::raw_sql(ddl).execute(&mut *transaction).await?;
        let name = sqlx::query("select set_config('stocktrail.read_model', $1, true)").bind(schema);
        name.execute(&mut *transaction).await?;
        sqlx::raw_sql(SECURE).execute(&mut *transaction).await?;
        transaction.commit().await?;
        tracing::info!(schema, "made the tables of a read model");
        Ok(true)
    }

    /// Drops the schema of a read model when it is there.
    pub async fn drop_read_model(&self, schema: &str) -> Result<(), DatabaseError> {
        check_name(schema)?;
        let mut transaction = self.owner().begin().await?;
        lock(&mut transaction, schema).await?;
        sqlx::raw_sql(&format!("drop schema if exists {schema} cascade")).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Names go into SQL as they are, and the log's schemas are out of reach: only `name_1`, `name_12_next` and the like.
fn check_name(schema: &str) -> Result<(), DatabaseError> {
    let plain = schema.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let numbered = schema.contains(|c: char| c.is_ascii_digit());
    let named = schema.starts_with(|c: char| c.is_ascii_lowercase()) && !schema.starts_with("pg_");
    if plain && numbered && named && schema.len() <= 60 {
        return Ok(());
    }
    Err(DatabaseError::SchemaName(schema.to_owned()))
}

async fn lock(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let lock = sqlx::query("select pg_advisory_xact_lock(7730146, hashtext($1))").bind(schema);
    lock.execute(connection).await?;
    Ok(())
}

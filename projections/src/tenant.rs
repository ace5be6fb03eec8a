//! The transaction in which a request reads: one company, one snapshot.

use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

/// Opens a read-only snapshot that row-level security confines to one company. One round trip.
pub async fn begin(reads: &PgPool, company_id: Uuid) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    reads
        .begin_with(format!(
            "begin isolation level repeatable read read only; set local app.company_id = '{company_id}'"
        ))
        .await
}

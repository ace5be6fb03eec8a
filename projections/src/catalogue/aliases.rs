//! Rows of `item_aliases`: the present item id, every former one, the sku, and as `code` the barcodes and the ids of
//! listings.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::catalogue::products::ProductRow;
use crate::projection::ProjectionError;
use crate::rows;
use crate::streams::{Key, StreamRow};

/// A text under which an item can be named.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Naming {
    /// Tenant.
    pub(super) company_id: Uuid,
    /// The text.
    pub(super) alias: String,
    /// `item_id`, `former`, `sku` or `code`.
    pub(super) kind: &'static str,
    /// The item.
    pub(super) item_key: String,
}

/// Writes the aliases of rows whose names became others, and the former ids.
pub(super) async fn save(
    conn: &mut PgConnection,
    before: &[ProductRow],
    changed: &[ProductRow],
    mut aliases: Vec<Naming>,
) -> Result<(), ProjectionError> {
    let before: BTreeMap<Key, &ProductRow> = before.iter().map(|row| (row.key(), row)).collect();
    let (mut companies, mut keys) = (Vec::new(), Vec::new());
    for row in changed {
        let old = before.get(&row.key());
        if old.is_some_and(|old| old.names().eq(row.names())) {
            continue;
        }
        if old.is_some() {
            companies.push(row.company_id);
            keys.push(row.item_key.as_str());
        }
        aliases.extend(row.names().map(|(kind, alias)| Naming {
            company_id: row.company_id,
            alias: alias.to_owned(),
            kind,
            item_key: row.item_key.clone(),
        }));
    }
    forget(conn, &companies, &keys).await?;
    insert(conn, &aliases).await
}

/// Takes away the present names of these items.
async fn forget(conn: &mut PgConnection, companies: &[Uuid], keys: &[&str]) -> Result<(), ProjectionError> {
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "delete from item_aliases
         where kind <> 'former'
           and (company_id, item_key) in (select company_id, item_key from unnest($1::uuid[], $2::text[]) as k(company_id, item_key))",
    )
    .bind(companies)
    .bind(keys)
    .execute(conn)
    .await?;
    Ok(())
}

async fn insert(conn: &mut PgConnection, aliases: &[Naming]) -> Result<(), ProjectionError> {
    if aliases.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into item_aliases (company_id, alias, kind, item_key)
         select company_id, alias, kind, item_key from json_populate_recordset(null::item_aliases, $1::json)
         on conflict (company_id, alias, kind, item_key) do nothing",
    )
    .bind(rows::json(aliases)?)
    .execute(conn)
    .await?;
    Ok(())
}

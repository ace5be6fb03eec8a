//! Reads of products and locations. Under row-level security; every query names the company itself too.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::catalogue::{LocationRow, ProductRow, locations, products};

/// What a text in a path stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// One product, by its key.
    Found(String),
    /// No product.
    Unknown,
    /// Several products at once, by their keys: the caller has to name one by its item id.
    Ambiguous(Vec<String>),
}

/// Finds the product that `text` names: by its present item id, else by a former one, else by sku, else by a
/// barcode or the id of a listing.
pub async fn resolve(
    conn: &mut PgConnection,
    company_id: Uuid,
    text: &str,
) -> Result<Resolution, sqlx::Error> {
    let hits: Vec<(String, String)> = sqlx::query_as(
        "select kind, item_key
         from catalogue_1.item_aliases
         where company_id = $1 and alias = $2
         order by item_key",
    )
    .bind(company_id)
    .bind(text.trim())
    .fetch_all(conn)
    .await?;
    for wanted in ["item_id", "former", "sku", "code"] {
        let mut keys = hits.iter().filter(|(kind, _)| kind == wanted).map(|(_, key)| key.clone());
        let Some(first) = keys.next() else { continue };
        let more: Vec<String> = keys.collect();
        if more.is_empty() {
            return Ok(Resolution::Found(first));
        }
        return Ok(Resolution::Ambiguous(std::iter::once(first).chain(more).collect()));
    }
    Ok(Resolution::Unknown)
}

/// One product by its key.
pub async fn product(
    conn: &mut PgConnection,
    company_id: Uuid,
    item_key: &str,
) -> Result<Option<ProductRow>, sqlx::Error> {
    let sql = format!(
        "select {} from catalogue_1.products where company_id = $1 and item_key = $2",
        products::COLUMNS
    );
    sqlx::query_as(&sql).bind(company_id).bind(item_key).fetch_optional(conn).await
}

/// Products by their keys, in their order; unknown keys are left out. One look into the primary key for each, whatever
/// PostgreSQL believes of a table that has grown since it was last analysed.
pub async fn products(
    conn: &mut PgConnection,
    company_id: Uuid,
    item_keys: &[String],
) -> Result<Vec<ProductRow>, sqlx::Error> {
    let sql = format!(
        "select {columns}
         from unnest($2::text[]) with ordinality as wanted (wanted_key, place)
         cross join lateral (
             select {columns} from catalogue_1.products where company_id = $1 and item_key = wanted_key limit 1
         ) as product
         order by place",
        columns = products::COLUMNS
    );
    sqlx::query_as(&sql).bind(company_id).bind(item_keys).fetch_all(conn).await
}

/// All locations of a company, primary first, then by name; closed ones too.
pub async fn locations(conn: &mut PgConnection, company_id: Uuid) -> Result<Vec<LocationRow>, sqlx::Error> {
    let sql = format!(
        "select {} from catalogue_1.locations where company_id = $1 order by is_primary desc, lower(name), location_id",
        locations::COLUMNS
    );
    sqlx::query_as(&sql).bind(company_id).fetch_all(conn).await
}

/// One location.
pub async fn location(
    conn: &mut PgConnection,
    company_id: Uuid,
    location_id: &str,
) -> Result<Option<LocationRow>, sqlx::Error> {
    let sql = format!(
        "select {} from catalogue_1.locations where company_id = $1 and location_id = $2",
        locations::COLUMNS
    );
    sqlx::query_as(&sql).bind(company_id).bind(location_id.trim()).fetch_optional(conn).await
}

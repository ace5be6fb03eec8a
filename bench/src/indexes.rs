//! What the indexes that only readers use cost the commands.

use std::time::Duration;

use sqlx::PgPool;

use crate::bed::Bed;
use crate::http::{Shop, adjust};

/// Commands a second.
pub(crate) struct Rates {
    /// As the product is: with every index, and with the company's list kept in memory.
    pub(crate) with: f64,
    /// Without the readers' indexes and without anybody who reads lists.
    pub(crate) without: f64,
}

/// Indexes that folding needs, too: for the names of a changed product, and for sales that were cancelled before they came.
const FOLDING: [&str; 2] = ["item_aliases_item", "lines_cancelled"];

/// The same commands with the readers' indexes, without, and with them again, so that growth favours neither.
pub(crate) async fn cost(bed: &Bed, shop: &Shop, items: u64, seconds: Duration) -> anyhow::Result<Rates> {
    let owner = bed.database.owner();
    let before = commands(bed, shop, items, "indexed", seconds).await?;
    let dropped = drop_all(owner).await?;
    let without = commands(bed, shop, items, "bare", seconds).await?;
    restore(owner, &dropped).await?;
    let after = commands(bed, shop, items, "indexed-again", seconds).await?;
    Ok(Rates { with: f64::midpoint(before, after), without })
}

async fn commands(bed: &Bed, shop: &Shop, items: u64, run: &str, seconds: Duration) -> anyhow::Result<f64> {
    shop.catch_up().await?;
    bed.settle().await?;
    adjust(shop, items, 64, run, seconds).await
}

/// Drops the readers' indexes and answers their definitions. Lists are out of reach meanwhile: looking for changes
/// without an index would slow the very commands that these are compared with.
async fn drop_all(owner: &PgPool) -> anyhow::Result<Vec<String>> {
    let mut schemas = Vec::new();
    for projection in projections::registry::all() {
        schemas.push(projections::projection::schema_of(projection.as_ref()));
    }
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "select format('%I.%I', schemaname, indexname), indexdef
         from pg_catalog.pg_indexes
         where schemaname = any($1) and indexdef not like 'CREATE UNIQUE %' and indexname <> all($2)",
    )
    .bind(schemas)
    .bind(FOLDING)
    .fetch_all(owner)
    .await?;
    let mut definitions = Vec::new();
    sqlx::query("revoke usage on schema catalogue_1, inventory_1 from stocktrail_api").execute(owner).await?;
    for (index, definition) in indexes {
        sqlx::query(&format!("drop index {index}")).execute(owner).await?;
        definitions.push(definition);
    }
    Ok(definitions)
}

async fn restore(owner: &PgPool, definitions: &[String]) -> anyhow::Result<()> {
    for definition in definitions {
        sqlx::query(definition).execute(owner).await?;
    }
    sqlx::query("grant usage on schema catalogue_1, inventory_1 to stocktrail_api").execute(owner).await?;
    Ok(())
}

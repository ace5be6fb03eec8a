//! Takes a company's products and levels out of the read models, all or those changed since.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use sqlx::PgConnection;
use uuid::Uuid;

use super::levels::Place;
use super::table::Table;

/// Rows taken up at once; others work in between.
const CHUNK: usize = 5_000;
/// Changed rows of a read model that are few: taken up within a few milliseconds while readers wait.
const FEW: usize = 2_000;

/// A product as the catalogue says it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct ProductChange {
    pub(super) item_key: String,
    pub(super) item_id: String,
    pub(super) sku: String,
    pub(super) product_name: String,
    pub(super) category: String,
    /// Hundredths.
    pub(super) unit_cost: Option<i64>,
    pub(super) currency: Option<String>,
    pub(super) is_active: bool,
    /// In the order of [`super::Detail`].
    pub(super) details: Vec<Option<i64>>,
    pub(super) changed_position: i64,
}

/// A level as the inventory says it; instants in microseconds.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct LevelChange {
    pub(super) item_key: String,
    pub(super) location_id: String,
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
    pub(super) discrepancy_since: Option<i64>,
    pub(super) last_moved_at: Option<i64>,
    pub(super) updated_position: i64,
}

/// Which copies of the catalogue and of the inventory are live, and how often the company was folded anew in them: where
/// one of them is another than before, "newer than what was seen" says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copies([i64; 3]);

/// What a table has taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) products: i64,
    pub(super) levels: i64,
    pub(super) copies: Copies,
}

/// On hand at one location at some instant, as [`crate::stock::past::as_of`] finds it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PastLevel {
    /// Product, by its stream.
    pub item_key: String,
    /// Where.
    pub location_id: String,
    /// Units then.
    pub on_hand: i64,
    /// Newest movement until then.
    pub last_moved_at: Option<DateTime<Utc>>,
}

impl Seen {
    pub(super) const NOTHING: Self = Self { products: -1, levels: -1, copies: Copies([0; 3]) };

    pub(super) fn after(self, products: &[ProductChange], levels: &[LevelChange]) -> Self {
        Self {
            products: products.iter().map(|change| change.changed_position).fold(self.products, i64::max),
            levels: levels.iter().map(|change| change.updated_position).fold(self.levels, i64::max),
            copies: self.copies,
        }
    }
}

const PRODUCTS: &str = "
select item_key, item_id, sku, product_name, category, (unit_cost_amount * 100)::bigint as unit_cost,
       unit_cost_currency as currency, is_active,
       array[(selling_price_amount * 100)::bigint, lead_time_days, safety_stock_days,
             (manual_daily_forecast * 10000)::bigint, listed_on - date '1970-01-01', weight_g,
             (extract(epoch from created_at) * 1000000)::bigint,
             (extract(epoch from updated_at) * 1000000)::bigint] as details,
       changed_position
from catalogue_1.products
where company_id = $1 and changed_position > $2";

const LEVELS: &str = "
select item_key, location_id, on_hand, reserved,
       (extract(epoch from discrepancy_since) * 1000000)::bigint as discrepancy_since,
       (extract(epoch from last_moved_at) * 1000000)::bigint as last_moved_at, updated_position
from inventory_1.levels
where company_id = $1 and updated_position > $2";

/// Locations, and which copies of the two read models are live.
pub(super) async fn places(
    conn: &mut PgConnection,
    company_id: Uuid,
) -> Result<(Copies, Vec<Place>), sqlx::Error> {
    let rows: Vec<(Vec<i64>, Option<String>, Option<bool>)> = sqlx::query_as(
        "select array['catalogue_1.products'::regclass::oid::bigint, 'inventory_1.levels'::regclass::oid::bigint,
                      coalesce((select number from projections.refolds where company_id = $1), 0)],
                location.location_id, location.stock_role = 'MIRROR'
         from (select 1) as always
         left join catalogue_1.locations as location on location.company_id = $1",
    )
    .bind(company_id)
    .fetch_all(conn)
    .await?;
    let copies = rows.first().and_then(|row| row.0.as_slice().try_into().ok()).unwrap_or_default();
    let places = rows
        .into_iter()
        .filter_map(|(_, location_id, is_mirror)| {
            Some(Place { location_id: Arc::from(location_id?), is_mirror: is_mirror? })
        })
        .collect();
    Ok((Copies(copies), places))
}

/// What is newer than `seen`, or none when that is more than [`FEW`] rows.
pub(super) async fn few_changes(
    conn: &mut PgConnection,
    company_id: Uuid,
    seen: Seen,
) -> Result<Option<(Vec<ProductChange>, Vec<LevelChange>)>, sqlx::Error> {
    // Sorted as the index is, so that no plan reads past it.
    let products = format!("{PRODUCTS} order by changed_position limit {}", FEW + 1);
    let products: Vec<ProductChange> =
        sqlx::query_as(&products).bind(company_id).bind(seen.products).fetch_all(&mut *conn).await?;
    if products.len() > FEW {
        return Ok(None);
    }
    let levels = format!("{LEVELS} order by updated_position limit {}", FEW + 1);
    let levels: Vec<LevelChange> =
        sqlx::query_as(&levels).bind(company_id).bind(seen.levels).fetch_all(conn).await?;
    Ok(Some((products, levels)).filter(|(_, levels)| levels.len() <= FEW))
}

/// Takes everything that is newer than `seen` up into `table`, in chunks, so that the rows never stand in memory twice.
pub(super) async fn load(
    conn: &mut PgConnection,
    company_id: Uuid,
    places: &[Place],
    mut table: Table,
    mut seen: Seen,
) -> Result<(Table, Seen), sqlx::Error> {
    table.set_places(places);
    let mut products = sqlx::query_as::<_, ProductChange>(PRODUCTS)
        .bind(company_id)
        .bind(seen.products)
        .fetch(&mut *conn)
        .try_chunks(CHUNK)
        .map_err(|error| error.1);
    while let Some(chunk) = products.next().await.transpose()? {
        seen = seen.after(&chunk, &[]);
        table.set_products(chunk);
    }
    drop(products);
    let mut levels = sqlx::query_as::<_, LevelChange>(LEVELS)
        .bind(company_id)
        .bind(seen.levels)
        .fetch(conn)
        .try_chunks(CHUNK)
        .map_err(|error| error.1);
    while let Some(chunk) = levels.next().await.transpose()? {
        seen = seen.after(&[], &chunk);
        table.set_levels(chunk);
    }
    drop(levels);
    table.shrink();
    Ok((table, seen))
}

impl From<PastLevel> for LevelChange {
    fn from(level: PastLevel) -> Self {
        Self {
            item_key: level.item_key,
            location_id: level.location_id,
            on_hand: level.on_hand,
            reserved: 0,
            discrepancy_since: None,
            last_moved_at: level.last_moved_at.map(|at| at.timestamp_micros()),
            updated_position: 0,
        }
    }
}

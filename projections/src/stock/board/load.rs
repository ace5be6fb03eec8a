//! Takes a company's products, levels and plans out of the read models, all or those changed since.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row as _};
use uuid::Uuid;

use super::levels::Place;
use super::table::Table;
use crate::planning::Planned;
use crate::planning::plan_row::selected;

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

/// A plan as planning keeps it; none for an item that cannot be planned any more.
#[derive(Debug, Clone)]
pub(super) struct PlanChange {
    pub(super) item_key: String,
    pub(super) plan: Option<Arc<Planned>>,
    pub(super) written_position: i64,
}

/// What has changed since a table was last renewed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) products: Vec<ProductChange>,
    pub(super) levels: Vec<LevelChange>,
    pub(super) plans: Vec<PlanChange>,
}

/// Which copies of the catalogue, of the inventory and of planning are live, and how often the company was folded anew in
/// them: where one of them is another than before, "newer than what was seen" says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copies([i64; 4]);

/// What a table has taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) products: i64,
    pub(super) levels: i64,
    pub(super) plans: i64,
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
    pub(super) const NOTHING: Self = Self { products: -1, levels: -1, plans: -1, copies: Copies([0; 4]) };

    pub(super) fn after(self, changes: &Changes) -> Self {
        let Changes { products, levels, plans } = changes;
        Self {
            products: products.iter().map(|change| change.changed_position).fold(self.products, i64::max),
            levels: levels.iter().map(|change| change.updated_position).fold(self.levels, i64::max),
            plans: plans.iter().map(|change| change.written_position).fold(self.plans, i64::max),
            copies: self.copies,
        }
    }
}

impl<'r> FromRow<'r, PgRow> for PlanChange {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let written_position = row.try_get("written_position")?;
        let planned = Planned::from_row(row)?;
        Ok(Self { item_key: planned.item_key.clone(), plan: Some(Arc::new(planned)), written_position })
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

/// Items that have no plan any more; an item is either here or among the plans.
const UNPLANNED: &str = "
select item_key, written_position
from planning_1.unplanned
where company_id = $1 and written_position > $2";

/// Plans, with the columns that [`Planned`] is read from.
fn plans() -> String {
    format!(
        "select {}, written_position from planning_1.plans where company_id = $1 and written_position > $2",
        selected()
    )
}

/// Locations, and which copies of the read models are live.
pub(super) async fn places(
    conn: &mut PgConnection,
    company_id: Uuid,
) -> Result<(Copies, Vec<Place>), sqlx::Error> {
    let rows: Vec<(Vec<i64>, Option<String>, Option<bool>)> = sqlx::query_as(
        "select array['catalogue_1.products'::regclass::oid::bigint, 'inventory_1.levels'::regclass::oid::bigint,
                      'planning_1.plans'::regclass::oid::bigint,
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
) -> Result<Option<Changes>, sqlx::Error> {
    // Sorted as the index is, so that no plan reads past it.
    let products = format!("{PRODUCTS} order by changed_position limit {}", FEW + 1);
    let products: Vec<ProductChange> =
        sqlx::query_as(&products).bind(company_id).bind(seen.products).fetch_all(&mut *conn).await?;
    if products.len() > FEW {
        return Ok(None);
    }
    let levels = format!("{LEVELS} order by updated_position limit {}", FEW + 1);
    let levels: Vec<LevelChange> =
        sqlx::query_as(&levels).bind(company_id).bind(seen.levels).fetch_all(&mut *conn).await?;
    if levels.len() > FEW {
        return Ok(None);
    }
    let few = format!("{} order by written_position limit {}", plans(), FEW + 1);
    let mut plans: Vec<PlanChange> =
        sqlx::query_as(&few).bind(company_id).bind(seen.plans).fetch_all(&mut *conn).await?;
    plans.extend(unplanned(conn, company_id, seen).await?);
    Ok(Some(Changes { products, levels, plans }).filter(|changes| changes.plans.len() <= FEW))
}

async fn unplanned(
    conn: &mut PgConnection,
    company_id: Uuid,
    seen: Seen,
) -> Result<Vec<PlanChange>, sqlx::Error> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as(UNPLANNED).bind(company_id).bind(seen.plans).fetch_all(conn).await?;
    let gone = rows.into_iter().map(|(item_key, position)| PlanChange {
        item_key,
        plan: None,
        written_position: position,
    });
    Ok(gone.collect())
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
    while let Some(products) = products.next().await.transpose()? {
        let changes = Changes { products, ..Changes::default() };
        seen = seen.after(&changes);
        table.set_products(changes.products);
    }
    drop(products);
    let (table, seen) = load_levels(conn, company_id, table, seen).await?;
    let (mut table, seen) = load_plans(conn, company_id, table, seen).await?;
    table.shrink();
    Ok((table, seen))
}

async fn load_levels(
    conn: &mut PgConnection,
    company_id: Uuid,
    mut table: Table,
    mut seen: Seen,
) -> Result<(Table, Seen), sqlx::Error> {
    let mut levels = sqlx::query_as::<_, LevelChange>(LEVELS)
        .bind(company_id)
        .bind(seen.levels)
        .fetch(conn)
        .try_chunks(CHUNK)
        .map_err(|error| error.1);
    while let Some(levels) = levels.next().await.transpose()? {
        let changes = Changes { levels, ..Changes::default() };
        seen = seen.after(&changes);
        table.set_levels(changes.levels);
    }
    drop(levels);
    Ok((table, seen))
}

async fn load_plans(
    conn: &mut PgConnection,
    company_id: Uuid,
    mut table: Table,
    mut seen: Seen,
) -> Result<(Table, Seen), sqlx::Error> {
    // Read before the position is taken from the plans; both are of one snapshot.
    let gone = Changes { plans: unplanned(conn, company_id, seen).await?, ..Changes::default() };
    let sql = plans();
    let mut plans = sqlx::query_as::<_, PlanChange>(&sql)
        .bind(company_id)
        .bind(seen.plans)
        .fetch(conn)
        .try_chunks(CHUNK)
        .map_err(|error| error.1);
    while let Some(plans) = plans.next().await.transpose()? {
        let changes = Changes { plans, ..Changes::default() };
        seen = seen.after(&changes);
        table.set_plans(changes.plans);
    }
    drop(plans);
    seen = seen.after(&gone);
    table.set_plans(gone.plans);
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

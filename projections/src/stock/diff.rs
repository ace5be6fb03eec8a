//! What is different at one moment from what was at an earlier one, per product and location.
//!
//! Both moments are put together from checkpoints, so the time in between costs nothing. The list is small (places, not
//! movements) and is filtered and sorted here.

use std::cmp::Ordering;
use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::past::{Moment, sums};

/// Which places are compared. All conditions hold together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiffFilter {
    /// Of this product, by its stream.
    pub item_key: Option<String>,
    /// At this location.
    pub location_id: Option<String>,
    /// Of products of exactly this category.
    pub category: Option<String>,
    /// Item id, sku or name contain this text, whatever its case.
    pub search: Option<String>,
}

/// What differences can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffColumn {
    /// Business key of the product.
    ItemId,
    /// Sku of the product.
    Sku,
    /// Name of the product.
    ProductName,
    /// Category of the product.
    Category,
    /// Where.
    LocationId,
    /// On hand at the earlier moment.
    Before,
    /// On hand at the later moment.
    After,
    /// After less before.
    Change,
    /// Movements in between.
    Movements,
    /// Sum of their effects.
    Effect,
}

/// A place that is different, in units; its product as the catalogue knows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Product, by its stream.
    pub item_key: String,
    /// Business key of the product.
    pub item_id: String,
    /// Sku of the product.
    pub sku: String,
    /// Name of the product.
    pub product_name: String,
    /// Category of the product.
    pub category: String,
    /// Where.
    pub location_id: String,
    /// On hand at the earlier moment.
    pub before: i64,
    /// On hand at the later moment.
    pub after: i64,
    /// Movements that happened in between.
    pub movements: i64,
    /// Sum of their effects on the stock at which each was recorded.
    pub effect: i64,
}

impl Difference {
    /// After less before.
    pub fn change(&self) -> i64 {
        self.after.saturating_sub(self.before)
    }
}

/// Every place whose stock differs or where something moved in between. `sort` holds columns with "largest first".
pub async fn differences(
    conn: &mut PgConnection,
    company_id: Uuid,
    filter: &DiffFilter,
    (from, to): (Moment, Moment),
    sort: &[(DiffColumn, bool)],
) -> Result<Vec<Difference>, sqlx::Error> {
    let item_key = filter.item_key.as_deref();
    let before = sums(conn, company_id, item_key, from).await?;
    let mut before: HashMap<_, _> =
        before.into_iter().map(|sum| ((sum.item_key.clone(), sum.location_id.clone()), sum)).collect();
    let after = sums(conn, company_id, item_key, to).await?;
    let labels = labels(conn, company_id, item_key).await?;
    let mut found = Vec::new();
    for sum in after {
        let place = (sum.item_key, sum.location_id);
        let before = before.remove(&place);
        let (stock, movements, effect) =
            before.map_or((0, 0, 0), |before| (before.on_hand, before.movements, before.effect));
        if sum.on_hand == stock && sum.movements == movements {
            continue;
        }
        let label = labels.get(&place.0).cloned().unwrap_or_else(|| Labels::unknown(&place.0));
        found.push(Difference {
            item_id: label.item_id,
            sku: label.sku,
            product_name: label.product_name,
            category: label.category,
            item_key: place.0,
            location_id: place.1,
            before: stock,
            after: sum.on_hand,
            movements: sum.movements - movements,
            effect: sum.effect - effect,
        });
    }
    found.retain(|difference| filter.lets_through(difference));
    found.sort_unstable_by(|one, other| compare(one, other, sort));
    Ok(found)
}

/// How the catalogue calls a product.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Labels {
    item_key: String,
    item_id: String,
    sku: String,
    product_name: String,
    category: String,
}

impl Labels {
    fn unknown(item_key: &str) -> Self {
        Self {
            item_key: item_key.to_owned(),
            item_id: item_key.to_owned(),
            sku: item_key.to_owned(),
            product_name: String::new(),
            category: String::new(),
        }
    }
}

async fn labels(
    conn: &mut PgConnection,
    company_id: Uuid,
    item_key: Option<&str>,
) -> Result<HashMap<String, Labels>, sqlx::Error> {
    let labels: Vec<Labels> = sqlx::query_as(
        "select item_key, item_id, sku, product_name, category
         from catalogue_1.products
         where company_id = $1 and ($2::text is null or item_key = $2)",
    )
    .bind(company_id)
    .bind(item_key)
    .fetch_all(conn)
    .await?;
    Ok(labels.into_iter().map(|label| (label.item_key.clone(), label)).collect())
}

impl DiffFilter {
    fn lets_through(&self, found: &Difference) -> bool {
        let is =
            |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let contains = |wanted: &String| {
            let wanted = wanted.to_lowercase();
            [&found.item_id, &found.sku, &found.product_name]
                .into_iter()
                .any(|text| text.to_lowercase().contains(&wanted))
        };
        is(&self.location_id, &found.location_id)
            && is(&self.category, &found.category)
            && self.search.as_ref().is_none_or(contains)
    }
}

fn compare(one: &Difference, other: &Difference, sort: &[(DiffColumn, bool)]) -> Ordering {
    let by = |column: DiffColumn| match column {
        DiffColumn::ItemId => one.item_id.cmp(&other.item_id),
        DiffColumn::Sku => one.sku.cmp(&other.sku),
        DiffColumn::ProductName => one.product_name.cmp(&other.product_name),
        DiffColumn::Category => one.category.cmp(&other.category),
        DiffColumn::LocationId => one.location_id.cmp(&other.location_id),
        DiffColumn::Before => one.before.cmp(&other.before),
        DiffColumn::After => one.after.cmp(&other.after),
        DiffColumn::Change => one.change().cmp(&other.change()),
        DiffColumn::Movements => one.movements.cmp(&other.movements),
        DiffColumn::Effect => one.effect.cmp(&other.effect),
    };
    sort.iter()
        .map(|(column, descending)| if *descending { by(*column).reverse() } else { by(*column) })
        .find(|ordering| ordering.is_ne())
        .unwrap_or_else(|| (&one.item_id, &one.location_id).cmp(&(&other.item_id, &other.location_id)))
}

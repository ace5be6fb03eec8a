//! What readers ask of suppliers as planning knows them: whose items, and who delivers an item.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use domain::planning::supply::chosen_offer;

use super::items::Terms;

/// Keys of the items that a supplier delivers; it is named by its id or by its external id.
pub async fn items_of(
    conn: &mut PgConnection,
    company_id: Uuid,
    supplier: &str,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "select item_key from planning_1.mentions
         where company_id = $1 and kind = 'supplier' and stream_id = $2
         union
         select item_key from planning_1.mentions
         where company_id = $1 and kind = 'supplier' and said ->> 'supplier' = $2",
    )
    .bind(company_id)
    .bind(supplier)
    .fetch_all(conn)
    .await
}

/// The terms that plans go by (R14), of those of these items that somebody delivers.
pub async fn chosen(
    conn: &mut PgConnection,
    company_id: Uuid,
    items: &[String],
) -> Result<BTreeMap<String, Terms>, sqlx::Error> {
    let rows: Vec<(String, Json<Terms>)> = sqlx::query_as(
        "select item_key, said from planning_1.mentions
         where company_id = $1 and kind = 'supplier' and item_key = any($2)",
    )
    .bind(company_id)
    .bind(items)
    .fetch_all(conn)
    .await?;
    let mut by_item: BTreeMap<String, Vec<Terms>> = BTreeMap::new();
    for (item, Json(terms)) in rows {
        by_item.entry(item).or_default().push(terms);
    }
    let chosen = by_item.into_iter().filter_map(|(item, terms)| Some((item, first_choice(&terms)?.clone())));
    Ok(chosen.collect())
}

/// The terms that plans go by (R14).
pub(super) fn first_choice(terms: &[Terms]) -> Option<&Terms> {
    let offers: Vec<_> = terms.iter().map(Terms::offer).collect();
    let chosen = chosen_offer(&offers)?;
    terms.iter().find(|terms| terms.offer() == *chosen)
}

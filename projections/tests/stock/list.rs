//! The board against plain SQL, while rows change under it.

use chrono::TimeDelta;
use migrations::Role;
use projections::stock::board::{Ask, Boards, Column, Detail, Filter, Freshness, Sort};
use sqlx::PgPool;
use uuid::Uuid;

use crate::facts::{COMPANIES, Chance, LOCATIONS, day_one, read_models};

const COMPANY: Uuid = COMPANIES[0];

#[tokio::test]
async fn every_page_equals_plain_sql_while_rows_change() {
    let (database, owner) = read_models().await;
    let boards = Boards::new(database.pool(Role::Api, 2).await.unwrap());
    let mut chance = Chance(31);
    let mut position = 1;
    places(&owner, &["MIRROR"]).await;
    for round in 0..12 {
        for _ in 0..40 {
            position += 1;
            random_product(&owner, &mut chance, position).await;
            random_level(&owner, &mut chance, position).await;
        }
        if round == 8 {
            places(&owner, &["SHOP", "MIRROR"]).await;
        }
        for ask in asks(&mut chance) {
            let found = boards.list(COMPANY, &ask, Freshness::Now).await.unwrap();
            let keys: Vec<String> = found.items.into_iter().map(|item| item.item_key).collect();
            let (expected, total) = plain_sql(&owner, &ask).await;
            assert_eq!((keys, found.total), (expected, total), "{ask:?}");
        }
    }
}

#[tokio::test]
async fn a_row_shows_totals_of_real_units_and_the_drift_of_a_mirror() {
    let (database, owner) = read_models().await;
    let boards = Boards::new(database.pool(Role::Api, 2).await.unwrap());
    places(&owner, &["MIRROR"]).await;
    sqlx::query(
        "insert into inventory_1.levels
             (company_id, item_key, location_id, on_hand, reserved, discrepancy_since, last_moved_at, updated_position)
         values ($1, 'a', 'MAIN', 10, 3, null, $2, 5), ($1, 'a', 'SHOP', -4, 0, $2, null, 5), ($1, 'a', 'MIRROR', 9, 1, null, null, 5)",
    )
    .bind(COMPANY)
    .bind(day_one())
    .execute(&owner)
    .await
    .unwrap();
    let before = boards.list(COMPANY, &Ask { limit: 10, ..Ask::default() }, Freshness::Now).await.unwrap();
    assert_eq!(before.total, 0, "stock without a product is not listed");
    product(&owner, "a", ("a", "sku-a", "Näme", "Toys"), (Some("2.50"), true), 6).await;
    let item = boards.item(COMPANY, "a", Freshness::Now).await.unwrap().unwrap();
    assert_eq!((item.total_stock, item.reserved, item.available, item.drift), (6, 3, 3, Some(3)));
    assert_eq!(item.inventory_value.unwrap().amount.to_string(), "7.50");
    assert_eq!(item.discrepancy_since, Some(day_one()));
    assert_eq!(item.last_moved_at, Some(day_one()));
    let levels: Vec<_> =
        item.levels.iter().map(|level| (level.location_id.as_str(), level.on_hand, level.drift)).collect();
    assert_eq!(levels, [("MAIN", 10, None), ("MIRROR", 9, Some(3)), ("SHOP", -4, None)]);
    let filter = Filter { search: Some("NÄM".to_owned()), ..Filter::default() };
    let found =
        boards.list(COMPANY, &Ask { filter, limit: 10, ..Ask::default() }, Freshness::Recent).await.unwrap();
    assert_eq!(found.total, 1);
    let other =
        boards.list(COMPANIES[1], &Ask { limit: 10, ..Ask::default() }, Freshness::Now).await.unwrap();
    assert_eq!(other.total, 0, "another company sees nothing of it");
}

#[tokio::test]
async fn the_board_of_a_rebuilt_read_model_is_loaded_anew() {
    let (database, owner) = read_models().await;
    let boards = Boards::with_max_rows(database.pool(Role::Api, 2).await.unwrap(), 0);
    product(&owner, "a", ("a", "a", "A", "Toys"), (None, true), 6).await;
    assert_eq!(boards.item(COMPANY, "a", Freshness::Now).await.unwrap().unwrap().product_name, "A");
    sqlx::raw_sql(
        "create table catalogue_1.other (like catalogue_1.products including all);
         insert into catalogue_1.other select * from catalogue_1.products;
         update catalogue_1.other set product_name = 'B', changed_position = 5;
         grant select on catalogue_1.other to stocktrail_api;
         drop table catalogue_1.products;
         alter table catalogue_1.other rename to products",
    )
    .execute(&owner)
    .await
    .unwrap();
    assert_eq!(boards.item(COMPANY, "a", Freshness::Now).await.unwrap().unwrap().product_name, "B");
}

async fn places(owner: &PgPool, mirrors: &[&str]) {
    for location in LOCATIONS {
        let role = if mirrors.contains(&location) { "MIRROR" } else { "PHYSICAL" };
        sqlx::query(
            "insert into catalogue_1.locations
                 (company_id, location_id, name, kind, stock_role, authority, is_primary, metadata, is_active, is_synced,
                  created_at, updated_at, changed_position, version)
             values ($1, $2, $2, 'OWN', $3, 'LEDGER', false, '{}', true, false, $4, $4, 1, 1)
             on conflict (company_id, location_id) do update set stock_role = excluded.stock_role",
        )
        .bind(COMPANY)
        .bind(location)
        .bind(role)
        .bind(day_one())
        .execute(owner)
        .await
        .unwrap();
    }
}

pub(crate) async fn product(
    owner: &PgPool,
    key: &str,
    texts: (&str, &str, &str, &str),
    (cost, is_active): (Option<&str>, bool),
    position: i64,
) {
    sqlx::query(
        "insert into catalogue_1.products
             (company_id, item_key, item_id, sku, product_name, category, unit_cost_amount, unit_cost_currency,
              selling_price_amount, weight_g, barcodes, listings, is_active, created_at, updated_at, changed_position, version)
         values ($1, $2, $3, $4, $5, $6, $7::numeric, 'EUR', $7::numeric * 2, nullif($10 % 7, 3), '{}', '[]', $8, $9,
                 $9 + $10 * interval '1 minute', $10, 1)
         on conflict (company_id, item_key) do update set
             item_id = excluded.item_id, sku = excluded.sku, product_name = excluded.product_name,
             category = excluded.category, unit_cost_amount = excluded.unit_cost_amount,
             selling_price_amount = excluded.selling_price_amount, weight_g = excluded.weight_g,
             updated_at = excluded.updated_at, is_active = excluded.is_active, changed_position = excluded.changed_position",
    )
    .bind(COMPANY)
    .bind(key)
    .bind(texts.0)
    .bind(texts.1)
    .bind(texts.2)
    .bind(texts.3)
    .bind(cost)
    .bind(is_active)
    .bind(day_one())
    .bind(position)
    .execute(owner)
    .await
    .unwrap();
}

async fn random_product(owner: &PgPool, chance: &mut Chance, position: i64) {
    let key = format!("key-{:02}", chance.below(90));
    let renamed = format!("{}-{key}", ["A", "z", "b"][usize::try_from(chance.below(3)).unwrap()]);
    let id = if chance.below(3) == 0 { renamed } else { key.clone() };
    let sku = format!("SKU{}", chance.below(40));
    let name = format!(
        "{} chair {}",
        ["Red", "blue", "Green"][usize::try_from(chance.below(3)).unwrap()],
        chance.below(4)
    );
    let category = format!("c{}", chance.below(3));
    let cost = format!("{}.{}", chance.below(5), chance.below(9));
    let cost = Some(cost.as_str()).filter(|_| chance.below(4) > 0);
    product(owner, &key, (&id, &sku, &name, &category), (cost, chance.below(5) > 0), position).await;
}

async fn random_level(owner: &PgPool, chance: &mut Chance, position: i64) {
    let on_hand = chance.units(12) - 3;
    let since = Some(day_one() + TimeDelta::hours(chance.units(5))).filter(|_| on_hand < 0);
    let moved = Some(day_one() + TimeDelta::microseconds(chance.units(9))).filter(|_| chance.below(4) > 0);
    sqlx::query(
        "insert into inventory_1.levels
             (company_id, item_key, location_id, on_hand, reserved, discrepancy_since, last_moved_at, updated_position)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (company_id, item_key, location_id) do update set
             on_hand = excluded.on_hand, reserved = excluded.reserved, discrepancy_since = excluded.discrepancy_since,
             last_moved_at = excluded.last_moved_at, updated_position = excluded.updated_position",
    )
    .bind(COMPANY)
    .bind(format!("key-{:02}", chance.below(90)))
    .bind(LOCATIONS[usize::try_from(chance.below(3)).unwrap()])
    .bind(on_hand)
    .bind(chance.units(3))
    .bind(since)
    .bind(moved)
    .bind(position)
    .execute(owner)
    .await
    .unwrap();
}

const COLUMNS: [(Column, &str); 16] = [
    (Column::ItemId, "item_id collate \"C\""),
    (Column::Sku, "sku collate \"C\""),
    (Column::ProductName, "product_name collate \"C\""),
    (Column::Category, "category collate \"C\""),
    (Column::UnitCost, "unit_cost_amount"),
    (Column::TotalStock, "total"),
    (Column::Reserved, "reserved"),
    (Column::Available, "total - reserved"),
    (Column::InventoryValue, "unit_cost_amount * greatest(total - reserved, 0)"),
    (Column::Drift, "drift"),
    (Column::LastMovedAt, "last_moved_at"),
    (Column::DiscrepancySince, "discrepancy_since"),
    (Column::Stock(String::new()), "coalesce(at_place, 0)"),
    (Column::Detail(Detail::SellingPrice), "selling_price_amount"),
    (Column::Detail(Detail::WeightG), "weight_g"),
    (Column::Detail(Detail::UpdatedAt), "updated_at"),
];

fn asks(chance: &mut Chance) -> Vec<Ask> {
    let text = |is: bool, text: String| Some(text).filter(|_| is);
    let place = LOCATIONS[usize::try_from(chance.below(3)).unwrap()];
    let named = |column: &Column| match column {
        Column::Stock(_) => Column::Stock(place.to_owned()),
        column => column.clone(),
    };
    let mut asks = Vec::new();
    for (column, _) in &COLUMNS {
        for descending in [false, true] {
            let second = &COLUMNS[usize::try_from(chance.below(16)).unwrap()].0;
            asks.push(Ask {
                filter: Filter {
                    location_id: text(chance.below(4) == 0, place.to_owned()),
                    category: text(chance.below(4) == 0, format!("c{}", chance.below(4))),
                    search: text(
                        chance.below(4) == 0,
                        ["RED", "key-1", "sku2"][usize::try_from(chance.below(3)).unwrap()].to_owned(),
                    ),
                    min_stock: Some(chance.units(5) - 1).filter(|_| chance.below(4) == 0),
                    max_stock: Some(chance.units(9)).filter(|_| chance.below(4) == 0),
                    has_discrepancy: Some(chance.below(2) == 0).filter(|_| chance.below(5) == 0),
                    inactive: chance.below(6) == 0,
                    ..Filter::default()
                },
                sort: vec![
                    Sort { column: named(column), descending },
                    Sort { column: named(second), descending: chance.below(2) == 0 },
                ],
                offset: usize::try_from(chance.below(3) * 7).unwrap(),
                limit: 7,
            });
        }
    }
    asks
}

/// The order of an ask, as SQL.
fn order_by(ask: &Ask) -> Vec<String> {
    let term = |sort: &Sort| {
        let both_stock =
            |column: &Column| matches!((column, &sort.column), (Column::Stock(_), Column::Stock(_)));
        let sql = COLUMNS.iter().find(|(column, _)| *column == sort.column || both_stock(column)).unwrap().1;
        format!("{sql} {} nulls last", if sort.descending { "desc" } else { "asc" })
    };
    ask.sort.iter().map(term).collect()
}

async fn plain_sql(owner: &PgPool, ask: &Ask) -> (Vec<String>, usize) {
    let place = ask.sort.iter().find_map(|sort| match &sort.column {
        Column::Stock(place) => Some(place.clone()),
        _ => None,
    });
    let order = order_by(ask);
    let sql = format!(
        "with rows as (
             select p.item_key, p.item_id, p.sku, p.product_name, p.category, p.unit_cost_amount, p.is_active,
                 p.selling_price_amount, p.weight_g, p.updated_at,
                 coalesce(sum(l.on_hand) filter (where s.stock_role = 'PHYSICAL'), 0) as total,
                 coalesce(sum(l.reserved) filter (where s.stock_role = 'PHYSICAL'), 0) as reserved,
                 max(l.last_moved_at) as last_moved_at, min(l.discrepancy_since) as discrepancy_since,
                 max(l.on_hand) filter (where l.location_id = $2) as at_place,
                 max(l.on_hand) filter (where l.location_id = $3) as at_filter,
                 array_agg(l.on_hand) filter (where s.stock_role = 'MIRROR') as mirrors
             from catalogue_1.products as p
             left join inventory_1.levels as l using (company_id, item_key)
             left join catalogue_1.locations as s using (company_id, location_id)
             where p.company_id = $1
             group by p.company_id, p.item_key
         ), drifting as (
             select rows.*, (select mirror - total from unnest(mirrors) as mirror
                             order by abs(mirror - total) desc, mirror desc limit 1) as drift
             from rows
         )
         select item_key from drifting
         where is_active = not $4 and ($5::text is null or category = $5)
           and ($6::text is null or position(lower($6) in lower(item_id || E'\\n' || sku || E'\\n' || product_name)) > 0)
           and ($3::text is null or at_filter is not null)
           and ($7::bigint is null or coalesce(at_filter, total) >= $7)
           and ($8::bigint is null or coalesce(at_filter, total) <= $8)
           and ($9::boolean is null or $9 = (discrepancy_since is not null))
         order by {}, item_id collate \"C\"",
        order.join(", ")
    );
    let keys: Vec<String> = sqlx::query_scalar(&sql)
        .bind(COMPANY)
        .bind(place)
        .bind(&ask.filter.location_id)
        .bind(ask.filter.inactive)
        .bind(&ask.filter.category)
        .bind(&ask.filter.search)
        .bind(ask.filter.min_stock)
        .bind(ask.filter.max_stock)
        .bind(ask.filter.has_discrepancy)
        .fetch_all(owner)
        .await
        .unwrap();
    let total = keys.len();
    (keys.into_iter().skip(ask.offset).take(ask.limit).collect(), total)
}

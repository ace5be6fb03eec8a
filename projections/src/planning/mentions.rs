//! Rows of `mentions`: what suppliers, purchase orders and campaigns say of an item, where the item finds it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use domain::campaigns::Campaign;
use domain::planning::explain::Ordered;
use domain::planning::supply::{Offer, Receipt, Supply};
use domain::purchasing::order::state::{Since, held_on};
use domain::purchasing::order::{OrderStatus, PurchaseOrder};
use domain::purchasing::supplier::Supplier;
use domain::shared::ids::{PurchaseOrderId, SupplierId};
use domain::shared::money::Money;
use domain::shared::quantity::Units;

use super::items::narrowed;
use super::states::{Changed, State};

/// A state that speaks of items.
pub(super) trait Mentioning: State {
    /// What is kept of it with each item.
    type Mention: Serialize + DeserializeOwned + PartialEq;

    /// What it says of each item.
    fn mentions(&self) -> BTreeMap<String, Self::Mention>;

    /// The day from whose close on it says nothing more; none while it does.
    fn ended_on(_mention: &Self::Mention) -> Option<NaiveDate> {
        None
    }
}

/// A supplier's terms for an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The supplier.
    pub supplier_id: SupplierId,
    /// The external id where the supplier has one, else its id (R14).
    pub supplier: String,
    /// Its name.
    pub name: String,
    /// Whether the item is ordered there first.
    pub is_primary: bool,
    /// What it says.
    #[serde(flatten)]
    pub supply: Supply,
    /// Cost of one unit there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_cost: Option<Money>,
    /// What units come in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packaging_unit: Option<String>,
    /// Units in one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packaging_qty: Option<Units>,
}

impl Terms {
    pub(super) fn offer(&self) -> Offer<'_> {
        Offer { supplier: &self.supplier, is_primary: self.is_primary, supply: self.supply }
    }
}

/// Lines of one purchase order for an item, with what held on which day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Order {
    purchase_order_id: PurchaseOrderId,
    po_number: String,
    ordered_on: NaiveDate,
    location_id: String,
    statuses: Vec<Since<OrderStatus>>,
    expected: Vec<Since<Option<NaiveDate>>>,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    quantity: Units,
    receipts: Vec<Receipt>,
}

impl Order {
    /// Where its units shall arrive.
    pub(super) fn location_id(&self) -> &str {
        &self.location_id
    }

    /// Its lines with the status at the close of `day`.
    pub(super) fn on(&self, day: NaiveDate) -> impl Iterator<Item = OrderedUnits> {
        let status = held_on(&self.statuses, day).unwrap_or(OrderStatus::Draft);
        let expected_on = held_on(&self.expected, day).flatten();
        self.lines.iter().map(move |line| OrderedUnits {
            purchase_order_id: self.purchase_order_id,
            po_number: self.po_number.clone(),
            line: Ordered {
                ordered_on: self.ordered_on,
                status,
                quantity: line.quantity,
                expected_on,
                receipts: line.receipts.clone(),
            },
        })
    }
}

/// A line of a purchase order and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedUnits {
    /// The order.
    pub purchase_order_id: PurchaseOrderId,
    /// Its number.
    pub po_number: String,
    /// The line.
    pub line: Ordered,
}

/// A campaign that is neither a draft nor called off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Promotion {
    /// Last day: up to it the campaign is active or to come.
    pub(super) end_date: NaiveDate,
}

impl Mentioning for Supplier {
    type Mention = Terms;

    fn mentions(&self) -> BTreeMap<String, Terms> {
        let Some(supplier) = self.known().filter(|supplier| supplier.is_active) else {
            return BTreeMap::new();
        };
        let terms = supplier.terms.iter().map(|(item, terms)| {
            let supply = Supply { lead_time_days: terms.lead_time_days, moq: terms.moq };
            let terms = Terms {
                supplier_id: supplier.supplier_id,
                supplier: supplier.key(),
                name: supplier.details.name.clone(),
                is_primary: terms.is_primary,
                supply,
                supplier_cost: terms.supplier_cost,
                packaging_unit: terms.packaging_unit.clone(),
                packaging_qty: terms.packaging_qty,
            };
            (item.as_str().to_owned(), terms)
        });
        terms.collect()
    }
}

impl Mentioning for PurchaseOrder {
    type Mention = Order;

    fn mentions(&self) -> BTreeMap<String, Order> {
        let mut mentions: BTreeMap<String, Order> = BTreeMap::new();
        let Some(order) = self.known() else { return mentions };
        for item in &order.items {
            let mention = mentions.entry(item.line.item_id.as_str().to_owned()).or_insert_with(|| Order {
                purchase_order_id: order.purchase_order_id,
                po_number: order.po_number.clone(),
                ordered_on: order.details.order_date,
                location_id: order.details.location_id.as_str().to_owned(),
                statuses: order.statuses.clone(),
                expected: order.expected.clone(),
                lines: Vec::new(),
            });
            let receipts =
                item.receipts.iter().map(|(on, quantity)| Receipt { on: *on, quantity: *quantity });
            mention.lines.push(Line { quantity: item.line.quantity, receipts: receipts.collect() });
        }
        mentions
    }

    /// An order that is not active says nothing of the day on which it ended and of those after it (R12).
    fn ended_on(order: &Order) -> Option<NaiveDate> {
        order.statuses.last().filter(|since| !since.value.is_active()).map(|since| since.local_date)
    }
}

impl Mentioning for Campaign {
    type Mention = Promotion;

    fn mentions(&self) -> BTreeMap<String, Promotion> {
        let Some(campaign) = self.known() else { return BTreeMap::new() };
        if campaign.is_cancelled || campaign.details.is_draft {
            return BTreeMap::new();
        }
        let promotion = Promotion { end_date: campaign.details.end_date };
        campaign.details.lines.iter().map(|line| (line.item_id.as_str().to_owned(), promotion)).collect()
    }
}

/// Brings the rows of changed streams up to date. Answers the items of which they say something else than before.
pub(super) async fn update<S: Mentioning>(
    conn: &mut PgConnection,
    changed: &[Changed<S>],
) -> Result<Vec<(Uuid, String)>, sqlx::Error> {
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let (mut gone, mut rows) = (Vec::new(), Vec::new());
    for change in changed {
        let (before, after) = (change.before.mentions(), change.after.mentions());
        for item in before.keys().filter(|item| !after.contains_key(*item)) {
            gone.push((change.company_id, item.clone(), change.stream_id.as_str()));
        }
        for (item, mention) in after {
            if before.get(&item) != Some(&mention) {
                let said = crate::rows::json(&mention)?;
                rows.push((change.company_id, item, change.stream_id.as_str(), said, S::ended_on(&mention)));
            }
        }
    }
    sqlx::query(
        "delete from mentions using unnest($2::uuid[], $3::text[], $4::text[]) as gone (company_id, item_key, stream_id)
         where mentions.kind = $1 and mentions.company_id = gone.company_id
             and mentions.item_key = gone.item_key and mentions.stream_id = gone.stream_id",
    )
    .bind(S::kind())
    .bind(gone.iter().map(|row| row.0).collect::<Vec<_>>())
    .bind(gone.iter().map(|row| row.1.as_str()).collect::<Vec<_>>())
    .bind(gone.iter().map(|row| row.2).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into mentions (company_id, item_key, kind, stream_id, said, ended_on)
         select company_id, item_key, $1, stream_id, said::json, ended_on
         from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::date[])
             as said (company_id, item_key, stream_id, said, ended_on)
         on conflict (company_id, item_key, kind, stream_id) do update set
             said = excluded.said,
             ended_on = excluded.ended_on",
    )
    .bind(S::kind())
    .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.1.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.3.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.4).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    let items = gone.into_iter().map(|row| (row.0, row.1));
    Ok(items.chain(rows.into_iter().map(|row| (row.0, row.1))).collect())
}

/// What states of one kind say of items of a company on a day, by item and stream.
pub(super) async fn read<S: Mentioning>(
    conn: &mut PgConnection,
    company_id: Uuid,
    items: Option<&[String]>,
    day: NaiveDate,
) -> Result<BTreeMap<String, Vec<S::Mention>>, sqlx::Error> {
    let rows: Vec<(String, String)> = sqlx::query_as(&format!(
        "select item_key, said::text from mentions
         where company_id = $1 and {} and kind = $3 and (ended_on is null or ended_on > $4)
         order by item_key, stream_id",
        narrowed(items)
    ))
    .bind(company_id)
    .bind(items)
    .bind(S::kind())
    .bind(day)
    .fetch_all(conn)
    .await?;
    let mut mentions: BTreeMap<String, Vec<S::Mention>> = BTreeMap::new();
    for (item, said) in rows {
        let said = serde_json::from_str(&said).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        mentions.entry(item).or_default().push(said);
    }
    Ok(mentions)
}

//! `POST /what-if`: which figures would be others if settings, lead times, demand, deliveries or campaigns were.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use domain::companies::settings::SettingsRefusal;
use domain::planning::explain::fields;
use domain::planning::summary::Totals;
use domain::shared::money::Currency;
use projections::planning::Planned;
use projections::planning::firm::Firm;
use projections::planning::queries::what_if as planned_if;
use projections::planning::scenario::{Delivery, DemandFactor, LeadTime, LeadTimeOf, Scenario};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::body::Body;
use crate::calendar;
use crate::catalogue::{Amount, resolve_item};
use crate::context::Caller;
use crate::planning::as_of::{PlanParams, before_the_first_day, shown};
use crate::problem::Problem;
use crate::state::AppState;

/// Longest list of one kind of change.
const MAX_CHANGES: usize = 1_000;
/// Figures that are money.
const MONEY: [&str; 2] = ["unit_cost", "inventory_value"];

/// What is supposed to be different. Everything together; what is left out stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Supposed {
    /// Settings of the company, as in `PUT /settings`.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
    /// Other lead times.
    #[serde(default)]
    lead_times: Vec<SupposedLeadTime>,
    /// Other demand: of all items, of a category or of one item.
    #[serde(default)]
    demand: Vec<SupposedDemand>,
    /// Purchase orders that arrive on another day.
    #[serde(default)]
    deliveries: Vec<SupposedDelivery>,
    /// Products that are in a campaign.
    #[serde(default)]
    campaign_items: Vec<String>,
    /// The plan as of the close of this date or the day of this instant; today's where absent.
    as_of: Option<String>,
    /// The plan of this location alone.
    location_id: Option<String>,
}

/// Another lead time: of a product or of a supplier, one of the two.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SupposedLeadTime {
    /// The product.
    item_id: Option<String>,
    /// The supplier.
    supplier_id: Option<Uuid>,
    /// Days from order to delivery.
    #[schema(minimum = 0, maximum = 3650)]
    lead_time_days: u32,
}

/// Demand of all days times a factor.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SupposedDemand {
    /// Only of this product.
    item_id: Option<String>,
    /// Only of products of this category.
    category: Option<String>,
    /// The factor: 1.2 is a fifth more.
    #[schema(value_type = f64, minimum = 0, maximum = 1000)]
    factor: Amount,
}

/// A purchase order that arrives on another day.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SupposedDelivery {
    /// The order.
    purchase_order_id: Uuid,
    /// The day on which it is expected.
    expected_delivery_date: NaiveDate,
}

/// What would be different.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Differences {
    /// Products with at least one other figure, by item id.
    items: Vec<Difference>,
    /// How many they are.
    total: usize,
    /// Products that are planned.
    planned: usize,
    /// Totals now and as they would be (R27, R30), those that differ.
    #[schema(value_type = BTreeMap<String, ChangedFigure>)]
    totals: BTreeMap<String, ChangedFigure>,
}

/// A product whose figures would be others.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Difference {
    /// Business key.
    #[schema(example = "85123A")]
    item_id: String,
    /// Category.
    category: String,
    /// The figures that would be others, by name.
    changes: BTreeMap<String, ChangedFigure>,
}

/// A figure now and as it would be; decimals as texts with all their places.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ChangedFigure {
    /// Now.
    #[schema(value_type = Value)]
    before: Value,
    /// As it would be.
    #[schema(value_type = Value)]
    after: Value,
}

/// Ask what would be if.
///
/// Plans every product twice, as it is and as supposed, and answers the figures that differ. Nothing is written. Demand
/// times a factor stays whole units: what rounding takes from one day the next one gets.
#[utoipa::path(
    post,
    path = "/what-if",
    operation_id = "what_if",
    tag = "planning",
    request_body = Supposed,
    responses((status = 200, description = "The figures that would be others", body = Differences)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([404, 409, 422])))
)]
pub(crate) async fn what_if(
    State(state): State<AppState>,
    caller: Caller,
    Body { value: supposed, .. }: Body<Supposed>,
) -> Result<Json<Differences>, Problem> {
    let mut tx = caller.read(&state, &["catalogue", "planning"]).await?;
    let params = PlanParams { as_of: supposed.as_of.clone(), location_id: supposed.location_id.clone() };
    let day = params.day(&mut tx, &state, &caller).await?;
    let location = params.location(&mut tx, &caller).await?;
    let scenario = scenario(&mut tx, &caller, &supposed).await?;
    drop(tx);
    let mut refused = None;
    let supposing = |firm: &Firm| {
        let settings = firm.settings.with(&supposed.settings).map_err(|refusal| refused = Some(refusal));
        Scenario { settings: settings.ok(), ..scenario }
    };
    let found = planned_if(&state.reads, caller.company_id, (day, location.as_deref()), supposing).await?;
    if let Some(refusal) = refused {
        return Err(not_a_setting(&refusal));
    }
    let (before, after) = before_the_first_day(found)?;
    let currency = shown(&before.firm, &caller);
    Ok(Json(differences(&before.planned, &after.planned, currency)?))
}

async fn scenario(
    conn: &mut PgConnection,
    caller: &Caller,
    supposed: &Supposed,
) -> Result<Scenario, Problem> {
    let lengths = [
        ("/lead_times", supposed.lead_times.len()),
        ("/demand", supposed.demand.len()),
        ("/deliveries", supposed.deliveries.len()),
        ("/campaign_items", supposed.campaign_items.len()),
    ];
    if let Some((pointer, _)) = lengths.iter().find(|(_, length)| *length > MAX_CHANGES) {
        return Err(Problem::invalid("too_many", *pointer, format!("at most {MAX_CHANGES}")));
    }
    let mut scenario = Scenario::default();
    for (at, asked) in supposed.lead_times.iter().enumerate() {
        let of = match (&asked.item_id, asked.supplier_id) {
            (Some(item), None) => LeadTimeOf::Item(resolve_item(conn, caller, item).await?),
            (None, Some(supplier)) => LeadTimeOf::Supplier(supplier),
            _ => {
                let pointer = format!("/lead_times/{at}");
                return Err(Problem::invalid("invalid_value", pointer, "name an item_id or a supplier_id"));
            }
        };
        if asked.lead_time_days > 3_650 {
            let pointer = format!("/lead_times/{at}/lead_time_days");
            return Err(Problem::invalid("invalid_value", pointer, "must lie between 0 and 3650"));
        }
        scenario.lead_times.push(LeadTime { of, days: asked.lead_time_days });
    }
    for (at, asked) in supposed.demand.iter().enumerate() {
        let item_key = match &asked.item_id {
            Some(item) => Some(resolve_item(conn, caller, item).await?),
            None => None,
        };
        let factor = asked.factor.0;
        if !(Decimal::ZERO..=Decimal::ONE_THOUSAND).contains(&factor) {
            let pointer = format!("/demand/{at}/factor");
            return Err(Problem::invalid("invalid_value", pointer, "must lie between 0 and 1000"));
        }
        scenario.demand.push(DemandFactor { item_key, category: asked.category.clone(), factor });
    }
    for asked in &supposed.deliveries {
        let expected_on = calendar::in_body("/deliveries", asked.expected_delivery_date)?;
        scenario.deliveries.push(Delivery { purchase_order_id: asked.purchase_order_id, expected_on });
    }
    let mut promoted = BTreeSet::new();
    for item in &supposed.campaign_items {
        promoted.insert(resolve_item(conn, caller, item).await?);
    }
    scenario.promoted = promoted;
    Ok(scenario)
}

fn not_a_setting(refusal: &SettingsRefusal) -> Problem {
    Problem::invalid("invalid_setting", format!("/settings/{}", refusal.key), refusal.to_string())
}

fn differences(
    before: &[Planned],
    after: &[Planned],
    currency: Option<Currency>,
) -> Result<Differences, Problem> {
    let after: BTreeMap<&str, &Planned> =
        after.iter().map(|planned| (planned.item_key.as_str(), planned)).collect();
    let active: Vec<&Planned> = before.iter().filter(|planned| planned.is_active).collect();
    let mut items: Vec<Difference> = active
        .iter()
        .filter_map(|planned| {
            let then = after.get(planned.item_key.as_str())?;
            let changes = changed(&figures(planned, currency), &figures(then, currency));
            let (item_id, category) = (planned.item_id.clone(), planned.category.clone());
            (!changes.is_empty()).then_some(Difference { item_id, category, changes })
        })
        .collect();
    items.sort_unstable_by(|one, other| one.item_id.cmp(&other.item_id));
    let would_be = active.iter().filter_map(|planned| after.get(planned.item_key.as_str()).copied());
    let totals = if currency.is_some() {
        changed(&totals(active.iter().copied())?, &totals(would_be)?)
    } else {
        BTreeMap::new()
    };
    Ok(Differences { total: items.len(), items, planned: active.len(), totals })
}

/// The figures of a plan by the names that answers give them.
fn figures(planned: &Planned, currency: Option<Currency>) -> Map<String, Value> {
    let named = fields(&planned.plan).into_iter().map(|(name, value)| {
        let name = match name.as_str() {
            "colour" => "health".to_owned(),
            "action_category" => "action".to_owned(),
            "recommendation_types" => "recommendations".to_owned(),
            _ => name,
        };
        (name, value)
    });
    named.filter(|(name, _)| currency.is_some() || !MONEY.contains(&name.as_str())).collect()
}

fn changed(before: &Map<String, Value>, after: &Map<String, Value>) -> BTreeMap<String, ChangedFigure> {
    let differing = before.iter().filter(|(name, value)| after.get(*name) != Some(*value));
    let change = |(name, value): (&String, &Value)| {
        let after = after.get(name).cloned().unwrap_or_default();
        (name.clone(), ChangedFigure { before: value.clone(), after })
    };
    differing.map(change).collect()
}

fn totals<'a>(planned: impl Iterator<Item = &'a Planned>) -> Result<Map<String, Value>, Problem> {
    let mut totals = Totals::default();
    let add = || -> Result<_, domain::planning::Overflow> {
        for planned in planned {
            totals.add(&planned.plan)?;
        }
        totals.summary(domain::planning::Amount::ZERO, None)
    };
    match add() {
        Ok(summary) => Ok(fields(&summary)),
        Err(overflow) => Err(Problem::conflict("cannot_be_planned", overflow.to_string())),
    }
}

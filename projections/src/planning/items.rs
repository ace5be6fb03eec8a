//! Everything that the plans of a company's items are computed from, read for some items or all.
//!
//! Today's plans are read with what is kept: the dates of the first and last sale stand in the former plan, so only the
//! last days and those that have changed are read ([`History::Recent`]). Plans as of a past day, of one location, or after
//! a change of what counts as demand read every day ([`History::Whole`]).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use sqlx::PgConnection;

use domain::campaigns::Campaign;
use domain::catalogue::product::{KnownProduct, Product};
use domain::planning::class::{DemandType, Xyz, demand_value};
use domain::planning::event::ForecastPolicy;
use domain::planning::forecast::DailyForecast;
use domain::planning::input::{Master, Stock};
use domain::planning::number::{Overflow, PlanError};
use domain::planning::plan::value_of;
use domain::planning::supply::OrderLine;
use domain::planning::{Amount, Demand, ItemInput, PlanDay, PlanSettings, Rate, plan};
use domain::purchasing::order::PurchaseOrder;
use domain::purchasing::supplier::Supplier;
use domain::shared::ids::ItemId;
use domain::shared::moment::close_of_day;
use domain::shared::quantity::Units;

use super::firm::Firm;
pub use super::mentions::{OrderedUnits, Terms};

use super::item_days::{read_levels, read_series};
use super::mentions;
use super::plan_row::Planned;
use super::supplier_queries::first_choice;
use super::{forecasts, states};

/// What to read.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Item keys; all of the catalogue where none.
    pub items: Option<&'a [String]>,
    /// The days that the plans stand on.
    pub day: PlanDay,
    /// The one location that is planned; the whole company where none.
    pub location: Option<&'a str>,
    /// How far back demand is read.
    pub history: History<'a>,
}

/// How far back demand is read.
#[derive(Debug, Clone, Copy)]
pub enum History<'a> {
    /// Every day.
    Whole,
    /// The last days, and these, of which facts came since the plans were stored: all other sales stand there.
    Recent(&'a ChangedDays),
}

/// Days of items, by item key.
pub type ChangedDays = BTreeMap<String, BTreeSet<NaiveDate>>;

/// Everything that the plan of one item is computed from, but for its category's seed.
#[derive(Debug, Clone)]
pub struct ItemFacts {
    /// Id of the product's stream.
    pub item_key: String,
    /// Present business key.
    pub item_id: ItemId,
    /// Category.
    pub category: String,
    /// Whether it is planned.
    pub is_active: bool,
    /// The days that the plan stands on.
    pub day: PlanDay,
    /// What the catalogue says.
    pub master: Master,
    /// What its suppliers say.
    pub offers: Vec<Terms>,
    /// First and last day with demand.
    pub sold: Option<(NaiveDate, NaiveDate)>,
    /// Demand of consecutive days up to the last complete one.
    pub demand: Vec<Units>,
    /// Stock on the stock's day.
    pub stock: Units,
    /// Day of its opening balance.
    pub opened_on: Option<NaiveDate>,
    /// Stock at the closes of the last days.
    pub closes: Vec<Units>,
    /// Lines of purchase orders.
    pub orders: Vec<OrderedUnits>,
    /// Days of a method other than the default's.
    pub forecast: Option<DailyForecast>,
    /// Settings that hold for it.
    pub settings: PlanSettings,
    /// What its stock cost a week before the stock's day.
    pub unit_cost_week_ago: Option<Amount>,
}

impl ItemFacts {
    /// Hands over the inputs of its plan, with the mean forecast of its category.
    pub fn with<T>(&self, category_forecast: Option<Rate>, then: impl FnOnce(&ItemInput<'_>) -> T) -> T {
        let orders: Vec<OrderLine<'_>> = self.orders.iter().map(|order| order.line.line()).collect();
        then(&ItemInput {
            item_id: &self.item_id,
            day: self.day,
            demand: Demand { sold: self.sold, daily: &self.demand },
            stock: Stock { units: self.stock, opened_on: self.opened_on, closes: &self.closes },
            orders: &orders,
            master: Master { category_forecast, ..self.master },
            supply: self.supplier().map(|terms| terms.supply),
            forecast: self.forecast.as_ref(),
            settings: &self.settings,
        })
    }

    /// The supplier that holds (R14).
    pub fn supplier(&self) -> Option<&Terms> {
        first_choice(&self.offers)
    }

    /// Its plan.
    pub fn planned(&self, category_forecast: Option<Rate>) -> Result<Planned, PlanError> {
        let plan = self.with(category_forecast, plan)?;
        let of = |overflow: Overflow| overflow.of(&self.item_id);
        let history = plan.history_days;
        let value = demand_value(&self.demand, history, plan.unit_cost).map_err(of)?;
        let value = i64::try_from(value).map_err(|_| of(Overflow { value: "demand_value" }))?;
        Ok(Planned {
            item_key: self.item_key.clone(),
            item_id: self.item_id.as_str().to_owned(),
            category: self.category.clone(),
            is_active: self.is_active,
            value_week_ago: self.value_week_ago().map_err(of)?,
            demand_value: Amount::of_steps(value),
            xyz: Xyz::of(&self.demand, history),
            demand_type: DemandType::of(&self.demand, history),
            plan,
        })
    }

    fn value_week_ago(&self) -> Result<Amount, Overflow> {
        let close = self.closes.iter().rev().nth(7).copied().unwrap_or(0);
        value_of(close.max(0), self.unit_cost_week_ago.unwrap_or(Amount::ZERO))
    }
}

/// What the plans of some items are computed from, by item key.
pub async fn read(
    conn: &mut PgConnection,
    firm: &Firm,
    ask: &Ask<'_>,
) -> Result<Vec<ItemFacts>, sqlx::Error> {
    let (company_id, day) = (firm.company_id, ask.day);
    let products = states::read::<Product>(conn, company_id, ask.items).await?;
    let mut series = read_series(conn, firm, ask, products.keys()).await?;
    let mut levels = read_levels(conn, firm, ask).await?;
    let mut terms = mentions::read::<Supplier>(conn, company_id, ask.items, day.stock_on).await?;
    let mut orders = mentions::read::<PurchaseOrder>(conn, company_id, ask.items, day.stock_on).await?;
    let campaigns = mentions::read::<Campaign>(conn, company_id, ask.items, day.stock_on).await?;
    let mut costs = read_costs(conn, firm, ask).await?;
    let by_rules = firm.policy == ForecastPolicy::MovingAverage || ask.location.is_some();
    let mut forecasts = if by_rules {
        BTreeMap::new()
    } else {
        forecasts::newest(conn, company_id, firm.policy, ask.items).await?
    };
    let facts = products.iter().filter_map(|(item_key, product)| Some((item_key, product.known()?)));
    let facts = facts.map(|(item_key, product)| {
        let series = series.remove(item_key).unwrap_or_default();
        let level = levels.remove(item_key).unwrap_or_default();
        let (stock, closes) = level.closes(&series.moved, day.stock_on);
        let promoted =
            campaigns.get(item_key).is_some_and(|all| all.iter().any(|c| day.stock_on <= c.end_date));
        let orders = orders.remove(item_key).unwrap_or_default().into_iter();
        let here = orders.filter(|order| ask.location.is_none_or(|location| order.location_id() == location));
        ItemFacts {
            item_key: item_key.clone(),
            item_id: product.item_id.clone(),
            category: product.details.category.clone(),
            is_active: product.is_active,
            day,
            master: master(firm, product, promoted),
            offers: terms.remove(item_key).unwrap_or_default(),
            sold: series.sold,
            demand: series.daily,
            stock,
            opened_on: level.opened(),
            closes,
            orders: here.flat_map(|order| order.on(day.stock_on).collect::<Vec<_>>()).collect(),
            forecast: forecasts.remove(item_key),
            settings: firm.settings_of(item_key, &product.details.category),
            unit_cost_week_ago: costs.remove(item_key).flatten(),
        }
    });
    Ok(facts.collect())
}

fn master(firm: &Firm, product: &KnownProduct, in_campaign: bool) -> Master {
    let details = &product.details;
    Master {
        unit_cost: firm.amount(details.unit_cost),
        safety_days: details.safety_stock_days,
        lead_time_days: details.lead_time_days,
        manual_daily_forecast: details.manual_daily_forecast.and_then(Rate::from_decimal),
        category_forecast: None,
        listed_on: details.listed_on,
        in_campaign,
    }
}

/// The condition that narrows a query to the items of its second parameter. One text for some and another for all: a plan
/// for all would read a whole company for one item.
pub(super) fn narrowed(items: Option<&[String]>) -> &'static str {
    if items.is_some() { "item_key = any($2)" } else { "$2::text[] is null" }
}

/// Unit costs a week before the stock's day: what held at its close, else the first that became known.
async fn read_costs(
    conn: &mut PgConnection,
    firm: &Firm,
    ask: &Ask<'_>,
) -> Result<BTreeMap<String, Option<Amount>>, sqlx::Error> {
    let week_ago = ask.day.stock_on.checked_sub_days(Days::new(7)).unwrap_or_default();
    let rows: Vec<(String, Option<rust_decimal::Decimal>, Option<String>)> = sqlx::query_as(&format!(
        "select distinct on (item_key) item_key, amount, currency from costs
         where company_id = $1 and {}
         order by item_key, since <= $3 desc, case when since <= $3 then since end desc, since",
        narrowed(ask.items)
    ))
    .bind(firm.company_id)
    .bind(ask.items)
    .bind(close_of_day(week_ago, firm.time_zone))
    .fetch_all(conn)
    .await?;
    let own = firm.currency.as_ref().map(domain::shared::money::Currency::code);
    let costs = rows.into_iter().map(|(item, amount, currency)| {
        let amount = amount.filter(|_| currency.as_deref() == own).and_then(Amount::from_decimal);
        (item, amount)
    });
    Ok(costs.collect())
}

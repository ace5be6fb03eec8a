//! Everything that the plans of a company's items are computed from, read for some items or all.
//!
//! Today's plans are read with what is kept: the dates of the first and last sale stand in the former plan, so only the
//! last days are read ([`History::Recent`]). Plans as of a past day, of one location, or after a change of what counts as
//! demand read every day ([`History::Whole`]).

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use sqlx::PgConnection;

use domain::campaigns::Campaign;
use domain::catalogue::product::{KnownProduct, Product};
use domain::planning::class::{CLASS_DAYS, DemandType, Xyz, demand_value};
use domain::planning::demand;
use domain::planning::event::ForecastPolicy;
use domain::planning::explain::Ordered;
use domain::planning::forecast::DailyForecast;
use domain::planning::input::{Master, Stock};
use domain::planning::number::{Overflow, PlanError};
use domain::planning::plan::value_of;
use domain::planning::supply::{OrderLine, STOCK_WINDOW, Supply, chosen_offer};
use domain::planning::{Amount, Demand, ItemInput, PlanDay, PlanSettings, Rate, plan};
use domain::purchasing::order::PurchaseOrder;
use domain::purchasing::supplier::Supplier;
use domain::shared::ids::ItemId;
use domain::shared::quantity::Units;

use super::firm::Firm;
use super::mentions::{self, Terms};
use super::plan_row::Planned;
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
    pub history: History,
}

/// How far back demand is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// Every day.
    Whole,
    /// The last days; first and last sale before them stand in the stored plans, which must be today's.
    Recent,
}

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
    /// What its supplier says.
    pub supply: Option<Supply>,
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
    pub orders: Vec<Ordered>,
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
        let orders: Vec<OrderLine<'_>> = self.orders.iter().map(Ordered::line).collect();
        then(&ItemInput {
            item_id: &self.item_id,
            day: self.day,
            demand: Demand { sold: self.sold, daily: &self.demand },
            stock: Stock { units: self.stock, opened_on: self.opened_on, closes: &self.closes },
            orders: &orders,
            master: Master { category_forecast, ..self.master },
            supply: self.supply,
            forecast: self.forecast.as_ref(),
            settings: &self.settings,
        })
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
    let mut sales = read_days(conn, firm, ask).await?;
    let mut levels = read_levels(conn, firm, ask).await?;
    let today = ask.history == History::Recent;
    let known_sales = if today { read_sold(conn, firm, ask).await? } else { BTreeMap::new() };
    let mut terms = mentions::read::<Supplier>(conn, company_id, ask.items, false).await?;
    let mut orders = mentions::read::<PurchaseOrder>(conn, company_id, ask.items, today).await?;
    let campaigns = mentions::read::<Campaign>(conn, company_id, ask.items, false).await?;
    let mut costs = read_costs(conn, firm, ask).await?;
    let by_rules = firm.policy == ForecastPolicy::MovingAverage || ask.location.is_some();
    let mut forecasts =
        if by_rules { BTreeMap::new() } else { forecasts::newest(conn, company_id, ask.items).await? };
    let facts = products.iter().filter_map(|(item_key, product)| Some((item_key, product.known()?)));
    let facts = facts.map(|(item_key, product)| {
        let series = Series::of(&sales.remove(item_key).unwrap_or_default(), firm, ask);
        let level = levels.remove(item_key).unwrap_or_default();
        let (stock, closes) = level.closes(&series.moved, day.stock_on);
        let promoted =
            campaigns.get(item_key).is_some_and(|all| all.iter().any(|c| day.stock_on <= c.end_date));
        let orders = orders.remove(item_key).unwrap_or_default().into_iter();
        let here = orders.filter(|order| ask.location.is_none_or(|location| order.location_id() == location));
        let before = known_sales.get(item_key).copied();
        ItemFacts {
            item_key: item_key.clone(),
            item_id: product.item_id.clone(),
            category: product.details.category.clone(),
            is_active: product.is_active,
            day,
            master: master(firm, product, promoted),
            supply: supply(&terms.remove(item_key).unwrap_or_default()),
            sold: joined(before, series.sold),
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

fn supply(terms: &[Terms]) -> Option<Supply> {
    let offers: Vec<_> = terms.iter().map(Terms::offer).collect();
    chosen_offer(&offers).map(|offer| offer.supply)
}

/// First and last sale of what was known before and of what was read now.
fn joined(
    before: Option<(NaiveDate, NaiveDate)>,
    now: Option<(NaiveDate, NaiveDate)>,
) -> Option<(NaiveDate, NaiveDate)> {
    match (before, now) {
        (Some(before), Some(now)) => Some((before.0.min(now.0), before.1.max(now.1))),
        (before, now) => before.or(now),
    }
}

/// A row of `days`.
#[derive(Debug, sqlx::FromRow)]
struct DayRow {
    item_key: String,
    date_local: NaiveDate,
    location_id: String,
    channel: String,
    stock: Units,
    line_units: Units,
    cancel_units: Units,
    return_units: Units,
    report_units: Option<Units>,
}

/// Days that are read of an item that is planned today.
fn recent(day: PlanDay) -> NaiveDate {
    day.demand_until.checked_sub_days(Days::new(CLASS_DAYS.into())).unwrap_or(day.demand_until)
}

/// Rows of `days` by item, in the order of their dates.
async fn read_days(
    conn: &mut PgConnection,
    firm: &Firm,
    ask: &Ask<'_>,
) -> Result<BTreeMap<String, Vec<DayRow>>, sqlx::Error> {
    let since = match ask.history {
        History::Whole => None,
        History::Recent => Some(recent(ask.day)),
    };
    let rows: Vec<DayRow> = sqlx::query_as(
        "select item_key, date_local, location_id, channel, stock, line_units, cancel_units, return_units,
             report_units
         from days
         where company_id = $1 and ($2::text[] is null or item_key = any($2)) and ($3::date is null or date_local > $3)
         order by item_key, date_local",
    )
    .bind(firm.company_id)
    .bind(ask.items)
    .bind(since)
    .fetch_all(conn)
    .await?;
    let mut by_item: BTreeMap<String, Vec<DayRow>> = BTreeMap::new();
    let mut rows = rows.into_iter().peekable();
    while let Some(row) = rows.next() {
        let item = row.item_key.clone();
        let mut of_item = vec![row];
        while let Some(row) = rows.next_if(|row| row.item_key == item) {
            of_item.push(row);
        }
        by_item.insert(item, of_item);
    }
    Ok(by_item)
}

/// What the days of an item come to.
#[derive(Debug, Default)]
struct Series {
    sold: Option<(NaiveDate, NaiveDate)>,
    /// Demand up to the last complete day: the last 90 days, or all since the first sale where every day was read.
    daily: Vec<Units>,
    /// Changes of stock by day.
    moved: Vec<(NaiveDate, Units)>,
}

impl Series {
    fn of(rows: &[DayRow], firm: &Firm, ask: &Ask<'_>) -> Self {
        let until = ask.day.demand_until;
        let mut demand: Vec<(NaiveDate, Units)> = Vec::new();
        let mut series = Self::default();
        for of_day in rows.chunk_by(|one, other| one.date_local == other.date_local) {
            let Some(date) = of_day.first().map(|row| row.date_local) else { continue };
            let here = of_day.iter().filter(|row| firm.counts_at(&row.location_id, ask.location));
            let moved = here.map(|row| row.stock).sum();
            if moved != 0 {
                series.moved.push((date, moved));
            }
            let units = demand::of_day(signed_demand(of_day, firm, ask.location));
            if units > 0 && date <= until {
                demand.push((date, units));
            }
        }
        series.sold = demand.first().zip(demand.last()).map(|(first, last)| (first.0, last.0));
        let first = match ask.history {
            History::Whole => series.sold.map(|(first, _)| first),
            History::Recent => recent(ask.day).succ_opt(),
        };
        let Some(first) = first else { return series };
        let days = usize::try_from((until - first).num_days() + 1).unwrap_or(0);
        series.daily = vec![0; days];
        for (date, units) in demand {
            let at = usize::try_from((date - first).num_days()).ok();
            if let Some(day) = at.and_then(|at| series.daily.get_mut(at)) {
                *day = units;
            }
        }
        series
    }
}

/// Sales less reversals of a day. Where a channel both gave its lines at a place and reported it, lines win (decision 18).
fn signed_demand(of_day: &[DayRow], firm: &Firm, location: Option<&str>) -> Units {
    let has_lines = |place: &str, channel: &str| {
        let same = |row: &&DayRow| firm.place(&row.location_id) == place && row.channel == channel;
        of_day.iter().filter(same).map(|row| row.line_units).sum::<Units>() > 0
    };
    let signed = of_day.iter().map(|row| {
        let place = firm.place(&row.location_id);
        if location.is_some_and(|location| location != place) {
            return 0;
        }
        let returns = if firm.counts_returns(&row.channel) { row.return_units } else { 0 };
        let reported = match row.report_units {
            Some(units) if !has_lines(place, &row.channel) => units,
            _ => 0,
        };
        row.line_units - row.cancel_units - returns + reported
    });
    signed.sum()
}

/// Stock of an item over all that was recorded.
#[derive(Debug, Default, Clone, Copy)]
struct Level {
    units: Units,
    moved_on: Option<NaiveDate>,
    opened_on: Option<NaiveDate>,
}

impl Level {
    /// Day from which something is known.
    fn opened(self) -> Option<NaiveDate> {
        self.opened_on.or(self.moved_on)
    }

    /// Stock at the close of `day`, and at the closes of the last days up to it.
    fn closes(self, moved: &[(NaiveDate, Units)], day: NaiveDate) -> (Units, Vec<Units>) {
        let later: Units = moved.iter().filter(|(on, _)| *on > day).map(|(_, units)| units).sum();
        let stock = self.units - later;
        let Some(opened) = self.opened() else { return (stock, Vec::new()) };
        let mut moved = moved.iter().rev().skip_while(|(on, _)| *on > day).peekable();
        let (mut closes, mut close, mut on) = (Vec::new(), stock, day);
        for _ in 0..=STOCK_WINDOW {
            if on < opened {
                break;
            }
            closes.push(close);
            while let Some((_, units)) = moved.next_if(|(at, _)| *at == on) {
                close -= units;
            }
            let Some(before) = on.pred_opt() else { break };
            on = before;
        }
        closes.reverse();
        (stock, closes)
    }
}

async fn read_levels(
    conn: &mut PgConnection,
    firm: &Firm,
    ask: &Ask<'_>,
) -> Result<BTreeMap<String, Level>, sqlx::Error> {
    type Row = (String, String, Units, Option<NaiveDate>, Option<NaiveDate>);
    let rows: Vec<Row> = sqlx::query_as(
        "select item_key, location_id, units, moved_on, opened_on from levels
         where company_id = $1 and ($2::text[] is null or item_key = any($2))",
    )
    .bind(firm.company_id)
    .bind(ask.items)
    .fetch_all(conn)
    .await?;
    let mut levels: BTreeMap<String, Level> = BTreeMap::new();
    let earlier = |one: Option<NaiveDate>, other: Option<NaiveDate>| one.into_iter().chain(other).min();
    for (item, location, units, moved_on, opened_on) in rows {
        if firm.counts_at(&location, ask.location) {
            let level = levels.entry(item).or_default();
            level.units += units;
            level.moved_on = earlier(level.moved_on, moved_on);
            level.opened_on = earlier(level.opened_on, opened_on);
        }
    }
    Ok(levels)
}

/// First and last sale by the stored plans, which stand on an earlier day or the same.
async fn read_sold(
    conn: &mut PgConnection,
    firm: &Firm,
    ask: &Ask<'_>,
) -> Result<BTreeMap<String, (NaiveDate, NaiveDate)>, sqlx::Error> {
    let rows: Vec<(String, NaiveDate, NaiveDate)> = sqlx::query_as(
        "select item_key, first_sale_date, last_sale_date from plans
         where company_id = $1 and first_sale_date is not null and ($2::text[] is null or item_key = any($2))",
    )
    .bind(firm.company_id)
    .bind(ask.items)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(item, first, last)| (item, (first, last))).collect())
}

/// Unit costs a week before the stock's day: what held at its close, else the first that became known.
async fn read_costs(
    conn: &mut PgConnection,
    firm: &Firm,
    ask: &Ask<'_>,
) -> Result<BTreeMap<String, Option<Amount>>, sqlx::Error> {
    let rows: Vec<(String, Option<rust_decimal::Decimal>, Option<String>)> = sqlx::query_as(
        "select distinct on (item_key) item_key, amount, currency from costs
         where company_id = $1 and ($2::text[] is null or item_key = any($2))
         order by item_key, since <= $3 desc, case when since <= $3 then since end desc, since",
    )
    .bind(firm.company_id)
    .bind(ask.items)
    .bind(close_of(firm, ask.day.stock_on.checked_sub_days(Days::new(7)).unwrap_or_default()))
    .fetch_all(conn)
    .await?;
    let own = firm.currency.as_ref().map(domain::shared::money::Currency::code);
    let costs = rows.into_iter().map(|(item, amount, currency)| {
        let amount = amount.filter(|_| currency.as_deref() == own).and_then(Amount::from_decimal);
        (item, amount)
    });
    Ok(costs.collect())
}

/// The last instant of a day of the company.
fn close_of(firm: &Firm, day: NaiveDate) -> DateTime<Utc> {
    let next = day.succ_opt().unwrap_or(day).and_time(NaiveTime::MIN);
    let instant = firm.time_zone.from_local_datetime(&next).earliest().map(|at| at.to_utc());
    instant.unwrap_or_else(|| next.and_utc())
}

//! GET `/products/{item_id}/demand`: units sold, revenue, closing stock of a product and what else is known of its days.

use axum::Json;
use axum::extract::State;
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use domain::planning::covariate::{DayCovariates, Sources};
use domain::shared::moment::local_date;
use projections::companies;
use projections::planning_settings::queries::{holidays, item_days};
use projections::sales::demand_by_day::{self, DemandDay};
use projections::sales::stock_on_days;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::calendar;
use crate::catalogue::resolve_item;
use crate::context::Caller;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::schema::MoneySchema;
use crate::state::AppState;

/// Most days of a call: two years (decision 26).
const MAX_DAYS: i64 = 731;
const DEFAULT_DAYS: i64 = 90;

/// Which days, and where.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DemandParams {
    /// First day, local to the company; 90 days up to the last day where absent.
    from: Option<NaiveDate>,
    /// Last day; today where absent. At most two years after the first.
    to: Option<NaiveDate>,
    /// Demand and stock of one location instead of the whole company.
    location_id: Option<String>,
}

/// Demand of a product.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DemandAnswer {
    /// The product.
    item_id: String,
    /// The location, where one was asked.
    location_id: Option<String>,
    /// First day.
    from: NaiveDate,
    /// Last day.
    to: NaiveDate,
    /// Units sold on all days.
    units_sold: i64,
    /// Every day from first to last.
    items: Vec<DayView>,
}

/// Demand of a product on a day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DayView {
    /// The day, local to the company.
    date_local: NaiveDate,
    /// Units sold less cancelled and returned ones, over all sources, never below zero.
    units_sold: i64,
    /// Revenue in the company's currency; null where nothing bears a price, or hidden.
    revenue: Option<MoneySchema>,
    /// Revenue in other currencies.
    other_revenue: Vec<MoneySchema>,
    /// Stock at the close of the day; null before the product's first movement.
    stock_on_date: Option<i64>,
    /// `STOCKOUT`: nothing was left at the close. `OVERLAP`: a channel both reported the day and gave its lines; the lines
    /// count. `REPORTED`: a source reported the day.
    flags: Vec<&'static str>,
    /// Whether it was set as promoted.
    promotion_flag: bool,
    /// Whether it is a holiday: as was set for the product, else of the company.
    holiday_flag: bool,
    /// Saturday or Sunday.
    is_weekend: bool,
    /// Money spent on marketing it, 0.00 where nobody said; null where hidden.
    marketing_spend: Option<MoneySchema>,
    /// Reported units that do not count because the channel gave its lines.
    overlapping_units: Option<i64>,
}

/// Read a product's demand.
///
/// Sales, cancellations and returns count on their own day.
#[utoipa::path(get, path = "/products/{item_id}/demand", operation_id = "read_demand", tag = "sales",
    params(("item_id" = String, Path, description = "Item id or sku"), DemandParams),
    responses((status = 200, description = "Demand day by day", body = DemandAnswer)),
    extensions(("x-room" = json!("read")), ("x-problems" = json!([409]))))]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    Path(item_id): Path<String>,
    Query(params): Query<DemandParams>,
) -> Result<Json<DemandAnswer>, Problem> {
    let read_models = ["sales", "catalogue", "companies", "movements", "planning_settings"];
    let mut tx = caller.read(&state, &read_models).await?;
    let item_key = resolve_item(&mut tx, &caller, &item_id).await?;
    let company = companies::queries::company(&mut tx, caller.company_id).await?;
    let company = company.ok_or_else(|| Problem::not_found("company"))?;
    let zone: Tz = company.time_zone.parse().unwrap_or(Tz::UTC);
    let days = params.days(local_date(caller.now, zone))?;
    let product = projections::catalogue::queries::product(&mut tx, caller.company_id, &item_key).await?;
    let currency = caller.sees_money().then_some(company.currency.as_str());
    let items = items(&mut tx, &caller, &item_key, days, params.location_id.as_deref(), currency).await?;
    Ok(Json(DemandAnswer {
        item_id: product.map_or(item_key, |product| product.item_id),
        location_id: params.location_id,
        from: days.0,
        to: days.1,
        units_sold: items.iter().map(|day| day.units_sold).sum(),
        items,
    }))
}

impl DemandParams {
    fn days(&self, today: NaiveDate) -> Result<(NaiveDate, NaiveDate), Problem> {
        let from = calendar::in_query("?from", self.from)?;
        let to = calendar::in_query("?to", self.to)?.unwrap_or(today);
        let from = from.or_else(|| to.checked_sub_signed(TimeDelta::days(DEFAULT_DAYS - 1))).unwrap_or(to);
        let days = to.signed_duration_since(from).num_days() + 1;
        if days < 1 {
            return Err(Problem::invalid("invalid_parameter", "?to", "must not lie before from"));
        }
        if days > MAX_DAYS {
            return Err(Problem::invalid("range_too_long", "?from", "at most two years at once"));
        }
        Ok((from, to))
    }
}

async fn items(
    conn: &mut PgConnection,
    caller: &Caller,
    item_key: &str,
    days: (NaiveDate, NaiveDate),
    location_id: Option<&str>,
    currency: Option<&str>,
) -> Result<Vec<DayView>, Problem> {
    let known = demand_by_day::read(conn, caller.company_id, item_key, days, location_id).await?;
    let stock = stock_on_days::closing(conn, caller.company_id, item_key, days, location_id).await?;
    let set = item_days(conn, caller.company_id, item_key, days).await?;
    let holidays = holidays(conn, caller.company_id, Some(days.0), Some(days.1)).await?;
    let holidays = holidays.into_iter().map(|(date, _)| date).collect();
    let sources = Sources { set: &set, holidays: &holidays, campaigns: &[] };
    let mut known = known.into_iter().peekable();
    let views = stock.into_iter().map(|(date, stock)| {
        let day = known.next_if(|day| day.date_local == date).unwrap_or_else(|| DemandDay::empty(date));
        DayView::new(&day, &sources.on(date, stock), currency)
    });
    Ok(views.collect())
}

impl DayView {
    fn new(day: &DemandDay, about: &DayCovariates, currency: Option<&str>) -> Self {
        let money = |(code, amount): &(String, Decimal)| MoneySchema::new(*amount, code);
        let seen = currency.map(|_| day.revenue.as_slice()).unwrap_or_default();
        let flags = [
            (about.stock_on_date.is_some_and(|stock| stock <= 0), "STOCKOUT"),
            (day.overlapping_units.is_some(), "OVERLAP"),
            (day.reported, "REPORTED"),
        ];
        Self {
            date_local: day.date_local,
            units_sold: day.units_sold,
            revenue: seen.iter().find(|(code, _)| Some(code.as_str()) == currency).map(money),
            other_revenue: seen
                .iter()
                .filter(|(code, _)| Some(code.as_str()) != currency)
                .map(money)
                .collect(),
            stock_on_date: about.stock_on_date,
            promotion_flag: about.promotion_flag,
            holiday_flag: about.holiday_flag,
            is_weekend: about.is_weekend,
            marketing_spend: currency.map(|code| MoneySchema::new(about.marketing_spend.decimal(), code)),
            flags: flags.iter().filter(|(holds, _)| *holds).map(|(_, flag)| *flag).collect(),
            overlapping_units: day.overlapping_units,
        }
    }
}

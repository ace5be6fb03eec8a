//! Rows of `plans`: every figure of one item in a column of its own.

use chrono::NaiveDate;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row as _};
use uuid::Uuid;

use domain::planning::average::Volatility;
use domain::planning::class::{DemandType, Xyz};
use domain::planning::cover::{Colour, Status};
use domain::planning::forecast::{Confidence, ForecastCase, Method};
use domain::planning::ordering::{ActionCategory, AttentionReasons};
use domain::planning::recommendation::RecommendationTypes;
use domain::planning::supply::SafetySource;
use domain::planning::{Amount, Days, ItemPlan, Percent, Rate, Score};
use domain::shared::quantity::Units;

use super::cells::Cell;
use crate::projection::ROWS_AT_ONCE;

/// What is kept of an item beside its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Id of the product's stream: the item id it was created with.
    pub item_key: String,
    /// Present business key.
    pub item_id: String,
    /// Category.
    pub category: String,
    /// Whether it is planned, listed and counted; of others only the stock counts, in the inventory value.
    pub is_active: bool,
    /// Value of its stock a week before the plan's day, at the cost that held then (R30).
    pub value_week_ago: Amount,
    /// Demand of 90 days at cost, in hundredths of the company's currency (R31).
    pub demand_value: Amount,
    /// Steadiness of its demand (R31).
    pub xyz: Xyz,
    /// Kind of its demand; none where nothing was sold (R31).
    pub demand_type: Option<DemandType>,
    /// Every figure.
    pub plan: ItemPlan,
}

/// Declares the columns of `plans` once: what is kept beside the plan, then the plan's figures.
macro_rules! columns {
    (beside { $($beside:ident: $beside_type:ty,)+ } plan { $($figure:ident: $figure_type:ty,)+ }) => {
        const COLUMNS: &[&str] = &[
            $( stringify!($beside), )+
            $( stringify!($figure), )+
        ];

        /// Columns with their types, as `create table` takes them.
        pub(super) fn ddl() -> String {
            let column = |name: &str, sql: &str, nullable: bool| {
                format!("    {name} {sql}{},\n", if nullable { "" } else { " not null" })
            };
            [
                $( column(stringify!($beside), <$beside_type as Cell>::SQL, <$beside_type as Cell>::NULLABLE), )+
                $( column(stringify!($figure), <$figure_type as Cell>::SQL, <$figure_type as Cell>::NULLABLE), )+
            ]
            .concat()
        }

        /// Adds rows of one company. Under row-level security there is no COPY.
        async fn insert(
            conn: &mut PgConnection,
            company_id: Uuid,
            position: i64,
            plans: &[Planned],
        ) -> Result<(), sqlx::Error> {
            let types = [
                $( <$beside_type as Cell>::SQL, )+
                $( <$figure_type as Cell>::SQL, )+
            ];
            let arrays = types.iter().zip(2..).map(|(sql, number)| format!("unnest(${number}::{sql}[])"));
            let statement = format!(
                "insert into plans (company_id, {}, written_position) select $1, {}, ${}",
                selected(),
                arrays.collect::<Vec<_>>().join(", "),
                types.len() + 2
            );
            sqlx::query(&statement)
                .bind(company_id)
                $( .bind(plans.iter().map(|planned| planned.$beside.raw()).collect::<Vec<_>>()) )+
                $( .bind(plans.iter().map(|planned| planned.plan.$figure.raw()).collect::<Vec<_>>()) )+
                .bind(position)
                .execute(conn)
                .await?;
            Ok(())
        }

        fn get(row: &PgRow) -> Result<Planned, sqlx::Error> {
            let mut at = 0..;
            Ok(Planned {
                $( $beside: cell(row, &mut at)?, )+
                plan: ItemPlan { $( $figure: cell(row, &mut at)?, )+ },
            })
        }
    };
}

columns! {
    beside {
        item_key: String,
        item_id: String,
        category: String,
        is_active: bool,
        value_week_ago: Amount,
        demand_value: Amount,
        xyz: Xyz,
        demand_type: Option<DemandType>,
    }
    plan {
        as_of: NaiveDate,
        first_sale_date: Option<NaiveDate>,
        last_sale_date: Option<NaiveDate>,
        days_since_last_sale: Option<u32>,
        history_days: u32,
        sum_7: Units,
        sum_14: Units,
        sum_30: Units,
        days_7: u32,
        days_14: u32,
        ma_7: Option<Rate>,
        ma_14: Option<Rate>,
        std_7: Option<Rate>,
        std_14: Option<Rate>,
        volatility: Volatility,
        forecast_case: ForecastCase,
        method: Method,
        data_points: u32,
        inactive: bool,
        needs_seed: bool,
        daily_forecast: Rate,
        uncensored_daily_forecast: Option<Rate>,
        forecast_14d: Rate,
        forecast_30d: Rate,
        confidence: Confidence,
        stock: Units,
        on_hand: Units,
        in_transit: Units,
        lead_time_days: u32,
        safety_days: u32,
        safety_source: SafetySource,
        runway_days: Option<Days>,
        depletion_date: Option<NaiveDate>,
        colour: Colour,
        gross_need: Units,
        recommended_quantity: Units,
        order_quantity: Units,
        recent_stockout: bool,
        supplier_delay: bool,
        high_value: bool,
        attention_reasons: AttentionReasons,
        action_category: ActionCategory,
        base_score: Option<Score>,
        unclamped_score: Score,
        priority_score: Score,
        avg_daily_30: Rate,
        dir: Option<Days>,
        endless: bool,
        stockout_risk: Percent,
        idle_days: Option<i64>,
        status: Status,
        moq: Units,
        shortfall: Units,
        suggested_quantity: Option<Units>,
        recommendation_types: RecommendationTypes,
        unit_cost: Amount,
        cost_missing: bool,
        inventory_value: Amount,
        on_hand_sum_30: Units,
        on_hand_days_30: u32,
    }
}

impl<'r> FromRow<'r, PgRow> for Planned {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        get(row)
    }
}

fn cell<C: Cell>(row: &PgRow, at: &mut impl Iterator<Item = usize>) -> Result<C, sqlx::Error>
where
    for<'r> C::Raw: sqlx::Decode<'r, sqlx::Postgres>,
{
    let raw = row.try_get::<C::Raw, _>(at.next().unwrap_or(usize::MAX))?;
    C::of(raw).map_err(sqlx::Error::Decode)
}

/// Columns that a query selects for [`Planned`], in its order.
pub(crate) fn selected() -> String {
    COLUMNS.join(", ")
}

/// Puts the plans of a company in the place of those that `items` had, of all where none are named.
pub async fn replace(
    conn: &mut PgConnection,
    company_id: Uuid,
    position: i64,
    items: Option<&[String]>,
    plans: &[Planned],
) -> Result<(), sqlx::Error> {
    match items {
        None => {
            sqlx::query("delete from plans where company_id = $1")
                .bind(company_id)
                .execute(&mut *conn)
                .await?
        }
        Some(items) => {
            sqlx::query("delete from plans where company_id = $1 and item_key = any($2)")
                .bind(company_id)
                .bind(items)
                .execute(&mut *conn)
                .await?
        }
    };
    for plans in plans.chunks(ROWS_AT_ONCE) {
        insert(conn, company_id, position, plans).await?;
    }
    Ok(())
}

/// Stored plans of a company: all, or those of some items; by item key.
pub(super) async fn read(
    conn: &mut PgConnection,
    company_id: Uuid,
    items: Option<&[String]>,
) -> Result<Vec<Planned>, sqlx::Error> {
    let columns = selected();
    let all = format!("select {columns} from plans where company_id = $1");
    match items {
        None => sqlx::query_as(&format!("{all} order by item_key")).bind(company_id).fetch_all(conn).await,
        Some(items) => {
            sqlx::query_as(&format!("{all} and item_key = any($2) order by item_key"))
                .bind(company_id)
                .bind(items)
                .fetch_all(conn)
                .await
        }
    }
}

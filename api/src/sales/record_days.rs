//! POST /sales/daily: what a source says was sold on a day. Demand without stock.

use axum::extract::State;
use chrono::NaiveDate;
use commands::operation::DailyReport;
use commands::{Operation, RefusalKind, Refused, Verdict};
use domain::sales::OnDuplicate;
use domain::shared::ids::{ChannelId, ItemId, LocationId};
use domain::shared::money::{Currency, Money};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{Done, Written};
use crate::body::{Body, OneOrMany};
use crate::calendar;
use crate::catalogue::Amount;
use crate::context::Caller;
use crate::problem::Problem;
use crate::sales::line_body::key;
use crate::sales::verdicts::BatchAnswer;
use crate::state::AppState;

/// Most reports of a request.
const MAX_REPORTS: usize = 10_000;

/// The sales of one item at one place on one day.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DayBody {
    /// Who reports; a sales channel or any other source.
    #[serde(alias = "channel")]
    #[schema(example = "till")]
    source: String,
    /// Item id, sku or barcode of the product.
    #[serde(alias = "sku")]
    #[schema(example = "85123A")]
    item_id: String,
    /// Where; the primary location where absent.
    #[serde(default)]
    location_id: Option<String>,
    /// The day, local to the company.
    #[schema(example = "2011-11-30")]
    date_local: NaiveDate,
    /// Units sold; 0 is a known day without sales.
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 7)]
    units_sold: i64,
    /// Revenue of the day.
    #[serde(default)]
    #[schema(value_type = Option<crate::schema::MoneySchema>)]
    revenue: Option<RevenueBody>,
    /// What it means where the source reported the day before.
    #[serde(default)]
    #[schema(inline)]
    on_duplicate: OnDuplicateBody,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevenueBody {
    amount: Amount,
    currency: String,
}

/// What a further report of a day means.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OnDuplicateBody {
    /// It takes the place of the earlier one.
    #[default]
    Replace,
    /// It is added to the earlier one.
    Append,
    /// It is left out.
    Skip,
}

/// Report daily sales.
///
/// One object or an array of at most 10,000, each with a verdict of its own. `duplicates` counts reports that changed
/// nothing. `line` in `errors` is the number in the array, from 1. A refused single object is a problem instead.
#[utoipa::path(post, path = "/sales/daily", operation_id = "report_daily_sales", tag = "sales",
    request_body = OneOrMany<DayBody>,
    responses((status = 200, description = "What became of the reports", body = BatchAnswer)),
    extensions(("x-room" = json!("stock")), ("x-problems" = json!([404]))))]
pub(crate) async fn record(
    State(state): State<AppState>,
    caller: Caller,
    Body { value, digest }: Body<OneOrMany<DayBody>, 16>,
) -> Result<Written<BatchAnswer>, Problem> {
    let is_many = value.is_many();
    if value.len() > MAX_REPORTS {
        return Err(Problem::invalid("too_many_lines", "", format!("at most {MAX_REPORTS} reports at once")));
    }
    let mut answer = BatchAnswer::default();
    let (mut operations, mut numbers) = (Vec::with_capacity(value.len()), Vec::with_capacity(value.len()));
    for (number, day) in (1..).zip(value.into_vec()) {
        match day.into_report() {
            Ok(report) => {
                operations.push(Operation::ReportDay(report));
                numbers.push(number);
            }
            Err(refused) if is_many => answer.reject(number, &refused),
            Err(refused) => return Err(Problem::from(refused)),
        }
    }
    let receipt = state.submit(&caller, digest, operations).await?;
    let done = Done::from(&receipt);
    for (number, verdict) in numbers.into_iter().zip(receipt.verdicts) {
        match verdict {
            Verdict::Refused(refused) if !is_many => return Err(Problem::from(refused)),
            verdict => answer.add(number, verdict),
        }
    }
    Ok(Written::ok(answer.finish(receipt.position), done))
}

impl DayBody {
    fn into_report(self) -> Result<DailyReport, Refused> {
        let location_id = self.location_id.as_deref().filter(|text| !text.trim().is_empty());
        Ok(DailyReport {
            source: key("/source", ChannelId::new(&self.source))?,
            item: key("/item_id", ItemId::new(&self.item_id))?,
            location_id: location_id.map(LocationId::new).map(|id| key("/location_id", id)).transpose()?,
            date_local: calendar::in_body("/date_local", self.date_local)?,
            units_sold: self.units_sold,
            revenue: self.revenue.map(RevenueBody::into_money).transpose()?,
            on_duplicate: self.on_duplicate.into(),
        })
    }
}

impl RevenueBody {
    fn into_money(self) -> Result<Money, Refused> {
        let currency = Currency::new(&self.currency).map_err(|error| {
            Refused::new("unknown_currency", RefusalKind::Invalid, error.to_string()).at("/revenue/currency")
        })?;
        Ok(Money { amount: self.amount.0, currency })
    }
}

impl From<OnDuplicateBody> for OnDuplicate {
    fn from(word: OnDuplicateBody) -> Self {
        match word {
            OnDuplicateBody::Replace => Self::Replace,
            OnDuplicateBody::Append => Self::Append,
            OnDuplicateBody::Skip => Self::Skip,
        }
    }
}

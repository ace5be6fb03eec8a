//! POST /inventory/opening: first stock of a location, one row or up to 1,000.

use std::cmp::Ordering;

use axum::extract::State;
use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use chrono_tz::Tz;
use commands::{Operation, RefusalKind, Refused, Verdict};
use domain::shared::moment::{Stamp, close_of_day, local_date};
use domain::stock::StockIntent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::Written;
use crate::body::{Body, Digest, OneOrMany};
use crate::calendar;
use crate::companies;
use crate::context::Caller;
use crate::problem::{FieldError, Problem, row_error};
use crate::state::AppState;
use crate::stock::circumstances::{checked_notes, item, location};
use crate::stock::stock_answer::StockAnswer;

/// Most rows of one request.
const MAX_ROWS: usize = 1_000;

/// First stock of a product at a location.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpeningBody {
    /// Item id, sku or barcode of the product.
    #[serde(alias = "sku")]
    #[schema(example = "85123A")]
    item_id: String,
    /// Where.
    #[serde(alias = "warehouse_id")]
    #[schema(example = "MAIN")]
    location_id: String,
    /// Units that lay there.
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 100)]
    quantity: i64,
    /// The day at whose close they lay there; for today, now.
    #[schema(example = "2010-11-30")]
    date: Option<NaiveDate>,
    /// The instant, in place of `date`; now where both are absent.
    #[serde(alias = "effective_at")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    opened_at: Option<DateTime<FixedOffset>>,
    /// Free text, at most 2,000 characters.
    notes: Option<String>,
}

/// The stock, or what became of every row.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Opened {
    One(Box<StockAnswer>),
    Many(OpeningVerdicts),
}

/// What became of every row of an array.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpeningVerdicts {
    /// Rows that were recorded.
    accepted: usize,
    /// Rows that were not.
    refused: usize,
    /// One verdict per row, in their order.
    items: Vec<OpeningVerdict>,
    /// Position of the last event; null where every row was refused unread.
    position: Option<i64>,
}

/// What became of one row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpeningVerdict {
    /// Place of the row, from 0.
    index: usize,
    /// `accepted` or `refused`.
    #[schema(example = "accepted")]
    verdict: &'static str,
    /// The product, where accepted.
    item_id: Option<String>,
    /// Where, where accepted.
    location_id: Option<String>,
    /// The fact, where accepted.
    movement_id: Option<Uuid>,
    /// On hand there afterwards, where accepted.
    quantity_after: Option<i64>,
    /// Stable code, where refused.
    code: Option<String>,
    /// JSON pointer into the array, where refused.
    #[schema(example = "/3/quantity")]
    pointer: Option<String>,
    /// What is wrong, where refused.
    message: Option<String>,
}

/// Open stock.
///
/// States the first stock of a product at a location, refused once stock was stated there (409 `already_opened`). One
/// object answers the stock, an array of up to 1,000 a verdict for each row: a refused row does not hold up the others.
#[utoipa::path(post, path = "/inventory/opening", operation_id = "open_stock", tag = "inventory",
    request_body(content = OneOrMany<OpeningBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The stock, or a verdict for each row of an array", body = OpenedSchema)),
    extensions(("x-room" = json!("stock")), ("x-problems" = json!([404]))))]
pub(crate) async fn open(
    State(state): State<AppState>,
    caller: Caller,
    Body { value, digest }: Body<OneOrMany<OpeningBody>>,
) -> Result<Written<Opened>, Problem> {
    let many = value.is_many();
    let rows = value.into_vec();
    if rows.is_empty() || rows.len() > MAX_ROWS {
        return Err(Problem::invalid("row_count", "", format!("send 1 to {MAX_ROWS} rows")));
    }
    let zone = zone(&state, &caller, &rows).await?;
    let mut read: Vec<Result<Operation, Problem>> =
        rows.into_iter().map(|row| row.operation(zone, caller.now)).collect();
    if many {
        return open_many(&state, &caller, digest, read).await;
    }
    let operation = read.pop().ok_or_else(|| Problem::invalid("row_count", "", "send a row"))??;
    let (outcome, done) = state.submit_one(&caller, digest, operation).await?;
    let answer = StockAnswer::of(outcome, done.position)?;
    let seen = answer.quantity_after;
    Ok(Written::ok(Opened::One(Box::new(answer)), done).etag(seen))
}

/// What an opening answers, for the document.
#[derive(Debug, ToSchema)]
#[schema(as = Opened)]
#[serde(untagged)]
#[expect(dead_code, reason = "the document alone reads it")]
pub(crate) enum OpenedSchema {
    /// Of one object.
    One(StockAnswer),
    /// Of an array.
    Many(OpeningVerdicts),
}

/// The company's zone, looked up only where a row bears a date.
async fn zone(state: &AppState, caller: &Caller, rows: &[OpeningBody]) -> Result<Tz, Problem> {
    if rows.iter().all(|row| row.date.is_none()) {
        return Ok(Tz::UTC);
    }
    let mut tx = projections::tenant::begin(&state.reads, caller.company_id).await?;
    companies::time_zone(&mut tx, state, caller).await
}

async fn open_many(
    state: &AppState,
    caller: &Caller,
    digest: Digest,
    read: Vec<Result<Operation, Problem>>,
) -> Result<Written<Opened>, Problem> {
    let (verdicts, done) = state.submit_rows(caller, digest, read).await?;
    let verdict = |(index, verdict)| match verdict {
        Ok(verdict) => OpeningVerdict::of(index, verdict),
        Err(problem) => OpeningVerdict::unread(index, &problem),
    };
    let items: Vec<OpeningVerdict> = verdicts.into_iter().enumerate().map(verdict).collect();
    let accepted = items.iter().filter(|item| item.code.is_none()).count();
    let refused = items.len() - accepted;
    Ok(Written::ok(Opened::Many(OpeningVerdicts { accepted, refused, items, position: done.position }), done))
}

impl OpeningBody {
    fn operation(self, zone: Tz, now: DateTime<Utc>) -> Result<Operation, Problem> {
        let at = match (self.opened_at, self.date) {
            (Some(_), Some(_)) => {
                return Err(Problem::invalid(
                    "ambiguous_instant",
                    "/date",
                    "give date or opened_at, not both",
                ));
            }
            (Some(instant), None) => Some(Stamp::from(calendar::in_body("/opened_at", instant)?)),
            (None, Some(date)) => {
                let date = calendar::in_body("/date", date)?;
                Some(Stamp { at: close_so_far(date, zone, now)?, offset_minutes: 0 })
            }
            (None, None) => None,
        };
        let intent = StockIntent::Open {
            location_id: location(&self.location_id, "/location_id")?,
            quantity: self.quantity,
            at,
            notes: checked_notes(self.notes)?,
        };
        Ok(Operation::Stock { item: item(&self.item_id)?, intent })
    }
}

/// The close of a day; of today, now.
fn close_so_far(date: NaiveDate, zone: Tz, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    let today = local_date(now, zone);
    match date.cmp(&today) {
        Ordering::Less => Ok(close_of_day(date, zone)),
        Ordering::Equal => Ok(now),
        Ordering::Greater => {
            let message = format!("{date} lies in the future; today is {today}");
            Err(Problem::invalid("in_the_future", "/date", message))
        }
    }
}

impl OpeningVerdict {
    fn of(index: usize, verdict: Verdict) -> Self {
        let refused = match verdict {
            Verdict::Accepted(outcome) => match StockAnswer::of(outcome, None) {
                Ok(stock) => return Self::accepted(index, stock),
                Err(problem) => return Self::unread(index, &problem),
            },
            Verdict::Duplicate => {
                Refused::new("duplicate", RefusalKind::Conflict, "the same fact was recorded before")
            }
            Verdict::Refused(refused) => refused,
        };
        Self::refused(index, row_error(index, &refused))
    }

    fn accepted(index: usize, stock: StockAnswer) -> Self {
        Self {
            index,
            verdict: "accepted",
            item_id: Some(stock.item_id),
            location_id: Some(stock.location_id),
            movement_id: Some(stock.movement_id),
            quantity_after: Some(stock.quantity_after),
            code: None,
            pointer: None,
            message: None,
        }
    }

    /// A row that was refused before it reached the log.
    fn unread(index: usize, problem: &Problem) -> Self {
        let place = problem.first_pointer().unwrap_or_default();
        let error = FieldError {
            pointer: format!("/{index}{place}"),
            code: problem.code().to_owned().into(),
            message: problem.detail().to_owned(),
        };
        Self::refused(index, error)
    }

    fn refused(index: usize, error: FieldError) -> Self {
        Self {
            index,
            verdict: "refused",
            item_id: None,
            location_id: None,
            movement_id: None,
            quantity_after: None,
            code: Some(error.code.into_owned()),
            pointer: Some(error.pointer),
            message: Some(error.message),
        }
    }
}

//! POST /sales: one order with its lines.

use std::borrow::Cow;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, FixedOffset};
use commands::{Operation, Outcome, Verdict};
use domain::sales::event::ReportedLine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Done, Written};
use crate::body::Body;
use crate::catalogue::Amount;
use crate::context::Caller;
use crate::problem::{FieldError, Problem};
use crate::sales::line_body::{LineBody, LineKindBody, PriceBody};
use crate::state::AppState;

/// Most lines of one order.
const MAX_LINES: usize = 1_000;

/// An order of a channel.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderBody {
    /// Sales channel.
    #[schema(example = "web")]
    channel: String,
    /// The channel's order.
    #[schema(example = "536365")]
    order_id: String,
    /// When it was placed, with offset.
    #[schema(value_type = chrono::DateTime<chrono::Utc>, example = "2011-11-30T08:26:00+00:00")]
    sold_at: DateTime<FixedOffset>,
    /// Where its lines were sold, unless a line says otherwise.
    #[serde(default)]
    #[schema(example = "MAIN")]
    location_id: Option<String>,
    /// Its lines.
    #[schema(min_items = 1, max_items = 1_000)]
    lines: Vec<OrderLineBody>,
}

/// A line of an order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderLineBody {
    /// The channel's line; order and number of the line where absent.
    #[serde(default)]
    #[schema(example = "536365-1")]
    line_id: Option<String>,
    /// Item id, sku or barcode of the product. An unknown one goes to quarantine.
    #[serde(alias = "sku")]
    #[schema(example = "85123A")]
    item_id: String,
    /// Where it was sold.
    #[serde(default)]
    location_id: Option<String>,
    /// Units.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 2)]
    quantity: i64,
    /// Price of one unit, at most four decimals.
    #[serde(default)]
    #[schema(value_type = Option<crate::schema::MoneySchema>)]
    unit_price: Option<OrderPriceBody>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderPriceBody {
    amount: Amount,
    currency: String,
}

/// What became of an order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderAnswer {
    /// Sales channel.
    channel: String,
    /// The channel's order.
    order_id: String,
    /// Its lines, in order.
    lines: Vec<LineAnswer>,
    /// Position of the last event.
    position: i64,
}

/// What became of a line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineAnswer {
    /// The channel's line.
    line_id: String,
    /// What became of it.
    #[schema(inline)]
    verdict: LineVerdict,
    /// The fact, where one was recorded now.
    movement_id: Option<Uuid>,
    /// The quarantine entry, where the line waits in quarantine.
    quarantine_id: Option<Uuid>,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LineVerdict {
    /// Recorded now.
    Accepted,
    /// Recorded before with the same content.
    Duplicate,
    /// Its item or location is unknown; it waits in quarantine.
    Quarantined,
    /// Refused.
    Rejected,
}

/// Record an order.
///
/// Its lines are sales. A line whose channel and line id are known with the same content counts once; one with an unknown
/// item or location waits in quarantine. An order none of whose lines is taken is refused as a whole.
#[utoipa::path(post, path = "/sales", operation_id = "record_order", tag = "sales", request_body = OrderBody,
    responses(
        (status = 201, description = "Lines were recorded or quarantined", body = OrderAnswer),
        (status = 200, description = "Every line was recorded before", body = OrderAnswer)),
    extensions(("x-room" = json!("stock")), ("x-problems" = json!([404]))))]
pub(crate) async fn record(
    State(state): State<AppState>,
    caller: Caller,
    Body { value, digest }: Body<OrderBody>,
) -> Result<Written<OrderAnswer>, Problem> {
    let lines = value.reported_lines()?;
    let operations = lines.iter().cloned().map(Operation::RecordLine).collect();
    let receipt = state.submit(&caller, digest, operations).await?;
    let done = Done::from(&receipt);
    value.refuse_if_none_taken(&receipt.verdicts)?;
    let answer = OrderAnswer::new(&lines, receipt.verdicts, receipt.position);
    let all_known = answer.lines.iter().all(|line| line.verdict == LineVerdict::Duplicate);
    Ok(Written::ok(answer, done).status(if all_known { StatusCode::OK } else { StatusCode::CREATED }))
}

impl OrderBody {
    fn reported_lines(&self) -> Result<Vec<ReportedLine>, Problem> {
        if self.lines.is_empty() || self.lines.len() > MAX_LINES {
            return Err(Problem::invalid(
                "line_count",
                "/lines",
                format!("must have 1 to {MAX_LINES} lines"),
            ));
        }
        let (mut good, mut bad) = (Vec::with_capacity(self.lines.len()), Vec::new());
        for (index, line) in self.lines.iter().enumerate() {
            match self.line(index, line).into_line() {
                Ok(line) => good.push(line),
                Err(refused) => bad.push(self.fault(index, &refused)),
            }
        }
        match bad.first() {
            None => Ok(good),
            Some(first) => {
                let problem =
                    Problem::new(crate::problem::Status::Invalid, first.code.clone(), first.message.clone());
                Err(problem.fields(bad))
            }
        }
    }

    fn line<'a>(&'a self, index: usize, line: &'a OrderLineBody) -> LineBody<'a> {
        let line_id = match &line.line_id {
            Some(line_id) => Cow::Borrowed(line_id.as_str()),
            None => Cow::Owned(format!("{}-{}", self.order_id.trim(), index + 1)),
        };
        LineBody {
            kind: LineKindBody::Sale,
            channel: Cow::Borrowed(&self.channel),
            order_id: Cow::Borrowed(&self.order_id),
            line_id,
            item_id: Cow::Borrowed(&line.item_id),
            location_id: line.location_id.clone().or_else(|| self.location_id.clone()),
            quantity: line.quantity,
            unit_price: line
                .unit_price
                .as_ref()
                .map(|price| PriceBody { amount: price.amount, currency: Cow::Borrowed(&price.currency) }),
            sold_at: self.sold_at,
        }
    }

    fn refuse_if_none_taken(&self, verdicts: &[Verdict]) -> Result<(), Problem> {
        let mut refusals = Vec::new();
        for (index, verdict) in verdicts.iter().enumerate() {
            match verdict {
                Verdict::Refused(refused) => refusals.push((index, refused)),
                Verdict::Accepted(_) | Verdict::Duplicate => return Ok(()),
            }
        }
        let Some((_, first)) = refusals.first() else { return Ok(()) };
        let kind = Problem::from((*first).clone()).status();
        let problem = Problem::new(kind, first.code.clone(), first.message.clone());
        Err(problem.fields(refusals.into_iter().map(|(index, refused)| self.fault(index, refused))))
    }

    /// Channel, order, instant and a location of the whole order stand outside the lines.
    fn fault(&self, index: usize, refused: &commands::Refused) -> FieldError {
        let place = refused.pointer.as_deref().unwrap_or_default();
        let own_location = self.lines.get(index).is_some_and(|line| line.location_id.is_some());
        let outside = matches!(place, "/channel" | "/order_id" | "/sold_at")
            || (place == "/location_id" && !own_location);
        let pointer = if outside { place.to_owned() } else { format!("/lines/{index}{place}") };
        FieldError { pointer, code: refused.code.clone(), message: refused.message.clone() }
    }
}

impl OrderAnswer {
    fn new(lines: &[ReportedLine], verdicts: Vec<Verdict>, position: i64) -> Self {
        let (channel, order_id) = lines
            .first()
            .map(|line| (line.channel.as_str().to_owned(), line.order_id.clone()))
            .unwrap_or_default();
        let lines =
            lines.iter().zip(verdicts).map(|(line, verdict)| LineAnswer::new(line, &verdict)).collect();
        Self { channel, order_id, lines, position }
    }
}

impl LineAnswer {
    fn new(line: &ReportedLine, verdict: &Verdict) -> Self {
        let (verdict, movement_id, quarantine_id) = match verdict {
            Verdict::Accepted(Outcome::LineQuarantined { quarantine_id, .. }) => {
                (LineVerdict::Quarantined, None, Some(*quarantine_id))
            }
            Verdict::Accepted(Outcome::LineRecorded { movement_id }) => {
                (LineVerdict::Accepted, Some(*movement_id), None)
            }
            Verdict::Accepted(_) => (LineVerdict::Accepted, None, None),
            Verdict::Duplicate => (LineVerdict::Duplicate, None, None),
            Verdict::Refused(_) => (LineVerdict::Rejected, None, None),
        };
        Self { line_id: line.line_id.clone(), verdict, movement_id, quarantine_id }
    }
}

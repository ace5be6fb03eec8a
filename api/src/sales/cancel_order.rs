//! POST /sales/{order}/cancel: the rest of an order is cancelled, exactly once.
//!
//! Which lines the order has is a fact of the read model; that a line is cancelled once is ensured by its key in the
//! log, so two callers at the same moment do no harm.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::State;
use chrono::{DateTime, Utc};
use commands::{Operation, Submission, Verdict};
use domain::sales::event::{LineKind, ReportedLine};
use domain::shared::ids::{ChannelId, ItemId, LocationId};
use domain::shared::money::{Currency, Money};
use projections::sales::queries::{self, LineFilter, LineRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::answer::{Done, Written};
use crate::body::Digest;
use crate::context::Caller;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::state::AppState;

/// Most lines of an order that is cancelled at once.
const MAX_LINES: i64 = 20_000;
/// How long the read model may take to show the order.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which of several orders of this name.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CancelParams {
    /// Channel of the order; needed where several channels have one of this name.
    channel: Option<String>,
}

/// What became of a cancelled order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CancelAnswer {
    /// Sales channel.
    channel: String,
    /// The channel's order.
    order_id: String,
    /// Lines cancelled now.
    cancelled: usize,
    /// Lines that were cancelled before.
    already_cancelled: usize,
    /// Position of the last event.
    position: i64,
}

/// Cancel an order.
///
/// What is not cancelled yet is cancelled: reserved units are set free, sold ones go back into stock. A repeat changes
/// nothing.
#[utoipa::path(post, path = "/sales/{order}/cancel", operation_id = "cancel_order", tag = "sales",
    params(("order" = String, Path, description = "The channel's order"), CancelParams),
    responses((status = 200, description = "What was cancelled", body = CancelAnswer)),
    extensions(("x-room" = json!("stock"))))]
pub(crate) async fn cancel(
    State(state): State<AppState>,
    caller: Caller,
    Path(order_id): Path<String>,
    Query(params): Query<CancelParams>,
    digest: Digest,
) -> Result<Written<CancelAnswer>, Problem> {
    let sales = sales_of(&state, &caller, order_id.trim(), params.channel).await?;
    let channel = the_channel(&sales)?;
    let open =
        sales.iter().filter_map(|sale| cancellation(sale, caller.now)).map(Operation::RecordLine).collect();
    let receipt = state.submit(&caller, digest, open).await?;
    let done = Done::from(&receipt);
    let mut cancelled = 0;
    for verdict in receipt.verdicts {
        match verdict {
            Verdict::Accepted(_) => cancelled += 1,
            // Somebody else cancelled the line in the meantime.
            Verdict::Duplicate => {}
            Verdict::Refused(refused) if refused.code == "differs_from_recorded" => {}
            Verdict::Refused(refused) => return Err(Problem::from(refused)),
        }
    }
    let already_cancelled = sales.len().saturating_sub(cancelled);
    let answer = CancelAnswer { channel, order_id, cancelled, already_cancelled, position: receipt.position };
    Ok(Written::ok(answer, done))
}

async fn sales_of(
    state: &AppState,
    caller: &Caller,
    order_id: &str,
    channel: Option<String>,
) -> Result<Vec<LineRow>, Problem> {
    // The order may have been recorded a moment ago, perhaps by somebody else: read what the log holds now.
    let nothing = Submission { request_key: None, ..caller.submission(Digest::NONE, Vec::new()) };
    let head = state.committers.submit(nothing).await?.position;
    state.wait(caller.company_id, &["sales", "catalogue"], head, PATIENCE).await?;
    let mut tx = caller.read(state, &["sales", "catalogue"]).await?;
    let filter = LineFilter {
        order_id: Some(order_id.to_owned()),
        channel: channel.map(|channel| channel.trim().to_owned()),
        kind: Some("sale".to_owned()),
        ..LineFilter::default()
    };
    Ok(queries::lines(&mut tx, caller.company_id, &filter, &[], MAX_LINES, 0).await?)
}

/// The one channel of the order: 404 for none, 409 for several.
fn the_channel(sales: &[LineRow]) -> Result<String, Problem> {
    let channels = sales.iter().map(|sale| sale.channel.as_str()).collect::<BTreeSet<_>>();
    match (channels.first(), channels.len()) {
        (Some(channel), 1) => Ok((*channel).to_owned()),
        (None, _) => Err(Problem::not_found("order")),
        _ => {
            let detail = "several channels have an order of this name; say which with ?channel=";
            let channels = channels.into_iter().collect::<Vec<_>>();
            Err(Problem::conflict("ambiguous_order", detail).with("channels", channels))
        }
    }
}

/// The cancellation of what is left of a sale; nothing where it was cancelled before.
fn cancellation(sale: &LineRow, now: DateTime<Utc>) -> Option<ReportedLine> {
    if sale.cancelled_quantity > 0 {
        return None;
    }
    let currency = sale.unit_price_currency.as_deref().and_then(|code| Currency::new(code).ok());
    Some(ReportedLine {
        kind: LineKind::Cancellation,
        channel: ChannelId::new(&sale.channel).ok()?,
        order_id: sale.order_id.clone(),
        line_id: sale.line_id.clone(),
        item_id: ItemId::new(&sale.item_id).ok()?,
        location_id: LocationId::new(&sale.location_id).ok(),
        quantity: sale.quantity,
        unit_price: sale.unit_price_amount.zip(currency).map(|(amount, currency)| Money { amount, currency }),
        // A sale may lie a few minutes in the future; its cancellation never lies before it.
        sold_at: now.max(sale.sold_at),
        offset_minutes: 0,
    })
}

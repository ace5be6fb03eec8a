//! Answer of orders about one location.

use commands::operation::{StockLeg, StockOutcome};
use commands::{Operation, Outcome};
use domain::shared::ids::ItemId;
use domain::stock::StockIntent;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::Written;
use crate::body::Digest;
use crate::context::Caller;
use crate::problem::Problem;
use crate::state::AppState;
use crate::stock::circumstances::ConfirmBody;

/// Stock of a product at one location after an order, in units.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StockAnswer {
    /// The fact; also the id of its movement.
    pub(crate) movement_id: Uuid,
    /// The product.
    #[schema(example = "85123A")]
    pub(crate) item_id: String,
    /// Where.
    #[schema(example = "MAIN")]
    pub(crate) location_id: String,
    /// On hand there before.
    pub(crate) quantity_before: i64,
    /// On hand there afterwards.
    pub(crate) quantity_after: i64,
    /// What happened, signed; the variance where stock was stated.
    pub(crate) quantity: i64,
    /// Change of today's stock, signed; 0 where a later statement had already counted it.
    pub(crate) effect: i64,
    /// The statement that had already counted it.
    pub(crate) superseded_by: Option<Uuid>,
    /// On hand over all PHYSICAL locations afterwards.
    pub(crate) total_stock: i64,
    /// What had to be confirmed, and was.
    pub(crate) confirmed: Vec<ConfirmBody>,
    /// Position of the event.
    pub(crate) position: Option<i64>,
}

impl StockAnswer {
    /// Hands an order about a product to the log; the answer bears the on hand as its `ETag`.
    pub(crate) async fn of_order(
        state: &AppState,
        caller: &Caller,
        digest: Digest,
        (item, intent): (ItemId, StockIntent),
    ) -> Result<Written<Self>, Problem> {
        let (outcome, done) = state.submit_one(caller, digest, Operation::Stock { item, intent }).await?;
        let answer = Self::of(outcome, done.position)?;
        let seen = answer.quantity_after;
        Ok(Written::ok(answer, done).etag(seen))
    }

    /// The first leg of what happened.
    pub(crate) fn of(outcome: Outcome, position: Option<i64>) -> Result<Self, Problem> {
        let (outcome, legs) = stock(outcome)?;
        let leg = legs.into_iter().next().ok_or_else(unexpected)?;
        Ok(Self {
            movement_id: outcome.movement_id,
            item_id: outcome.item_id.into(),
            location_id: leg.location_id.into(),
            quantity_before: leg.quantity_before,
            quantity_after: leg.quantity_after,
            quantity: leg.quantity,
            effect: leg.effect,
            superseded_by: leg.superseded_by,
            total_stock: outcome.total_stock,
            confirmed: outcome.confirmed.into_iter().map(ConfirmBody::from).collect(),
            position,
        })
    }
}

/// The stock that a command left, its legs apart.
pub(crate) fn stock(outcome: Outcome) -> Result<(StockOutcome, Vec<StockLeg>), Problem> {
    match outcome {
        Outcome::Stock(mut outcome) => {
            let legs = std::mem::take(&mut outcome.legs);
            Ok((outcome, legs))
        }
        _ => Err(unexpected()),
    }
}

/// The log answered something that no stock order leads to.
pub(crate) fn unexpected() -> Problem {
    Problem::unavailable("the log answered something else", 1)
}

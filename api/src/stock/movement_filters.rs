//! Filters of the lists of movements.

use projections::stock::history::MovementFilter;
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, Transaction};
use utoipa::{IntoParams, ToSchema};

use crate::context::Caller;
use crate::extract::word;
use crate::problem::Problem;
use crate::state::AppState;
use crate::stock::instant::{End, instants};

/// Which movements are listed. All conditions hold together.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MovementFilters {
    /// At this location.
    pub(crate) location_id: Option<String>,
    /// Happened at this instant or later, or on this date or later.
    pub(crate) from: Option<String>,
    /// Happened at this instant or before, or on this date or before.
    pub(crate) to: Option<String>,
    /// Of this type.
    #[serde(rename = "type")]
    #[param(inline)]
    pub(crate) movement_type: Option<TypeFilter>,
    /// Refers to this kind of thing.
    #[param(inline)]
    pub(crate) reference_type: Option<ReferenceFilter>,
    /// Refers to this order, delivery or channel.
    pub(crate) reference_id: Option<String>,
    /// Recorded by this actor, for example `user:0191…`.
    pub(crate) created_by: Option<String>,
    /// Item id, sku, name, reference or notes contain this text, whatever its case.
    pub(crate) search: Option<String>,
    /// Happened up to this instant, or to the close of this date.
    pub(crate) as_of: Option<String>,
    /// Recorded up to this instant, or to the close of this date.
    pub(crate) known_at: Option<String>,
}

/// The six types of movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum TypeFilter {
    /// Units came in.
    Inbound,
    /// Units went out.
    Outbound,
    /// Units changed their location.
    Transfer,
    /// A person corrected or counted.
    Adjustment,
    /// A channel stated its stock.
    SyncUpdate,
    /// First stock.
    InitialLoad,
}

/// What a movement refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ReferenceFilter {
    /// A sale or its cancellation.
    Sale,
    /// A delivery.
    PurchaseOrder,
    /// A correction.
    Adjustment,
    /// A channel's snapshot.
    Sync,
    /// A transfer.
    Transfer,
    /// An opening balance.
    Import,
    /// A return.
    Return,
    /// A count.
    Count,
}

impl MovementFilters {
    /// The filter that they mean, dates in the company's time zone.
    pub(crate) async fn read(
        self,
        tx: &mut Transaction<'static, Postgres>,
        state: &AppState,
        caller: &Caller,
        item_key: Option<String>,
    ) -> Result<MovementFilter, Problem> {
        let asked = [
            ("?from", self.from.as_deref(), End::Start),
            ("?to", self.to.as_deref(), End::Close),
            ("?as_of", self.as_of.as_deref(), End::Close),
            ("?known_at", self.known_at.as_deref(), End::Close),
        ];
        let [from, to, as_of, known_at] = instants(tx, state, caller, asked).await?;
        Ok(MovementFilter {
            item_key,
            location_id: self.location_id,
            from,
            to: to.into_iter().chain(as_of).min(),
            known_at,
            movement_type: self.movement_type.map(|kind| word(&kind)),
            reference_type: self.reference_type.map(|kind| word(&kind)),
            reference_id: self.reference_id,
            created_by: self.created_by,
            search: self.search,
        })
    }
}

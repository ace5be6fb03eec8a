//! GET /channels: how sales channels sell.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use projections::sales::queries::{self, ChannelRow};
use serde::Serialize;
use utoipa::ToSchema;

use crate::context::Caller;
use crate::list::{self, Cell, List, ListParams, Listing};
use crate::problem::Problem;
use crate::state::AppState;

/// A sales channel.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ChannelView {
    /// Its name.
    pub(super) channel: String,
    /// Where its sales land; the primary location where null.
    pub(super) location_id: Option<String>,
    /// `DECREMENT`: a sale takes stock at once. `RESERVE`: it is promised now and taken at shipment.
    pub(super) on_sale: String,
    /// Whether returns lower demand; the company's setting where null.
    pub(super) count_returns: Option<bool>,
}

impl From<ChannelRow> for ChannelView {
    fn from(row: ChannelRow) -> Self {
        Self {
            channel: row.channel,
            location_id: row.location_id,
            on_sale: row.on_sale,
            count_returns: row.count_returns,
        }
    }
}

/// List channels.
///
/// Channels that were configured, by name. A channel that was not takes stock at once from the primary location.
#[utoipa::path(get, path = "/channels", operation_id = "list_channels", tag = "sales", params(ListParams),
    responses((status = 200, description = "A page of channels", body = List<ChannelView>)),
    extensions(("x-room" = json!("read"))))]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    listing: Listing,
) -> Result<Response, Problem> {
    let mut sort = listing.sort_by(&["channel"], "channel")?;
    let mut tx = caller.read(&state, &["sales"]).await?;
    let mut views: Vec<ChannelView> =
        queries::channels(&mut tx, caller.company_id).await?.into_iter().map(ChannelView::from).collect();
    if sort.pop().is_some_and(|sort| sort.descending) {
        views.reverse();
    }
    if listing.format.is_download() {
        return list::download(&listing, "channels", futures::stream::iter([Ok::<_, Problem>(views)])).await;
    }
    let total = i64::try_from(views.len()).unwrap_or(i64::MAX);
    let (skip, take) = (listing.offset(), listing.limit());
    let items = views
        .into_iter()
        .skip(usize::try_from(skip).unwrap_or(usize::MAX))
        .take(usize::try_from(take).unwrap_or(usize::MAX))
        .collect();
    Ok(List::<ChannelView>::new(items, total, &listing).into_response())
}

impl list::Row for ChannelView {
    const COLUMNS: &'static [&'static str] = &["channel", "location_id", "on_sale", "count_returns"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::from(self.channel.clone()),
            Cell::from(self.location_id.clone()),
            Cell::from(self.on_sale.clone()),
            Cell::from(self.count_returns),
        ]
    }
}

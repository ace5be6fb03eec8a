//! PUT /channels/{channel}: where a channel's sales land and how they take stock.

use axum::extract::State;
use commands::{Operation, Outcome};
use domain::sales::event::{ChannelConfigured, OnSale};
use domain::shared::ids::{ChannelId, LocationId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::Written;
use crate::body::Body;
use crate::context::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use crate::sales::line_body::key;
use crate::sales::list_channels::ChannelView;
use crate::state::AppState;

/// How a channel sells. The whole configuration; what is absent goes back to its default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelBody {
    /// Where its sales land; the primary location where null.
    #[serde(default)]
    #[schema(example = "MAIN")]
    location_id: Option<String>,
    /// When a sale takes stock.
    #[serde(default)]
    #[schema(inline)]
    on_sale: OnSaleBody,
    /// Whether returns lower demand; the company's setting where null.
    #[serde(default)]
    count_returns: Option<bool>,
}

/// When a sale takes stock.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum OnSaleBody {
    /// At once.
    #[default]
    Decrement,
    /// Reserved now, taken at shipment.
    Reserve,
}

/// A channel as it stands now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChannelAnswer {
    #[serde(flatten)]
    channel: ChannelView,
    /// Position of the last event.
    position: Option<i64>,
}

/// Configure a channel.
#[utoipa::path(put, path = "/channels/{channel}", operation_id = "configure_channel", tag = "sales",
    params(("channel" = String, Path, description = "Name of the channel, at most 100 characters")),
    request_body = ChannelBody,
    responses((status = 200, description = "The channel as it stands now", body = ChannelAnswer)),
    extensions(("x-room" = json!("settings"))))]
pub(crate) async fn configure(
    State(state): State<AppState>,
    caller: Caller,
    Path(channel): Path<String>,
    Body { value, digest }: Body<ChannelBody>,
) -> Result<Written<ChannelAnswer>, Problem> {
    let channel = ChannelId::new(&channel)
        .map_err(|error| Problem::invalid("invalid_key", "", format!("the channel's name {error}")))?;
    let location_id = value.location_id.as_deref().map(LocationId::new);
    let config = ChannelConfigured {
        location_id: location_id.map(|id| key("/location_id", id)).transpose()?,
        on_sale: value.on_sale.into(),
        count_returns: value.count_returns,
    };
    let operation = Operation::ConfigureChannel { channel: channel.clone(), config };
    match state.submit_one(&caller, digest, operation).await? {
        (Outcome::Channel(config), done) => {
            let channel = ChannelView::configured(&channel, config);
            Ok(Written::ok(ChannelAnswer { channel, position: done.position }, done))
        }
        _ => Err(Problem::unavailable("the log answered something else", 1)),
    }
}

impl ChannelView {
    fn configured(channel: &ChannelId, config: ChannelConfigured) -> Self {
        let on_sale = match config.on_sale {
            OnSale::Decrement => "DECREMENT",
            OnSale::Reserve => "RESERVE",
        };
        Self {
            channel: channel.as_str().to_owned(),
            location_id: config.location_id.map(String::from),
            on_sale: on_sale.to_owned(),
            count_returns: config.count_returns,
        }
    }
}

impl From<OnSaleBody> for OnSale {
    fn from(word: OnSaleBody) -> Self {
        match word {
            OnSaleBody::Decrement => Self::Decrement,
            OnSaleBody::Reserve => Self::Reserve,
        }
    }
}

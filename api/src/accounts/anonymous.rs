//! The caller of an operation that needs no token.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use commands::accounts::RequestKey;
use uuid::Uuid;

use crate::body::Digest;
use crate::context::{RequestId, idempotency_key};
use crate::extract::check_query;
use crate::problem::Problem;
use crate::state::AppState;

/// What is known of a caller whom nobody knows yet.
#[derive(Debug, Clone)]
pub(super) struct Anonymous {
    /// Network address, unless it is that of this host: then a proxy speaks for everybody.
    pub(super) address: Option<IpAddr>,
    /// Id of the request.
    pub(super) request_id: Uuid,
    idempotency_key: Option<String>,
}

impl Anonymous {
    /// The request key for the plain tables.
    pub(super) fn request_key(&self, digest: Digest) -> Option<RequestKey> {
        let key = self.idempotency_key.clone()?;
        Some(RequestKey { key, digest: digest.bytes() })
    }
}

impl FromRequestParts<AppState> for Anonymous {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        check_query(parts.uri.query().unwrap_or_default(), &[])?;
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        Ok(Self {
            address: address.filter(|address| !address.is_loopback()),
            request_id: parts.extensions.get::<RequestId>().map_or_else(|| state.ids.next(), |id| id.0),
            idempotency_key: idempotency_key(&parts.headers)?,
        })
    }
}

//! A running server: the same for the binary and for tests.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::middleware::from_fn_with_state;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::observe::observe;
use crate::state::AppState;
use crate::wiring::{Wired, wire};
use crate::{docs, openapi, routes};

pub use crate::wiring::StartError;

/// A server that listens.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What its handlers share.
    pub state: AppState,
    wired: Wired,
    serving: JoinHandle<std::io::Result<()>>,
}

/// Opens the database, starts the work beside requests, and listens.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let addr = config.addr;
    let listener = TcpListener::bind(addr).await.map_err(|source| StartError::Listen { addr, source })?;
    let addr = listener.local_addr().map_err(|source| StartError::Listen { addr, source })?;
    let (canonical, document, rooms) = openapi::build();
    let wired = wire(config, Bytes::from(serde_json::to_vec(&document)?), rooms).await?;
    let state = wired.state.clone();
    let router = router(canonical, &state);
    let stop = state.stop.clone();
    let listener = listener.tap_io(|io| {
        if let Err(error) = io.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's delay");
        }
    });
    let serving = tokio::spawn(async move {
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    });
    tracing::info!(%addr, "listening");
    Ok(Running { addr, state, wired, serving })
}

fn router(canonical: axum::Router<AppState>, state: &AppState) -> axum::Router {
    // Who does not serve tells only how it is.
    let (canonical, aliases) = if state.config.role.serves() {
        (canonical, routes::rooms().split_for_parts().0)
    } else {
        (routes::root().split_for_parts().0, axum::Router::new())
    };
    canonical
        .nest("/api", aliases)
        .merge(docs::router())
        .fallback(routes::unknown_path)
        .method_not_allowed_fallback(routes::unknown_method)
        .layer(from_fn_with_state(state.clone(), observe))
        .with_state(state.clone())
}

impl Running {
    /// Drains: takes no more requests, lets those under way finish, commits what waits, then lets other processes take
    /// over the read models at once, and last stops the private database. Until the requests are answered their read
    /// models go on.
    pub async fn stop(self) {
        self.state.stop.cancel();
        match tokio::time::timeout(std::time::Duration::from_secs(10), self.serving).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::error!(%error, "serving ended badly"),
            Ok(Err(error)) => tracing::error!(%error, "serving ended badly"),
            Err(_) => tracing::warn!("some requests did not end in time"),
        }
        self.state.committers.stop().await;
        self.wired.outlets.stop().await;
        if let Some(runner) = self.wired.runner {
            runner.stop().await;
        }
        self.wired.drained.cancel();
        self.wired.tasks.close();
        if tokio::time::timeout(std::time::Duration::from_secs(5), self.wired.tasks.wait()).await.is_err() {
            tracing::warn!("some work did not end in time");
        }
        self.state.database.clone().stop().await;
    }
}

//! Hands the log on to other systems: the relay to Kafka, the mirror to KurrentDB.

use std::sync::Arc;

use connectors::follow::Follow;
use connectors::kafka::{self, RelayParts};
use connectors::outlet::{Outlet, OutletParts};
use migrations::Role;
use projections::lease::{LEASE_TIME, Leases};

use crate::config::ProcessRole;
use crate::state::AppState;
use crate::wiring::StartError;

/// The outlets of this process.
pub(crate) struct Outlets(Vec<Outlet>);

impl Outlets {
    /// Starts what is asked for and what the process's role allows. Brokers that are away stop nothing.
    pub(crate) async fn start(state: &AppState) -> Result<Self, StartError> {
        let mut outlets = Vec::new();
        if !state.config.role.relays() {
            return Ok(Self(outlets));
        }
        if let Some(kafka) = state.config.kafka.clone() {
            tracing::info!(brokers = kafka.brokers, topic = kafka.topic, "events are relayed");
            outlets.push(kafka::start(RelayParts { kafka, outlet: parts(state).await? }));
        }
        #[cfg(feature = "kurrent")]
        if let Some(address) = &state.config.kurrent {
            use connectors::kurrent::{client::Kurrent, mirror};
            let streams = Kurrent::open(address)?;
            outlets.push(mirror::start(mirror::MirrorParts { streams, outlet: parts(state).await? }));
        }
        if outlets.is_empty() && state.config.role == ProcessRole::Relay {
            return Err(StartError::NoBroker);
        }
        Ok(Self(outlets))
    }

    /// Finishes what is under way.
    pub(crate) async fn stop(self) {
        for outlet in self.0 {
            outlet.stop().await;
        }
    }
}

async fn parts(state: &AppState) -> Result<OutletParts, StartError> {
    let partitions = state.heads.partitions();
    // One connection per partition that reads ahead, and some for what is written down.
    let connections = u32::try_from(partitions).unwrap_or(1) + 2;
    let pool = state.database.pool(Role::Projector, connections).await?;
    let (committers, clock) = (state.committers.clone(), state.clock.clone());
    Ok(OutletParts {
        follow: Follow {
            pool: pool.clone(),
            feeds: Arc::new(move |partition| committers.feed(partition)),
            heads: state.heads.clone(),
        },
        pool,
        // Of their own, so that renewals never wait.
        leases: Leases::new(state.database.pool(Role::Projector, 1).await?, state.ids.next(), &process()),
        lease_time: LEASE_TIME,
        partitions,
        now: Arc::new(move || clock.now()),
    })
}

/// This process, for people.
fn process() -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    format!("{} {}", host.trim(), std::process::id()).trim().to_owned()
}

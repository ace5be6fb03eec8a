//! Relays every partition of the log, as far as this process has their leases.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::config::KafkaConfig;
use super::outbox::MESSAGES;
use super::session::Session;
use crate::outlet::{Outlet, OutletParts};

/// What a relay works with.
pub struct RelayParts {
    /// The topic.
    pub kafka: KafkaConfig,
    /// What every outlet works with.
    pub outlet: OutletParts,
}

/// Name under which leases are taken and progress is written down.
pub fn name_of(kafka: &KafkaConfig) -> String {
    format!("kafka:{}", kafka.topic)
}

/// Starts a relay per partition; each works while this process has the partition's lease. Must be called inside a
/// runtime.
pub fn start(parts: RelayParts) -> Outlet {
    let RelayParts { kafka, outlet } = parts;
    let name = name_of(&kafka);
    let (kafka, parts, cut) = (Arc::new(kafka), outlet.clone(), CancellationToken::new());
    Outlet::start(&name.clone(), outlet, cut.clone(), |partition, tenure, board| Session {
        kafka: Arc::clone(&kafka),
        parts: parts.clone(),
        name: name.clone(),
        partition,
        tenure,
        board,
        cut: cut.clone(),
        at_once: MESSAGES,
    })
}

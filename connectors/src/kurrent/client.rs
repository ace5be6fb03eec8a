//! The vendor's client behind the mirror's trait.

use futures::future::BoxFuture;
use kurrentdb::{
    AppendToStreamOptions, Client, ClientSettings, CurrentRevision, Error, EventData, StreamState,
};
use serde_json::value::RawValue;

use super::streams::{AppendError, Mirrored, Streams};

/// A KurrentDB, connected to at the first append.
pub struct Kurrent {
    client: Client,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("no client for KurrentDB: {0}")]
pub struct NoClient(String);

impl Kurrent {
    /// For a connection string, for example `kurrentdb://admin:changeit@localhost:2113?tls=false`. Must be called inside
    /// a runtime.
    pub fn open(address: &str) -> Result<Self, NoClient> {
        let settings: ClientSettings =
            address.parse().map_err(|_| NoClient("the connection string cannot be read".to_owned()))?;
        let client = Client::new(settings).map_err(|error| NoClient(error.to_string()))?;
        Ok(Self { client })
    }

    async fn try_append(
        &self,
        stream: &str,
        expected: Option<u64>,
        events: &[Mirrored],
    ) -> Result<(), AppendError> {
        let unreadable = |error: serde_json::Error| AppendError::Failed(error.to_string());
        let events = events.iter().map(event).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        let state = expected.map_or(StreamState::NoStream, StreamState::StreamRevision);
        let options = AppendToStreamOptions::default().stream_state(state);
        match self.client.append_to_stream(stream, &options, events).await {
            Ok(_) => Ok(()),
            Err(Error::WrongExpectedVersion { current, .. }) => {
                let current = match current {
                    CurrentRevision::Current(revision) => Some(revision),
                    CurrentRevision::NoStream => None,
                };
                Err(AppendError::Elsewhere { current })
            }
            Err(error) => Err(AppendError::Failed(error.to_string())),
        }
    }
}

/// With the exact stored bytes.
fn event(mirrored: &Mirrored) -> Result<EventData, serde_json::Error> {
    let raw = |text: &str| RawValue::from_string(text.to_owned());
    EventData::json(&mirrored.event_type, &raw(&mirrored.data)?)?
        .id(mirrored.event_id)
        .metadata_as_json(&raw(&mirrored.metadata)?)
}

impl Streams for Kurrent {
    fn append<'a>(
        &'a self,
        stream: &'a str,
        expected: Option<u64>,
        events: &'a [Mirrored],
    ) -> BoxFuture<'a, Result<(), AppendError>> {
        Box::pin(self.try_append(stream, expected, events))
    }
}

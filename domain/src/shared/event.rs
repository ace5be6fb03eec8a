//! How an event of any feature gets its stored name, version and JSON.
//!
//! [`events!`](crate::events) declares an enum whose variants are the stored names. The payload is the JSON of the
//! variant's struct alone; name and version stand in columns of their own beside it.

use serde::de::DeserializeOwned;

/// An event of one feature as the log stores it.
pub trait Event: cqrs_es::DomainEvent + 'static {
    /// Stream type under which these events are stored, for example `stock_item`.
    const STREAM_TYPE: &'static str;

    /// Stored name and schema version of every event of this feature.
    const TYPES: &'static [(&'static str, i16)];

    /// Stored name, for example `StockAdjusted`.
    fn name(&self) -> &'static str;

    /// Version of the payload's shape, 1 or more.
    fn schema_version(&self) -> i16;

    /// The payload as JSON text.
    fn payload(&self) -> Result<String, serde_json::Error>;

    /// Reads a stored payload of any version ever written; older shapes pass through [`upcast`].
    fn decode(name: &str, schema_version: i16, payload: &str) -> Result<Self, DecodeError>;
}

/// A stored event that today's code cannot read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No feature knows an event of this name.
    #[error("unknown event type {0}")]
    UnknownType(String),
    /// The event was written by a newer release, or no upcaster leads from its version to today's.
    #[error("event {name} version {version} cannot be brought to version {newest}")]
    UnknownVersion {
        /// Stored name.
        name: String,
        /// Stored version.
        version: i16,
        /// Version that this code writes.
        newest: i16,
    },
    /// The payload does not have the shape of its version.
    #[error("payload of event {name} cannot be read")]
    Payload {
        /// Stored name.
        name: String,
        /// What the JSON reader said.
        #[source]
        source: serde_json::Error,
    },
}

/// Turns the payload of one event version into the next version's shape.
#[derive(Debug, Clone, Copy)]
pub struct Upcaster {
    /// Stored name.
    pub event: &'static str,
    /// Version it reads; it answers `from + 1`.
    pub from: i16,
    /// The change of shape. Total: whatever was stored once can be read.
    pub change: fn(serde_json::Value) -> serde_json::Value,
}

/// Reads `payload` of version `stored` as version `newest`, through as many `upcasters` as lie between.
pub fn upcast<T: DeserializeOwned>(
    upcasters: &[Upcaster],
    name: &str,
    stored: i16,
    newest: i16,
    payload: &str,
) -> Result<T, DecodeError> {
    let unreadable = |source| DecodeError::Payload { name: name.to_owned(), source };
    if stored == newest {
        return serde_json::from_str(payload).map_err(unreadable);
    }
    let mut value: serde_json::Value = serde_json::from_str(payload).map_err(unreadable)?;
    for version in stored..newest {
        let step = upcasters.iter().find(|step| step.event == name && step.from == version);
        let Some(step) = step else {
            return Err(DecodeError::UnknownVersion { name: name.to_owned(), version: stored, newest });
        };
        value = (step.change)(value);
    }
    if stored > newest {
        return Err(DecodeError::UnknownVersion { name: name.to_owned(), version: stored, newest });
    }
    serde_json::from_value(value).map_err(unreadable)
}

/// Declares a feature's event enum: `Variant(Struct) = version`, stored under the variant's name.
#[macro_export]
macro_rules! events {
    (
        $(#[$meta:meta])*
        pub enum $enum:ident in $stream:literal upcast $upcasters:expr => {
            $( $(#[$vmeta:meta])* $variant:ident = $version:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "event_type", content = "data")]
        pub enum $enum {
            $( $(#[$vmeta])* $variant($variant), )+
        }

        impl $crate::shared::event::Event for $enum {
            const STREAM_TYPE: &'static str = $stream;
            const TYPES: &'static [(&'static str, i16)] = &[ $( (stringify!($variant), $version), )+ ];

            fn name(&self) -> &'static str {
                match self { $( Self::$variant(_) => stringify!($variant), )+ }
            }

            fn schema_version(&self) -> i16 {
                match self { $( Self::$variant(_) => $version, )+ }
            }

            fn payload(&self) -> Result<String, serde_json::Error> {
                match self { $( Self::$variant(data) => serde_json::to_string(data), )+ }
            }

            fn decode(
                name: &str,
                schema_version: i16,
                payload: &str,
            ) -> Result<Self, $crate::shared::event::DecodeError> {
                match name {
                    $( stringify!($variant) => $crate::shared::event::upcast(
                        $upcasters, name, schema_version, $version, payload,
                    ).map(Self::$variant), )+
                    _ => Err($crate::shared::event::DecodeError::UnknownType(name.to_owned())),
                }
            }
        }

        impl cqrs_es::DomainEvent for $enum {
            fn event_type(&self) -> String {
                $crate::shared::event::Event::name(self).to_owned()
            }

            fn event_version(&self) -> String {
                $crate::shared::event::Event::schema_version(self).to_string()
            }
        }
    };
}

/// Implements `cqrs_es::Aggregate` over the pure `decide` and `evolve` of a room.
#[macro_export]
macro_rules! aggregate {
    ($state:ty, $command:ty, $event:ty, $refusal:ty) => {
        impl cqrs_es::Aggregate for $state {
            const TYPE: &'static str = <$event as $crate::shared::event::Event>::STREAM_TYPE;
            type Command = $command;
            type Event = $event;
            type Error = $refusal;
            type Services = ();

            async fn handle(
                &mut self,
                command: Self::Command,
                _services: &Self::Services,
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Self::Error> {
                for event in self.decide(command)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: Self::Event) {
                self.evolve(&event);
            }
        }
    };
}

//! Keys of companies, people, products, locations and channels.
//!
//! Text keys are trimmed, keep their case, are never empty and have at most 100 characters; control characters are
//! refused. They are cheap to clone.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::shared::text;

/// Longest text key, in characters.
pub const MAX_KEY_CHARS: usize = 100;

/// Why a text cannot be a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// Longer than [`MAX_KEY_CHARS`].
    #[error("must have at most {MAX_KEY_CHARS} characters, has {0}")]
    TooLong(usize),
    /// Holds a control character, which no file or label can show.
    #[error("must not hold control characters")]
    Control,
}

fn checked_key(text: &str) -> Result<Arc<str>, KeyError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(KeyError::Empty);
    }
    let chars = text.chars().count();
    if chars > MAX_KEY_CHARS {
        return Err(KeyError::TooLong(chars));
    }
    if text.chars().any(char::is_control) {
        return Err(KeyError::Control);
    }
    Ok(Arc::from(text))
}

macro_rules! text_key {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Trims and checks `text`.
            pub fn new(text: &str) -> Result<Self, KeyError> {
                checked_key(text).map(Self)
            }

            /// The key as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                text::read(deserializer, Self::new)
            }
        }

        impl From<$name> for String {
            fn from(key: $name) -> String {
                key.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_key! {
    /// Business key of a product, unique per company.
    ItemId
}
text_key! {
    /// External code of a location, unique per company.
    LocationId
}
text_key! {
    /// Name of a sales channel or report source, unique per company.
    ChannelId
}

macro_rules! uuid_key {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_key! {
    /// Tenant (`UUIDv7`); `client_id` is its alias on the surface.
    CompanyId
}
uuid_key! {
    /// A person who signs in (`UUIDv7`).
    UserId
}
uuid_key! {
    /// Who delivers (`UUIDv7`).
    SupplierId
}
uuid_key! {
    /// A purchase order (`UUIDv7`).
    PurchaseOrderId
}
uuid_key! {
    /// A marketing campaign (`UUIDv7`).
    CampaignId
}
uuid_key! {
    /// A run of forecasts (`UUIDv7`).
    ForecastRunId
}

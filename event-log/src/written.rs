//! Checkpoints and proofs as text: one line of JSON, read only as it was written, byte for byte. What is written
//! otherwise was not written by us, even where it would mean the same.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::checkpoint::Flaw;

/// The line, without its end.
pub(crate) fn write<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

/// Reads a line, with or without its end.
pub(crate) fn read<T: Serialize + DeserializeOwned>(text: &str) -> Result<T, Flaw> {
    let value: T = serde_json::from_str(text).map_err(Flaw::Unreadable)?;
    let expected = write(&value).map_err(Flaw::Unreadable)?;
    let as_written = text == expected || text.strip_suffix('\n') == Some(&expected);
    if as_written { Ok(value) } else { Err(Flaw::Rewritten) }
}

/// Instants in whole microseconds, as they are stored and hashed.
pub(crate) mod micros {
    use chrono::{DateTime, Utc};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        instant: &DateTime<Utc>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        instant.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let instant = DateTime::<Utc>::deserialize(deserializer)?;
        DateTime::from_timestamp_micros(instant.timestamp_micros())
            .ok_or_else(|| D::Error::custom("the instant cannot be counted in microseconds"))
    }
}

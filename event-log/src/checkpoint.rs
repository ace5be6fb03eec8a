//! Signed checkpoints: where the partitions of a log stood, in a file that is kept out of reach of those who run it.
//!
//! Whoever rewrites the whole chain can hide it from the database alone, not from a checkpoint kept elsewhere: the
//! chain must pass through it ([`crate::verify`]). Besides the hash of the last batch, a checkpoint holds the hash of a
//! tree over all batches, so that a single event can be proved to somebody who has nothing but the checkpoint
//! ([`crate::proof`]). The signature says who answers for it.

use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row};

use crate::append::{self, Head, hash_of};
use crate::chain::GENESIS;
use crate::signing::{KEY_BYTES, PublicKey, SIGNATURE_BYTES, SigningKey};
use crate::tree::Tree;
use crate::{LogError, hex, written};

/// What is signed begins with this, so that it can be taken for nothing else.
const PURPOSE: &[u8] = b"stocktrail checkpoint 1\0";

/// Where a partition stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tip {
    /// Partition.
    pub partition: i16,
    /// Number of the last batch, 0 in an empty partition.
    pub batch: i64,
    /// Position of the last event, 0 in an empty partition.
    pub position: i64,
    /// Chain hash of the last batch.
    #[serde(with = "hex")]
    pub hash: [u8; 32],
    /// Root of the tree whose leaves are the chain hashes of all batches (RFC 9162, section 2.1).
    #[serde(with = "hex")]
    pub tree: [u8; 32],
}

impl Tip {
    /// The head of the partition.
    pub fn head(&self) -> Head {
        Head { position: self.position, batch: self.batch, hash: self.hash }
    }
}

/// Partitions of a log at one time, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedCheckpoint {
    format: Format,
    /// When it was made.
    #[serde(with = "written::micros")]
    pub taken_at: DateTime<Utc>,
    /// Where the partitions stood: all of them, or only those that the reader may know.
    pub partitions: Vec<Tip>,
    #[serde(with = "hex")]
    public_key: [u8; KEY_BYTES],
    #[serde(with = "hex")]
    signature: [u8; SIGNATURE_BYTES],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "stocktrail checkpoint 1")]
    First,
}

/// Why a checkpoint or a proof proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// It is not what it should be.
    #[error("it cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// It says something in other bytes than we write.
    #[error("it is not byte for byte as it was written")]
    Rewritten,
    /// It bears another key than the one that is trusted.
    #[error("it is signed with the key {found}, not with {trusted}")]
    OtherKey {
        /// Key that it bears.
        found: PublicKey,
        /// Key that is trusted.
        trusted: PublicKey,
    },
    /// The owner of the key has not signed this.
    #[error("the signature does not hold")]
    Signature,
    /// The event is not the one whose hash stands in the batch.
    #[error("the event is not what was recorded")]
    Event,
    /// The checkpoint says nothing of the event's partition.
    #[error("the checkpoint does not name partition {0}")]
    NoPartition(i16),
    /// The batch does not lead to the checkpoint.
    #[error("the event's batch does not lead to the checkpoint")]
    Batch,
}

impl SignedCheckpoint {
    /// Signs where partitions stand.
    pub fn sign(key: &SigningKey, taken_at: DateTime<Utc>, partitions: Vec<Tip>) -> Self {
        let taken_at = DateTime::from_timestamp_micros(taken_at.timestamp_micros()).unwrap_or(taken_at);
        let signature = key.sign(&message(taken_at, &partitions));
        Self { format: Format::First, taken_at, partitions, public_key: key.public_key().0, signature }
    }

    /// Whether it is genuine: signed with the key that it bears, which must be `trusted` where that is given. Without
    /// it, somebody still has to compare the key with one that he trusts.
    pub fn check(&self, trusted: Option<&PublicKey>) -> Result<(), Flaw> {
        let found = self.public_key();
        if let Some(trusted) = trusted.filter(|trusted| **trusted != found) {
            return Err(Flaw::OtherKey { found, trusted: *trusted });
        }
        let message = message(self.taken_at, &self.partitions);
        if found.has_signed(&message, &self.signature) { Ok(()) } else { Err(Flaw::Signature) }
    }

    /// The key that it bears.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.public_key)
    }

    /// The signature (Ed25519), as hexadecimal digits.
    pub fn signature(&self) -> String {
        hex::text(&self.signature)
    }

    /// Where a partition stood.
    pub fn tip(&self, partition: i16) -> Option<&Tip> {
        self.partitions.iter().find(|tip| tip.partition == partition)
    }

    /// One line of JSON.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        written::write(self)
    }

    /// Reads what [`Self::to_text`] wrote. Does not look at the signature.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        written::read(text)
    }
}

/// What is signed: purpose, instant in microseconds, number of partitions, then of each its number, batch, position,
/// hash and tree; numbers big-endian.
fn message(taken_at: DateTime<Utc>, partitions: &[Tip]) -> Vec<u8> {
    let mut message = PURPOSE.to_vec();
    message.extend_from_slice(&taken_at.timestamp_micros().to_be_bytes());
    message.extend_from_slice(&u64::try_from(partitions.len()).unwrap_or(u64::MAX).to_be_bytes());
    for tip in partitions {
        message.extend_from_slice(&tip.partition.to_be_bytes());
        message.extend_from_slice(&tip.batch.to_be_bytes());
        message.extend_from_slice(&tip.position.to_be_bytes());
        message.extend_from_slice(&tip.hash);
        message.extend_from_slice(&tip.tree);
    }
    message
}

/// Where a partition stands now; takes as long as reading the hash of each of its batches. Reads as a role that sees
/// the batches.
pub async fn tip(conn: &mut PgConnection, partition: i16) -> Result<Tip, LogError> {
    let head = append::head(conn, partition).await?;
    tip_at(conn, partition, &head).await
}

/// The same for a head that the partition has or had.
pub async fn tip_at(conn: &mut PgConnection, partition: i16, head: &Head) -> Result<Tip, LogError> {
    let mut tree = Tree::default();
    let mut last = GENESIS;
    let mut hashes = batch_hashes(conn, partition, head.batch);
    while let Some(hash) = hashes.try_next().await? {
        tree.push(&hash);
        last = hash;
    }
    if last != head.hash {
        return Err(LogError::Unreadable("the batch of a head"));
    }
    let Head { position, batch, hash } = *head;
    Ok(Tip { partition, batch, position, hash, tree: tree.root() })
}

/// The hashes of all batches up to a number, in order.
pub(crate) fn batch_hashes(
    conn: &mut PgConnection,
    partition: i16,
    up_to: i64,
) -> impl Stream<Item = Result<[u8; 32], LogError>> + Unpin {
    let rows =
        sqlx::query("select hash from log.log_batch where partition = $1 and batch <= $2 order by batch");
    rows.bind(partition).bind(up_to).fetch(conn).map(|row| hash_of(row?.try_get(0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> SignedCheckpoint {
        let tip = |partition| Tip { partition, batch: 7, position: 70, hash: [0xab; 32], tree: [3; 32] };
        let at = "2026-11-21T12:00:00.123456789Z".parse().unwrap();
        SignedCheckpoint::sign(&SigningKey::new(&[9; 32]), at, vec![tip(0), tip(3)])
    }

    #[test]
    fn a_checkpoint_survives_writing_and_reading() {
        let kept = checkpoint();
        let text = kept.to_text().unwrap();
        assert!(
            text.starts_with(
                r#"{"format":"stocktrail checkpoint 1","taken_at":"2026-11-21T12:00:00.123456Z""#
            )
        );
        for text in [text.clone(), format!("{text}\n")] {
            let read = SignedCheckpoint::parse(&text).unwrap();
            assert_eq!(read, kept);
            read.check(None).unwrap();
            read.check(Some(&SigningKey::new(&[9; 32]).public_key())).unwrap();
        }
        let other = SigningKey::new(&[8; 32]).public_key();
        assert!(matches!(kept.check(Some(&other)), Err(Flaw::OtherKey { .. })));
    }

    #[test]
    fn one_flipped_bit_anywhere_spoils_a_checkpoint() {
        let text = checkpoint().to_text().unwrap() + "\n";
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(spoilt) = String::from_utf8(bytes) else { continue };
                let read = SignedCheckpoint::parse(&spoilt).and_then(|read| read.check(None));
                assert!(read.is_err(), "bit {bit} of byte {at}: {spoilt}");
            }
        }
    }

    #[test]
    fn what_means_the_same_in_other_bytes_is_refused() {
        let text = checkpoint().to_text().unwrap();
        let upper = text.replace("abab", "ABAB");
        let spaced = text.replace("\"batch\":7", "\"batch\": 7");
        let longer = text.replace("123456Z", "123456001Z");
        let twice = format!("{text}\n\n");
        for other in [upper, spaced, longer, twice] {
            assert!(matches!(SignedCheckpoint::parse(&other), Err(Flaw::Rewritten)), "{other}");
        }
    }
}

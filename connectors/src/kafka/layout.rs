//! Which Kafka partition an event goes to.
//!
//! Each partition of the log has a run of `spread` Kafka partitions to itself; within it the stream decides, so a
//! stream's events are in order, and with a spread of 1 everything of a company is.

use std::ops::Range;

use event_log::event::StoredEvent;

/// How the log's partitions lie in the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    partitions: i16,
    spread: u16,
}

impl Layout {
    /// A log of `partitions`, each with `spread` Kafka partitions.
    pub fn new(partitions: i16, spread: u16) -> Self {
        Self { partitions: partitions.max(1), spread: spread.max(1) }
    }

    /// Number of Kafka partitions that the topic must have.
    pub fn kafka_partitions(self) -> i32 {
        i32::from(self.partitions) * i32::from(self.spread)
    }

    /// The Kafka partitions of one partition of the log.
    pub fn run(self, partition: i16) -> Range<i32> {
        let first = i32::from(partition) * i32::from(self.spread);
        first..first + i32::from(self.spread)
    }

    /// The Kafka partition of an event of this partition of the log, by its message's key.
    pub fn place(self, partition: i16, key: &str) -> i32 {
        let run = self.run(partition);
        run.start + i32::try_from(hash(key) % u64::from(self.spread)).unwrap_or(0)
    }
}

/// Key of an event's message: company, stream type and stream id.
pub fn key_of(event: &StoredEvent) -> String {
    format!("{}/{}/{}", event.company_id, event.stream_type, event.stream_id)
}

/// FNV-1a with the finalizer of `MurmurHash3`, so that the last characters count in every bit. Stable across releases
/// and machines.
fn hash(key: &str) -> u64 {
    let mut hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_of_the_log_never_share_a_kafka_partition() {
        let layout = Layout::new(4, 4);
        assert_eq!(layout.kafka_partitions(), 16);
        assert_eq!((layout.run(0), layout.run(3)), (0..4, 12..16));
        let mut hit = [0; 16];
        for n in 0..4_000 {
            let place = layout.place(2, &format!("company/stock_item/{n}"));
            assert!(layout.run(2).contains(&place));
            hit[usize::try_from(place).unwrap()] += 1;
        }
        assert!(hit[8..12].iter().all(|count| *count > 900), "streams are spread: {hit:?}");
    }

    #[test]
    fn a_stream_stays_where_it_is() {
        // Stored topics rest on these figures.
        let key = "01910000-0000-7000-8000-000000000001/stock_item/22086";
        assert_eq!(Layout::new(4, 8).place(1, key), 15);
        assert_eq!(hash("22086"), 0x52aa_a944_b096_2e49);
    }
}

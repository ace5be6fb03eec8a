//! What a consumer asks of every message: is it the next one, a repeat, or is something missing?

use super::message::Place;

/// What a message is to somebody who has read its Kafka partition so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The next one.
    Next,
    /// It was here before: pass it over.
    Repeat,
    /// Messages between these two positions are missing.
    Gap {
        /// Position of the last message that was read.
        after: i64,
        /// Position of the message that should have come before this one.
        missing: i64,
    },
}

/// How far somebody has read one Kafka partition. Store [`Sequence::position`] together with what the messages led to,
/// and every event counts exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    position: Option<i64>,
}

impl Sequence {
    /// From the first message of the topic on.
    pub fn from_the_start() -> Self {
        Self { position: Some(0) }
    }

    /// Where somebody left off.
    pub fn after(position: i64) -> Self {
        Self { position: Some(position) }
    }

    /// From any message on, for topics whose old messages are removed.
    pub fn from_anywhere() -> Self {
        Self { position: None }
    }

    /// Position of the last message that was taken.
    pub fn position(&self) -> Option<i64> {
        self.position
    }

    /// Takes the message at `place`, unless it is a repeat. After a gap it goes on behind it.
    pub fn take(&mut self, place: &Place) -> Order {
        let Some(position) = self.position else {
            self.position = Some(place.position);
            return Order::Next;
        };
        if place.position <= position {
            return Order::Repeat;
        }
        self.position = Some(place.position);
        if place.previous > position {
            return Order::Gap { after: position, missing: place.previous };
        }
        Order::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(position: i64, previous: i64) -> Place {
        Place { event_id: uuid::Uuid::nil(), partition: 0, position, previous }
    }

    #[test]
    fn what_follows_is_next_what_was_here_is_a_repeat_and_a_hole_is_named() {
        let mut sequence = Sequence::from_the_start();
        assert_eq!(sequence.take(&place(1, 0)), Order::Next);
        assert_eq!(sequence.take(&place(4, 1)), Order::Next, "the positions between are in other partitions");
        assert_eq!(sequence.take(&place(4, 1)), Order::Repeat);
        assert_eq!(sequence.take(&place(1, 0)), Order::Repeat);
        assert_eq!(sequence.take(&place(9, 7)), Order::Gap { after: 4, missing: 7 });
        assert_eq!(sequence.position(), Some(9));
        assert_eq!(Sequence::from_anywhere().take(&place(9, 7)), Order::Next);
        assert_eq!(Sequence::after(7).take(&place(9, 7)), Order::Next);
        assert_eq!(Sequence::from_the_start().take(&place(9, 7)), Order::Gap { after: 0, missing: 7 });
    }
}

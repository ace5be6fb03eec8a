//! What stock must do, apart from the product's own code: the model that every answer is held against.
//!
//! A count or `SET_TO` states how much lies somewhere at an instant. Commands of one batch bear one instant, so one that
//! is decided after a statement of its own batch is taken to be counted already: its answer names the statement, and
//! changes nothing. The model accepts that of the newest statement only; whether both overlapped is looked at where the
//! times are known.

use stateright::semantics::SequentialSpec;
use uuid::Uuid;

/// The two locations of every company.
pub(crate) const PLACES: [&str; 2] = ["MAIN", "SHOP"];

/// What a writer asks about one item. `at` and `from` are numbers in [`PLACES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Units arrive.
    Receive { at: usize, quantity: i64 },
    /// Units go; refused where there are fewer.
    Subtract { at: usize, quantity: i64 },
    /// So many were counted.
    Count { at: usize, quantity: i64 },
    /// So many there shall be.
    SetTo { at: usize, quantity: i64 },
    /// Units go to the other location; refused where there are fewer.
    Transfer { from: usize, quantity: i64 },
}

/// What an answer says of one location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) at: usize,
    pub(crate) before: i64,
    pub(crate) after: i64,
    /// The statement that had counted it already.
    pub(crate) superseded_by: Option<Uuid>,
}

/// What a writer is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Done {
        movement_id: Uuid,
        legs: Vec<Leg>,
    },
    /// There is less than was asked.
    Refused {
        on_hand: i64,
    },
}

/// Stock of one item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stock([Shelf; 2]);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shelf {
    on_hand: i64,
    /// The newest statement.
    stated_by: Option<Uuid>,
}

/// What an order does at one location.
enum Change {
    By(i64),
    To(i64),
}

impl Order {
    fn changes(self) -> Vec<(usize, Change)> {
        match self {
            Self::Receive { at, quantity } => vec![(at, Change::By(quantity))],
            Self::Subtract { at, quantity } => vec![(at, Change::By(-quantity))],
            Self::Count { at, quantity } | Self::SetTo { at, quantity } => vec![(at, Change::To(quantity))],
            Self::Transfer { from, quantity } => {
                vec![(from, Change::By(-quantity)), (1 - from, Change::By(quantity))]
            }
        }
    }

    /// Where it takes units away, and how many.
    fn takes(self) -> Option<(usize, i64)> {
        match self {
            Self::Subtract { at, quantity } | Self::Transfer { from: at, quantity } => Some((at, quantity)),
            Self::Receive { .. } | Self::Count { .. } | Self::SetTo { .. } => None,
        }
    }
}

impl Stock {
    /// Units at a location.
    pub(crate) fn on_hand(&self, at: usize) -> i64 {
        self.0[at].on_hand
    }

    /// Goes on as the answer says, or tells why that cannot be.
    pub(crate) fn step(&mut self, order: Order, answer: &Answer) -> Result<(), String> {
        match answer {
            Answer::Refused { on_hand } => {
                let stands = order.takes().map(|(at, quantity)| (self.0[at].on_hand, quantity));
                match stands {
                    Some((stands, quantity)) if stands == *on_hand && stands < quantity => Ok(()),
                    _ => Err(format!("refused by {on_hand} on hand, there were {stands:?}")),
                }
            }
            Answer::Done { movement_id, legs } => {
                let changes = order.changes();
                if changes.len() != legs.len() {
                    return Err(format!("{} locations are told of", legs.len()));
                }
                for ((at, change), leg) in changes.into_iter().zip(legs) {
                    self.0[at].change(at, &change, leg, *movement_id)?;
                }
                Ok(())
            }
        }
    }
}

impl Shelf {
    fn change(&mut self, at: usize, change: &Change, leg: &Leg, movement_id: Uuid) -> Result<(), String> {
        let after = match (change, leg.superseded_by) {
            (Change::By(_), Some(by)) if self.stated_by == Some(by) => self.on_hand,
            (_, Some(by)) => return Err(format!("{by} is not the newest statement")),
            (Change::By(units), None) => self.on_hand + units,
            (Change::To(stated), None) => {
                self.stated_by = Some(movement_id);
                *stated
            }
        };
        let expected = (at, self.on_hand, after);
        if (leg.at, leg.before, leg.after) != expected || after < 0 {
            return Err(format!("answered {leg:?}, expected {expected:?}"));
        }
        self.on_hand = after;
        Ok(())
    }
}

impl SequentialSpec for Stock {
    type Op = Order;
    type Ret = Answer;

    fn invoke(&mut self, order: &Order) -> Answer {
        unreachable!("{order:?} was never answered, and such histories are not judged")
    }

    fn is_valid_step(&mut self, order: &Order, answer: &Answer) -> bool {
        self.step(*order, answer).is_ok()
    }
}

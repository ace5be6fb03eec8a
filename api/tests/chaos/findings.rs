//! What must not be, as it was found.

use std::collections::BTreeMap;
use std::fmt;

/// Examples that are told of each kind.
const EXAMPLES: usize = 5;

/// What is wrong. Planted defects are told apart by these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A command was acknowledged and is not in the log.
    Lost,
    /// A command is in the log twice.
    Twice,
    /// Positions have a hole, or the log ends elsewhere than its head says.
    Gap,
    /// The log has something that nobody asked for, or that was refused.
    Unasked,
    /// The log has a command elsewhere than its answer said, or before one that had been answered already.
    Misplaced,
    /// An answer is not what the commands before it lead to.
    WrongAnswer,
    /// The hash chain does not hold.
    Chain,
    /// The history of an item cannot be put in one order.
    NotLinearizable,
    /// A read model is not a fold of the log.
    Drift,
    /// A read model or the topic does not come to the end of the log.
    Behind,
    /// A command is never answered.
    Unanswered,
    /// An answer that no command may get.
    BadAnswer,
    /// The topic lacks an event.
    TopicGap,
    /// The topic has an event twice.
    TopicTwice,
    /// The topic has events in another order than the log.
    TopicOrder,
    /// A message is not its event.
    TopicContent,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Findings(BTreeMap<Kind, Vec<String>>);

impl Findings {
    /// Notes one.
    pub(crate) fn add(&mut self, kind: Kind, what: impl Into<String>) {
        self.0.entry(kind).or_default().push(what.into());
    }

    /// Notes those of another part.
    pub(crate) fn join(&mut self, others: Self) {
        for (kind, found) in others.0 {
            self.0.entry(kind).or_default().extend(found);
        }
    }

    /// Whether all is well.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, found) in &self.0 {
            writeln!(f, "[{kind:?}] {} times:", found.len())?;
            for example in found.iter().take(EXAMPLES) {
                writeln!(f, "    {example}")?;
            }
        }
        Ok(())
    }
}

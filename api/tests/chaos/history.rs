//! What writers were told and when, and whether it can have happened in one order.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use stateright::semantics::{ConsistencyTester, LinearizabilityTester};

use crate::findings::{Findings, Kind};
use crate::model::{Answer, Order, Stock};

/// How long one item's history may be thought about.
const PATIENCE: Duration = Duration::from_mins(2);

/// A command with its answer.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Its `Idempotency-Key`, also the note of its event.
    pub(crate) key: String,
    /// Number of the item among all.
    pub(crate) item: usize,
    pub(crate) order: Order,
    /// When it was sent first.
    pub(crate) asked: Instant,
    /// When the answer came.
    pub(crate) answered: Instant,
    pub(crate) answer: Answer,
    /// Where the log has it; none for a refusal.
    pub(crate) position: Option<i64>,
}

/// Judges the history of an item that began with `start`.
pub(crate) fn judge(item: usize, start: Stock, told: Vec<Told>, findings: &mut Findings) {
    let (verdict, judged) = mpsc::channel();
    let commands = told.len();
    // The search can take for ever where there is no order; then its thread is left to itself.
    let search = thread::Builder::new().stack_size(64 << 20).spawn(move || {
        let _nobody_waits = verdict.send(is_linearizable(start, &told));
    });
    assert!(search.is_ok(), "no thread for the checker");
    match judged.recv_timeout(PATIENCE) {
        Ok(true) => {}
        Ok(false) => {
            findings
                .add(Kind::NotLinearizable, format!("item {item}: no order of its {commands} commands fits"));
        }
        Err(_) => {
            let what = format!("item {item}: no order of its {commands} commands was found in {PATIENCE:?}");
            findings.add(Kind::NotLinearizable, what);
        }
    }
}

/// Whether these commands can have happened one after the other, each between its question and its answer.
fn is_linearizable(start: Stock, told: &[Told]) -> bool {
    let asked = told.iter().enumerate().map(|(number, told)| (told.asked, false, number));
    let answered = told.iter().enumerate().map(|(number, told)| (told.answered, true, number));
    // Of one instant questions come first: what may have overlapped is taken to have overlapped.
    let mut moments: Vec<_> = asked.chain(answered).collect();
    moments.sort_unstable();
    let mut tester = LinearizabilityTester::new(start);
    // The checker knows threads with one command at a time: each command takes a thread that is free.
    let (mut threads, mut thread_of) = (Vec::new(), vec![0; told.len()]);
    for (_, is_answer, number) in moments {
        let recorded = if is_answer {
            threads[thread_of[number]] = false;
            tester.on_return(thread_of[number], told[number].answer.clone())
        } else {
            let free = threads.iter().position(|busy| !busy).unwrap_or(threads.len());
            if free == threads.len() {
                threads.push(false);
            }
            threads[free] = true;
            thread_of[number] = free;
            tester.on_invoke(free, told[number].order)
        };
        assert!(recorded.is_ok(), "{recorded:?}");
    }
    tester.is_consistent()
}

/// The checker is worth its name: it finds what is wrong in short histories.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Leg;
    use uuid::Uuid;

    fn told(moments: (u64, u64), order: Order, answer: Answer, begun: Instant) -> Told {
        let at = |ms| begun + Duration::from_millis(ms);
        let (asked, answered) = (at(moments.0), at(moments.1));
        Told { key: String::new(), item: 0, order, asked, answered, answer, position: None }
    }

    fn done(before: i64, after: i64) -> Answer {
        let leg = Leg { at: 0, before, after, superseded_by: None };
        Answer::Done { movement_id: Uuid::nil(), legs: vec![leg] }
    }

    const FIVE: Order = Order::Receive { at: 0, quantity: 5 };

    #[test]
    fn overlapping_commands_may_have_come_in_either_order() {
        let begun = Instant::now();
        let take = Order::Subtract { at: 0, quantity: 3 };
        let history = [told((0, 30), take, done(5, 2), begun), told((10, 20), FIVE, done(0, 5), begun)];
        assert!(is_linearizable(Stock::default(), &history));
        let refused = Answer::Refused { on_hand: 0 };
        let history = [told((0, 30), take, refused, begun), told((10, 20), FIVE, done(0, 5), begun)];
        assert!(is_linearizable(Stock::default(), &history));
    }

    #[test]
    fn a_command_that_forgets_an_answered_one_fits_no_order() {
        let begun = Instant::now();
        let history = [told((0, 10), FIVE, done(0, 5), begun), told((20, 30), FIVE, done(0, 5), begun)];
        assert!(!is_linearizable(Stock::default(), &history), "the first is lost");
        let history = [told((0, 10), FIVE, done(5, 10), begun), told((20, 30), FIVE, done(0, 5), begun)];
        assert!(!is_linearizable(Stock::default(), &history), "the second came before the first");
        let history = [told((0, 10), FIVE, done(0, 10), begun)];
        assert!(!is_linearizable(Stock::default(), &history), "it counts twice");
    }
}

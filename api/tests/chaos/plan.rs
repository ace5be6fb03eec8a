//! The faults of a round, drawn from its seed: every kind at least once, and when.

use std::time::Duration;

use fastrand::Rng;

use crate::proxy::{Cut, Victim, When};

/// Longer than a lease (5 s).
const STOPPED: Duration = Duration::from_millis(6_500);
/// How long commits wait behind the head row.
const SLOW: Duration = Duration::from_secs(1);

/// One trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `kill -9` of one process of this role; it is started again.
    Kill { role: &'static str, number: usize },
    /// `kill -9` of PostgreSQL.
    KillPostgres,
    /// `SIGSTOP` for longer than a lease lasts, then `SIGCONT`.
    Stop { role: &'static str, number: usize, time: Duration },
    /// Somebody holds the head row of one company's partition.
    SlowCommits { company: usize, time: Duration },
    /// An answer of PostgreSQL is lost.
    LoseAnswer(Cut),
    /// The broker is away.
    NoBroker { time: Duration },
}

/// A fault and when in the round it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) at: Duration,
    pub(crate) fault: Fault,
}

/// A seed for a part of something that has a seed, of all numbers alike.
pub(crate) fn seed_of(seed: u64, part: usize) -> u64 {
    let part = u64::try_from(part).unwrap_or(u64::MAX);
    Rng::with_seed(seed ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15)).u64(..)
}

/// What happens in a round to processes of these roles, so many of each.
pub(crate) fn draw(seed: u64, roles: &[&'static str], each: usize, companies: usize) -> Vec<Planned> {
    let mut rng = Rng::with_seed(seed);
    let mut plan = Vec::new();
    let mut add = |rng: &mut Rng, from: u64, to: u64, fault: Fault| {
        plan.push(Planned { at: Duration::from_millis(rng.u64(from..to)), fault });
    };
    for role in roles {
        let (killed, stopped) = (rng.usize(0..each), rng.usize(0..each));
        add(&mut rng, 300, 7_000, Fault::Kill { role, number: killed });
        add(&mut rng, 100, 1_500, Fault::Stop { role, number: stopped, time: STOPPED });
    }
    add(&mut rng, 1_000, 6_000, Fault::KillPostgres);
    for _ in 0..2 {
        let company = rng.usize(0..companies);
        add(&mut rng, 200, 6_000, Fault::SlowCommits { company, time: SLOW });
    }
    let whens = [When::BeforeItArrives, When::AtOnce, When::Answered, When::Answered];
    for victim in [Victim::Append, Victim::Commit] {
        for when in whens {
            add(&mut rng, 200, 6_500, Fault::LoseAnswer(Cut { victim, when }));
        }
    }
    if roles.contains(&"relay") {
        let time = Duration::from_millis(rng.u64(300..1_500));
        add(&mut rng, 500, 6_000, Fault::NoBroker { time });
    }
    plan.sort_by_key(|planned| planned.at);
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_follows_from_its_seed_and_has_everything() {
        let roles = ["api", "worker", "relay"];
        for round in 0..100 {
            let seed = seed_of(42, round);
            let plan = draw(seed, &roles, 2, 2);
            assert_eq!(plan, draw(seed, &roles, 2, 2));
            assert_ne!(plan, draw(seed_of(43, round), &roles, 2, 2));
            let has = |wanted: &dyn Fn(&Fault) -> bool| plan.iter().any(|planned| wanted(&planned.fault));
            for name in roles {
                assert!(has(&|fault| matches!(fault, Fault::Kill { role, .. } if *role == name)));
                assert!(has(&|fault| matches!(fault, Fault::Stop { role, .. } if *role == name)));
            }
            assert!(has(&|fault| matches!(fault, Fault::KillPostgres)));
            assert!(has(&|fault| matches!(fault, Fault::SlowCommits { .. })));
            assert!(has(&|fault| matches!(fault, Fault::NoBroker { .. })));
            for victim in [Victim::Append, Victim::Commit] {
                let lost = Cut { victim, when: When::Answered };
                assert!(has(&|fault| *fault == Fault::LoseAnswer(lost)));
            }
        }
    }
}

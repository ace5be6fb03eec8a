//! Which partitions this process hands on to another system, and until when.
//!
//! A lease says which process it is (`projections::lease`); a [`Tenure`] is what the work sees of it: an instant by this
//! process's own clock that lies before the lease's end. Work that stops there is over when another process begins.

use std::sync::Arc;
use std::time::Duration;

use projections::lease::sharing::{Shares, Sharing};
use projections::lease::{Lease, Leases};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Steps in the time of a lease.
const STEPS: u32 = 5;
/// How long work under way may take to end when the process stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// The right to hand one partition on.
#[derive(Debug, Clone)]
pub struct Tenure {
    term: watch::Receiver<Term>,
    busy: Arc<watch::Sender<bool>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Term {
    /// None while another process has the lease.
    until: Option<Instant>,
    /// Somebody else is to go on: what is under way is finished, nothing more is begun.
    ending: bool,
}

/// While it lives, the lease is not let go.
#[derive(Debug)]
pub struct Busy(Arc<watch::Sender<bool>>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

impl Tenure {
    /// Waits until the partition is this process's.
    pub async fn begin(&mut self) -> Busy {
        loop {
            self.term.mark_unchanged();
            // Said before it is asked, so that the lease is not let go in between.
            self.busy.send_replace(true);
            let busy = Busy(Arc::clone(&self.busy));
            if self.goes_on() {
                return busy;
            }
            drop(busy);
            if self.term.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Whether work under way may go on at this moment.
    pub fn holds(&self) -> bool {
        self.term.borrow().until.is_some_and(|until| Instant::now() < until)
    }

    /// Whether more work may begin at this moment.
    pub fn goes_on(&self) -> bool {
        !self.term.borrow().ending && self.holds()
    }

    /// Waits until no more work may begin.
    pub async fn over(&mut self) {
        loop {
            let term = *self.term.borrow_and_update();
            let Some(until) = term.until.filter(|_| !term.ending) else { return };
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                changed = self.term.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// Keeps the leases behind the tenures of one name.
#[derive(Debug)]
pub struct Keeper {
    leases: Leases,
    sharing: Sharing,
    time: Duration,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    partition: i16,
    term: watch::Sender<Term>,
    busy: watch::Receiver<bool>,
}

impl Keeper {
    /// Shares the partitions of `name` evenly with all processes that keep it, under leases of this `time`. Somebody must
    /// [`Keeper::run`] it.
    pub fn new(leases: Leases, name: &str, partitions: i16, time: Duration) -> (Self, Vec<Tenure>) {
        let leases = leases.lasting(time);
        let sharing = Sharing::new(leases.clone(), vec![Arc::from(name)], partitions);
        let (mut places, mut tenures) = (Vec::new(), Vec::new());
        for partition in 0..partitions {
            let (term, seen) = watch::channel(Term { until: None, ending: false });
            let (busy, at_work) = watch::channel(false);
            places.push(Place { partition, term, busy: at_work });
            tenures.push(Tenure { term: seen, busy: Arc::new(busy) });
        }
        (Self { leases, sharing, time, places }, tenures)
    }

    /// Claims, renews and lets go until `stop` is cancelled and the work is over.
    pub async fn run(self, stop: CancellationToken) {
        let mut stopped: Option<Instant> = None;
        loop {
            let asked = Instant::now();
            match self.sharing.step().await {
                Ok(shares) => self.apply(&shares, asked, stopped.is_some()).await,
                Err(error) => tracing::warn!(%error, "leases cannot be renewed"),
            }
            if let Some(since) = stopped {
                let patient = since.elapsed() < PATIENCE;
                if !patient {
                    self.places.iter().for_each(|place| place.set(Term { until: None, ending: true }));
                }
                if self.places.iter().all(|place| !*place.busy.borrow()) {
                    break;
                }
            }
            tokio::select! {
                () = stop.cancelled(), if stopped.is_none() => {
                    stopped = Some(Instant::now());
                    self.places.iter().for_each(Place::end);
                }
                () = tokio::time::sleep(if stopped.is_some() { self.time / 50 } else { self.time / STEPS }) => {}
            }
        }
        if let Err(error) = self.sharing.leave().await {
            tracing::warn!(%error, "leases cannot be released");
        }
    }

    /// Tells the work what the leases say. A lease that others should have is let go once its work is over.
    async fn apply(&self, shares: &Shares, asked: Instant, stopped: bool) {
        // The lease ends a fifth later than the work, by the database's clock, which was asked after `asked`.
        let until = asked + self.time - self.time / STEPS;
        for place in &self.places {
            let is_ours = |lease: &&Lease| lease.partition == place.partition;
            let Some(lease) = shares.held.iter().find(is_ours) else {
                place.set(Term { until: None, ending: stopped });
                continue;
            };
            let surplus = shares.surplus.iter().any(|lease| is_ours(&lease));
            place.set(Term { until: Some(until), ending: surplus || stopped });
            if surplus
                && !*place.busy.borrow()
                && let Err(error) = self.leases.release(lease).await
            {
                tracing::warn!(%error, "a lease cannot be released");
            }
        }
    }
}

impl Place {
    fn set(&self, term: Term) {
        self.term.send_replace(term);
    }

    fn end(&self) {
        self.term.send_modify(|term| term.ending = true);
    }
}

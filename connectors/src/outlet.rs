//! Hands the log on to another system: for each partition session after session, in one process at a time.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use projections::lease::Leases;
use sqlx::PgPool;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::board::{self, Board, State};
use crate::follow::Follow;
use crate::tenure::{Keeper, Tenure};

/// Pauses after failures, from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// What every outlet works with. Cheap to clone.
#[derive(Clone)]
pub struct OutletParts {
    /// Where events come from.
    pub follow: Follow,
    /// Connections of the projector's role, for what is written down.
    pub pool: PgPool,
    /// Leases of this process.
    pub leases: Leases,
    /// How long a lease lasts; after a crash nobody hands events on for about so long.
    pub lease_time: Duration,
    /// Partitions of the log.
    pub partitions: i16,
    /// The server's clock.
    pub now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

/// One stretch of handing a partition on, begun anew after every failure.
pub(crate) trait Session: Send + 'static {
    /// Why it ended early.
    type Error: std::error::Error + Send;

    /// Hands events on until the tenure is over.
    fn run(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// An outlet at work. Dropped, it is cut off as by a crash; [`Outlet::stop`] ends it in order.
pub struct Outlet {
    tasks: JoinSet<()>,
    keeper: JoinHandle<()>,
    stop: CancellationToken,
    cut: CancellationToken,
    board: Board,
}

impl Outlet {
    /// Starts a session maker per partition. `cut` is cancelled when everything is to be dropped as it is.
    pub(crate) fn start<S: Session>(
        name: &str,
        parts: OutletParts,
        cut: CancellationToken,
        mut session: impl FnMut(i16, Tenure, Board) -> S,
    ) -> Self {
        let stop = CancellationToken::new();
        let board = Board::new(name.to_owned(), parts.partitions, Arc::clone(&parts.now));
        let (keeper, tenures) = Keeper::new(parts.leases, name, parts.partitions, parts.lease_time);
        let mut tasks = JoinSet::new();
        for (partition, tenure) in (0..parts.partitions).zip(tenures) {
            let session = session(partition, tenure.clone(), board.clone());
            tasks.spawn(again_and_again(session, partition, tenure, board.clone(), stop.clone()));
        }
        tasks.spawn(board::report(board.clone(), parts.pool, parts.follow.heads));
        let keeper = tokio::spawn(keeper.run(stop.clone()));
        Self { tasks, keeper, stop, cut, board }
    }

    /// Where its partitions stand.
    pub fn board(&self) -> Board {
        self.board.clone()
    }

    /// Finishes what is under way, releases the leases and ends.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.keeper).await {
            tracing::error!(%error, "the keeper of an outlet's leases ended badly");
        }
        self.tasks.shutdown().await;
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.cut.cancel();
        self.keeper.abort();
    }
}

async fn again_and_again<S: Session>(
    mut session: S,
    partition: i16,
    mut tenure: Tenure,
    board: Board,
    stop: CancellationToken,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let busy = tokio::select! {
            () = stop.cancelled() => return,
            busy = tenure.begin() => busy,
        };
        let begun = Instant::now();
        let done = session.run().await;
        drop(busy);
        let Err(error) = done else {
            board.is(partition, State::Elsewhere, None);
            pause = FIRST_PAUSE;
            continue;
        };
        if begun.elapsed() > LONGEST_PAUSE * 2 {
            pause = FIRST_PAUSE;
        }
        let mut why = error.to_string();
        if let Some(source) = std::error::Error::source(&error) {
            why = format!("{why}: {source}");
        }
        board.is(partition, State::Waiting, Some(why));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

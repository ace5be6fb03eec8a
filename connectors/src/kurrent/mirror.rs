//! Mirrors every partition of the log, as far as this process has their leases.

use std::sync::Arc;
use std::time::Duration;

use event_log::LogError;
use event_log::event::StoredEvent;
use futures::{StreamExt, TryStreamExt};
use projections::outbound;
use tokio_util::sync::CancellationToken;

use super::streams::{AppendError, Mirrored, Streams, name_of};
use crate::board::{Board, State};
use crate::outlet::{self, Outlet, OutletParts};
use crate::tenure::Tenure;

/// Appends that are under way at once; each stream has one.
const AT_ONCE: usize = 16;
/// Events of one append; its size stays far below the server's limit of 1 MiB unless single events are large.
const EVENTS: usize = 200;
/// How often an append is tried, and the first pause between.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(50);
/// Name under which leases are taken and progress is written down.
const NAME: &str = "kurrent";

/// What a mirror works with.
pub struct MirrorParts<S> {
    /// The KurrentDB.
    pub streams: S,
    /// What every outlet works with.
    pub outlet: OutletParts,
}

/// What keeps events from the mirror. It tells it, waits and tries again.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// KurrentDB failed.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A stream lacks events that it had, or that never came.
    #[error("stream {stream} has {found} events and should have {wanted}: the mirror must be made anew")]
    Lost {
        /// The stream's name there.
        stream: String,
        /// Events that it has.
        found: u64,
        /// Events that should be there before the next one.
        wanted: u64,
    },
    /// Stored metadata that is no JSON.
    #[error("the metadata of event {0} cannot be read")]
    Metadata(uuid::Uuid, #[source] serde_json::Error),
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Log(#[from] LogError),
    /// The database does not answer.
    #[error("the database cannot be reached")]
    Database(#[from] sqlx::Error),
}

/// Starts a mirror per partition; each works while this process has the partition's lease. Must be called inside a
/// runtime.
pub fn start<S: Streams>(parts: MirrorParts<S>) -> Outlet {
    let MirrorParts { streams, outlet } = parts;
    let (streams, parts) = (Arc::new(streams), outlet.clone());
    Outlet::start(NAME, outlet, CancellationToken::new(), |partition, tenure, board| Session {
        streams: Arc::clone(&streams),
        parts: parts.clone(),
        partition,
        tenure,
        board,
    })
}

struct Session<S> {
    streams: Arc<S>,
    parts: OutletParts,
    partition: i16,
    tenure: Tenure,
    board: Board,
}

impl<S: Streams> outlet::Session for Session<S> {
    type Error = MirrorError;

    async fn run(&mut self) -> Result<(), MirrorError> {
        self.board.is(self.partition, State::Opening, None);
        let told = {
            let mut conn = self.parts.pool.acquire().await?;
            outbound::read(&mut conn, NAME, self.partition).await?
        };
        let mut position = told.and_then(|told| told.position).unwrap_or(0);
        self.board.reached(self.partition, position, &[]);
        self.board.is(self.partition, State::Relaying, None);
        let mut source = self.parts.follow.after(self.partition, position);
        let mut tenure = self.tenure.clone();
        loop {
            let handed_on = async {
                let block = source.next().await?;
                hand_on(self.streams.as_ref(), block.iter().filter(|event| event.position > position))
                    .await?;
                Ok::<_, MirrorError>(block.last().map_or(position, |last| last.position.max(position)))
            };
            // An append that is given up half-way is known for a repeat when it comes again.
            position = tokio::select! {
                biased;
                () = tenure.over() => break,
                reached = handed_on => reached?,
            };
            self.board.reached(self.partition, position, &[]);
        }
        self.board.remember(self.partition, &self.parts.pool).await;
        Ok(())
    }
}

/// The events of one stream, in order.
struct Run {
    stream: String,
    events: Vec<StoredEvent>,
}

/// Brings events into their streams, each stream's in order.
async fn hand_on<S: Streams>(
    streams: &S,
    events: impl Iterator<Item = &StoredEvent>,
) -> Result<(), MirrorError> {
    let mut runs: Vec<Run> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for event in events {
        let key = (event.company_id, &event.stream_type, &event.stream_id);
        let place = *places.entry(key).or_insert(runs.len());
        match runs.get_mut(place) {
            Some(run) => run.events.push(event.clone()),
            None => runs.push(Run { stream: name_of(event), events: vec![event.clone()] }),
        }
    }
    futures::stream::iter(runs.into_iter().map(|run| append(streams, run)))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await
}

async fn append<S: Streams>(streams: &S, run: Run) -> Result<(), MirrorError> {
    for events in run.events.chunks(EVENTS) {
        let mut tries = 1;
        loop {
            match append_some(streams, &run.stream, events).await {
                Err(MirrorError::Append(AppendError::Failed(reason))) if tries < TRIES => {
                    tracing::debug!(stream = run.stream, reason, "an append is tried again");
                    tokio::time::sleep(PAUSE * tries).await;
                    tries += 1;
                }
                done => break done?,
            }
        }
    }
    Ok(())
}

async fn append_some<S: Streams>(
    streams: &S,
    stream: &str,
    events: &[StoredEvent],
) -> Result<(), MirrorError> {
    let mirrored = |event: &StoredEvent| {
        Mirrored::of(event).map_err(|error| MirrorError::Metadata(event.event_id, error))
    };
    let mirrored: Vec<Mirrored> = events.iter().map(mirrored).collect::<Result<_, _>>()?;
    let Some(first) = events.first() else { return Ok(()) };
    // Events of the stream that come before these.
    let before = u64::try_from(first.version - 1).unwrap_or(0);
    let found = match streams.append(stream, before.checked_sub(1), &mirrored).await {
        Err(AppendError::Elsewhere { current }) => current.map_or(0, |revision| revision + 1),
        done => return Ok(done?),
    };
    // Some of them, or all, are there already.
    let Some(there) = found.checked_sub(before) else {
        return Err(MirrorError::Lost { stream: stream.to_owned(), found, wanted: before });
    };
    match mirrored.get(usize::try_from(there).unwrap_or(usize::MAX)..) {
        None | Some([]) => Ok(()),
        Some(rest) => Ok(streams.append(stream, found.checked_sub(1), rest).await?),
    }
}

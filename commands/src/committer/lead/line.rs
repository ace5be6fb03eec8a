//! A line to the process that leads; [`super::desk`] says what goes over it.

use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_log::lead::Lead;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::committer::lead::Reply;
use crate::committer::lead::desk::{BYE, greeting, welcome};

/// How long a leader may be silent before nobody waits for it any more.
const SILENCE: Duration = Duration::from_secs(1);
/// Submissions that may wait to be sent.
const OUTBOX: usize = 8_192;
/// Submissions that are put together into one write.
const AT_ONCE: usize = 256;
/// Bytes read at once.
const BUFFER: usize = 64 * 1_024;

type Incoming = Lines<BufReader<OwnedReadHalf>>;

/// A connection to whoever leads. Once it is lost it stays lost.
#[derive(Debug)]
pub(super) struct Line {
    lead: Lead,
    outbox: mpsc::Sender<String>,
    asked: Arc<Mutex<Questions>>,
    /// Nothing more is to be sent.
    leaves: CancellationToken,
}

/// What was sent and is not answered yet.
#[derive(Debug, Default)]
struct Questions {
    count: u64,
    open: HashMap<u64, oneshot::Sender<String>>,
    /// No answer will come any more.
    lost: bool,
}

/// What became of a submission.
#[derive(Debug)]
pub(super) enum Asked {
    /// The leader answered.
    Reply(Reply),
    /// It was certainly not sent.
    NotSent,
    /// Nobody knows.
    Unknown,
}

impl Line {
    /// A line to this leader, after both have proved who they are.
    pub(super) async fn connect(lead: Lead) -> Result<Arc<Self>, Error> {
        let (incoming, write) = timeout(SILENCE, open(&lead)).await??;
        let (outbox, letters) = mpsc::channel(OUTBOX);
        let (asked, leaves) = (Arc::new(Mutex::new(Questions::default())), CancellationToken::new());
        tokio::spawn(send(letters, write, leaves.clone()));
        tokio::spawn(receive(incoming, asked.clone(), leaves.clone()));
        Ok(Arc::new(Self { lead, outbox, asked, leaves }))
    }

    /// Whether it takes submissions.
    pub(super) fn is_open(&self) -> bool {
        !self.leaves.is_cancelled()
    }

    /// Whether it is a line to this leader that takes submissions.
    pub(super) fn leads_to(&self, lead: &Lead) -> bool {
        self.is_open() && self.lead == *lead
    }

    /// Takes nothing more. What was sent is still answered.
    pub(super) fn leave(&self) {
        self.leaves.cancel();
    }

    /// Sends a submission and waits for its answer.
    pub(super) async fn ask(&self, submission: &str) -> Asked {
        let (answer, answered) = oneshot::channel();
        let number = {
            let mut asked = lock(&self.asked);
            if asked.lost {
                return Asked::NotSent;
            }
            asked.count += 1;
            let number = asked.count;
            asked.open.insert(number, answer);
            number
        };
        if self.outbox.try_send(format!("{number} {submission}\n")).is_err() {
            lock(&self.asked).open.remove(&number);
            return Asked::NotSent;
        }
        let reply = answered.await.ok().and_then(|text| serde_json::from_str(&text).ok());
        reply.map_or(Asked::Unknown, Asked::Reply)
    }
}

async fn open(lead: &Lead) -> Result<(Incoming, OwnedWriteHalf), Error> {
    let stream = TcpStream::connect(&lead.address).await?;
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.into_split();
    write.write_all(format!("{}\n", greeting(lead.secret)).as_bytes()).await?;
    let mut incoming = BufReader::with_capacity(BUFFER, read).lines();
    if incoming.next_line().await? != Some(welcome(lead.secret)) {
        return Err(Error::new(ErrorKind::PermissionDenied, "it does not know the lead's secret"));
    }
    Ok((incoming, write))
}

/// Sends what comes until nothing more is to be sent, and then what waits; closes this direction.
async fn send(
    mut letters: mpsc::Receiver<String>,
    mut write: OwnedWriteHalf,
    leaves: CancellationToken,
) -> Result<(), Error> {
    let mut waiting = Vec::new();
    loop {
        tokio::select! {
            biased;
            count = letters.recv_many(&mut waiting, AT_ONCE) => if count == 0 { break },
            () = leaves.cancelled(), if !letters.is_closed() => letters.close(),
        }
        let written = write.write_all(waiting.concat().as_bytes()).await;
        // Not taken for lost before the answers end: some may be on their way.
        written.inspect_err(|_| leaves.cancel())?;
        waiting.clear();
    }
    write.shutdown().await
}

/// Hands answers on until the leader is gone or silent. What is not answered then never will be.
async fn receive(mut incoming: Incoming, asked: Arc<Mutex<Questions>>, leaves: CancellationToken) {
    while let Ok(Ok(Some(line))) = timeout(SILENCE, incoming.next_line()).await {
        if line == BYE {
            leaves.cancel();
        } else if let Some((number, reply)) = line.split_once(' ') {
            let waits = number.parse().ok().and_then(|number: u64| lock(&asked).open.remove(&number));
            // A caller that has gone away is nobody to tell.
            drop(waits.map(|waits| waits.send(reply.to_owned())));
        }
    }
    leaves.cancel();
    let mut asked = lock(&asked);
    asked.lost = true;
    asked.open.clear();
}

fn lock(asked: &Mutex<Questions>) -> std::sync::MutexGuard<'_, Questions> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}

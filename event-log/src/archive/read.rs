//! Reads an archived range, on a thread of its own while the caller works.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::LogError;
use crate::archive::line::{BATCH, BatchLine, EventLine, FORMAT, HeaderLine};
use crate::archive::{Range, damaged, in_file};
use crate::decode::Names;
use crate::event::StoredEvent;

/// Events per piece.
const PIECE: usize = 2_000;
/// Pieces read ahead of the caller.
const AHEAD: usize = 4;

/// The next part of a file.
#[derive(Debug)]
pub(super) enum Piece {
    /// The first line.
    Header(HeaderLine),
    /// Events, one after another.
    Events(Vec<StoredEvent>),
    /// Behind the last event of a batch.
    Batch(BatchLine),
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Reading(mpsc::Receiver<Result<Option<Piece>, LogError>>);

impl Reading {
    /// Begins to read the file of a range. `batches` asks for header and batches too; without it pieces hold as many
    /// events as possible.
    pub(super) fn open(path: PathBuf, range: Range, batches: bool) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            let mut file =
                Lines { path, range, batches, sender, names: Names::default(), events: Vec::new() };
            let end = file.read();
            // Whoever has left does not hear of the end either.
            let _gone = file.sender.blocking_send(end.map(|()| None));
        });
        Self(receiver)
    }

    /// The next piece; none at the end of a file that is whole and the one that was written.
    pub(super) async fn next(&mut self) -> Result<Option<Piece>, LogError> {
        self.0.recv().await.unwrap_or(Err(LogError::CutShort))
    }
}

struct Lines {
    path: PathBuf,
    range: Range,
    batches: bool,
    sender: mpsc::Sender<Result<Option<Piece>, LogError>>,
    names: Names,
    events: Vec<StoredEvent>,
}

impl Lines {
    fn read(&mut self) -> Result<(), LogError> {
        let path = self.path.clone();
        let file = File::open(&path).map_err(in_file(&path))?;
        let file = Hashed { file, hash: Sha256::new() };
        let mut lines =
            BufReader::with_capacity(1 << 20, MultiGzDecoder::new(BufReader::with_capacity(1 << 20, file)));
        let mut line = String::new();
        let mut position = self.range.first - 1;
        let mut header = true;
        loop {
            line.clear();
            if lines.read_line(&mut line).map_err(in_file(&path))? == 0 {
                break;
            }
            let text = line.trim_end_matches('\n');
            if header {
                self.header(text)?;
                header = false;
            } else if text.starts_with(BATCH) {
                self.batch(text)?;
            } else {
                position += 1;
                self.event(text, position)?;
            }
            if self.sender.is_closed() {
                return Ok(());
            }
        }
        self.flush();
        if position != self.range.last {
            return Err(damaged(&path, "it ends too early"));
        }
        let rest = lines.into_inner().into_inner().into_inner();
        if rest.hash.finalize().as_slice() != self.range.sha256 {
            return Err(damaged(&path, "its bytes are not those that were written"));
        }
        Ok(())
    }

    fn header(&mut self, text: &str) -> Result<(), LogError> {
        let header: HeaderLine = self.parse(text)?;
        let Range { partition, first, last, .. } = self.range;
        if header.archive != FORMAT {
            return Err(damaged(&self.path, "its format is not known to this release"));
        }
        if (header.partition, header.first_position, header.last_position) != (partition, first, last) {
            return Err(damaged(&self.path, "it holds another range"));
        }
        if self.batches {
            self.send(Piece::Header(header));
        }
        Ok(())
    }

    fn batch(&mut self, text: &str) -> Result<(), LogError> {
        if self.batches {
            let batch = self.parse(text)?;
            self.flush();
            self.send(Piece::Batch(batch));
        }
        Ok(())
    }

    fn event(&mut self, text: &str, position: i64) -> Result<(), LogError> {
        let line: EventLine<'_> =
            serde_json::from_str(text).map_err(|_| damaged(&self.path, "a line cannot be read"))?;
        let event =
            line.into_event(&mut self.names).ok_or_else(|| damaged(&self.path, "an event lacks its text"))?;
        if event.position != position || event.partition != self.range.partition {
            return Err(damaged(&self.path, "an event is not in its place"));
        }
        self.events.push(event);
        if self.events.len() >= PIECE {
            self.flush();
        }
        Ok(())
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, text: &str) -> Result<T, LogError> {
        serde_json::from_str(text).map_err(|_| damaged(&self.path, "a line cannot be read"))
    }

    fn flush(&mut self) {
        if !self.events.is_empty() {
            let events = std::mem::replace(&mut self.events, Vec::with_capacity(PIECE));
            self.send(Piece::Events(events));
        }
    }

    /// A caller that has left is noticed at the next line.
    fn send(&self, piece: Piece) {
        let _gone = self.sender.blocking_send(Ok(Some(piece)));
    }
}

/// A file that is hashed as it is read.
struct Hashed {
    file: File,
    hash: Sha256,
}

impl Read for Hashed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(bytes)?;
        self.hash.update(bytes.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Whether a file can be opened, for a clear error before anything begins.
pub(super) fn exists(path: &Path) -> Result<(), LogError> {
    File::open(path).map(|_| ()).map_err(in_file(path))
}

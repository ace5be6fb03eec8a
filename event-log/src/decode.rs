//! From the bytes of a binary COPY to the columns of events.
//!
//! Layout (see PostgreSQL's documentation of COPY): a signature, flags and an extension; then per row a column count
//! and each column as length and bytes; then -1. A stream without that -1 was cut short.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::LogError;
use crate::columns::Columns;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
const COLUMNS: i16 = 13;
/// 2000-01-01T00:00:00Z, from which PostgreSQL counts, in microseconds since 1970.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Texts that repeat, kept once.
#[derive(Default)]
pub(crate) struct Names {
    known: HashSet<Arc<str>>,
    last: Option<Arc<str>>,
}

impl Names {
    /// A name out of few.
    pub(crate) fn shared(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.known.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = Arc::from(name);
        self.known.insert(Arc::clone(&name));
        name
    }

    /// A text that is often the same as the one before it.
    pub(crate) fn repeated(&mut self, text: &str) -> Arc<str> {
        if let Some(last) = self.last.as_ref().filter(|last| ***last == *text) {
            return Arc::clone(last);
        }
        let text: Arc<str> = Arc::from(text);
        self.last = Some(Arc::clone(&text));
        text
    }
}

/// Takes chunks of a COPY as they come and gives whole rows.
#[derive(Default)]
pub(crate) struct Decoder {
    buffer: Vec<u8>,
    started: bool,
    ended: bool,
}

impl Decoder {
    /// Adds a chunk and hands every row that is complete to `each`.
    pub(crate) fn push<F>(&mut self, chunk: &[u8], each: F) -> Result<(), LogError>
    where
        F: FnMut(Columns<'_>) -> Result<(), LogError>,
    {
        if self.buffer.is_empty() {
            // The usual case: PostgreSQL sends one row per message, nothing is left from the last.
            let used = self.rows(chunk, each)?;
            self.buffer.extend_from_slice(chunk.get(used..).unwrap_or_default());
        } else {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.extend_from_slice(chunk);
            let used = self.rows(&buffer, each)?;
            buffer.drain(..used);
            self.buffer = buffer;
        }
        Ok(())
    }

    /// Says whether the stream came to its end.
    pub(crate) fn finish(&self) -> Result<(), LogError> {
        if self.ended && self.buffer.is_empty() { Ok(()) } else { Err(LogError::CutShort) }
    }

    /// Decodes as many rows as there are, and says how many bytes they took.
    fn rows<F>(&mut self, bytes: &[u8], mut each: F) -> Result<usize, LogError>
    where
        F: FnMut(Columns<'_>) -> Result<(), LogError>,
    {
        let mut cursor = Cursor { bytes };
        if !self.started {
            if !header(&mut cursor)? {
                return Ok(0);
            }
            self.started = true;
        }
        let mut used = bytes.len() - cursor.bytes.len();
        while !self.ended {
            let Some(columns) = cursor.number().map(i16::from_be_bytes) else { break };
            match columns {
                -1 => self.ended = true,
                COLUMNS => match row(&mut cursor)? {
                    Some(columns) => each(columns)?,
                    None => break,
                },
                _ => return Err(LogError::Unreadable("columns of a copied row")),
            }
            used = bytes.len() - cursor.bytes.len();
        }
        Ok(used)
    }
}

/// False while the header is not complete.
fn header(cursor: &mut Cursor<'_>) -> Result<bool, LogError> {
    let Some(signature) = cursor.take(SIGNATURE.len()) else { return Ok(false) };
    if signature != SIGNATURE {
        return Err(LogError::Unreadable("start of a copy"));
    }
    let Some(_flags) = cursor.number::<4>() else { return Ok(false) };
    let Some(extension) = cursor.number().map(u32::from_be_bytes) else { return Ok(false) };
    let extension = usize::try_from(extension).unwrap_or(usize::MAX);
    Ok(cursor.take(extension).is_some())
}

/// None while the row is not complete.
fn row<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Columns<'a>>, LogError> {
    // Whether all columns are there is asked first, so that the rest may take them for granted.
    let mut ahead = Cursor { bytes: cursor.bytes };
    for _ in 0..COLUMNS {
        let Some(length) = ahead.number().map(i32::from_be_bytes) else { return Ok(None) };
        let Ok(length) = usize::try_from(length) else {
            return Err(LogError::Unreadable("null in a copied row"));
        };
        if ahead.take(length).is_none() {
            return Ok(None);
        }
    }
    Ok(Some(Columns {
        partition: i16::from_be_bytes(cursor.field()?),
        position: i64::from_be_bytes(cursor.field()?),
        company_id: Uuid::from_bytes(cursor.field()?),
        stream_type: cursor.text()?,
        stream_id: cursor.text()?,
        version: i64::from_be_bytes(cursor.field()?),
        event_id: Uuid::from_bytes(cursor.field()?),
        event_type: cursor.text()?,
        schema_version: i16::from_be_bytes(cursor.field()?),
        effective_micros: cursor.micros()?,
        recorded_micros: cursor.micros()?,
        payload: cursor.text()?,
        metadata: cursor.text()?,
    }))
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn value(&mut self) -> Result<&'a [u8], LogError> {
        let length = self.number().map(u32::from_be_bytes).and_then(|length| usize::try_from(length).ok());
        length.and_then(|length| self.take(length)).ok_or(LogError::Unreadable("length of a copied column"))
    }

    fn field<const N: usize>(&mut self) -> Result<[u8; N], LogError> {
        self.value()?.try_into().map_err(|_| LogError::Unreadable("width of a copied column"))
    }

    fn text(&mut self) -> Result<&'a str, LogError> {
        std::str::from_utf8(self.value()?).map_err(|_| LogError::Unreadable("text of a copied column"))
    }

    /// Microseconds since 1970; infinity stays at the end of what can be counted.
    fn micros(&mut self) -> Result<i64, LogError> {
        Ok(i64::from_be_bytes(self.field()?).saturating_add(EPOCH_MICROS))
    }
}

//! Folding a partition from its beginning in memory: events go in, rows come out, and none is read back.
//!
//! A read model that makes many rows gives a [`Builder`] beside its `apply`. Both share what an event means for a row;
//! only the way into the table differs: `apply` merges a block into rows that are there, a builder has seen
//! everything and copies rows into tables without keys.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArgumentBuffer;
use sqlx::{Encode, PgConnection, Postgres};

use event_log::event::StoredEvent;

use crate::projection::ProjectionError;

/// Folds the events of one partition, of which it sees every one from the first.
pub trait Builder: Send {
    /// Folds a block, in order of position. Rows that are ready go to `rows`; no later event may change them: after an
    /// interruption the events are folded again, but rows that are in the table already are not written again.
    fn fold(&mut self, block: &[StoredEvent], rows: &mut Rows) -> Result<(), ProjectionError>;

    /// Writes what was gathered in memory, once every event is folded and every ready row is in its table. Names are
    /// unqualified. Tables have neither keys nor indexes yet: a statement that looks for rows reads a whole table.
    fn finish(self: Box<Self>, conn: &mut PgConnection) -> BoxFuture<'_, Result<(), ProjectionError>>;
}

/// A table and its columns, as rows are copied into it.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// Table, unqualified.
    pub table: &'static str,
    /// Its columns, in the order in which a row's values are put.
    pub columns: &'static [&'static str],
}

/// Rows of one or several tables on their way in by binary COPY.
#[derive(Default)]
pub struct Rows {
    tables: BTreeMap<&'static str, TableRows>,
}

struct TableRows {
    target: &'static Target,
    bytes: PgArgumentBuffer,
    failed: Option<BoxDynError>,
}

/// One row; its values follow in the order of the target's columns.
pub struct Row<'a>(&'a mut TableRows);

/// Signature, flags and extension with which a binary COPY begins.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Number of columns after the last row.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// Length of a value that is null.
const NULL: i32 = -1;
/// Bytes of one message to the server.
const MESSAGE_BYTES: usize = 128 * 1024;

impl Rows {
    /// Begins a row of `target`.
    pub fn row(&mut self, target: &'static Target) -> Row<'_> {
        let rows = self.tables.entry(target.table).or_insert_with(|| TableRows {
            target,
            bytes: PgArgumentBuffer::default(),
            failed: None,
        });
        let columns = i16::try_from(target.columns.len()).unwrap_or(i16::MAX);
        rows.bytes.extend_from_slice(&columns.to_be_bytes());
        Row(rows)
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.tables.values().map(|rows| rows.bytes.len()).sum()
    }

    /// Copies all of them into their tables.
    pub async fn write(self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        for rows in self.tables.into_values() {
            rows.write(conn).await?;
        }
        Ok(())
    }
}

impl Row<'_> {
    /// Puts the next value, in the bytes that a parameter of the column's type has. A value that cannot be written is
    /// told when the rows are.
    pub fn put<'q, T: Encode<'q, Postgres>>(&mut self, value: T) -> &mut Self {
        let TableRows { bytes, failed, .. } = &mut *self.0;
        let start = bytes.len();
        bytes.extend_from_slice(&NULL.to_be_bytes());
        match value.encode_by_ref(bytes) {
            Ok(IsNull::Yes) => {}
            Ok(IsNull::No) => {
                let length = i32::try_from(bytes.len() - start - 4).unwrap_or(i32::MAX);
                if let Some(place) = bytes.get_mut(start..start + 4) {
                    place.copy_from_slice(&length.to_be_bytes());
                }
            }
            Err(error) => *failed = Some(error),
        }
        self
    }
}

impl TableRows {
    async fn write(self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        if let Some(error) = self.failed {
            return Err(sqlx::Error::Encode(error));
        }
        let Target { table, columns } = self.target;
        let statement = format!("copy {table} ({}) from stdin (format binary)", columns.join(", "));
        let mut copy = conn.copy_in_raw(&statement).await?;
        copy.send(HEADER).await?;
        for message in self.bytes.chunks(MESSAGE_BYTES) {
            copy.send(message).await?;
        }
        copy.send(TRAILER.as_slice()).await?;
        copy.finish().await?;
        Ok(())
    }
}

//! Fills a copy from the log: partitions side by side, each read by binary COPY (what is archived, from its files), folded
//! in memory and copied in.
//!
//! Reading, folding and writing run at the same time. Ready rows go in by chunks of some megabytes, each in a short
//! transaction that also notes up to which event rows are in; what stays in memory follows in the last one, with the
//! checkpoint. A run that is killed goes on so: partitions that were finished stay, and of one that was not the
//! events are folded again from the first, while rows that are in are not written twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use event_log::LogError;
use event_log::archive::{self, Archive};
use event_log::copy::Part;
use event_log::event::StoredEvent;
use futures::{StreamExt, TryStreamExt};
use sqlx::{PgConnection, PgPool};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::copies::{Made, move_to};
use super::pace::Pace;
use super::progress::Teller;
use crate::bulk::{Builder, Rows};
use crate::checkpoint;
use crate::parked::{self, LeftOut};
use crate::projection::{Projection, ProjectionError};

/// Bytes of rows of one transaction.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;
/// Events of one transaction where `apply` folds them.
const APPLIED_EVENTS: usize = 20_000;

/// Fills one copy.
pub(super) struct Loader {
    pub(super) pool: PgPool,
    pub(super) projection: Arc<dyn Projection>,
    pub(super) made: Made,
    pub(super) archive: Archive,
    pub(super) pace: Pace,
    pub(super) teller: Teller,
    /// Partitions at the same time.
    pub(super) connections: usize,
    /// Whether the copy is the first of its version: nobody has found yet what cannot be folded. Of any other copy the
    /// live one says what is left out.
    pub(super) is_first: AtomicBool,
}

/// Rows that are ready, and the event up to which they are.
type Chunk = (Rows, i64);

impl Loader {
    /// Folds every partition from its first event up to its target, unless an earlier run did.
    pub(super) async fn load(self: &Arc<Self>, targets: &[(i16, i64)]) -> Result<(), ProjectionError> {
        let at = checkpoint::all(&mut *self.pool.acquire().await?, self.made.key(), false).await?;
        let mut waiting = Vec::new();
        for (partition, to) in targets {
            let from = at.iter().find(|(known, _)| known == partition).map_or(0, |(_, at)| *at);
            let built = from > 0 && self.projection.builder().is_some();
            if from < *to && !built {
                waiting.push((*partition, from, *to));
            }
        }
        let before = at.iter().map(|(_, at)| at).sum();
        let left: i64 = waiting.iter().map(|(_, from, to)| to - from).sum();
        self.teller.begin(before, before + left);
        let mut waiting = waiting.into_iter();
        let mut running = JoinSet::new();
        loop {
            while running.len() < self.pace.at_once(self.connections)
                && let Some((partition, from, to)) = waiting.next()
            {
                running.spawn(Arc::clone(self).partition(partition, from, to));
            }
            match running.join_next().await {
                Some(done) => done.map_err(failed)??,
                None => return Ok(()),
            }
        }
    }

    async fn partition(self: Arc<Self>, partition: i16, from: i64, to: i64) -> Result<(), ProjectionError> {
        while let Some(builder) = self.projection.builder() {
            match Arc::clone(&self).build(builder, partition, to).await {
                Err(error) => self.set_aside(partition, error).await?,
                built => return built,
            }
        }
        self.apply(partition, from, to).await
    }

    /// What the copy leaves out of a partition, read after the positions up to which it is folded.
    pub(super) async fn left_out(
        &self,
        conn: &mut PgConnection,
        partition: i16,
    ) -> Result<LeftOut, sqlx::Error> {
        LeftOut::read(conn, self.made.key(), partition).await
    }

    /// Folds a block by `apply`, but for what is left out.
    pub(super) async fn apply_block(
        &self,
        conn: &mut PgConnection,
        mut block: Vec<StoredEvent>,
        left_out: &mut LeftOut,
    ) -> Result<(), ProjectionError> {
        if self.is_first.load(Ordering::Relaxed) {
            return parked::fold_carefully(conn, self.projection.as_ref(), block, left_out).await;
        }
        block.retain(|event| !left_out.has(event));
        if block.is_empty() { Ok(()) } else { self.projection.apply(conn, &block).await }
    }

    /// Parks the event that a builder could not fold, so that its partition can be folded without it; or gives the error
    /// back. Rows that are in are those of events before it, and stay.
    async fn set_aside(&self, partition: i16, error: ProjectionError) -> Result<(), ProjectionError> {
        let is_first = self.is_first.load(Ordering::Relaxed);
        let Some(position) = parked::place_of(&error).filter(|_| is_first) else { return Err(error) };
        let mut events = Events::open(self, partition, (position - 1, position), Part::All).await?;
        let block = events.next().await?.unwrap_or_default();
        let mut tx = self.pool.begin().await?;
        let mut left_out = self.left_out(&mut tx, partition).await?;
        match block.first() {
            Some(event) if !left_out.has(event) && !left_out.is_full() => {
                left_out.park(&mut tx, self.made.key(), event, &error).await?;
                tx.commit().await?;
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// Makes what is summed up from rows, several companies at the same time.
    pub(super) async fn sum_up(&self) -> Result<(), ProjectionError> {
        let mut tx = self.pool.begin_with(self.made.begin()).await?;
        let companies = self.projection.unsummed(&mut tx).await?;
        tx.commit().await?;
        futures::stream::iter(companies)
            .map(|company_id| self.sum_up_company(company_id))
            .buffer_unordered(self.pace.at_once(self.connections))
            .try_collect()
            .await
    }

    async fn sum_up_company(&self, company_id: Uuid) -> Result<(), ProjectionError> {
        let mut tx = self.pool.begin_with(self.made.begin()).await?;
        self.projection.sum_up(&mut tx, company_id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Folds a partition in memory.
    async fn build(
        self: Arc<Self>,
        mut builder: Box<dyn Builder>,
        partition: i16,
        to: i64,
    ) -> Result<(), ProjectionError> {
        let written = self.written(partition).await?;
        let left_out = self.left_out(&mut *self.pool.acquire().await?, partition).await?;
        let part = if self.projection.reads_metadata() { Part::All } else { Part::WithoutMetadata };
        let mut events = Events::open(&self, partition, (0, to), part).await?;
        let (chunks, ready) = mpsc::channel(1);
        let mut writing = JoinSet::new();
        writing.spawn(Arc::clone(&self).write(partition, ready));
        let folded = self.fold(builder.as_mut(), &mut events, (written, &left_out), chunks).await;
        // Whatever stopped the folding, rows that were ready are written.
        while let Some(end) = writing.join_next().await {
            end.map_err(failed)??;
        }
        let rows = folded?;
        let mut tx = self.pool.begin_with(self.made.begin()).await?;
        rows.write(&mut tx).await?;
        builder.finish(&mut tx).await?;
        self.note_written(&mut tx, partition, to).await?;
        move_to(&mut tx, self.made.key(), partition, to).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Folds every event and sends ready rows on, but for those of events that an earlier run has written. Answers the
    /// rows that were not sent.
    async fn fold(
        &self,
        builder: &mut dyn Builder,
        events: &mut Events<'_>,
        (written, left_out): (i64, &LeftOut),
        chunks: mpsc::Sender<Chunk>,
    ) -> Result<Rows, ProjectionError> {
        let mut rows = Rows::default();
        while let Some(mut block) = events.next().await? {
            block.retain(|event| self.projection.folds(event) && !left_out.has(event));
            let (repeated, fresh) = block.split_at(block.partition_point(|event| event.position <= written));
            builder.fold(repeated, &mut Rows::default())?;
            builder.fold(fresh, &mut rows)?;
            if rows.bytes() >= CHUNK_BYTES
                && chunks.send((std::mem::take(&mut rows), events.position)).await.is_err()
            {
                break; // the writer says why
            }
        }
        Ok(rows)
    }

    /// Copies chunks in as they get ready.
    async fn write(
        self: Arc<Self>,
        partition: i16,
        mut ready: mpsc::Receiver<Chunk>,
    ) -> Result<(), ProjectionError> {
        while let Some((rows, up_to)) = ready.recv().await {
            let mut tx = self.pool.begin_with(self.made.begin()).await?;
            rows.write(&mut tx).await?;
            self.note_written(&mut tx, partition, up_to).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Folds a partition by `apply`, from where an earlier run has come.
    async fn apply(&self, partition: i16, from: i64, to: i64) -> Result<(), ProjectionError> {
        let mut left_out = self.left_out(&mut *self.pool.acquire().await?, partition).await?;
        let mut events = Events::open(self, partition, (from, to), Part::All).await?;
        let mut gathered = Vec::new();
        loop {
            let block = events.next().await?;
            let ended = block.is_none();
            let block = block.unwrap_or_default();
            gathered.extend(block.into_iter().filter(|event| self.projection.folds(event)));
            if !ended && gathered.len() < APPLIED_EVENTS {
                continue;
            }
            let mut tx = self.pool.begin_with(self.made.begin()).await?;
            self.apply_block(&mut tx, std::mem::take(&mut gathered), &mut left_out).await?;
            move_to(&mut tx, self.made.key(), partition, events.position).await?;
            tx.commit().await?;
            if ended {
                return Ok(());
            }
        }
    }

    /// The event up to which an earlier run has written rows.
    async fn written(&self, partition: i16) -> Result<i64, sqlx::Error> {
        let written: Option<i64> = sqlx::query_scalar(
            "select written from projections.loads
             where name = $1 and version = $2 and copy = $3 and partition = $4",
        )
        .bind(self.made.name)
        .bind(self.made.version)
        .bind(self.made.copy.name())
        .bind(partition)
        .fetch_optional(&self.pool)
        .await?;
        Ok(written.unwrap_or(0))
    }

    async fn note_written(
        &self,
        conn: &mut PgConnection,
        partition: i16,
        up_to: i64,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into projections.loads (name, version, copy, partition, written)
             values ($1, $2, $3, $4, $5)
             on conflict (name, version, copy, partition) do update set written = excluded.written",
        )
        .bind(self.made.name)
        .bind(self.made.version)
        .bind(self.made.copy.name())
        .bind(partition)
        .bind(up_to)
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// The events of a partition, archived or live, block by block, at the loader's pace. A hole is an error, never skipped.
pub(super) struct Events<'a> {
    loader: &'a Loader,
    reader: archive::Events,
    partition: i16,
    /// The last event that came.
    position: i64,
    to: i64,
}

impl<'a> Events<'a> {
    pub(super) async fn open(
        loader: &'a Loader,
        partition: i16,
        (from, to): (i64, i64),
        part: Part,
    ) -> Result<Self, LogError> {
        let Loader { pool, archive, .. } = loader;
        let reader = archive::Events::open_part(pool, archive, partition, (from, to), part).await?;
        Ok(Self { loader, reader, partition, position: from, to })
    }

    pub(super) async fn next(&mut self) -> Result<Option<Vec<StoredEvent>>, LogError> {
        let block = self.reader.next().await?;
        for event in block.iter().flatten() {
            self.position += 1;
            if event.position != self.position {
                return Err(self.gap(self.position));
            }
        }
        match &block {
            Some(block) => {
                self.loader.pace.wait(block.len()).await;
                self.loader.teller.folded(block.len());
            }
            None if self.position < self.to => return Err(self.gap(self.position + 1)),
            None => {}
        }
        Ok(block)
    }

    fn gap(&self, position: i64) -> LogError {
        LogError::Gap { partition: self.partition, position }
    }
}

fn failed(error: tokio::task::JoinError) -> ProjectionError {
    ProjectionError::Threads(std::io::Error::other(error))
}

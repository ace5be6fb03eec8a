//! Brings a copy on from where it stands, by the same `apply` that keeps the live one up to date.

use event_log::archive::gone_until;
use event_log::copy::Part;
use event_log::read;
use sqlx::{Connection, PgConnection};

use super::copies::move_to;
use super::load::{Events, Loader};
use crate::checkpoint::{self, Key};
use crate::projection::ProjectionError;

/// Events of one transaction.
const STEP_EVENTS: i64 = 20_000;
/// Events that are folded at once.
const BLOCK_EVENTS: i64 = 5_000;
/// A copy that is so near needs no further round.
pub(super) const NEAR_EVENTS: i64 = 2_000;

/// What a copy follows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal {
    /// The checkpoints of another copy.
    Copy(Key),
    /// The log itself.
    Log,
}

impl Goal {
    /// Where it stands now, by partition.
    pub(super) async fn positions(self, conn: &mut PgConnection) -> Result<Vec<(i16, i64)>, sqlx::Error> {
        match self {
            Self::Copy(key) => checkpoint::all(conn, key, false).await,
            Self::Log => {
                sqlx::query_as("select partition, position from log.log_head order by partition")
                    .fetch_all(conn)
                    .await
            }
        }
    }
}

impl Loader {
    /// Rounds until the copy is near its goal, which moves on meanwhile.
    pub(super) async fn follow(&self, conn: &mut PgConnection, goal: Goal) -> Result<(), ProjectionError> {
        loop {
            let positions = goal.positions(conn).await?;
            if self.behind(conn, &positions).await? < NEAR_EVENTS {
                return Ok(());
            }
            self.step_towards(conn, &positions, true).await?;
        }
    }

    /// How many events the copy has to fold to stand there.
    pub(super) async fn behind(
        &self,
        conn: &mut PgConnection,
        positions: &[(i16, i64)],
    ) -> Result<i64, sqlx::Error> {
        let at = checkpoint::all(conn, self.made.key(), false).await?;
        Ok(gaps(&at, positions).map(|(_, from, to)| to - from).sum())
    }

    /// Whether the copy has folded what is beyond these positions.
    pub(super) async fn is_beyond(
        &self,
        conn: &mut PgConnection,
        positions: &[(i16, i64)],
    ) -> Result<bool, sqlx::Error> {
        let at = checkpoint::all(conn, self.made.key(), false).await?;
        Ok(gaps(positions, &at).next().is_some())
    }

    /// Folds up to exactly these positions, in short transactions, as fast as it goes.
    pub(super) async fn catch_up(
        &self,
        conn: &mut PgConnection,
        positions: &[(i16, i64)],
    ) -> Result<(), ProjectionError> {
        self.step_towards(conn, positions, false).await
    }

    async fn step_towards(
        &self,
        conn: &mut PgConnection,
        positions: &[(i16, i64)],
        paced: bool,
    ) -> Result<(), ProjectionError> {
        let at = checkpoint::all(conn, self.made.key(), false).await?;
        for (partition, mut from, to) in gaps(&at, positions) {
            while from < to {
                let step = to.min(from + STEP_EVENTS);
                if paced {
                    self.pace.wait(usize::try_from(step - from).unwrap_or(0)).await;
                }
                let mut tx = conn.begin_with(self.made.begin()).await?;
                self.fold_range(&mut tx, partition, (from, step)).await?;
                move_to(&mut tx, self.made.key(), partition, step).await?;
                tx.commit().await?;
                from = step;
            }
        }
        Ok(())
    }

    /// Folds the events of one partition after `from` up to `to` into the schema that `search_path` names.
    async fn fold_range(
        &self,
        conn: &mut PgConnection,
        partition: i16,
        (from, to): (i64, i64),
    ) -> Result<(), ProjectionError> {
        if from < gone_until(conn).await? {
            return self.fold_archived(conn, partition, (from, to)).await;
        }
        let mut left_out = self.left_out(conn, partition).await?;
        let mut position = from;
        while position < to {
            let mut block = read::after(conn, partition, position, BLOCK_EVENTS.min(to - position)).await?;
            let Some(last) = block.last() else { break };
            position = last.position;
            block.retain(|event| self.projection.folds(event) && event.position <= to);
            self.apply_block(conn, block, &mut left_out).await?;
        }
        Ok(())
    }

    /// The same for a copy that stood still while events after it were archived: a former one, or one half made.
    async fn fold_archived(
        &self,
        conn: &mut PgConnection,
        partition: i16,
        range: (i64, i64),
    ) -> Result<(), ProjectionError> {
        let mut left_out = self.left_out(conn, partition).await?;
        let mut events = Events::open(self, partition, range, Part::All).await?;
        while let Some(mut block) = events.next().await? {
            block.retain(|event| self.projection.folds(event));
            self.apply_block(conn, block, &mut left_out).await?;
        }
        Ok(())
    }
}

/// Partitions in which the one is behind the other, from where to where.
fn gaps<'a>(at: &'a [(i16, i64)], positions: &'a [(i16, i64)]) -> impl Iterator<Item = (i16, i64, i64)> + 'a {
    at.iter().filter_map(|(partition, from)| {
        let (_, to) = positions.iter().find(|(known, _)| known == partition)?;
        (from < to).then_some((*partition, *from, *to))
    })
}

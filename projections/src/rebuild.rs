//! Folds a projection from zero into a copy beside the live one, compares the two and lets the new one take its place.
//!
//! Resumable: the copy has checkpoints of its own. The old copy stays as `<schema>__old` until the next rebuild. While
//! the two are compared the live copy stands still, so that both stand at the same position.

use serde::Serialize;
use sqlx::{Connection, Executor, PgConnection, PgPool};

use crate::checkpoint::{self, Copy, Key};
use crate::compare::{TableComparison, compare};
use crate::install::{create_copy, exists};
use crate::projection::{Projection, ProjectionError, schema_of};
use crate::verify::fold_range;

/// Events of one transaction of the new copy.
const STEP_EVENTS: i64 = 20_000;

/// What became of a rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rebuild {
    /// Projection.
    pub projection: &'static str,
    /// Version of its tables.
    pub version: i32,
    /// Positions at which the copies were compared, by partition.
    pub positions: Vec<(i16, i64)>,
    /// Every table; `first` is the live copy of before.
    pub tables: Vec<TableComparison>,
    /// Whether the new copy is live now; else it was discarded.
    pub switched: bool,
}

/// Names of the three copies.
struct Copies {
    live: String,
    next: String,
    old: String,
    name: &'static str,
    version: i32,
}

impl Copies {
    fn of(projection: &dyn Projection) -> Self {
        let live = schema_of(projection);
        Self {
            next: format!("{live}__next"),
            old: format!("{live}__old"),
            live,
            name: projection.name(),
            version: projection.version(),
        }
    }

    fn key(&self, copy: Copy) -> Key {
        Key { name: self.name, version: self.version, copy }
    }
}

/// Rebuilds as the owner. With `diff_only` the new copy is compared and discarded. `progress` is told the events
/// folded and the events to fold.
pub async fn rebuild(
    owner: &PgPool,
    projection: &dyn Projection,
    diff_only: bool,
    progress: &(dyn Fn(i64, i64) + Sync),
) -> Result<Rebuild, ProjectionError> {
    let copies = Copies::of(projection);
    let mut conn = owner.acquire().await?;
    begin_copy(&mut conn, projection, &copies).await?;
    fold_towards_live(&mut conn, projection, &copies, progress).await?;
    let (positions, tables) = compare_copies(&mut conn, projection, &copies).await?;
    if diff_only {
        discard(&mut conn, &copies).await?;
    } else {
        switch(&mut conn, projection, &copies).await?;
    }
    let Copies { name, version, .. } = copies;
    Ok(Rebuild { projection: name, version, positions, tables, switched: !diff_only })
}

/// Puts the copy of before the last rebuild back. False when there is none.
pub async fn rollback(owner: &PgPool, projection: &dyn Projection) -> Result<bool, ProjectionError> {
    let copies = Copies::of(projection);
    let mut conn = owner.acquire().await?;
    if !exists(&mut conn, &copies.old).await? {
        return Ok(false);
    }
    let mut tx = conn.begin().await?;
    prepare_switch(&mut tx).await?;
    checkpoint::all(&mut tx, copies.key(Copy::Live), true).await?;
    checkpoint::remove(&mut tx, copies.key(Copy::Next)).await?;
    checkpoint::rename(&mut tx, copies.key(Copy::Live), Copy::Next).await?;
    checkpoint::rename(&mut tx, copies.key(Copy::Old), Copy::Live).await?;
    checkpoint::rename(&mut tx, copies.key(Copy::Next), Copy::Old).await?;
    let Copies { live, next, old, .. } = &copies;
    tx.execute(sqlx::raw_sql(&format!(
        "drop schema if exists {next} cascade;
         alter schema {live} rename to {next};
         alter schema {old} rename to {live};
         alter schema {next} rename to {old}"
    )))
    .await?;
    tx.commit().await?;
    Ok(true)
}

async fn begin_copy(
    conn: &mut PgConnection,
    projection: &dyn Projection,
    copies: &Copies,
) -> Result<(), ProjectionError> {
    if exists(conn, &copies.next).await? {
        return Ok(());
    }
    let mut tx = conn.begin().await?;
    create_copy(&mut tx, projection, &copies.next).await?;
    checkpoint::remove(&mut tx, copies.key(Copy::Next)).await?;
    checkpoint::start(&mut tx, copies.key(Copy::Next)).await?;
    tx.commit().await?;
    Ok(())
}

async fn fold_towards_live(
    conn: &mut PgConnection,
    projection: &dyn Projection,
    copies: &Copies,
    progress: &(dyn Fn(i64, i64) + Sync),
) -> Result<(), ProjectionError> {
    loop {
        let live = checkpoint::all(conn, copies.key(Copy::Live), false).await?;
        let next = checkpoint::all(conn, copies.key(Copy::Next), false).await?;
        let target: i64 = live.iter().map(|(_, position)| position).sum();
        let done: i64 = next.iter().map(|(_, position)| position).sum();
        progress(done, target);
        let behind = next.iter().filter_map(|(partition, at)| {
            let (_, to) = live.iter().find(|(live_partition, _)| live_partition == partition)?;
            (to > at).then_some((*partition, *at, (*to).min(at + STEP_EVENTS)))
        });
        let behind: Vec<_> = behind.collect();
        if target - done < STEP_EVENTS {
            return Ok(());
        }
        for (partition, from, to) in behind {
            let mut tx = conn.begin_with(begin(&copies.next)).await?;
            step(&mut tx, projection, copies, (partition, from, to)).await?;
            tx.commit().await?;
        }
    }
}

fn begin(schema: &str) -> String {
    format!("begin; set local synchronous_commit = off; set local search_path = {schema}, public")
}

async fn step(
    conn: &mut PgConnection,
    projection: &dyn Projection,
    copies: &Copies,
    (partition, from, to): (i16, i64, i64),
) -> Result<(), ProjectionError> {
    if checkpoint::advance(conn, copies.key(Copy::Next), partition, from, to).await? {
        fold_range(conn, projection, partition, from, to).await?;
    }
    Ok(())
}

/// Stops the live copy for the length of the transaction and brings the next one to the same positions.
async fn align(
    conn: &mut PgConnection,
    projection: &dyn Projection,
    copies: &Copies,
) -> Result<Vec<(i16, i64)>, ProjectionError> {
    let live = checkpoint::all(conn, copies.key(Copy::Live), true).await?;
    for (partition, from) in checkpoint::all(conn, copies.key(Copy::Next), true).await? {
        let to =
            live.iter().find(|(live_partition, _)| *live_partition == partition).map_or(from, |(_, to)| *to);
        if to > from {
            step(conn, projection, copies, (partition, from, to)).await?;
        }
    }
    Ok(live)
}

async fn compare_copies(
    conn: &mut PgConnection,
    projection: &dyn Projection,
    copies: &Copies,
) -> Result<(Vec<(i16, i64)>, Vec<TableComparison>), ProjectionError> {
    let mut tx = conn.begin_with(begin(&copies.next)).await?;
    let positions = align(&mut tx, projection, copies).await?;
    let tables = compare(&mut tx, &copies.live, &copies.next).await?;
    tx.commit().await?;
    Ok((positions, tables))
}

async fn discard(conn: &mut PgConnection, copies: &Copies) -> Result<(), ProjectionError> {
    let mut tx = conn.begin().await?;
    checkpoint::remove(&mut tx, copies.key(Copy::Next)).await?;
    tx.execute(sqlx::raw_sql(&format!("drop schema if exists {} cascade", copies.next))).await?;
    tx.commit().await?;
    Ok(())
}

async fn prepare_switch(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("set local lock_timeout = '2s'").execute(conn).await?;
    Ok(())
}

async fn switch(
    conn: &mut PgConnection,
    projection: &dyn Projection,
    copies: &Copies,
) -> Result<(), ProjectionError> {
    let Copies { live, next, old, .. } = copies;
    let mut tx = conn.begin().await?;
    prepare_switch(&mut tx).await?;
    checkpoint::remove(&mut tx, copies.key(Copy::Old)).await?;
    tx.execute(sqlx::raw_sql(&format!("drop schema if exists {old} cascade"))).await?;
    tx.commit().await?;

    let mut tx = conn.begin_with(begin(next)).await?;
    prepare_switch(&mut tx).await?;
    align(&mut tx, projection, copies).await?;
    checkpoint::rename(&mut tx, copies.key(Copy::Live), Copy::Old).await?;
    checkpoint::rename(&mut tx, copies.key(Copy::Next), Copy::Live).await?;
    tx.execute(sqlx::raw_sql(&format!(
        "alter schema {live} rename to {old}; alter schema {next} rename to {live}"
    )))
    .await?;
    tx.commit().await?;
    Ok(())
}

//! The steps of one run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::task::JoinSet;

use super::catch_up::Goal;
use super::copies::{Base, Made, base_of};
use super::keys::Keys;
use super::load::Loader;
use super::pace::Pace;
use super::progress::{Stage, Teller};
use super::{Options, Rebuild};
use crate::checkpoint::{self, Copy};
use crate::compare::{Side, TableComparison, compare};
use crate::install::exists;
use crate::projection::{Projection, ProjectionError};

/// How long a process waits for one that makes a copy before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What a copy is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be compared with the live one and take its place.
    Replace,
    /// To be compared with the live one.
    Compare,
    /// To be the first of its version.
    Begin,
    /// To prove the live one.
    Check,
    /// It was made before, and is to come back.
    RollBack,
}

/// One run.
pub(super) struct Work {
    loader: Arc<Loader>,
    connect: PgConnectOptions,
}

/// What a comparison shows.
#[derive(Default)]
struct Compared {
    positions: Vec<(i16, i64)>,
    tables: Vec<TableComparison>,
    /// Streams and events that are left out.
    left_out: (usize, usize),
}

impl Work {
    pub(super) fn new(
        connect: &PgConnectOptions,
        projection: Arc<dyn Projection>,
        copy: Copy,
        options: Options,
    ) -> Self {
        let Options { max_rate, connections, progress, archive, .. } = options;
        let connect = session(connect);
        let most = u32::try_from(2 * connections + 6).unwrap_or(u32::MAX);
        let pool = PgPoolOptions::new().max_connections(most).acquire_timeout(Duration::from_mins(1));
        let loader = Arc::new(Loader {
            pool: pool.connect_lazy_with(connect.clone()),
            made: Made::of(projection.as_ref(), copy),
            projection,
            archive,
            pace: Pace::new(max_rate),
            teller: Teller::new(progress),
            connections: connections.max(1),
            is_first: AtomicBool::new(false),
        });
        Self { loader, connect }
    }

    pub(super) async fn close(self) {
        self.loader.pool.close().await;
    }

    /// Does what is to be done, alone: one process at a time makes copies of one version.
    pub(super) async fn run(&self, purpose: Purpose) -> Result<Rebuild, ProjectionError> {
        let mut claimed = self.connect.connect().await?;
        let waits = matches!(purpose, Purpose::Begin | Purpose::Check);
        while !self.loader.made.claim(&mut claimed).await? {
            if !waits {
                return Err(ProjectionError::UnderWay(self.loader.made.name.to_owned()));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let (loader, mut watching) = (Arc::clone(&self.loader), JoinSet::new());
        watching.spawn(async move { loader.pace.watch(&loader.pool).await });
        let done = self.claimed(purpose).await;
        drop(watching);
        self.loader.made.release(&mut claimed).await?;
        claimed.close().await?;
        self.loader.teller.stage(Stage::Done);
        done
    }

    async fn claimed(&self, purpose: Purpose) -> Result<Rebuild, ProjectionError> {
        let (loader, mut conn) = (&self.loader, self.loader.pool.acquire().await?);
        let base = base_of(&mut conn, loader.projection.as_ref()).await?;
        let own = base.as_ref().is_some_and(|base| base.version == loader.made.version);
        loader.is_first.store(!own, Ordering::Relaxed);
        match purpose {
            Purpose::RollBack => self.roll_back(&mut conn).await,
            Purpose::Begin if own => Ok(self.outcome(None, Compared::default())),
            Purpose::Check if !own => Ok(self.outcome(None, Compared::default())),
            Purpose::Check => {
                let keys = loader.made.begin_afresh(&mut conn, loader.projection.as_ref()).await?;
                let done = self.make(&mut conn, base, keys, purpose).await;
                loader.made.discard(&mut conn).await?;
                done
            }
            Purpose::Replace | Purpose::Compare | Purpose::Begin => {
                let keys = self.begin(&mut conn, base.as_ref(), purpose).await?;
                let mut noting = JoinSet::new();
                let Made { name, version, .. } = loader.made;
                noting.spawn(loader.teller.clone().keep(loader.pool.clone(), name, version));
                let done = self.make(&mut conn, base, keys, purpose).await;
                drop(noting);
                self.note_end(purpose, &done).await?;
                done
            }
        }
    }

    /// Begins the new copy or goes on with it. One that is beyond the copy to compare with is begun afresh.
    async fn begin(
        &self,
        conn: &mut PgConnection,
        base: Option<&Base>,
        purpose: Purpose,
    ) -> Result<Keys, ProjectionError> {
        let (made, projection) = (&self.loader.made, self.loader.projection.as_ref());
        let keys = made.begin_or_go_on(conn, projection).await?;
        if let Some(base) = base.filter(|_| purpose != Purpose::Begin) {
            let goal = Goal::Copy(base.key).positions(conn).await?;
            if self.loader.is_beyond(conn, &goal).await? {
                made.discard(conn).await?;
                return made.begin_or_go_on(conn, projection).await;
            }
        }
        Ok(keys)
    }

    async fn make(
        &self,
        conn: &mut PgConnection,
        base: Option<Base>,
        keys: Keys,
        purpose: Purpose,
    ) -> Result<Rebuild, ProjectionError> {
        let loader = &self.loader;
        let base = base.filter(|_| purpose != Purpose::Begin);
        let goal = base.as_ref().map_or(Goal::Log, |base| Goal::Copy(base.key));
        loader.load(&goal.positions(conn).await?).await?;
        loader.teller.stage(Stage::Indexing);
        let at_once = loader.pace.at_once(loader.connections);
        keys.put_back(&loader.pool, &loader.made.schema, at_once).await?;
        loader.sum_up().await?;
        loader.teller.stage(Stage::CatchingUp);
        loader.follow(conn, goal).await?;
        let compared = if let Some(base) = &base {
            self.compare(conn, base).await?
        } else {
            let positions = checkpoint::all(conn, loader.made.key(), false).await?;
            let left_out = self.left_out(conn, &positions).await?;
            Compared { positions, tables: Vec::new(), left_out }
        };
        let mut outcome = self.outcome(base.as_ref(), compared);
        match purpose {
            Purpose::Compare => loader.made.discard(conn).await?,
            Purpose::Replace | Purpose::Begin => {
                loader.teller.stage(Stage::Switching);
                outcome.pause_ms = self.bring_to_life(conn, base.as_ref()).await?;
                outcome.switched = true;
            }
            Purpose::Check | Purpose::RollBack => {}
        }
        Ok(outcome)
    }

    /// Compares at exactly the events that the other copy stands at in a snapshot, while it goes on.
    async fn compare(&self, conn: &mut PgConnection, base: &Base) -> Result<Compared, ProjectionError> {
        const SNAPSHOT: &str = "begin isolation level repeatable read read only";
        let loader = &self.loader;
        let mut live = loader.pool.begin_with(SNAPSHOT).await?;
        let positions = checkpoint::all(&mut live, base.key, false).await?;
        loader.catch_up(conn, &positions).await?;
        loader.teller.stage(Stage::Comparing);
        let mut fresh = loader.pool.begin_with(SNAPSHOT).await?;
        let first = Side { conn: &mut live, schema: &base.schema };
        let other = Side { conn: &mut fresh, schema: &loader.made.schema };
        let tables = compare(first, other).await?;
        let left_out = self.left_out(&mut live, &positions).await?;
        fresh.rollback().await?;
        live.rollback().await?;
        Ok(Compared { positions, tables, left_out })
    }

    /// Streams and events that this version leaves out.
    async fn left_out(
        &self,
        conn: &mut PgConnection,
        positions: &[(i16, i64)],
    ) -> Result<(usize, usize), sqlx::Error> {
        let (mut parked, mut skipped) = (0, 0);
        for (partition, _) in positions {
            let counts = self.loader.left_out(conn, *partition).await?.counts();
            (parked, skipped) = (parked + counts.0, skipped + counts.1);
        }
        Ok((parked, skipped))
    }

    /// Lets the new copy take the place of the live one of its version, or be the first of it.
    async fn bring_to_life(
        &self,
        conn: &mut PgConnection,
        base: Option<&Base>,
    ) -> Result<Option<u64>, ProjectionError> {
        let loader = &self.loader;
        if base.is_some_and(|base| base.version == loader.made.version) {
            Made::of(loader.projection.as_ref(), Copy::Old).discard(conn).await?;
            let mut aside = loader.pool.acquire().await?;
            let pause = loader.switch(conn, &mut aside).await?;
            return Ok(Some(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)));
        }
        loader.come_alive(conn).await?;
        self.retire(conn).await?;
        Ok(None)
    }

    /// Removes versions before the former one: no release that may come back reads them.
    async fn retire(&self, conn: &mut PgConnection) -> Result<(), ProjectionError> {
        let Made { name, version, .. } = self.loader.made;
        let former: Vec<i32> = sqlx::query_scalar(
            "select distinct version from projections.checkpoints
             where name = $1 and version < $2
             order by version desc",
        )
        .bind(name)
        .bind(version)
        .fetch_all(&mut *conn)
        .await?;
        for older in former.into_iter().skip(1) {
            for copy in [Copy::Live, Copy::Next, Copy::Old, Copy::Check] {
                Made::named(name, older, copy).discard(conn).await?;
            }
            for table in ["loads", "rebuilds"] {
                let statement = format!("delete from projections.{table} where name = $1 and version = $2");
                sqlx::query(&statement).bind(name).bind(older).execute(&mut *conn).await?;
            }
        }
        Ok(())
    }

    async fn roll_back(&self, conn: &mut PgConnection) -> Result<Rebuild, ProjectionError> {
        let mut outcome = self.outcome(None, Compared::default());
        if exists(conn, &self.loader.made.schema).await? {
            let mut aside = self.loader.pool.acquire().await?;
            let pause = self.loader.switch(conn, &mut aside).await?;
            outcome.pause_ms = u64::try_from(pause.as_millis()).ok();
            outcome.switched = true;
        }
        Ok(outcome)
    }

    fn outcome(&self, base: Option<&Base>, compared: Compared) -> Rebuild {
        let Compared { positions, tables, left_out: (parked, skipped) } = compared;
        Rebuild {
            projection: self.loader.made.name,
            version: self.loader.made.version,
            compared_with: base.map(|base| base.version),
            positions,
            tables,
            parked,
            skipped,
            switched: false,
            pause_ms: None,
        }
    }

    /// Notes how the run ended. A copy that failed stays, and the next run goes on with it.
    async fn note_end(
        &self,
        purpose: Purpose,
        done: &Result<Rebuild, ProjectionError>,
    ) -> Result<(), sqlx::Error> {
        let (outcome, differences, pause) = match done {
            Ok(done) => {
                let outcome = if purpose == Purpose::Compare { "compared" } else { "switched" };
                let differences: i64 = done.tables.iter().map(TableComparison::differences).sum();
                let pause = done.pause_ms.and_then(|pause| i64::try_from(pause).ok());
                (outcome.to_owned(), done.compared_with.map(|_| differences), pause)
            }
            Err(error) => (error.to_string(), None, None),
        };
        let progress = self.loader.teller.now();
        sqlx::query(
            "update projections.rebuilds
             set stage = 'done', updated_at = clock_timestamp(), finished_at = clock_timestamp(),
                 outcome = $3, differences = $4, pause_ms = $5,
                 events_done = $6, events_total = $7, events_per_second = $8
             where name = $1 and version = $2",
        )
        .bind(self.loader.made.name)
        .bind(self.loader.made.version)
        .bind(outcome)
        .bind(differences)
        .bind(pause)
        .bind(progress.done)
        .bind(progress.total)
        .bind(progress.per_second)
        .execute(&self.loader.pool)
        .await?;
        Ok(())
    }
}

/// Sessions of a run: commits need not reach the disk one by one, sorts may take memory, and a server process whose
/// client is gone ends within a second instead of finishing an index that nobody waits for.
fn session(connect: &PgConnectOptions) -> PgConnectOptions {
    let connect = connect.clone().application_name("stocktrail_rebuild").disable_statement_logging();
    connect.options([
        ("synchronous_commit", "off"),
        ("statement_timeout", "0"),
        ("maintenance_work_mem", "256MB"),
        ("work_mem", "64MB"),
        // What can be done side by side is, on connections of our own; readers want the other processors.
        ("max_parallel_maintenance_workers", "0"),
        ("max_parallel_workers_per_gather", "0"),
        ("client_connection_check_interval", "1s"),
    ])
}

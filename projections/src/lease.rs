//! Who does what, where several processes could: one lease per name and partition.
//!
//! Only the database's clock counts. A holder renews its lease; one that stays silent for the lease's time loses it to
//! whoever claims it next. The epoch counts up at every claim, and a working transaction names it, so that a holder
//! which was stopped or cut off changes nothing once somebody else has begun: see [`Lease::is_held`].
//!
//! [`sharing`] spreads many leases evenly among all processes that want them.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub mod sharing;

/// How long a lease holds without being renewed.
pub const LEASE_TIME: Duration = Duration::from_secs(5);

/// Claims and keeps leases for one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Leases {
    pool: PgPool,
    holder: Uuid,
    holder_name: Arc<str>,
    time: Duration,
}

/// A lease as its holder got it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// What it is for, for example `inventory_1`.
    pub name: Arc<str>,
    /// Partition of the log.
    pub partition: i16,
    /// One run of one process.
    pub holder: Uuid,
    /// Counts the claims of this name and partition; nobody else ever holds it under this number.
    pub epoch: i64,
}

impl Leases {
    /// For one run of a process: `holder` is new at each start, `holder_name` is for people. `pool` has the rights of
    /// the role `stocktrail_projector` and should not be shared with long transactions, lest renewals wait for them.
    pub fn new(pool: PgPool, holder: Uuid, holder_name: &str) -> Self {
        Self { pool, holder, holder_name: Arc::from(holder_name), time: LEASE_TIME }
    }

    /// The same with leases that hold for another time than [`LEASE_TIME`].
    #[must_use]
    pub fn lasting(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Takes a lease that is free, has run out, or is this process's own already. None while another process has it.
    pub async fn claim(&self, name: &str, partition: i16) -> Result<Option<Lease>, sqlx::Error> {
        let epoch: Option<i64> = sqlx::query_scalar(
            "insert into projections.leases as lease (name, partition, holder, holder_name, epoch, expires_at)
             values ($1, $2, $3, $4, 1, clock_timestamp() + make_interval(secs => $5))
             on conflict (name, partition) do update
             set holder = excluded.holder,
                 holder_name = excluded.holder_name,
                 epoch = lease.epoch + 1,
                 expires_at = excluded.expires_at
             where lease.holder is null
                or lease.holder = excluded.holder
                or lease.expires_at < clock_timestamp()
             returning epoch",
        )
        .bind(name)
        .bind(partition)
        .bind(self.holder)
        .bind(&*self.holder_name)
        .bind(self.time.as_secs_f64())
        .fetch_optional(&self.pool)
        .await?;
        Ok(epoch.map(|epoch| Lease { name: Arc::from(name), partition, holder: self.holder, epoch }))
    }

    /// Prolongs a lease, also one that has run out when nobody else has claimed it. False when it is lost.
    pub async fn renew(&self, lease: &Lease) -> Result<bool, sqlx::Error> {
        let renewed = sqlx::query(
            "update projections.leases set expires_at = clock_timestamp() + make_interval(secs => $5)
             where name = $1 and partition = $2 and holder = $3 and epoch = $4",
        )
        .bind(&*lease.name)
        .bind(lease.partition)
        .bind(lease.holder)
        .bind(lease.epoch)
        .bind(self.time.as_secs_f64())
        .execute(&self.pool)
        .await?;
        Ok(renewed.rows_affected() == 1)
    }

    /// Lets a lease go, so that another process can claim it at once. Nothing happens when it is lost already.
    pub async fn release(&self, lease: &Lease) -> Result<(), sqlx::Error> {
        sqlx::query(
            "update projections.leases set holder = null, holder_name = null, expires_at = clock_timestamp()
             where name = $1 and partition = $2 and holder = $3 and epoch = $4",
        )
        .bind(&*lease.name)
        .bind(lease.partition)
        .bind(lease.holder)
        .bind(lease.epoch)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Renews a lease until `stop` is cancelled, then releases it. Ends early when the lease is lost; `stop` is
    /// cancelled then, so that the work under the lease ends too.
    pub async fn keep(&self, lease: &Lease, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(self.time / 4) => {}
            }
            match self.renew(lease).await {
                Ok(true) => {}
                Ok(false) => return stop.cancel(),
                Err(error) => tracing::warn!(?lease, %error, "a lease cannot be renewed"),
            }
        }
        if let Err(error) = self.release(lease).await {
            tracing::warn!(?lease, %error, "a lease cannot be released");
        }
    }
}

impl Lease {
    /// The fence for a working transaction: whether the lease is still this holder's. The lease's row stays locked until
    /// the transaction ends, so nobody takes over before; renewals wait as well, so the transaction must be short.
    ///
    /// Where the work moves a row of its own anyway, let each new holder stamp its epoch there and make the epoch a
    /// condition of the move instead: that costs no round trip (the checkpoints of read models do so).
    pub async fn is_held(&self, conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let held = sqlx::query(
            "select from projections.leases
             where name = $1 and partition = $2 and holder = $3 and epoch = $4
             for share",
        )
        .bind(&*self.name)
        .bind(self.partition)
        .bind(self.holder)
        .bind(self.epoch)
        .fetch_optional(conn)
        .await?;
        Ok(held.is_some())
    }
}

//! Spreads leases evenly among all processes that want them.
//!
//! Every process takes a [`Sharing::step`] about once a second: it says that it is there, renews what it holds, looks at
//! what the others hold, claims what it lacks of its share and names what it has beyond it. What a holder is from one
//! step to the next follows from the tables alone, so a lost answer is put right by the next step.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::lease::{Lease, Leases};

/// Pause between two steps. A newcomer has its share after about two of them.
pub const PACE: Duration = Duration::from_secs(1);
/// A lease that nobody has taken for so long, in seconds, is claimed beyond one's share.
const OVERDUE: f64 = 3.0;

/// What one process wants a share of: every partition of some names.
#[derive(Debug)]
pub struct Sharing {
    leases: Leases,
    names: Vec<Arc<str>>,
    partitions: i16,
}

/// What a process holds after a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shares {
    /// Its leases. One that it held before and that is not here is lost.
    pub held: Vec<Lease>,
    /// Those of them that others should have: end the work, then release them.
    pub surplus: Vec<Lease>,
    /// Leases that nobody holds.
    pub free: usize,
}

/// A lease as everybody sees it.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    name: Arc<str>,
    partition: i16,
    /// None when it is free.
    holder: Option<Uuid>,
    /// How long it has been free, in seconds.
    free_for: f64,
}

/// A process that takes part.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Taker {
    holder: Uuid,
    names: Vec<String>,
}

impl Taker {
    fn wants(&self, name: &str) -> bool {
        self.names.iter().any(|wanted| wanted == name)
    }
}

impl Sharing {
    /// Takes part in sharing all partitions of `names`.
    pub fn new(leases: Leases, names: Vec<Arc<str>>, partitions: i16) -> Self {
        Self { leases, names, partitions }
    }

    /// One step; see the module.
    pub async fn step(&self) -> Result<Shares, sqlx::Error> {
        self.attend().await?;
        let mut held = self.renew().await?;
        let (seen, takers) = (self.look().await?, self.takers().await?);
        let plan = Plan::make(self.leases.holder, &seen, &takers);
        let mut lacking = plan.lacking;
        for (place, overdue) in plan.free {
            if lacking == 0 && !overdue {
                continue;
            }
            let Some(place) = seen.get(place) else { continue };
            if let Some(lease) = self.leases.claim(&place.name, place.partition).await? {
                held.push(lease);
                lacking = lacking.saturating_sub(1);
            }
        }
        let surplus = plan.surplus.into_iter().filter_map(|place| {
            let place = seen.get(place)?;
            held.iter().find(|lease| lease.name == place.name && lease.partition == place.partition).cloned()
        });
        let surplus = surplus.collect();
        let free = seen.iter().filter(|place| place.holder.is_none()).count();
        Ok(Shares { held, surplus, free })
    }

    /// Takes part no longer and releases everything at once.
    pub async fn leave(&self) -> Result<(), sqlx::Error> {
        let Leases { pool, holder, .. } = &self.leases;
        sqlx::query("delete from projections.lease_takers where holder = $1")
            .bind(holder)
            .execute(pool)
            .await?;
        sqlx::query(
            "update projections.leases set holder = null, holder_name = null, expires_at = clock_timestamp()
             where holder = $1",
        )
        .bind(holder)
        .execute(pool)
        .await?;
        Ok(())
    }

    /// Says that this process is there, and forgets those that have been away for long.
    async fn attend(&self) -> Result<(), sqlx::Error> {
        sqlx::query(
            "with gone as (
                 delete from projections.lease_takers where expires_at < clock_timestamp() - interval '1 hour'
             )
             insert into projections.lease_takers (holder, holder_name, names, expires_at)
             values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
             on conflict (holder) do update set names = excluded.names, expires_at = excluded.expires_at",
        )
        .bind(self.leases.holder)
        .bind(&*self.leases.holder_name)
        .bind(self.names())
        .bind(self.leases.time.as_secs_f64())
        .execute(&self.leases.pool)
        .await?;
        Ok(())
    }

    async fn renew(&self) -> Result<Vec<Lease>, sqlx::Error> {
        let renewed: Vec<(String, i16, i64)> = sqlx::query_as(
            "update projections.leases set expires_at = clock_timestamp() + make_interval(secs => $3)
             where holder = $1 and name = any($2)
             returning name, partition, epoch",
        )
        .bind(self.leases.holder)
        .bind(self.names())
        .bind(self.leases.time.as_secs_f64())
        .fetch_all(&self.leases.pool)
        .await?;
        let holder = self.leases.holder;
        let leases = renewed.into_iter().map(|(name, partition, epoch)| Lease {
            name: name.into(),
            partition,
            holder,
            epoch,
        });
        Ok(leases.collect())
    }

    /// Every lease of these names, also those that were never claimed.
    async fn look(&self) -> Result<Vec<Seen>, sqlx::Error> {
        let rows: Vec<(String, i16, Option<Uuid>, f64)> = sqlx::query_as(
            "select wanted.name, wanted.partition::smallint,
                    case when lease.expires_at >= clock_timestamp() then lease.holder end,
                    coalesce(extract(epoch from clock_timestamp() - lease.expires_at), 0)::float8
             from (select name, partition
                   from unnest($1::text[]) as name cross join generate_series(0, $2::int - 1) as partition) as wanted
             left join projections.leases lease
                 on lease.name = wanted.name and lease.partition = wanted.partition",
        )
        .bind(self.names())
        .bind(i32::from(self.partitions))
        .fetch_all(&self.leases.pool)
        .await?;
        let seen = rows.into_iter().map(|(name, partition, holder, free_for)| Seen {
            name: name.into(),
            partition,
            holder,
            free_for,
        });
        Ok(seen.collect())
    }

    async fn takers(&self) -> Result<Vec<Taker>, sqlx::Error> {
        sqlx::query_as(
            "select holder, names from projections.lease_takers where expires_at >= clock_timestamp()",
        )
        .fetch_all(&self.leases.pool)
        .await
    }

    fn names(&self) -> Vec<&str> {
        self.names.iter().map(|name| &**name).collect()
    }
}

/// What to do about the leases that were seen; places in their list.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// Free leases, in the order in which to claim them, and whether somebody must take them whatever their share.
    free: Vec<(usize, bool)>,
    /// Leases that are missing from one's share.
    lacking: usize,
    /// Leases to give up.
    surplus: Vec<usize>,
}

impl Plan {
    /// One's share is what comes out when every name is split evenly among those who want it. Rounded up, it is what one
    /// claims; rounded down, what everybody should have: something is given up while one has more than the former, or
    /// more than the latter and somebody less. Whoever gets it holds at least two less, so it never goes to and fro.
    fn make(me: Uuid, seen: &[Seen], takers: &[Taker]) -> Self {
        let wanting = |name: &str| takers.iter().filter(|taker| taker.wants(name)).count().max(1);
        let mut held: HashMap<Uuid, usize> = takers.iter().map(|taker| (taker.holder, 0)).collect();
        for holder in seen.iter().filter_map(|place| place.holder) {
            *held.entry(holder).or_default() += 1;
        }
        let mut mine = held.get(&me).copied().unwrap_or(0);
        let (least, share) = share(seen.iter().map(|place| wanting(&place.name)));

        let mut free: Vec<_> = (0_usize..).zip(seen).filter(|(_, place)| place.holder.is_none()).collect();
        free.sort_by_cached_key(|(_, place)| (wanting(&place.name), scattered(me, place)));
        let free = free.into_iter().map(|(number, place)| (number, place.free_for > OVERDUE)).collect();

        let mut surplus = Vec::new();
        let mut own: Vec<_> = (0_usize..).zip(seen).filter(|(_, place)| place.holder == Some(me)).collect();
        own.sort_by_cached_key(|(_, place)| (usize::MAX - wanting(&place.name), scattered(me, place)));
        for (number, place) in own {
            let enough = if mine > share { usize::MAX } else { least };
            let should_have = |taker: &Taker| {
                let theirs = held.get(&taker.holder).copied().unwrap_or(0);
                taker.holder != me && taker.wants(&place.name) && theirs < enough && theirs + 1 < mine
            };
            if mine > least && takers.iter().any(should_have) {
                surplus.push(number);
                mine -= 1;
            }
        }
        Self { free, lacking: share.saturating_sub(mine), surplus }
    }
}

/// The sum of one part in `n` for each `n`, rounded down and up; in whole numbers.
fn share(parts: impl Iterator<Item = usize>) -> (usize, usize) {
    const WHOLE: usize = 720_720; // divisible by everything up to 16
    let sum: usize = parts.map(|n| WHOLE / n.max(1)).sum();
    (sum / WHOLE, sum.div_ceil(WHOLE))
}

/// An order that differs from process to process, so that two of them seldom claim the same lease first.
fn scattered(me: Uuid, place: &Seen) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (me, &place.name, place.partition).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Uuid = Uuid::from_u128(1);
    const HER: Uuid = Uuid::from_u128(2);

    fn taker(holder: Uuid, names: &[&str]) -> Taker {
        Taker { holder, names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    fn seen(name: &str, holders: &[Option<Uuid>]) -> Vec<Seen> {
        let places = (0_i16..).zip(holders);
        places
            .map(|(partition, holder)| Seen { name: name.into(), partition, holder: *holder, free_for: 0.0 })
            .collect()
    }

    #[test]
    fn who_is_alone_claims_everything() {
        let plan = Plan::make(ME, &seen("a", &[None; 4]), &[taker(ME, &["a"])]);
        assert_eq!((plan.free.len(), plan.lacking, plan.surplus.len()), (4, 4, 0));
    }

    #[test]
    fn half_is_given_to_a_newcomer_and_no_more() {
        let takers = [taker(ME, &["a"]), taker(HER, &["a"])];
        assert_eq!(Plan::make(ME, &seen("a", &[Some(ME); 4]), &takers).surplus.len(), 2);
        let even = [Some(ME), Some(ME), Some(HER), Some(HER)];
        assert_eq!(Plan::make(ME, &seen("a", &even), &takers), Plan::default());
        let odd = [Some(ME), Some(ME), Some(HER)];
        assert_eq!(Plan::make(ME, &seen("a", &odd), &takers), Plan::default());
    }

    #[test]
    fn each_of_two_gives_a_third_of_its_own_to_a_newcomer() {
        let her_too = [taker(ME, &["a"]), taker(HER, &["a"]), taker(Uuid::from_u128(3), &["a"])];
        let places: Vec<_> =
            std::iter::repeat_n(Some(ME), 12).chain(std::iter::repeat_n(Some(HER), 12)).collect();
        assert_eq!(Plan::make(ME, &seen("a", &places), &her_too).surplus.len(), 4);
    }

    #[test]
    fn a_third_gets_one_of_four_where_two_have_two_each() {
        let third = Uuid::from_u128(3);
        let takers = [taker(ME, &["a"]), taker(HER, &["a"]), taker(third, &["a"])];
        let two_each = [Some(ME), Some(ME), Some(HER), Some(HER)];
        assert_eq!(Plan::make(ME, &seen("a", &two_each), &takers).surplus.len(), 1);
        let one_each = [Some(ME), Some(ME), Some(HER), Some(third)];
        assert_eq!(Plan::make(ME, &seen("a", &one_each), &takers), Plan::default());
    }

    #[test]
    fn what_only_one_wants_comes_first_and_is_never_given_up() {
        let takers = [taker(ME, &["a", "mine"]), taker(HER, &["a"])];
        let mut places = seen("a", &[None; 2]);
        places.extend(seen("mine", &[None; 2]));
        let plan = Plan::make(ME, &places, &takers);
        assert_eq!(plan.lacking, 3);
        assert!(plan.free.iter().take(2).all(|(number, _)| *number >= 2), "{plan:?}");

        let mut places = seen("a", &[Some(ME); 2]);
        places.extend(seen("mine", &[Some(ME); 2]));
        let plan = Plan::make(ME, &places, &takers);
        assert!(plan.surplus.iter().all(|number| *number < 2) && plan.surplus.len() == 1, "{plan:?}");
    }

    #[test]
    fn what_nobody_takes_is_overdue() {
        let mut places = seen("a", &[Some(ME), None]);
        for place in &mut places {
            place.free_for = 4.0;
        }
        let plan = Plan::make(ME, &places, &[taker(ME, &["a"]), taker(HER, &["a"])]);
        assert_eq!((plan.free, plan.lacking), (vec![(1, true)], 0));
    }
}

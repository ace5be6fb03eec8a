//! What a long log costs: commands at its end, and questions about any day of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use migrations::Role;
use projections::rebuild::{Options, build};
use projections::stock::board::{Ask, Boards, Freshness, Other};
use projections::stock::diff::{DiffFilter, differences};
use projections::stock::past::{self, Moment};
use projections::{install, registry, tenant};
use sqlx::PgPool;

use crate::bed::{self, Bed};
use crate::committer;
use crate::grow::{Grown, Growth, Size, grow};
use crate::report::Report;

/// Read models that questions about the past need.
const NEEDED: [&str; 4] = ["catalogue", "companies", "inventory", "movements"];
/// Questions of one kind.
const QUESTIONS: u64 = 60;
/// Questions that are also answered movement by movement, to compare.
const PROVED: u64 = 6;

/// Command rate on an empty log and at the end of a long one, then questions about the past of its largest company.
pub(crate) async fn measure(
    bed: &Bed,
    events: u64,
    seconds: Duration,
    report: &mut Report,
) -> anyhow::Result<()> {
    let load = committer::Load { companies: 1, items: 10_000, keys: true };
    let empty = committer::receive(bed, &load, 512, seconds).await?;
    report.add("our committer on an empty log, with request keys", empty);
    let grown = grow(bed, Growth::realistic(60, events)).await?;
    let size = format!("{} events", grown.events);
    report.add(&format!("log filled with {size}"), rate(grown.events, grown.took)?);
    sqlx::raw_sql("vacuum analyze").execute(bed.database.owner()).await?;
    bed.settle().await?;
    let long = committer::receive(bed, &load, 512, seconds).await?;
    report.add(&format!("our committer at {size}, with request keys"), long);
    report.ratio(&format!("cost of a command at {size} / on an empty log"), empty / long);

    let started = Instant::now();
    fold(bed).await?;
    report.add(&format!("{} folded from the log", NEEDED.join(", ")), rate(grown.events, started.elapsed())?);
    sqlx::raw_sql("vacuum analyze").execute(bed.database.owner()).await?;
    bed.settle().await?;
    ask(bed, &grown, report).await
}

fn rate(events: u64, took: Duration) -> anyhow::Result<f64> {
    Ok(f64::from(u32::try_from(events)?) / took.as_secs_f64())
}

/// The read models are new to a long log.
async fn fold(bed: &Bed) -> anyhow::Result<()> {
    let all = registry::all();
    // Lists look at plans, too; here there are none.
    let projections: Vec<_> = all
        .into_iter()
        .filter(|projection| NEEDED.contains(&projection.name()) || projection.name() == "planning")
        .collect();
    let unbuilt = install::install(bed.database.owner(), &projections).await?;
    for projection in unbuilt.into_iter().filter(|projection| NEEDED.contains(&projection.name())) {
        let built = build(bed.database.owner(), &projection, Options::default()).await?;
        anyhow::ensure!(built.switched, "{} was not built", built.projection);
    }
    Ok(())
}

/// Asks about the largest company as the API does: its role, one snapshot a question.
async fn ask(bed: &Bed, grown: &Grown, report: &mut Report) -> anyhow::Result<()> {
    let Some(company) = grown.companies.first().copied() else { anyhow::bail!("no company has grown") };
    let reads = bed.database.pool(Role::Api, 4).await?;
    let boards = Boards::new(reads.clone());
    boards.list(company.company_id.0, &page(), Freshness::Now).await?;
    let of = format!("of {} products, {} facts", company.items, company.facts);
    for kind in [Kind::AsOf, Kind::KnownAt, Kind::Both] {
        let mut times = Vec::new();
        for n in 0..QUESTIONS {
            let moment = kind.moment(grown, n);
            let started = Instant::now();
            let mut tx = tenant::begin(&reads, company.company_id.0).await?;
            let levels = past::as_of(&mut tx, company.company_id.0, None, moment).await?;
            drop(tx);
            let past = Other { levels: Some(levels), plans: None };
            boards.list_other(company.company_id.0, &page(), past, Freshness::Recent).await?;
            times.push(started.elapsed());
        }
        times.sort_unstable();
        let name = kind.name();
        report.millis(&format!("stock list {of}, {name}, p50"), millis(&times, 50));
        report.millis(&format!("stock list {of}, {name}, slowest"), millis(&times, 100));
        let times = items(&reads, company, grown, kind).await?;
        report.millis(&format!("stock of one product {of}, {name}, p50"), millis(&times, 50));
        report.millis(&format!("stock of one product {of}, {name}, slowest"), millis(&times, 100));
    }
    compare(&reads, company, grown, report).await?;
    prove(bed.database.owner(), company, grown, report).await
}

fn page() -> Ask {
    Ask { limit: 50, ..Ask::default() }
}

async fn items(reads: &PgPool, company: Size, grown: &Grown, kind: Kind) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for n in 0..QUESTIONS {
        // Every other question is about one of the ten most popular products.
        let products = if n % 2 == 0 { 10 } else { company.items };
        let item = bed::item(usize::try_from(bed::scatter(n) % products)?)?;
        let moment = kind.moment(grown, n + QUESTIONS);
        let started = Instant::now();
        let mut tx = tenant::begin(reads, company.company_id.0).await?;
        past::sums(&mut tx, company.company_id.0, Some(item.as_str()), moment).await?;
        drop(tx);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

async fn compare(reads: &PgPool, company: Size, grown: &Grown, report: &mut Report) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for n in 0..QUESTIONS / 3 {
        let (one, other) = (Kind::AsOf.moment(grown, n), Kind::AsOf.moment(grown, n + 1_000));
        let (from, to) = if one.as_of <= other.as_of { (one, other) } else { (other, one) };
        let started = Instant::now();
        let mut tx = tenant::begin(reads, company.company_id.0).await?;
        differences(&mut tx, company.company_id.0, &DiffFilter::default(), (from, to), &[]).await?;
        drop(tx);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    report.millis("difference of two instants, all products, p50", millis(&times, 50));
    report.millis("difference of two instants, all products, slowest", millis(&times, 100));
    Ok(())
}

/// The same answers movement by movement, by the plain meaning: the newest statement and what came after it.
async fn prove(owner: &PgPool, company: Size, grown: &Grown, report: &mut Report) -> anyhow::Result<()> {
    let mut conn = owner.acquire().await?;
    let mut times = Vec::new();
    for n in 0..PROVED {
        let kind = match n % 3 {
            0 => Kind::AsOf,
            1 => Kind::KnownAt,
            _ => Kind::Both,
        };
        let moment = kind.moment(grown, n + 7);
        let started = Instant::now();
        let plain: Vec<(String, String, i64)> = sqlx::query_as(PLAIN)
            .bind(company.company_id.0)
            .bind(moment.as_of)
            .bind(moment.known_at)
            .fetch_all(&mut *conn)
            .await?;
        times.push(started.elapsed());
        let plain: BTreeMap<_, _> =
            plain.into_iter().map(|(item, place, units)| ((item, place), units)).collect();
        let found = past::sums(&mut conn, company.company_id.0, None, moment).await?;
        let found: BTreeMap<_, _> =
            found.into_iter().map(|sum| ((sum.item_key, sum.location_id), sum.on_hand)).collect();
        anyhow::ensure!(plain == found, "checkpoints and movements disagree at {moment:?}");
    }
    times.sort_unstable();
    report.millis("the same list movement by movement, p50", millis(&times, 50));
    Ok(())
}

const PLAIN: &str = "
with facts as materialized (
    select item_key, location_id, position, effective_at, quantity, anchored_at
    from movements_2.movements
    where company_id = $1 and effective_at <= $2 and recorded_at <= $3
), stated as (
    select distinct on (item_key, location_id) item_key, location_id, effective_at, anchored_at
    from facts
    where anchored_at is not null
    order by item_key, location_id, effective_at desc, position desc
)
select item_key, location_id,
       (coalesce(max(stated.anchored_at), 0) + coalesce(sum(facts.quantity) filter (
           where facts.anchored_at is null
             and (stated.effective_at is null or facts.effective_at > stated.effective_at)), 0))::bigint
from facts
left join stated using (item_key, location_id)
group by item_key, location_id";

/// What is asked of the past.
#[derive(Debug, Clone, Copy)]
enum Kind {
    AsOf,
    KnownAt,
    Both,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::AsOf => "as of",
            Self::KnownAt => "known at",
            Self::Both => "as of and known at",
        }
    }

    /// The `n`-th question: any instant of the history; known up to a hundred days later.
    fn moment(self, grown: &Grown, n: u64) -> Moment {
        let span = u64::try_from((grown.end - grown.begin).num_seconds()).unwrap_or(1);
        let seconds = |bits: u64, bound: u64| i64::try_from(bits % bound.max(1)).unwrap_or(0);
        let at = grown.begin + TimeDelta::seconds(seconds(bed::scatter(n), span));
        match self {
            Self::AsOf => Moment::new(Some(at), None),
            Self::KnownAt => Moment::new(None, Some(at)),
            Self::Both => {
                let later = TimeDelta::seconds(seconds(bed::scatter(n + 500), 100 * 86_400));
                Moment::new(Some(at), Some(at + later))
            }
        }
    }
}

fn millis(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

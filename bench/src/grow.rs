//! Fills a log with the history of many companies: what they would have after years, in minutes.
//!
//! Every fact is decided by the domain, one product after another in the order of time, so that variances, superseded
//! facts and balances are what they would be; the events are appended in large batches, with keys and chain, by the
//! same call as the committer's. The same growth gives the same facts in every run, but for ids and the present day.

mod fill;
mod intent;

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use commands::clock::{Clock, Ids};
use commands::{CommitterConfig, Committers, Operation};
use domain::catalogue::location::event::{LocationDetails, LocationKind};
use domain::catalogue::product::event::ProductDetails;
use domain::companies::event::Profile;
use domain::shared::ids::{CompanyId, LocationId};
use domain::shared::money::Currency;
use event_log::event::partition_of;
use migrations::Role;

use crate::bed::{self, Bed};

/// Partitions of a bed's log.
pub(crate) const PARTITIONS: i16 = 4;
/// Locations of every company.
const PLACES: [&str; 3] = ["MAIN", "SHOP", "WEB"];
/// Products of a company at most, where sizes differ.
const MOST_ITEMS: u64 = 4_000;

/// What the log is to hold.
#[derive(Debug, Clone)]
pub(crate) struct Growth {
    /// Products and facts about stock of every company, which take turns on the partitions.
    sizes: Vec<(u64, u64)>,
    /// How many days the history is long.
    days: i64,
}

impl Growth {
    /// Companies of one size over a year.
    pub(crate) fn alike(companies: u64, items: u64, events: u64) -> Self {
        let sizes = (0..companies).map(|n| (items, events * (n + 1) / companies - events * n / companies));
        Self { sizes: sizes.collect(), days: 365 }
    }

    /// A quarter of all facts to one company of up to 4,000 products, the rest falling off slowly, over two years.
    pub(crate) fn realistic(companies: u64, events: u64) -> Self {
        let small = companies.max(2) - 1;
        let weights: Vec<u64> = (0..small).map(|n| 1_000_000 / (n + 2)).collect();
        let all: u64 = weights.iter().sum();
        let rest = events - events / 4;
        let facts = std::iter::once(events / 4).chain(weights.iter().map(|weight| rest * weight / all));
        let sizes = facts.map(|facts| ((facts / 400).clamp(20, MOST_ITEMS), facts));
        Self { sizes: sizes.collect(), days: 730 }
    }
}

/// What the log holds.
pub(crate) struct Grown {
    /// Companies in the order of their sizes.
    pub(crate) companies: Vec<Size>,
    /// Facts about stock that were appended.
    pub(crate) events: u64,
    /// Begin of the history.
    pub(crate) begin: DateTime<Utc>,
    /// End of the history.
    pub(crate) end: DateTime<Utc>,
    /// How long it took, companies and products included.
    pub(crate) took: Duration,
}

/// A company and how large it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// The company.
    pub(crate) company_id: CompanyId,
    /// Products.
    pub(crate) items: u64,
    /// Facts about stock, about.
    pub(crate) facts: u64,
}

/// Founds the companies and appends their history.
pub(crate) async fn grow(bed: &Bed, growth: Growth) -> anyhow::Result<Grown> {
    let started = Instant::now();
    let end = Clock::system().now();
    let begin = end - TimeDelta::days(growth.days);
    let companies = found_all(bed, &growth, begin).await?;
    let pool = bed.database.pool(Role::Committer, 8).await?;
    let mut fillers = Vec::new();
    for partition in 0..PARTITIONS {
        let here = companies.iter().filter(|size| partition_of(size.company_id.0, PARTITIONS) == partition);
        let filler = fill::Filler::new(pool.clone(), partition, here).await?;
        fillers.push(tokio::spawn(filler.fill(begin, end)));
    }
    let mut events = 0;
    for filler in fillers {
        events += filler.await??;
    }
    Ok(Grown { companies, events, begin, end, took: started.elapsed() })
}

/// Companies with locations and products, all from before the history begins.
async fn found_all(bed: &Bed, growth: &Growth, begin: DateTime<Utc>) -> anyhow::Result<Vec<Size>> {
    let clock = Clock::system();
    clock.advance(begin - clock.now() - TimeDelta::days(1));
    let pool = bed.database.pool(Role::Committer, 9).await?;
    let config = CommitterConfig { pool, partitions: PARTITIONS, clock, snapshot_every: 1_000, listen: None };
    let committers = Committers::start(&config);
    let mut companies = Vec::new();
    for ((items, facts), partition) in growth.sizes.iter().zip((0..PARTITIONS).cycle()) {
        let company_id = found(&committers, partition, usize::try_from(*items)?).await?;
        companies.push(Size { company_id, items: *items, facts: *facts });
    }
    committers.stop().await;
    Ok(companies)
}

async fn found(committers: &Committers, partition: i16, items: usize) -> anyhow::Result<CompanyId> {
    let company_id = loop {
        let id = Ids.next();
        if partition_of(id, PARTITIONS) == partition {
            break CompanyId(id);
        }
    };
    let profile =
        Profile { name: "Grown".into(), currency: Currency::new("EUR")?, time_zone: chrono_tz::UTC };
    let mut operations = vec![Operation::FoundCompany { profile }];
    for place in PLACES {
        let details = Box::new(LocationDetails::named(place, LocationKind::Own, None));
        let location_id = LocationId::new(place)?;
        operations.push(Operation::CreateLocation { location_id, details, is_primary: place == "MAIN" });
    }
    bed::submit(committers, company_id, operations).await?;
    for first in (0..items).step_by(1_000) {
        let products: anyhow::Result<Vec<_>> = (first..items.min(first + 1_000))
            .map(|n| {
                let item_id = bed::item(n)?;
                let details = ProductDetails::named(&item_id, &format!("Product {n}"));
                Ok(Operation::CreateProduct { item_id, details })
            })
            .collect();
        bed::submit(committers, company_id, products?).await?;
    }
    Ok(company_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn companies_share_everything_alike_or_as_they_do() {
        let alike = Growth::alike(7, 100, 1_000).sizes;
        assert_eq!(alike.iter().map(|(_, facts)| facts).sum::<u64>(), 1_000);
        assert!(alike.iter().all(|(items, facts)| *items == 100 && (142..=143).contains(facts)));
        let sizes = Growth::realistic(60, 1_000_000).sizes;
        assert_eq!((sizes.len(), sizes[0]), (60, (625, 250_000)));
        let all: u64 = sizes.iter().map(|(_, facts)| facts).sum();
        assert!((999_900..=1_000_000).contains(&all), "{all}");
        assert!(sizes.iter().all(|(items, facts)| *items >= 20 && *facts > 1_000));
    }
}

//! Fills a log with the history of many companies: what they would have after years, in minutes.
//!
//! Every fact is decided by the domain, one product after another in the order of time, so that variances, superseded
//! facts and balances are what they would be; the events are appended in large batches, with keys and chain, by the
//! same call as the committer's. Sizes follow a few large companies and many small ones, popularity of products too.
//! The same growth gives the same facts in every run, but for the ids of companies.

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

const PARTITIONS: i16 = 4;
/// Products of a company at most.
const MOST_ITEMS: usize = 4_000;
const LOCATIONS: [&str; 3] = ["MAIN", "SHOP", "WEB"];

/// What the log is to hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    /// Facts about stock, about.
    pub(crate) events: u64,
    /// Companies; the first has a quarter of all facts.
    pub(crate) companies: u32,
    /// How many days the history is long.
    pub(crate) days: i64,
}

/// What the log holds.
pub(crate) struct Grown {
    /// Companies, the largest first.
    pub(crate) companies: Vec<Size>,
    /// Facts that were appended.
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
    pub(crate) items: usize,
    /// Facts, about.
    pub(crate) facts: u64,
}

/// Founds the companies and appends their history.
pub(crate) async fn grow(bed: &Bed, growth: Growth) -> anyhow::Result<Grown> {
    let started = Instant::now();
    let end = Clock::system().now();
    let begin = end - TimeDelta::days(growth.days);
    let companies = found_all(bed, growth, begin).await?;
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

/// Sizes: a quarter of all to the first company, the rest falling off slowly.
fn sizes(growth: Growth) -> Vec<(usize, u64)> {
    let small = u64::from(growth.companies.max(2) - 1);
    let weights: Vec<u64> = (0..small).map(|n| 1_000_000 / (n + 2)).collect();
    let all: u64 = weights.iter().sum();
    let rest = growth.events - growth.events / 4;
    let facts = std::iter::once(growth.events / 4).chain(weights.iter().map(|weight| rest * weight / all));
    let items = |facts: u64| usize::try_from(facts / 400).unwrap_or(MOST_ITEMS).clamp(20, MOST_ITEMS);
    facts.map(|facts| (items(facts), facts)).collect()
}

/// Companies with locations and products, all from before the history begins.
async fn found_all(bed: &Bed, growth: Growth, begin: DateTime<Utc>) -> anyhow::Result<Vec<Size>> {
    let clock = Clock::system();
    clock.advance(begin - clock.now() - TimeDelta::days(1));
    let pool = bed.database.pool(Role::Committer, 9).await?;
    let config = CommitterConfig { pool, partitions: PARTITIONS, clock, snapshot_every: 1_000 };
    let committers = Committers::start(&config);
    let mut companies = Vec::new();
    for (number, (items, facts)) in sizes(growth).into_iter().enumerate() {
        let partition = i16::try_from(number % 4)?;
        let company_id = found(&committers, partition, items).await?;
        companies.push(Size { company_id, items, facts });
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
    for location in LOCATIONS {
        let details = Box::new(LocationDetails::named(location, LocationKind::Own, None));
        let location_id = LocationId::new(location)?;
        operations.push(Operation::CreateLocation { location_id, details, is_primary: location == "MAIN" });
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
    fn one_company_has_a_quarter_and_all_together_have_everything() {
        let sizes = sizes(Growth { events: 1_000_000, companies: 60, days: 1 });
        assert_eq!(sizes.len(), 60);
        assert_eq!(sizes[0], (625, 250_000));
        let all: u64 = sizes.iter().map(|(_, facts)| facts).sum();
        assert!((999_900..=1_000_000).contains(&all), "{all}");
        assert!(sizes.iter().all(|(items, facts)| *items >= 20 && *facts > 1_000));
    }
}

//! The peer: the same commands through cqrs-es and postgres-es in event store mode, each caller executing by itself.

use std::sync::Arc;
use std::time::Duration;

use chrono_tz::UTC;
use commands::clock::{Clock, Ids};
use cqrs_es::AggregateError;
use cqrs_es::CqrsFramework;
use cqrs_es::persist::PersistedEventStore;
use domain::stock::command::Human;
use domain::stock::{StockCommand, StockFacts, StockIntent, StockItem, StockRules};
use postgres_es::PostgresEventRepository;
use sqlx::postgres::PgPoolOptions;

use crate::bed::{self, Bed, Tally};

type Store = PersistedEventStore<PostgresEventRepository, StockItem>;

const TABLE: &str = "create table events (
    aggregate_type text not null, aggregate_id text not null, sequence bigint check (sequence >= 0) not null,
    event_type text not null, event_version text not null, payload json not null, metadata json not null,
    primary key (aggregate_type, aggregate_id, sequence))";

/// Received deliveries a second by `callers` callers, and conflicts a second.
pub(crate) async fn receive(
    bed: &Bed,
    items: u64,
    callers: usize,
    seconds: Duration,
) -> anyhow::Result<Tally> {
    let owner = bed.database.owner();
    sqlx::query("drop table if exists public.events").execute(owner).await?;
    sqlx::query(TABLE).execute(owner).await?;
    bed.settle().await?;
    let pool =
        PgPoolOptions::new().max_connections(u32::try_from(callers)?).connect(&bed.database.url()).await?;
    let store = PersistedEventStore::new_event_store(PostgresEventRepository::new(pool));
    let framework: Arc<CqrsFramework<StockItem, Store>> = Arc::new(CqrsFramework::new(store, vec![], ()));
    let tally = bed::hammer(callers, seconds, move |n| one(framework.clone(), n, items)).await?;
    sqlx::query("drop table public.events").execute(owner).await?;
    Ok(tally)
}

async fn one(framework: Arc<CqrsFramework<StockItem, Store>>, n: u64, items: u64) -> anyhow::Result<bool> {
    let item = format!("ITEM-{:05}", bed::scatter(n) % items);
    let facts = StockFacts {
        movement_id: Ids.next(),
        now: Clock::system().now(),
        time_zone: UTC,
        rules: StockRules::default(),
        history: None,
    };
    let intent = StockIntent::Receive {
        location_id: bed::main_location()?,
        quantity: 5,
        reference: Some("D-1".into()),
        human: Human::default(),
    };
    match framework.execute(&item, StockCommand { facts, intent }).await {
        Ok(()) => Ok(true),
        Err(AggregateError::AggregateConflict) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

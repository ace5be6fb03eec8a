//! Projection `catalogue`: what the company sells and where it keeps it.
//!
//! `products` and `locations` hold one row per stream as it stands now; `item_aliases` holds every text under which an
//! item can be named in a path. Rows are whole: a block of events is folded onto the rows it touches in memory and each
//! touched row is written once. An event at or below a row's version is skipped, so applying twice is applying once.

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgConnection;

use domain::catalogue::location::event::LocationEvent;
use domain::catalogue::product::event::ProductEvent;
use domain::shared::event::Event;
use event_log::event::StoredEvent;

use crate::projection::{Projection, ProjectionError};

pub mod products;
mod aliases;
pub mod locations;
pub mod queries;

pub use locations::LocationRow;
pub use products::ProductRow;

/// Schema that the queries of this release read.
pub const SCHEMA: &str = "catalogue_1";

/// The projection; see the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct Catalogue;

impl Projection for Catalogue {
    fn name(&self) -> &'static str {
        "catalogue"
    }

    fn version(&self) -> i32 {
        1
    }

    fn stream_types(&self) -> &'static [&'static str] {
        &[ProductEvent::STREAM_TYPE, LocationEvent::STREAM_TYPE]
    }

    fn ddl(&self) -> &'static str {
        DDL
    }

    fn apply<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        block: &'a [StoredEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            products::apply(conn, block).await?;
            locations::apply(conn, block).await
        }
        .boxed()
    }
}

const DDL: &str = "
create table products (
    company_id uuid not null,
    item_key text not null,
    item_id text not null,
    sku text not null,
    product_name text not null,
    category text not null,
    unit_cost_amount numeric,
    unit_cost_currency text,
    selling_price_amount numeric,
    selling_price_currency text,
    lead_time_days integer,
    safety_stock_days integer,
    manual_daily_forecast numeric,
    listed_on date,
    barcodes text[] not null,
    weight_g integer,
    dimensions_mm integer[],
    listings jsonb not null,
    is_active boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    changed_position bigint not null,
    version bigint not null,
    primary key (company_id, item_key)
);
create index products_changed on products (company_id, changed_position);

create table item_aliases (
    company_id uuid not null,
    alias text not null,
    kind text not null,
    item_key text not null,
    primary key (company_id, alias, kind, item_key)
);
create index item_aliases_item on item_aliases (company_id, item_key);

create table locations (
    company_id uuid not null,
    location_id text not null,
    name text not null,
    kind text not null,
    marketplace text,
    stock_role text not null,
    authority text not null,
    is_primary boolean not null,
    address text,
    city text,
    country text,
    metadata jsonb not null,
    is_active boolean not null,
    is_synced boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    changed_position bigint not null,
    version bigint not null,
    primary key (company_id, location_id)
);
";

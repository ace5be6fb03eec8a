//! Projection `sales`: what was sold, by line, by report, and as demand and revenue per day.
//!
//! `lines` holds one row per reported sale, cancellation and return; `demand` adds them up per item, location, day,
//! channel and currency; `daily_reports` holds what a source last stated of a day; `channels` how a channel sells.
//! Lines and reports meet only when demand is read ([`demand_by_day`]): there lines win and the overlap is told. The
//! quarantine of lines that nobody could place is a projection of its own, [`quarantine`].

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgConnection;

use domain::sales::event::{ChannelEvent, SalesReportEvent};
use domain::shared::event::Event;
use domain::stock::event::StockEvent;
use event_log::event::StoredEvent;

use crate::bulk::{Builder, Rows};
use crate::projection::{Projection, ProjectionError, ROWS_AT_ONCE};
use channels::Channels;
use demand::Demand;
use facts::Fact;
use lines::Changes;
use reports::Reports;

pub(crate) mod facts;
mod lines;
mod demand;
mod reports;
mod channels;
pub mod queries;
pub mod demand_by_day;
pub mod stock_on_days;
pub mod quarantine;

/// Schema that the queries of this release read.
pub const SCHEMA: &str = "sales_1";

/// The projection; see the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sales;

impl Projection for Sales {
    fn name(&self) -> &'static str {
        "sales"
    }

    fn version(&self) -> i32 {
        1
    }

    fn stream_types(&self) -> &'static [&'static str] {
        &[StockEvent::STREAM_TYPE, SalesReportEvent::STREAM_TYPE, ChannelEvent::STREAM_TYPE]
    }

    fn folds(&self, event: &StoredEvent) -> bool {
        facts::is_about_sales(event)
            || [SalesReportEvent::STREAM_TYPE, ChannelEvent::STREAM_TYPE]
                .contains(&event.stream_type.as_ref())
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
            let facts = facts::of_block(block)?;
            for facts in facts.chunks(ROWS_AT_ONCE) {
                lines::apply(conn, facts).await?;
            }
            let mut sums = Sums::default();
            sums.fold(block, &facts)?;
            sums.demand.write(conn).await?;
            sums.reports.write(conn).await?;
            sums.channels.write(conn).await
        }
        .boxed()
    }

    fn builder(&self) -> Option<Box<dyn Builder>> {
        Some(Box::<WholeSales>::default())
    }

    fn reads_metadata(&self) -> bool {
        false
    }
}

/// What a block adds up to, besides its lines.
#[derive(Default)]
struct Sums {
    demand: Demand,
    reports: Reports,
    channels: Channels,
}

impl Sums {
    /// `facts` are those of `block`.
    fn fold(&mut self, block: &[StoredEvent], facts: &[Fact]) -> Result<(), ProjectionError> {
        for fact in facts {
            self.demand.add(fact);
        }
        self.reports.fold(block)?;
        self.channels.fold(block)
    }
}

/// The sales of a partition, folded from its first event. Lines are ready at once; what was shipped or cancelled later
/// changes them at the end.
#[derive(Default)]
struct WholeSales {
    changes: Changes,
    sums: Sums,
}

impl Builder for WholeSales {
    fn fold(&mut self, block: &[StoredEvent], rows: &mut Rows) -> Result<(), ProjectionError> {
        let facts = facts::of_block(block)?;
        for fact in &facts {
            lines::put(fact, rows);
            self.changes.note(fact);
        }
        self.sums.fold(block, &facts)
    }

    fn finish(self: Box<Self>, conn: &mut PgConnection) -> BoxFuture<'_, Result<(), ProjectionError>> {
        let mut rows = Rows::default();
        self.sums.demand.put(&mut rows);
        self.sums.reports.put(&mut rows);
        self.sums.channels.put(&mut rows);
        async move {
            self.changes.write(conn).await?;
            rows.write(conn).await.map_err(ProjectionError::from)
        }
        .boxed()
    }
}

const DDL: &str = "
create table lines (
    company_id uuid not null,
    channel text not null,
    kind text not null,
    line_id text not null,
    order_id text not null,
    item_key text not null,
    location_id text not null,
    quantity bigint not null,
    unit_price_amount numeric,
    unit_price_currency text,
    sold_at timestamptz not null,
    local_date date not null,
    state text not null,
    cancelled_quantity bigint not null,
    position bigint not null,
    primary key (company_id, channel, kind, line_id)
);
create index lines_order on lines (company_id, order_id);
create index lines_position on lines (company_id, position);
create index lines_cancelled on lines (company_id, channel, line_id) where kind = 'cancellation';

create table demand (
    company_id uuid not null,
    item_key text not null,
    date_local date not null,
    location_id text not null,
    channel text not null,
    currency text not null,
    line_units bigint not null,
    return_units bigint not null,
    cancel_units bigint not null,
    line_revenue numeric not null,
    return_revenue numeric not null,
    cancel_revenue numeric not null,
    changed_position bigint not null,
    primary key (company_id, item_key, date_local, location_id, channel, currency)
);

create table daily_reports (
    company_id uuid not null,
    item_key text not null,
    date_local date not null,
    location_id text not null,
    source text not null,
    units_sold bigint not null,
    revenue_amount numeric,
    revenue_currency text,
    reported_at timestamptz not null,
    position bigint not null,
    primary key (company_id, item_key, date_local, location_id, source)
);

create table channels (
    company_id uuid not null,
    channel text not null,
    location_id text,
    on_sale text not null,
    count_returns boolean,
    changed_position bigint not null,
    primary key (company_id, channel)
);
";

//! The tables of planning: what plans are computed from, the plans, what was published and how good it was.

use std::sync::LazyLock;

use super::plan_row;

/// Every table, in the schema of the version.
pub(super) static DDL: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{INPUTS}
create table plans (
    company_id uuid not null,
{}    written_position bigint not null,
    primary key (company_id, item_key)
);
create index plans_category on plans (company_id, category);
create index plans_written on plans (company_id, written_position);",
        plan_row::ddl()
    )
});

const INPUTS: &str = "
create table today (
    company_id uuid not null,
    day date not null,
    primary key (company_id)
);

create table states (
    company_id uuid not null,
    kind text not null,
    stream_id text not null,
    state json not null,
    version bigint not null,
    primary key (company_id, kind, stream_id)
);

create table mentions (
    company_id uuid not null,
    item_key text not null,
    kind text not null,
    stream_id text not null,
    said json not null,
    -- The day from whose close on it says nothing more.
    ended_on date,
    primary key (company_id, item_key, kind, stream_id)
);
create index mentions_stream on mentions (company_id, kind, stream_id);
create index mentions_supplier on mentions (company_id, (said ->> 'supplier')) where kind = 'supplier';

create table days (
    company_id uuid not null,
    item_key text not null,
    date_local date not null,
    location_id text not null,
    channel text not null,
    stock bigint not null,
    line_units bigint not null,
    cancel_units bigint not null,
    return_units bigint not null,
    report_units bigint,
    changed_position bigint not null,
    primary key (company_id, item_key, date_local, location_id, channel)
);

create table levels (
    company_id uuid not null,
    item_key text not null,
    location_id text not null,
    units bigint not null,
    moved_on date,
    opened_on date,
    changed_position bigint not null,
    primary key (company_id, item_key, location_id)
);

create table statements (
    company_id uuid not null,
    item_key text not null,
    location_id text not null,
    stated_at timestamptz not null,
    local_date date not null,
    primary key (company_id, item_key, location_id, stated_at)
);

create table reservations (
    company_id uuid not null,
    item_key text not null,
    channel text not null,
    line_id text not null,
    location_id text not null,
    quantity bigint not null,
    primary key (company_id, item_key, channel, line_id)
);

create table costs (
    company_id uuid not null,
    item_key text not null,
    since timestamptz not null,
    amount numeric,
    currency text,
    position bigint not null,
    primary key (company_id, item_key, since)
);

create table forecast_runs (
    company_id uuid not null,
    run_id uuid not null,
    position bigint not null,
    published_on date not null,
    demand_until date not null,
    trigger text not null,
    policy text not null,
    location_id text,
    inputs_hash text not null,
    items integer not null,
    primary key (company_id, run_id)
);
create index forecast_runs_published on forecast_runs (company_id, published_on);

create table forecasts (
    company_id uuid not null,
    run_id uuid not null,
    item_key text not null,
    method text not null,
    forecast_14d numeric not null,
    forecast json not null,
    primary key (company_id, item_key, run_id)
);
create index forecasts_run on forecasts (company_id, run_id, item_key);

create table newest_forecasts (
    company_id uuid not null,
    policy text not null,
    item_key text not null,
    run_id uuid not null,
    position bigint not null,
    primary key (company_id, policy, item_key)
);

create table accuracy (
    company_id uuid not null,
    published_on date not null,
    run_id uuid not null,
    method text not null,
    errors json not null,
    primary key (company_id, published_on, run_id, method)
);

create table worst_forecasts (
    company_id uuid not null,
    item_key text not null,
    errors json not null,
    primary key (company_id, item_key)
);

create table episodes (
    company_id uuid not null,
    item_key text not null,
    type text not null,
    counted integer not null,
    lasted boolean not null,
    began_on date,
    holds boolean not null,
    since date,
    episode integer not null,
    primary key (company_id, item_key, type)
);

create table unplanned (
    company_id uuid not null,
    item_key text not null,
    value text not null,
    written_position bigint not null,
    primary key (company_id, item_key)
);
create index unplanned_written on unplanned (company_id, written_position);
";

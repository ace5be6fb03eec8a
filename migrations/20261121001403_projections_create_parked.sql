-- Why: an event that a read model cannot fold must not stop the others. It is set aside here with its stream: later
-- events of the same stream wait behind it, everything else goes on, until somebody lets it be tried again or skipped.
create table projections.parked (
    id bigint generated always as identity unique,
    name text not null,
    version integer not null,
    partition smallint not null,
    position bigint not null,
    company_id uuid not null,
    stream_type text not null,
    stream_id text not null,
    stream_version bigint not null,
    event_type text not null,
    state text not null check (state in ('parked', 'skipped')),
    error text not null,
    attempts integer not null,
    parked_at timestamptz not null,
    primary key (name, version, partition, position)
);

-- How often a company's rows were folded anew, so that lists in memory know when to load again.
create table projections.refolds (
    company_id uuid primary key,
    number bigint not null
);

grant select, insert, update, delete on projections.parked, projections.refolds to stocktrail_projector;
grant select on projections.refolds to stocktrail_api;
alter table projections.parked enable row level security;
alter table projections.refolds enable row level security;
create policy every_company on projections.parked to stocktrail_projector using (true) with check (true);
create policy every_company on projections.refolds to stocktrail_projector using (true) with check (true);
create policy one_company on projections.refolds for select to stocktrail_api
    using (company_id = nullif(current_setting('app.company_id', true), '')::uuid);

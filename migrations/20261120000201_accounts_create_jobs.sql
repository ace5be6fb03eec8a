-- Work that outlives a request, and the memory of what the scheduler has started.
-- Work of the platform itself carries the nil company.

create table accounts.jobs (
    company_id uuid not null,
    job_id uuid not null,
    seq bigint generated always as identity,
    kind text not null,
    payload jsonb not null,
    lane text,
    dedupe_key text,
    state text not null default 'queued'
        check (state in ('queued', 'running', 'finished', 'failed', 'cancelled')),
    attempts integer not null default 0,
    max_attempts integer not null,
    run_at timestamptz not null,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    cancel_requested boolean not null default false,
    progress_done bigint not null default 0,
    progress_total bigint,
    result jsonb,
    error text,
    primary key (company_id, job_id)
);

-- An open job takes its dedupe key; when it has ended the key is free again.
create unique index jobs_dedupe on accounts.jobs (company_id, kind, dedupe_key)
    where dedupe_key is not null and state in ('queued', 'running');
create index jobs_open on accounts.jobs (run_at, seq) where state in ('queued', 'running');
create index jobs_lane on accounts.jobs (company_id, lane, seq) where lane is not null and state in ('queued', 'running');
create index jobs_newest on accounts.jobs (company_id, seq desc);

create table accounts.schedules (
    company_id uuid not null,
    kind text not null,
    last_run_for date,
    last_run_at timestamptz,
    primary key (company_id, kind)
);

grant select, insert, update, delete on accounts.jobs, accounts.schedules to stocktrail_accounts;
grant select on accounts.jobs, accounts.schedules to stocktrail_api;

alter table accounts.jobs enable row level security;
alter table accounts.schedules enable row level security;

create policy one_company on accounts.jobs for select to stocktrail_api
    using (company_id = nullif(current_setting('app.company_id', true), '')::uuid);
create policy one_company on accounts.schedules for select to stocktrail_api
    using (company_id = nullif(current_setting('app.company_id', true), '')::uuid);

create policy every_company on accounts.jobs to stocktrail_accounts using (true) with check (true);
create policy every_company on accounts.schedules to stocktrail_accounts using (true) with check (true);

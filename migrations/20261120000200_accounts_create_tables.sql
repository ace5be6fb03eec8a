-- People, memberships, sessions, API keys and the answers of repeated requests: the plain tables beside the log.
-- Personal data and secrets live here alone, sealed or hashed; events refer to them by id.

create schema accounts;

create table accounts.companies (
    company_id uuid primary key,
    created_at timestamptz not null
);

-- The ids of a registration that is under way, so that a repeat after a crash founds the same company.
create table accounts.registrations (
    email_index bytea not null,
    body_digest bytea not null,
    company_id uuid not null,
    user_id uuid not null,
    created_at timestamptz not null,
    primary key (email_index, body_digest)
);

create table accounts.users (
    user_id uuid primary key,
    email_index bytea not null unique,
    email_sealed bytea not null,
    name_sealed bytea not null,
    password_hash text not null,
    created_at timestamptz not null,
    disabled_at timestamptz
);

create table accounts.memberships (
    company_id uuid not null,
    user_id uuid not null references accounts.users (user_id),
    role text not null check (role in ('OWNER', 'ADMIN', 'CEO', 'PROCUREMENT', 'MARKETING', 'WAREHOUSE', 'VIEWER')),
    created_at timestamptz not null,
    removed_at timestamptz,
    primary key (company_id, user_id)
);

create index memberships_user on accounts.memberships (user_id);

-- One row per refresh token; the tokens of one session are a family.
create table accounts.refresh_tokens (
    token_hash bytea primary key,
    family_id uuid not null,
    user_id uuid not null references accounts.users (user_id),
    company_id uuid not null,
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    revoked_at timestamptz
);

create index refresh_tokens_family on accounts.refresh_tokens (family_id);
create index refresh_tokens_user on accounts.refresh_tokens (user_id, company_id);

create table accounts.api_keys (
    company_id uuid not null,
    key_id uuid not null,
    name text not null,
    role text not null check (role in ('OWNER', 'ADMIN', 'CEO', 'PROCUREMENT', 'MARKETING', 'WAREHOUSE', 'VIEWER')),
    hash bytea not null,
    prefix text not null,
    created_by uuid not null,
    created_at timestamptz not null,
    revoked_at timestamptz,
    last_used_at timestamptz,
    primary key (company_id, key_id)
);

create unique index api_keys_hash on accounts.api_keys (hash);

-- The subject is an HMAC of an e-mail address or of a network address.
create table accounts.login_failures (
    subject bytea primary key,
    failed integer not null,
    window_start timestamptz not null
);

-- The scope is a company, a person who switches, or nil where nobody is signed in.
create table accounts.request_keys (
    scope uuid not null,
    key text not null,
    digest bytea not null,
    answer_sealed bytea,
    created_at timestamptz not null,
    primary key (scope, key)
);

create index request_keys_created on accounts.request_keys (created_at);

grant usage on schema accounts to stocktrail_accounts, stocktrail_api;
grant select, insert, update, delete on all tables in schema accounts to stocktrail_accounts;

-- The read side sees who belongs to its company and which keys exist, never a hash or a sealed value.
grant select (company_id, created_at) on accounts.companies to stocktrail_api;
grant select (company_id, user_id, role, created_at, removed_at) on accounts.memberships to stocktrail_api;
grant select (company_id) on accounts.registrations to stocktrail_api;
grant select (company_id) on accounts.refresh_tokens to stocktrail_api;
grant select (company_id, key_id, name, role, prefix, created_by, created_at, revoked_at, last_used_at)
    on accounts.api_keys to stocktrail_api;

alter table accounts.companies enable row level security;
alter table accounts.registrations enable row level security;
alter table accounts.memberships enable row level security;
alter table accounts.refresh_tokens enable row level security;
alter table accounts.api_keys enable row level security;

create policy one_company on accounts.companies for select to stocktrail_api
    using (company_id = nullif(current_setting('app.company_id', true), '')::uuid);
create policy one_company on accounts.registrations for select to stocktrail_api
    using (company_id = nullif(current_setting('app.company_id', true), '')::uuid);
create policy one_company on accounts.memberships for select to stocktrail_api
    using (company_id = nullif(current_setting('app.company_id', true), '')::uuid);
create policy one_company on accounts.refresh_tokens for select to stocktrail_api
    using (company_id = nullif(current_setting('app.company_id', true), '')::uuid);
create policy one_company on accounts.api_keys for select to stocktrail_api
    using (company_id = nullif(current_setting('app.company_id', true), '')::uuid);

create policy every_company on accounts.companies to stocktrail_accounts using (true) with check (true);
create policy every_company on accounts.registrations to stocktrail_accounts using (true) with check (true);
create policy every_company on accounts.memberships to stocktrail_accounts using (true) with check (true);
create policy every_company on accounts.refresh_tokens to stocktrail_accounts using (true) with check (true);
create policy every_company on accounts.api_keys to stocktrail_accounts using (true) with check (true);

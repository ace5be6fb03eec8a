-- Why: the log is the only truth. Events of one partition have a gapless order because every writer waits for the
-- partition's head row; nobody may change or delete what is there, and a hash chain shows it when somebody did.
-- Events are partitioned by ranges of positions from the first day, so that old ranges can be detached and archived.
create schema log;

create table log.events (
    partition smallint not null,
    position bigint not null,
    company_id uuid not null,
    stream_type text not null,
    stream_id text not null,
    version bigint not null,
    event_id uuid not null,
    event_type text not null,
    schema_version smallint not null,
    effective_at timestamptz not null,
    recorded_at timestamptz not null,
    payload json not null,
    metadata json not null,
    primary key (partition, position)
) partition by range (position);

-- No further index: each one costs every append a fifth of its rate. A company's pages are read along the primary key
-- or, for a small company in a large partition, from the index of streams.

create table log.log_head (
    partition smallint primary key,
    position bigint not null,
    batch bigint not null,
    hash bytea not null check (octet_length(hash) = 32)
) with (fillfactor = 10); -- a row is changed by every batch: room for its next versions on the same page

create table log.log_batch (
    partition smallint not null,
    batch bigint not null,
    first_position bigint not null,
    last_position bigint not null,
    hash bytea not null check (octet_length(hash) = 32),
    marks bytea not null, -- the first 8 bytes of each event's hash: they name the event that was changed
    recorded_at timestamptz not null,
    primary key (partition, batch)
);
create index on log.log_batch (partition, recorded_at);

create table log.command_keys (
    partition smallint not null,
    company_id uuid not null,
    kind smallint not null check (kind in (1, 2)), -- 1 request (expires), 2 outside fact (never)
    key uuid not null,
    digest uuid not null,
    position bigint not null,
    answer text, -- JSON as it was answered; nobody looks inside
    recorded_at timestamptz not null,
    primary key (partition, key) -- `key` stands for company, kind and text together: a narrow index takes more claims
);
create index on log.command_keys using brin (recorded_at); -- for expiry; rows lie in its order

create table log.snapshots (
    partition smallint not null,
    company_id uuid not null,
    stream_type text not null,
    stream_id text not null,
    version bigint not null,
    position bigint not null,
    fingerprint uuid not null,
    state json not null,
    primary key (partition, company_id, stream_type, stream_id)
);

-- Append only, also for the owner. The triggers are per statement: an insert pays nothing for them.
create function log.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append only: % of % is refused', lower(tg_op), tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;

create trigger append_only before update or delete or truncate on log.events
    for each statement execute function log.refuse_change();
create trigger append_only before update or delete or truncate on log.log_batch
    for each statement execute function log.refuse_change();
create trigger heads_stay before delete or truncate on log.log_head
    for each statement execute function log.refuse_change();

-- Makes the children for positions up to p_upto. Starts after the newest child, so that archived ranges stay away.
-- A child is made beside the table and then attached: that waits for no reader and no writer.
create function log.ensure_children(p_upto bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    next_number bigint;
    child text;
begin
    perform pg_advisory_xact_lock(7730146201);
    select coalesce(max(substring(c.relname from 'events_([0-9]+)')::bigint), -1) + 1 into next_number
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'log.events'::regclass;
    for number in next_number .. p_upto / 1000000 loop
        child := 'events_' || lpad(number::text, 6, '0');
        execute format('create table log.%I (like log.events including defaults including indexes)', child);
        execute format('create unique index on log.%I (partition, company_id, stream_type, stream_id, version)', child);
        execute format('create trigger append_only before update or delete or truncate on log.%I
            for each statement execute function log.refuse_change()', child);
        execute format('alter table log.%I enable row level security', child);
        execute format('alter table log.events attach partition log.%I for values from (%s) to (%s)',
            child, number * 1000000, (number + 1) * 1000000);
    end loop;
end
$$;
select log.ensure_children(1999999);

-- Appends one batch: see event-log/src/append.rs. The outcome is
--   done: written;
--   stale: the head stands elsewhere (its row is answered), nothing written;
--   unknown: there is no such partition.
-- Arrays are unnested in the select list, where they advance together row by row; in a from clause PostgreSQL would
-- first write all rows aside.
-- Keys that exist already violate the primary key of command_keys, so that nothing is written; they are looked up
-- afterwards. Repeats are rare, and a first claim costs one look into the index.
create function log.append_batch(
    p_partition smallint, p_position bigint, p_batch bigint, p_head_hash bytea,
    p_hash bytea, p_marks bytea, p_recorded_at timestamptz,
    p_company_id uuid[], p_stream_type text[], p_stream_id text[], p_version bigint[], p_event_id uuid[],
    p_event_type text[], p_schema_version smallint[], p_effective_at timestamptz[], p_payload json[], p_metadata json[],
    p_key_company_id uuid[], p_key_kind smallint[], p_key uuid[], p_key_digest uuid[], p_key_position bigint[],
    p_key_answer text[]
) returns table (outcome text, "position" bigint, batch bigint, hash bytea)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    stands log.log_head;
    last_position bigint := p_position + cardinality(p_event_id);
begin
    select h.* into stands from log.log_head h where h.partition = p_partition for update;
    if not found then
        return query select 'unknown', null::bigint, null::bigint, null::bytea;
        return;
    end if;
    if stands.position <> p_position or stands.batch <> p_batch or stands.hash <> p_head_hash then
        return query select 'stale', stands.position, stands.batch, stands.hash;
        return;
    end if;

    if cardinality(p_key) > 0 then
        insert into log.command_keys (partition, company_id, kind, key, digest, position, answer, recorded_at)
        select p_partition, unnest(p_key_company_id), unnest(p_key_kind), unnest(p_key), unnest(p_key_digest),
            unnest(p_key_position), unnest(p_key_answer), p_recorded_at;
    end if;

    if last_position > p_position then
        -- Children are made half a child before they are needed.
        if (last_position + 500000) / 1000000 > (p_position + 500000) / 1000000 then
            perform log.ensure_children(last_position + 1000000);
        end if;
        insert into log.events
            (partition, position, company_id, stream_type, stream_id, version, event_id, event_type,
             schema_version, effective_at, recorded_at, payload, metadata)
        select p_partition, generate_series(p_position + 1, last_position), unnest(p_company_id), unnest(p_stream_type),
            unnest(p_stream_id), unnest(p_version), unnest(p_event_id), unnest(p_event_type), unnest(p_schema_version),
            unnest(p_effective_at), p_recorded_at, unnest(p_payload), unnest(p_metadata);
        insert into log.log_batch (partition, batch, first_position, last_position, hash, marks, recorded_at)
        values (p_partition, p_batch + 1, p_position + 1, last_position, p_hash, p_marks, p_recorded_at);
        update log.log_head h set position = last_position, batch = p_batch + 1, hash = p_hash
        where h.partition = p_partition;
    end if;
    return query select 'done', last_position, p_batch + 1, p_hash;
end
$$;

-- The head once every append under way has ended.
create function log.settle(p_partition smallint) returns table ("position" bigint, batch bigint, hash bytea)
language sql security definer set search_path = pg_catalog, pg_temp as $$
    select h.position, h.batch, h.hash from log.log_head h where h.partition = p_partition for update
$$;

create function log.expire_request_keys(p_before timestamptz) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
    with expired as (delete from log.command_keys k where k.kind = 1 and k.recorded_at < p_before returning 1)
    select count(*) from expired
$$;

-- Rights: nobody writes the log but through log.append_batch.
revoke all on all functions in schema log from public;
grant usage on schema log to stocktrail_api, stocktrail_committer, stocktrail_projector;
grant select on log.events to stocktrail_api, stocktrail_committer, stocktrail_projector;
grant select on log.log_head to stocktrail_api, stocktrail_committer, stocktrail_projector;
grant select on log.log_batch to stocktrail_committer, stocktrail_projector;
grant select on log.command_keys to stocktrail_committer;
grant select, insert, update, delete on log.snapshots to stocktrail_committer;
grant execute on function log.append_batch to stocktrail_committer;
grant execute on function log.settle to stocktrail_committer;
grant execute on function log.expire_request_keys to stocktrail_committer;

alter table log.events enable row level security;
alter table log.command_keys enable row level security;
alter table log.snapshots enable row level security;
create policy own_company on log.events for select to stocktrail_api
    using (company_id = nullif(current_setting('app.company_id', true), '')::uuid);
create policy every_company on log.events for select to stocktrail_committer, stocktrail_projector using (true);
create policy every_company on log.command_keys for select to stocktrail_committer using (true);
create policy every_company on log.snapshots to stocktrail_committer using (true) with check (true);

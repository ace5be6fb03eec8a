-- Why: a partition that was small when a child was last analysed passes for empty, and reading it whole for as cheap as
-- finding one stream by its index. Without statistics of its own the column counts as one of many values, always.
-- Rows are only ever added: a child is vacuumed and analysed a few times while it fills, not after every fifth more.
create function log.settle_child(p_child regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    execute format('alter table %s alter column partition set statistics 0', p_child);
    execute format('alter table %s set (
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 250000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 250000)', p_child);
end
$$;

create or replace function log.ensure_children(p_upto bigint) returns void
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
        perform log.settle_child(format('log.%I', child)::regclass);
        execute format('alter table log.%I enable row level security', child);
        execute format('alter table log.events attach partition log.%I for values from (%s) to (%s)',
            child, number * 1000000, (number + 1) * 1000000);
    end loop;
end
$$;

alter table log.events alter column partition set statistics 0;
select log.settle_child(inhrelid) from pg_inherits where inhparent = 'log.events'::regclass;
revoke all on all functions in schema log from public;

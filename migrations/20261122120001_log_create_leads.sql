-- Why: where two processes commit to one partition, each takes in what the other appended and waits while it does:
-- together they do less than one alone. So one of them leads, and the others hand their commands over to it. A row says
-- who leads, where it is to be reached and until when; only the database's clock counts. It saves work and protects
-- nothing: whoever appends, the head alone decides what is appended.
create table log.leads (
    partition smallint primary key,
    holder uuid not null,
    address text not null,
    secret uuid not null,
    until timestamptz not null
);
comment on table log.leads is 'Which process commits for the others, by partition.';
comment on column log.leads.address is 'Host and port at which it takes what they hand over.';
comment on column log.leads.secret is 'What both sides of a connection prove that they know.';

-- Claims the lead for a process, or holds on to it, if nobody else has it; then says who has it. A process that
-- does not know its own address is reached where this server sees it. A lead that is lost in a crash costs nothing, so
-- nobody waits for the disk.
create function log.claim_lead(
    p_partition smallint, p_holder uuid, p_host text, p_port integer, p_hold interval
) returns table (holder uuid, address text, secret uuid)
language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    at_host text := coalesce(p_host, host(inet_client_addr()), '127.0.0.1');
begin
    perform set_config('synchronous_commit', 'off', true);
    insert into log.leads as l (partition, holder, address, secret, until)
    values (p_partition, p_holder,
        case when at_host like '%:%' then '[' || at_host || ']' else at_host end || ':' || p_port,
        gen_random_uuid(), clock_timestamp() + p_hold)
    on conflict (partition) do update
    set holder = excluded.holder, address = excluded.address, until = excluded.until,
        secret = case when l.holder = excluded.holder then l.secret else excluded.secret end
    where l.holder = excluded.holder or l.until < clock_timestamp();
    return query select l.holder, l.address, l.secret from log.leads l where l.partition = p_partition;
end
$$;

-- Gives the lead up, so that another process may claim it at once.
create function log.leave_lead(p_partition smallint, p_holder uuid) returns void
language sql security definer
set search_path = pg_catalog, pg_temp as $$
    delete from log.leads l where l.partition = p_partition and l.holder = p_holder
$$;

revoke all on function log.claim_lead, log.leave_lead from public;
grant execute on function log.claim_lead, log.leave_lead to stocktrail_committer;

-- Why: a read model says how far it has come in each partition, and its checkpoint moves in the transaction that
-- writes its tables. The tables themselves live in schemas of their own, made from each projection's DDL.
create schema projections;

create table projections.checkpoints (
    name text not null,
    version integer not null,
    -- live: the tables that are read; next: those that a rebuild fills; old: those of before the last rebuild.
    copy text not null default 'live',
    partition smallint not null,
    position bigint not null,
    moved_at timestamptz not null default now(),
    primary key (name, version, copy, partition)
) with (fillfactor = 50);

grant usage on schema projections to stocktrail_api, stocktrail_projector;
grant select on projections.checkpoints to stocktrail_api;
grant select, insert, update, delete on projections.checkpoints to stocktrail_projector;

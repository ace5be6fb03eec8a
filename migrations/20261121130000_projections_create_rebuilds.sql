-- Why: a rebuild says how far it has come, so that any process can show it and a killed one is taken up where it
-- stopped: which rows of the next copy are in already, and which keys were taken off it for the time of loading.
create table projections.rebuilds (
    name text not null,
    version integer not null,
    stage text not null,
    events_done bigint not null,
    events_total bigint not null,
    events_per_second bigint not null,
    started_at timestamptz not null,
    updated_at timestamptz not null,
    finished_at timestamptz,
    outcome text, -- switched, compared or the error; null while it runs or when it was killed
    differences bigint, -- rows in which the copies differed
    pause_ms bigint, -- how long the live copy stood still for the switch
    -- What the next copy was made from; one that was made by other code is not taken up.
    fingerprint text not null,
    -- Keys and indexes that were taken off for loading, as statements that put them back.
    index_names text[] not null,
    indexes text[] not null,
    constraints text[] not null,
    primary key (name, version)
) with (fillfactor = 50);

create table projections.loads (
    name text not null,
    version integer not null,
    copy text not null,
    partition smallint not null,
    written bigint not null, -- rows of events up to here are in the copy
    primary key (name, version, copy, partition)
) with (fillfactor = 50);

grant select on projections.rebuilds to stocktrail_api, stocktrail_projector;

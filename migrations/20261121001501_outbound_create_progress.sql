-- Why: other systems (a Kafka topic, KurrentDB) are told every event in order. They say themselves how far they have
-- come; this is for people who ask, and for what was removed there since.
create table projections.outbound (
    name text not null, -- the outlet
    partition smallint not null,
    position bigint, -- everything up to here was told; null until that is known
    lasts bigint[] not null, -- the last event of each part of the outlet
    state text not null,
    detail text, -- what it waits for
    since timestamptz not null,
    primary key (name, partition)
) with (fillfactor = 50); -- a row changes every second or so: room for its next versions on the same page

grant select, insert, update, delete on projections.outbound to stocktrail_projector;

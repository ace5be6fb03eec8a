-- Why: several processes share work that only one may do at a time, such as folding a partition into a read model. A
-- lease says who does it and until when, by the database's clock alone. Its epoch counts up at every claim, so that a
-- holder which was stopped or cut off can be told from its successor and changes nothing any more.
create table projections.leases (
    name text not null,
    partition smallint not null,
    holder uuid, -- one run of one process; none while it is free
    holder_name text, -- the same for people
    epoch bigint not null,
    expires_at timestamptz not null,
    primary key (name, partition)
) with (fillfactor = 50); -- a row is renewed every second or so: room for its next versions on the same page

-- The processes that take part, and in what. Shares are counted by it.
create table projections.lease_takers (
    holder uuid primary key,
    holder_name text not null,
    names text[] not null,
    expires_at timestamptz not null
) with (fillfactor = 50);

grant select, insert, update, delete on projections.leases, projections.lease_takers to stocktrail_projector;

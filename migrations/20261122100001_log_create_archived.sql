-- Why: old ranges of positions can leave the database for files. What left is named here, with the hash of its file, so
-- that every reader knows that there is more before what it sees, and that a file is the one that was written.
create table log.archived (
    partition smallint not null,
    first_position bigint not null,
    last_position bigint not null, -- of the file: the end of a batch
    gone_until bigint not null, -- last position that left the database
    file text not null,
    sha256 bytea not null check (octet_length(sha256) = 32),
    archived_at timestamptz not null,
    primary key (partition, first_position)
);

create trigger append_only before update or delete or truncate on log.archived
    for each statement execute function log.refuse_change();

grant select on log.archived to stocktrail_api, stocktrail_committer, stocktrail_projector;

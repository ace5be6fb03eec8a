-- Why: a turn that began with reading what others wrote, statement by statement, had to last for several batches to be
-- worth it, and callers of the other process waited for its end. So a turn is taken together with what was appended
-- meanwhile, in one round trip, and ends within the append of one batch: while that is made durable the next process
-- has the turn already, and waits only until it can see the batch.
--
-- Two advisory locks for each partition. The turn (…621) belongs to a session, because it begins and ends in different
-- statements; a session that is silent in its turn for a second is ended by the server. The append (…622) belongs to its
-- transaction and ends when others see it. As before both only save work: the head alone decides what is appended.

-- Waits for the turn, then answers the events after a position that the caller knows; the head stands in each row, and in
-- a row of its own where there are none, or more than the caller wants.
create function log.take_turn(p_partition smallint, p_position bigint, p_limit bigint)
returns table (
    partition smallint, "position" bigint, company_id uuid, stream_type text, stream_id text, version bigint,
    event_id uuid, event_type text, schema_version smallint, effective_at timestamptz, recorded_at timestamptz,
    payload text, metadata text, head_position bigint, head_batch bigint, head_hash bytea
)
language plpgsql
set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $$
#variable_conflict use_column
begin
    perform pg_advisory_lock(773014621, p_partition);
    perform set_config('idle_session_timeout', '1000', false);
    perform pg_advisory_xact_lock(773014622, p_partition);
    return query
    select e.partition, e.position, e.company_id, e.stream_type, e.stream_id, e.version, e.event_id, e.event_type,
        e.schema_version, e.effective_at, e.recorded_at, e.payload::text, e.metadata::text, h.position, h.batch, h.hash
    from log.log_head h
    left join log.events e on e.partition = p_partition and e.position > p_position
        and h.position - p_position <= p_limit
    where h.partition = p_partition
    order by e.position;
end
$$;

-- Lets others have their turn.
create function log.end_turn(p_partition smallint) returns void
language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
    perform pg_advisory_unlock(773014621, p_partition);
    perform set_config('idle_session_timeout', '0', false);
end
$$;

-- Appends in the turn of this session and ends it, unless a key was taken: then the turn goes on.
create function log.append_in_turn(
    p_partition smallint, p_position bigint, p_batch bigint, p_head_hash bytea,
    p_hash bytea, p_marks bytea, p_recorded_at timestamptz,
    p_company_id uuid[], p_stream_type text[], p_stream_id text[], p_version bigint[], p_event_id uuid[],
    p_event_type text[], p_schema_version smallint[], p_effective_at timestamptz[], p_payload json[], p_metadata json[],
    p_key_company_id uuid[], p_key_kind smallint[], p_key uuid[], p_key_digest uuid[], p_key_position bigint[],
    p_key_answer text[]
) returns table (outcome text, "position" bigint, batch bigint, hash bytea)
language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
    perform pg_advisory_xact_lock(773014622, p_partition);
    return query select * from log.append_batch(p_partition, p_position, p_batch, p_head_hash, p_hash, p_marks,
        p_recorded_at, p_company_id, p_stream_type, p_stream_id, p_version, p_event_id, p_event_type, p_schema_version,
        p_effective_at, p_payload, p_metadata, p_key_company_id, p_key_kind, p_key, p_key_digest, p_key_position,
        p_key_answer);
    perform log.end_turn(p_partition);
end
$$;

revoke all on function log.take_turn, log.end_turn, log.append_in_turn from public;
grant execute on function log.take_turn, log.end_turn, log.append_in_turn to stocktrail_committer;

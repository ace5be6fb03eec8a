-- Why: two processes that commit to one partition refuse each other's batches: whoever is faster wins again and again,
-- and the other reads, decides and loses for nothing. So they take turns. A turn is an advisory lock that a process
-- holds, in a transaction of its own, for a few batches; whoever appends without one is refused while somebody has it,
-- as if the head had moved, and so learns of the other. It only saves work: the head alone decides what is appended.
create function log.append_unless_turn(
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
    if not pg_try_advisory_xact_lock_shared(773014621, p_partition::int) then
        return query select 'stale', h.position, h.batch, h.hash from log.log_head h where h.partition = p_partition;
        return;
    end if;
    return query select * from log.append_batch(p_partition, p_position, p_batch, p_head_hash, p_hash, p_marks,
        p_recorded_at, p_company_id, p_stream_type, p_stream_id, p_version, p_event_id, p_event_type, p_schema_version,
        p_effective_at, p_payload, p_metadata, p_key_company_id, p_key_kind, p_key, p_key_digest, p_key_position,
        p_key_answer);
end
$$;
revoke all on function log.append_unless_turn from public;
grant execute on function log.append_unless_turn to stocktrail_committer;

-- Nobody waits for appends under way any more: an append that is tried again settles what became of the first.
drop function log.settle(smallint);

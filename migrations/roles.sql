-- The service roles. Run at every opening, because roles belong to the server and not to the database: a dump that is
-- restored elsewhere brings the tables but not the roles. None can log in, own a table or switch security off.
do $$
declare
    service text;
begin
    foreach service in array array['stocktrail_api', 'stocktrail_committer', 'stocktrail_projector', 'stocktrail_accounts']
    loop
        if not exists (select from pg_roles where rolname = service) then
            begin
                execute format('create role %I nologin nosuperuser nocreatedb nocreaterole nobypassrls', service);
            exception when duplicate_object or unique_violation then
                null; -- another process was faster
            end;
        end if;
        if not pg_has_role(current_user, service, 'member') then
            begin
                execute format('grant %I to %I', service, current_user);
            exception when unique_violation then
                null;
            end;
        end if;
    end loop;
end
$$;

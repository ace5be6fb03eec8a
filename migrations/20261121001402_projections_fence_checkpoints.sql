-- Why: a worker that lost its lease while it was stopped must not move a checkpoint any more. Whoever takes a lease
-- stamps its epoch here, and every move names it: the fence costs no statement of its own. 0: nobody folds this copy
-- now; its holder must look again before it goes on (a rebuild has switched copies, parked events were folded).
alter table projections.checkpoints add column epoch bigint not null default 0;

-- A word is looked for lane by lane, in the order of work, and history apart from what is open. Design, Lists and search.

-- Words are kept as PostgreSQL compares them. What was kept of them before is written anew, by the worker and by whoever
-- searches: emptying takes an instant, turning millions of rows would keep moves waiting.
truncate mrq_search;
drop index mrq_search_words;
drop index mrq_search_stale;
alter table mrq_search
  add column lane  smallint,   -- where its words stand: an open item's priority_rank; 4: history
  add column words tsvector;   -- null: to be written anew; `said` is the version before's, which may still run
comment on column mrq_search.said is 'of the version before';

-- One index a lane: a word that none of the critical items says is known to be absent there without looking at others,
-- and what was resolved in years costs the search of open items nothing.
create index mrq_search_critical on mrq_search using gin (words) where lane = 0;
create index mrq_search_high on mrq_search using gin (words) where lane = 1;
create index mrq_search_medium on mrq_search using gin (words) where lane = 2;
create index mrq_search_low on mrq_search using gin (words) where lane = 3;
create index mrq_search_resolved on mrq_search using gin (words) where lane = 4;
create index mrq_search_stale on mrq_search (item_id) where words is null;

-- Pending entries of the indexes are read one by one by every search: whoever wrote many puts them in order.
create function mrq_search_settle() returns void language sql security definer set search_path from current as $$
  select gin_clean_pending_list(name::regclass)
    from unnest('{mrq_search_critical,mrq_search_high,mrq_search_medium,mrq_search_low,mrq_search_resolved}'::text[]) name
$$;

-- Whoever changes or erases what was told takes its words away in the same transaction. Who moves an open item to another
-- lane moves its words too; that it was resolved the worker notes later, since a search of open items looks at them.
create or replace function mrq_search_is_stale() returns trigger language plpgsql security definer
set search_path from current as $$
declare
  same boolean := (old.reason, old.context, old.resource_key) is not distinct from (new.reason, new.context, new.resource_key);
  now_in smallint := case when new.status = 'resolved' then 4 else new.priority_rank end;
begin
  insert into mrq_search as s (item_id, version, lane) values (new.id, new.version, now_in)
  on conflict (item_id) do update
    set version = greatest(s.version, excluded.version), lane = excluded.lane, said = null,
        words = case when same then s.words end;
  return null;
end $$;

create trigger mrq_search_lane after update of priority_rank on manual_resolution_queue
  for each row when (old.priority_rank is distinct from new.priority_rank)
  execute function mrq_search_is_stale();

-- What lists, search and the console need. Nothing here is written by an add, so watching and searching cost adds nothing.
-- Design, Faces.

-- ---------------------------------------------------------------- lists

-- The order of work of everything open that nobody may take just now; what may be taken has idx_mrq_priority. The two
-- together are every open item in its order.
create index mrq_not_served on manual_resolution_queue (priority_rank, calm, position, sla_deadline, id)
  where status <> 'resolved' and (status = 'assigned' or held is not null or escalated_to is not null);
create index mrq_unknown on manual_resolution_queue (priority_rank, calm, position, sla_deadline, id)
  where status in ('pending', 'escalated') and held = 'attempt';
-- What was resolved, the last first, together with mrq_resolved.
create index mrq_withdrawn on manual_resolution_queue (resolved_at, id)
  where status = 'resolved' and (resolution_metadata @> '{"withdrawn": true}') is true;


-- ---------------------------------------------------------------- search

-- The words of an item's type, resource, reason and context in small letters, personal and secret fields left out.
-- Written afterwards, by whoever searches or by the worker; null: to be written anew.
create table mrq_search (
  item_id bigint primary key,
  version bigint not null,
  said    text
);
create index mrq_search_words on mrq_search using gin (array_to_tsvector(string_to_array(said, ' ')))
  with (fastupdate = off);
create index mrq_search_stale on mrq_search (item_id) where said is null;

-- Which fields of a type were left out of its words. One declared personal later has the type's words written anew.
create table mrq_search_hidden (
  item_type text   primary key,
  names     text[] not null
);

-- Whoever changes or erases what was told takes its words away in the same transaction.
create function mrq_search_is_stale() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into mrq_search as s (item_id, version) values (new.id, new.version)
  on conflict (item_id) do update set said = null, version = greatest(s.version, excluded.version);
  return null;
end $$;

create trigger mrq_search_is_stale after update of reason, context, resource_key on manual_resolution_queue
  for each row when ((old.reason, old.context, old.resource_key) is distinct from (new.reason, new.context, new.resource_key))
  execute function mrq_search_is_stale();


-- ---------------------------------------------------------------- who looks, what is typed

-- Who has an item's page open, seconds ago.
create table mrq_presence (
  item_id  bigint      not null,
  operator text        not null,
  seen_at  timestamptz not null default mrq_now(),
  primary key (item_id, operator)
);

-- What a person typed and has not sent: it survives a stale page, an ended session, a restart.
create table mrq_draft (
  item_id  bigint      not null,
  operator text        not null,
  form     text        not null,        -- which of the page's forms
  typed    jsonb       not null,        -- empty once it was sent
  version  bigint      not null,        -- the item's, when it was typed or sent
  saved_at timestamptz not null default mrq_now(),
  primary key (item_id, operator),
  constraint draft_has_a_limit check (jsonb_typeof(typed) = 'object' and pg_column_size(typed) < 65536)
);
create index mrq_draft_saved_at on mrq_draft (saved_at);

-- Figures of the queue, counted in the transactions that make the facts; a recount agrees to the last digit.
-- Specification, report_metrics.py; design, Reports and metrics. Days are UTC.
--
-- Nobody updates a counter while moving an item: each statement appends what it changed, one small row, so adds and
-- claims never wait for each other. Reading sums both; folding moves the appended rows into the sums.

create table mrq_rollup_open (             -- open items now, by the day their deadline falls on
  item_type text    not null,
  priority  text    not null,
  due       date    not null,
  breached  boolean not null,              -- raised by a sweep: the deadline has passed, whatever the hour
  n         bigint  not null,
  primary key (item_type, priority, due, breached)
);

create table mrq_rollup_day (              -- what happened on a day; the resolver is '' where there was none
  day       date    not null,
  item_type text    not null,
  resolver  text    not null,
  created   bigint  not null,
  escalated bigint  not null,              -- for the first time
  resolved  bigint  not null,              -- without those withdrawn
  in_time   bigint  not null,              -- of these, by their deadline
  micros    numeric not null,              -- of these, from happening to resolution
  withdrawn bigint  not null,
  primary key (day, item_type, resolver)
);

create table mrq_rollup_span (             -- resolved items, without those withdrawn, by how long they took
  item_type text     not null,
  within    smallint not null,             -- how many bounds of mrq_within they stayed within
  resolved  bigint   not null,
  micros    numeric  not null,
  primary key (item_type, within)
);

create table mrq_rollup_delta (            -- appended, not yet folded: priority to breached belong to open, the rest to day
  item_type text not null,
  priority  text,
  due       date,
  breached  boolean,
  open      bigint  not null,
  day       date,
  resolver  text    not null,
  created   bigint  not null,
  escalated bigint  not null,
  resolved  bigint  not null,
  in_time   bigint  not null,
  micros    numeric not null,
  withdrawn bigint  not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- What was resolved in a window, for percentiles and come-backs.
create index mrq_resolved on manual_resolution_queue (resolved_at) include (created_at, item_type, dedup_key)
  where status = 'resolved' and (resolution_metadata @> '{"withdrawn": true}') is not true;

create table mrq_report (                  -- which day's report was mailed: once
  day        date primary key,
  state      text        not null default 'sending',
  message_id text        not null,
  begun_at   timestamptz not null default mrq_now(),
  ended_at   timestamptz,
  answer     text,
  constraint report_state_is_known check (state in ('sending', 'sent', 'failed', 'unknown'))
);


create function mrq_day(at timestamptz) returns date language sql immutable parallel safe as $$
  select (at at time zone 'UTC')::date
$$;

-- How many of ten bounds so many microseconds stay within, each bound included: 90, 30, 14, 7, 3 days, 24, 12, 4 hours,
-- 1 hour, 15 minutes; every SLA of the specification is among them.
create function mrq_within(micros numeric) returns smallint language sql immutable parallel safe as $$
  select width_bucket(-micros, '{-7776000000000,-2592000000000,-1209600000000,-604800000000,-259200000000,-86400000000,
                                 -43200000000,-14400000000,-3600000000,-900000000}'::numeric[])::smallint
$$;

-- What a number of equal items count for, apart by the day it counts on. Given: item type, priority, day due, whether
-- breached; days created, escalated, resolved; resolver, whether withdrawn; how many, of these in time, their
-- microseconds.
create function mrq_rollup_facts(text, text, date, boolean, date, date, date, text, boolean, numeric, numeric, numeric)
returns table (item_type text, priority text, due date, breached boolean, open numeric, day date, resolver text,
               created numeric, escalated numeric, resolved numeric, in_time numeric, micros numeric, withdrawn numeric)
language sql immutable parallel safe as $$
  select $1, f.*
    from (values ($2, $3, $4, case when $7 is null then $10 end, null::date, '', 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
                 (null, null, null, 0, case when not $9 then $5 end, '', $10, 0, 0, 0, 0, 0),
                 (null, null, null, 0, case when not $9 then $6 end, '', 0, $10, 0, 0, 0, 0),
                 (null, null, null, 0, case when not $9 then $7 end, $8, 0, 0, $10, $11, $12, 0),
                 (null, null, null, 0, case when $9 then $7 end, '', 0, 0, 0, 0, 0, $10))
         f (priority, due, breached, open, day, resolver, created, escalated, resolved, in_time, micros, withdrawn)
   where f.day is not null or (f.priority is not null and f.open is not null)
$$;

create function mrq_rollup_added() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into mrq_rollup_delta
  select item_type, priority, mrq_day(sla_deadline), false, count(*), mrq_day(created_at), '', count(*), 0, 0, 0, 0, 0
    from new_rows group by item_type, priority, 3, 6;
  return null;
end $$;

-- Rows before and after, without a join: what did not change cancels itself.
create function mrq_rollup_moved() returns trigger language plpgsql security definer set search_path from current as $$
begin
  if not exists (select from new_rows) then             -- an add that met no open item
    return null;
  end if;
  if not exists (select from new_rows offset 1) then    -- at most one row, as most often
    insert into mrq_rollup_delta
    select n.item_type, n.priority, mrq_day(n.sla_deadline), n.escalation_level > 0, -1, mrq_day(n.resolved_at),
           coalesce(n.assigned_to, ''), 0, 0, 1, (n.resolved_at <= n.sla_deadline)::integer,
           round(extract(epoch from n.resolved_at - n.created_at) * 1000000), 0
      from old_rows o, new_rows n
     where o.resolved_at is null and n.resolved_at is not null
       and (n.resolution_metadata @> '{"withdrawn": true}') is not true
       and (o.priority, o.sla_deadline, o.escalated_at, o.escalation_level)
           is not distinct from (n.priority, n.sla_deadline, n.escalated_at, n.escalation_level);
    if found or not exists (
        select from old_rows o, new_rows n
         where (o.priority, o.sla_deadline, o.escalation_level > 0, o.escalated_at, o.resolved_at, o.resolution_metadata)
               is distinct from
               (n.priority, n.sla_deadline, n.escalation_level > 0, n.escalated_at, n.resolved_at, n.resolution_metadata)
      ) then
      return null;
    end if;
  end if;
  insert into mrq_rollup_delta
  select f.item_type, f.priority, f.due, f.breached, sum(f.open), f.day, f.resolver, sum(f.created), sum(f.escalated),
         sum(f.resolved), sum(f.in_time), sum(f.micros), sum(f.withdrawn)
    from (select item_type, priority, mrq_day(sla_deadline) as due, escalation_level > 0 as breached,
                 mrq_day(created_at) as created, mrq_day(escalated_at) as escalated, mrq_day(resolved_at) as resolved,
                 case when resolved_at is not null then coalesce(assigned_to, '') end as resolver,
                 resolved_at is not null and (resolution_metadata @> '{"withdrawn": true}') is true as withdrawn,
                 mrq_within(extract(epoch from resolved_at - created_at) * 1000000) as within,
                 sum(sign) as n, sum(sign * (resolved_at <= sla_deadline)::integer) as in_time,
                 sum(sign * round(extract(epoch from resolved_at - created_at) * 1000000)) as micros
            from (select -1 as sign, item_type, priority, sla_deadline, escalation_level, created_at, escalated_at,
                         resolved_at, assigned_to, resolution_metadata from old_rows
                  union all
                  select 1, item_type, priority, sla_deadline, escalation_level, created_at, escalated_at,
                         resolved_at, assigned_to, resolution_metadata from new_rows) sides
           group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 having sum(sign) <> 0) g
   cross join lateral mrq_rollup_facts(g.item_type, g.priority, g.due, g.breached, g.created, g.escalated, g.resolved,
                                       g.resolver, g.withdrawn, g.n, g.in_time, g.micros) f
   group by f.item_type, f.priority, f.due, f.breached, f.day, f.resolver, case when f.resolved <> 0 then g.within end
  having (sum(f.open), sum(f.created), sum(f.escalated), sum(f.resolved), sum(f.withdrawn)) <> (0, 0, 0, 0, 0);
  return null;
end $$;

create trigger mrq_rollup_added after insert on manual_resolution_queue
  referencing new table as new_rows for each statement execute function mrq_rollup_added();
create trigger mrq_rollup_moved after update on manual_resolution_queue
  referencing old table as old_rows new table as new_rows for each statement execute function mrq_rollup_moved();

-- Moves what was appended into the sums; the number of rows folded. One at a time; who comes second leaves it. Resolved
-- items of one row took times within the same bounds, so their average tells which.
create function mrq_rollup_fold() returns bigint language plpgsql security definer set search_path from current as $$
declare
  folded bigint;
begin
  if current_setting('transaction_read_only')::boolean or not pg_try_advisory_xact_lock(7377003) then
    return 0;
  end if;
  with taken as materialized (delete from mrq_rollup_delta returning *),
  opens as (
    insert into mrq_rollup_open as o
    select item_type, priority, due, breached, sum(open) from taken where priority is not null
     group by item_type, priority, due, breached
    on conflict (item_type, priority, due, breached) do update set n = o.n + excluded.n),
  spans as (
    insert into mrq_rollup_span as s
    select item_type, mrq_within(micros / resolved), sum(resolved), sum(micros) from taken where resolved <> 0
     group by 1, 2
    on conflict (item_type, within) do update
      set resolved = s.resolved + excluded.resolved, micros = s.micros + excluded.micros),
  days as (
    insert into mrq_rollup_day as d
    select day, item_type, resolver, sum(created), sum(escalated), sum(resolved), sum(in_time), sum(micros),
           sum(withdrawn)
      from taken where day is not null group by day, item_type, resolver
    on conflict (day, item_type, resolver) do update
      set created = d.created + excluded.created, escalated = d.escalated + excluded.escalated,
          resolved = d.resolved + excluded.resolved, in_time = d.in_time + excluded.in_time,
          micros = d.micros + excluded.micros, withdrawn = d.withdrawn + excluded.withdrawn)
  select count(*) into folded from taken;
  delete from mrq_rollup_open where n = 0;
  return folded;
end $$;

-- Counts everything anew, while nobody moves: after rows came in past the triggers.
create function mrq_rollup_rebuild() returns void language plpgsql set search_path from current as $$
begin
  lock table manual_resolution_queue in share row exclusive mode;
  delete from mrq_rollup_open;
  delete from mrq_rollup_day;
  delete from mrq_rollup_span;
  delete from mrq_rollup_delta;
  insert into mrq_rollup_delta
  select f.*
    from (select item_type, priority, mrq_day(sla_deadline) as due, escalation_level > 0 as breached,
                 mrq_day(created_at) as created, mrq_day(escalated_at) as escalated, mrq_day(resolved_at) as resolved,
                 case when resolved_at is not null then coalesce(assigned_to, '') end as resolver,
                 resolved_at is not null and (resolution_metadata @> '{"withdrawn": true}') is true as withdrawn,
                 mrq_within(extract(epoch from resolved_at - created_at) * 1000000) as within,
                 count(*) as n, count(*) filter (where resolved_at <= sla_deadline) as in_time,
                 sum(round(extract(epoch from resolved_at - created_at) * 1000000)) as micros
            from manual_resolution_queue group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) g
   cross join lateral mrq_rollup_facts(g.item_type, g.priority, g.due, g.breached, g.created, g.escalated, g.resolved,
                                       g.resolver, g.withdrawn, g.n, g.in_time, g.micros) f;
  perform mrq_rollup_fold();
end $$;

select mrq_rollup_rebuild();

-- What is open now, what happened on each day, how long it took: folded or not.
create view mrq_open_now as
select item_type, priority, due, breached, n from mrq_rollup_open
union all
select item_type, priority, due, breached, open from mrq_rollup_delta where priority is not null;

create view mrq_by_day as
select day, item_type, resolver, created, escalated, resolved, in_time, micros, withdrawn from mrq_rollup_day
union all
select day, item_type, resolver, created, escalated, resolved, in_time, micros, withdrawn from mrq_rollup_delta
 where day is not null;

create view mrq_by_span as
select item_type, within, resolved, micros from mrq_rollup_span
union all
select item_type, mrq_within(micros / resolved), resolved, micros from mrq_rollup_delta where resolved <> 0;

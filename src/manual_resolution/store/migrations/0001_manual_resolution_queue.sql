-- The queue, its moves, its history. Every rule here holds for every client, psql included.
-- Specification, Queue Table Schema; corrected where PostgreSQL or the design asks for it.

-- The one clock. Tests replace it; always written (select mrq_now()) so that indexes serve.
create function mrq_now() returns timestamptz
language sql volatile as 'select clock_timestamp()';

create table mrq_setting (
  name  text primary key,
  value text not null
);

insert into mrq_setting (name, value) values
  ('sla_critical', '4'), ('sla_high', '24'), ('sla_medium', '168'), ('sla_low', '720'),
  ('lease_minutes', '30'), ('warn_at', '75'), ('install', gen_random_uuid()::text);


-- Every rule an item keeps, by name. One function of the row rather than a CHECK each: PostgreSQL reads the text of a CHECK
-- anew for each statement (docs/design/figures); a function is read once in a session, and its second half is passed by
-- for an item that waits untouched. It takes the row of whichever schema the table stands in.
create function mrq_rules_hold(q anyelement) returns boolean language plpgsql immutable parallel safe as $$
declare
  broken text := case
    when q.status not in ('pending', 'assigned', 'escalated', 'resolved') then 'status_is_known'
    when q.priority not in ('critical', 'high', 'medium', 'low') then 'priority_is_known'
    when num_nonnulls(q.resource_id, q.resource_key) <> 1 then 'one_resource'
    when btrim(q.reason) = '' then 'reason_is_given'
    when jsonb_typeof(q.context) <> 'object' then 'context_is_an_object'
    when pg_column_size(q.context) > 1048576 or q.context @? 'strict $.**{33}' then 'context_has_a_limit'
    when not (isfinite(q.sla_deadline) and isfinite(q.created_at)
              and q.created_at > '1900-01-01' and q.sla_deadline < '3000-01-01') then 'deadline_is_finite'
    when q.sla_deadline <= q.created_at or q.sla_seconds not between 1 and 40000000000 then 'deadline_after_creation'
    when q.last_occurred_at >= '9000-01-01' or q.last_occurred_at <= '1900-01-01' then 'times_are_readable'
    when q.occurrences < 1 then 'occurs_at_least_once'
    when q.version < 1 then 'version_starts_at_one'
  end;
begin
  if broken is null and (q.status <> 'pending' or q.escalation_level <> 0 or q.position <> 'infinity' or
      num_nonnulls(q.assigned_to, q.assigned_at, q.lease_until, q.resolved_at, q.resolution, q.resolution_metadata,
                   q.escalated_at, q.next_level_at, q.held, q.deferred_until, q.hold_until, q.position_until,
                   q.succeeded_at) > 0) then
    broken := case
      -- No other client may store an instant that a driver cannot read, or that never comes.
      when greatest(q.assigned_at, q.resolved_at, q.escalated_at, q.lease_until, q.deferred_until, q.hold_until,
                    q.next_level_at, q.position_until, q.succeeded_at) >= '9000-01-01'
        or least(q.assigned_at, q.resolved_at, q.escalated_at, q.lease_until, q.deferred_until, q.hold_until,
                 q.next_level_at, q.position_until, q.succeeded_at) <= '1900-01-01' then 'times_are_readable'
      when q.status = 'assigned' and (q.assigned_to is null or btrim(q.assigned_to) = '' or q.assigned_at is null)
        then 'assigned_has_owner'
      when q.status in ('pending', 'escalated') and num_nonnulls(q.assigned_to, q.assigned_at) > 0
        then 'unowned_has_no_owner'
      when q.lease_until is not null and q.status <> 'assigned' then 'lease_needs_owner'
      when (q.status = 'resolved') <> (q.resolved_at is not null) then 'resolved_has_time'
      when q.status <> 'resolved' and num_nonnulls(q.resolution, q.resolution_metadata) > 0
        then 'resolution_when_resolved'
      when jsonb_typeof(q.resolution_metadata) <> 'object' or q.resolution_metadata @? 'strict $.**{33}'
        then 'metadata_is_an_object'
      when q.status = 'escalated' and q.escalated_at is null then 'escalated_has_time'
      when q.status = 'pending' and q.escalated_at is not null then 'pending_was_not_escalated'
      when q.held not in ('deferred', 'approval', 'attempt', 'batch') then 'held_is_known'
      when q.held is not null and not (q.status in ('pending', 'escalated') and q.held in ('deferred', 'batch', 'attempt')
                                       or q.status = 'assigned' and q.held in ('approval', 'attempt', 'batch'))
        then 'held_fits_status'
      when (q.deferred_until is not null) <> (q.held is not distinct from 'deferred') then 'deferred_until_a_time'
      when q.hold_until is not null and coalesce(q.held, 'deferred') = 'deferred' then 'hold_has_an_end'
      when q.escalation_level < 0 then 'level_is_never_negative'
      when q.escalation_level > 0 and q.escalated_at is null then 'breached_has_time'
      when q.position = 'NaN' then 'position_is_a_number'
      when q.position <> 'infinity' and (q.priority = 'critical' or q.escalation_level > 0 or q.position_by is null)
        then 'position_only_on_calm'
    end;
  end if;
  if broken is not null then
    raise exception 'an item must keep the rule %', broken
      using errcode = 'check_violation', table = 'manual_resolution_queue', constraint = broken;
  end if;
  return true;
end $$;


-- ---------------------------------------------------------------- the item

create table manual_resolution_queue (
  id                  bigint generated by default as identity primary key,
  item_type           varchar(50)  not null,
  resource_type       varchar(50)  not null,
  resource_id         bigint,
  priority            varchar(20)  not null,
  reason              text         not null,
  context             jsonb,
  created_at          timestamptz  not null default mrq_now(),   -- when it happened, not when it was told
  assigned_to         varchar(100),
  assigned_at         timestamptz,
  resolved_at         timestamptz,
  resolution          text,
  resolution_metadata jsonb,
  status              varchar(20)  not null default 'pending',
  escalated_at        timestamptz,                               -- the first escalation
  sla_deadline        timestamptz  not null,

  -- beside the specification
  resource_key        text,
  sla_seconds         bigint       not null,
  dedup_key           text         not null,                     -- hashed: any length, any bytes
  fingerprint         text         not null,                     -- equal causes over many resources
  occurrences         bigint       not null default 1,
  last_occurred_at    timestamptz  not null default mrq_now(),
  lease_until         timestamptz,
  deferred_until      timestamptz,
  hold_until          timestamptz,                               -- an attempt's deadline, an approval's end
  held                text,
  escalation_level    integer      not null default 0,
  next_level_at       timestamptz,
  notice_at           timestamptz,                               -- the sweep's next look at what has not breached
  escalated_to        text,
  declined_by         text[]       not null default '{}',        -- who escalated or declined: not served again
  position            float8       not null default 'infinity',
  position_by         text,
  position_reason     text,
  position_until      timestamptz,
  succeeded_at        timestamptz,                               -- its producer says it has succeeded meanwhile
  reopened_from       bigint references manual_resolution_queue,
  version             bigint       not null default 1,           -- the number of the item's events

  -- who moves it, how, and why: travels in the UPDATE itself, valid for version = changed_for
  changed_by          text,
  changed_how         text,
  changed_for         bigint,
  changed_note        jsonb,

  -- what follows from the rest
  wake_at             timestamptz generated always as
                        (least(lease_until, deferred_until, hold_until, position_until)) stored,
  calm                boolean generated always as (escalation_level = 0) stored,
  priority_rank       smallint generated always as
                        (greatest(0, strpos('chml', left(priority, 1)) - 1 - (escalation_level >= 2)::integer)) stored,

  constraint every_rule_holds check (mrq_rules_hold(manual_resolution_queue))
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);

-- The order of work: what anybody may take, and what waits for one team.
create index idx_mrq_priority on manual_resolution_queue (priority_rank, calm, position, sla_deadline, id)
  where status in ('pending', 'escalated') and held is null and escalated_to is null;
create index mrq_targeted on manual_resolution_queue (escalated_to, priority_rank, calm, position, sla_deadline, id)
  where status in ('pending', 'escalated') and held is null and escalated_to is not null;
-- Breaches: the first level by deadline, later ones by their own instant.
create index idx_mrq_sla_deadline on manual_resolution_queue (sla_deadline)
  where status <> 'resolved' and escalation_level = 0;
create index mrq_next_level on manual_resolution_queue (next_level_at) where next_level_at is not null;
-- A critical item as it arrives, every item at so many hundredths of its SLA.
create index mrq_notice on manual_resolution_queue (notice_at) where notice_at is not null and status <> 'resolved';
create index mrq_wake on manual_resolution_queue (wake_at) where wake_at is not null;
-- Lists.
create index idx_mrq_status on manual_resolution_queue (status, item_type, priority, created_at desc, id desc);
create index idx_mrq_created_at on manual_resolution_queue (created_at desc, id desc);
create index mrq_owner on manual_resolution_queue (assigned_to) where status = 'assigned';
-- One open item per failure; what was resolved of it before.
create unique index mrq_one_open_item_per_failure on manual_resolution_queue (dedup_key) where status <> 'resolved';
create index mrq_resolved_failure on manual_resolution_queue (dedup_key, resolved_at) where status = 'resolved';


-- ---------------------------------------------------------------- its history

create table mrq_event (
  item_id      bigint      not null,      -- no foreign key: items are never deleted, and its check costs more than the row
  seq          bigint      not null,
  at           timestamptz not null,
  actor        text        not null,
  actor_kind   text        not null,
  via          text        not null,
  verb         text        not null,
  format       smallint    not null default 1,
  data         jsonb       not null,      -- the item's non-personal facts after the change
  private      jsonb,                     -- reason, context, justification, notes, what was shown
  salt         bytea,
  private_hash bytea,
  hash         bytea       not null,
  primary key (item_id, seq),
  constraint event_is_whole check (actor_kind in ('person', 'machine', 'timeout', 'producer', 'sql')
    and (private is null) = (salt is null) and (private is null or private_hash is not null))
);

-- What the history was, a whole day (UTC) each: a chain of its own, by which entries cut off at an end are missed.
create table mrq_checkpoint (
  upto   timestamptz primary key,         -- of the entries since the one before, before this instant
  events bigint      not null,
  digest bytea       not null,            -- over their hashes, by item and number
  hash   bytea       not null             -- over this and the one before
);

-- What one person did, in its order; adds and sweeps are not people's.
create index mrq_event_of_person on mrq_event (actor, at) where actor_kind = 'person';

create table mrq_occurrence (
  add_id      uuid        primary key default gen_random_uuid(),
  item_id     bigint      not null,
  n           bigint,                     -- the how-manieth of its item; null until counted
  occurred_at timestamptz not null,
  reason      text,                       -- null: the item's own
  context     jsonb,
  priority    text,                       -- for one not yet counted: what it asks for
  sla_seconds bigint,
  counted     boolean     not null default true
);
create index mrq_occurrence_of_item on mrq_occurrence (item_id, n);
create index mrq_occurrence_to_count on mrq_occurrence (item_id) where not counted;

create table mrq_attempt (
  id            bigint generated by default as identity primary key,
  item_id       bigint      not null references manual_resolution_queue,
  n             integer     not null,
  state         text        not null,
  key           uuid        not null unique default gen_random_uuid(),
  option        text        not null,
  "values"      jsonb       not null default '{}',
  actor         text        not null,
  via           text        not null,
  approved_by   text,                      -- the second person, where the option needs one
  justification text,
  seen          jsonb,                     -- checks, plan and digest the person decided on
  planned_at    timestamptz not null default mrq_now(),
  ready_at      timestamptz,               -- for scheduled: the end of its hold window
  started_at    timestamptz,
  deadline      timestamptz,
  ended_at      timestamptz,
  outcome       text,                      -- the sentence
  evidence      jsonb,
  batch_id      bigint,
  unique (item_id, n),
  constraint attempt_state_is_known check
    (state in ('scheduled', 'started', 'succeeded', 'failed', 'unknown', 'confirmed_done', 'confirmed_not_done')),
  constraint started_has_deadline check (state = 'scheduled' or (started_at is not null and deadline is not null)),
  constraint ended_has_time check ((state in ('scheduled', 'started')) = (ended_at is null))
);
create unique index mrq_one_open_attempt on mrq_attempt (item_id) where state in ('scheduled', 'started', 'unknown');

-- Whose way it was: the system user of a terminal or a program, on whatever host; the whole way of a token or a role;
-- null where it names nobody.
create function mrq_speaker(via text) returns text language sql immutable parallel safe as $$
  select case when via ~ '^(cli|lib):.' then regexp_replace(via, '^...:(.+?)(@[^@]*)?$', '\1')
              when via ~ '^[a-z]+:.' then via end
$$;

-- Whether an approver is another person than the proposer: by name, and by the way they came unless names are trusted.
create function mrq_is_another(proposer text, via text, approver text, approver_via text, names_trusted boolean)
returns boolean language sql immutable parallel safe as $$
  select coalesce(lower(btrim(proposer)) <> lower(btrim(approver))
                  and (names_trusted or mrq_speaker(via) <> mrq_speaker(approver_via)), false)
$$;

create table mrq_proposal (
  id            bigint generated by default as identity primary key,
  item_id       bigint      not null references manual_resolution_queue,
  option        text        not null,
  "values"      jsonb       not null default '{}',
  proposer      text        not null,
  via           text        not null,
  justification text        not null,
  source        text        not null default 'typed',
  seen          jsonb       not null,      -- checks, plan, overridden checks, and what the context was (hashed)
  state         text        not null default 'open',
  proposed_at   timestamptz not null default mrq_now(),
  expires_at    timestamptz not null,
  ended_at      timestamptz,
  ended_by      text,
  ended_via     text,
  ended_why     text,
  names_trusted boolean     not null default false,   -- MRQ_TRUST_AS: one system user spoke for both
  batch_id      bigint,
  constraint proposal_state_is_known check (state in ('open', 'approved', 'denied', 'expired', 'void')),
  constraint ended_has_time check ((state = 'open') = (ended_at is null)),
  constraint approver_is_another
    check (state <> 'approved' or mrq_is_another(proposer, via, ended_by, ended_via, names_trusted))
);
create unique index mrq_one_open_proposal on mrq_proposal (item_id) where state = 'open';
create index mrq_proposal_of_item on mrq_proposal (item_id, id);

create table mrq_review (
  id          bigint generated by default as identity primary key,
  item_id     bigint      not null references manual_resolution_queue,
  reviewer    text        not null,
  reviewed_at timestamptz not null default mrq_now(),
  agrees      boolean,
  note        text
);
create index mrq_review_of_item on mrq_review (item_id);

-- What operators practised and whose decisions they watched (specification, Operator Training): a record, no proof.
create table mrq_training (
  id        uuid        primary key default gen_random_uuid(),   -- a practice brings its own, and is recorded once
  operator  text        not null,
  kind      text        not null,
  at        timestamptz not null default mrq_now(),
  colleague text,                          -- shadow: whose decision, and which event of which item it is
  item_id   bigint,
  seq       bigint,
  items     integer,                       -- practice: how many were decided, how many of them as MRQ would have
  agreed    integer,
  passed_on integer,                       -- and how many were escalated where MRQ knew better
  constraint training_kind_is_known check (kind in ('practice', 'shadow')),
  constraint training_fits_its_kind check (
    num_nonnulls(colleague, item_id, seq) = case kind when 'shadow' then 3 else 0 end
    and num_nonnulls(items, agreed, passed_on) = case kind when 'practice' then 3 else 0 end),
  constraint practice_adds_up check (least(agreed, passed_on) >= 0 and agreed + passed_on <= items)
);
create unique index mrq_training_of_operator on mrq_training (operator, kind, item_id, seq);


-- ---------------------------------------------------------------- small rules, written once

create function mrq_dedup_key(item_type text, resource_type text, resource_id bigint, resource_key text, given text)
returns text language sql stable parallel safe as $$
  select encode(sha256(convert_to(
    case when given is not null then jsonb_build_array(item_type, given)
         else jsonb_build_array(item_type, resource_type, resource_id, resource_key) end::text, 'UTF8')), 'hex')
$$;

-- Equal causes get equal fingerprints; the same as `intake.fingerprint`, for producers with plain SQL.
create function mrq_fingerprint(item_type text, reason text, context jsonb) returns text
language sql stable parallel safe as $$
  select md5(item_type || E'\n' || regexp_replace(lower(left(
      case when jsonb_typeof(context -> 'last_error') = 'string' and context ->> 'last_error' <> ''
           then context ->> 'last_error' else reason end, 500) collate "C"),
    $re$(?<![^][ \t\n\r\f\v"'`(){}<>,;=])(?:[a-z0-9+.:_-]*://[^ \t\n\r\f\v"'`<>]*|[^][ \t\n\r\f\v"'`(){}<>,;=]*(?:@|#[0-9]|[0-9]{4}|[0-9a-f]{8})[^][ \t\n\r\f\v"'`(){}<>,;=]*)$re$, '#', 'g'))
$$;

create function mrq_rank(priority text) returns integer language sql stable parallel safe as $$
  select case priority when 'critical' then 0 when 'high' then 1 when 'medium' then 2 else 3 end
$$;

-- Levels: 1 at the deadline, 2 a quarter of the SLA later, 3 a whole SLA later, then one a day.
create function mrq_level(deadline timestamptz, sla_seconds bigint, at timestamptz)
returns integer language sql stable parallel safe as $$
  select case
    when at < deadline                                            then 0
    when at < deadline + sla_seconds * interval '0.25 second'     then 1
    when at < deadline + sla_seconds * interval '1 second'        then 2
    else 3 + floor(extract(epoch from at - deadline - sla_seconds * interval '1 second') / 86400)::integer end
$$;

create function mrq_level_starts(deadline timestamptz, sla_seconds bigint, level integer)
returns timestamptz language sql stable parallel safe as $$
  select case level
    when 1 then deadline
    when 2 then deadline + sla_seconds * interval '0.25 second'
    else deadline + sla_seconds * interval '1 second' + (level - 3) * interval '86400 seconds' end
$$;

-- The non-personal facts of an item, as each event keeps them. Times in UTC, whatever the session's zone.
create function mrq_facts(q manual_resolution_queue) returns jsonb language sql stable parallel safe as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'status', q.status, 'priority', q.priority, 'sla_deadline', q.sla_deadline at time zone 'UTC',
    'sla_seconds', q.sla_seconds, 'assigned_to', q.assigned_to, 'assigned_at', q.assigned_at at time zone 'UTC',
    'held', q.held, 'deferred_until', q.deferred_until at time zone 'UTC',
    'escalated_at', q.escalated_at at time zone 'UTC', 'escalation_level', nullif(q.escalation_level, 0),
    'escalated_to', q.escalated_to, 'declined_by', nullif(q.declined_by, '{}'),
    'position', nullif(q.position, 'infinity'), 'resolved_at', q.resolved_at at time zone 'UTC',
    'succeeded_at', q.succeeded_at at time zone 'UTC'))
$$;

-- The same for an item just added, with what never changes afterwards.
create function mrq_origin(q manual_resolution_queue) returns jsonb language sql stable parallel safe as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'status', q.status, 'priority', q.priority, 'sla_deadline', q.sla_deadline at time zone 'UTC',
    'sla_seconds', q.sla_seconds, 'item_type', q.item_type, 'resource_type', q.resource_type,
    'resource_id', q.resource_id, 'created_at', q.created_at at time zone 'UTC', 'reopened_from', q.reopened_from))
$$;

-- What an item just added says of its subject, and hashes that a guess would undo: erasure takes all of it.
create function mrq_told(q manual_resolution_queue) returns jsonb language sql stable parallel safe as $$
  select jsonb_build_object('reason', q.reason, 'context', q.context, 'resource_key', q.resource_key,
                            'dedup_key', q.dedup_key, 'fingerprint', q.fingerprint)
$$;

create function mrq_private_hash(salt bytea, private jsonb) returns bytea language sql stable parallel safe as $$
  select sha256(salt || convert_to(private::text, 'UTF8'))
$$;

create function mrq_event_hash(previous bytea, format smallint, item_id bigint, seq bigint, at timestamptz, actor text,
                               actor_kind text, via text, verb text, data jsonb, private_hash bytea)
returns bytea language sql stable parallel safe as $$
  select sha256(coalesce(previous, '') || coalesce(private_hash, '') || convert_to(concat_ws(' ',
    format, item_id, seq, extract(epoch from at), actor_kind, verb, length(actor), actor, length(via), via, data),
    'UTF8'))
$$;


-- ---------------------------------------------------------------- adding

-- Fills what a producer with plain SQL leaves out. MRQ's own inserts bring everything and pass it by.
create function mrq_fill() returns trigger language plpgsql set search_path from current as $$
declare
  now timestamptz := mrq_now();
  hours double precision;
begin
  if new.status <> 'pending' then
    raise exception 'a new item is pending, not %', new.status using errcode = 'MRQ01';
  end if;
  if num_nonnulls(new.assigned_to, new.assigned_at, new.lease_until, new.held, new.deferred_until, new.hold_until,
                  new.escalated_at, new.next_level_at, new.escalated_to, new.succeeded_at, new.position_until) > 0
     or new.escalation_level <> 0 or new.declined_by <> '{}' or new.position <> 'infinity' then
    raise exception 'a new item has no owner, hold, escalation or position: those are moves' using errcode = 'MRQ01';
  end if;
  new.created_at := least(coalesce(new.created_at, now), now);
  if new.sla_deadline is null then
    select value::double precision into hours from mrq_setting where name = 'sla_' || new.priority;
    new.sla_seconds := coalesce(new.sla_seconds, greatest(1, round(coalesce(hours, 168) * 3600)));
    new.sla_deadline := new.created_at + new.sla_seconds * interval '1 second';
  end if;
  new.sla_seconds := coalesce(new.sla_seconds, greatest(1, ceil(extract(epoch from new.sla_deadline - new.created_at))));
  new.last_occurred_at := new.created_at;
  new.dedup_key := coalesce(new.dedup_key,
    mrq_dedup_key(new.item_type, new.resource_type, new.resource_id, new.resource_key, null));
  new.fingerprint := coalesce(new.fingerprint, mrq_fingerprint(new.item_type, new.reason, new.context));
  new.version := 1;
  new.occurrences := 1;
  if new.changed_for is distinct from 1 then
    new.changed_by := session_user;
    new.changed_how := 'add';
    new.changed_note := jsonb_build_object('kind', 'sql', 'via', 'psql:' || session_user);
    new.changed_for := 1;
  end if;
  return new;
end $$;

create trigger mrq_fill before insert on manual_resolution_queue for each row
  when (new.changed_for is distinct from 1 or new.status <> 'pending' or new.sla_deadline is null
        or new.dedup_key is null or new.fingerprint is null or new.version <> 1)
  execute function mrq_fill();


-- ---------------------------------------------------------------- moving

-- Which status may follow which; the facts beside the status are the CHECKs' business.
create function mrq_may_follow(old_status text, new_status text) returns boolean language sql stable parallel safe as $$
  select case old_status
    when 'pending'   then true
    when 'assigned'  then true
    when 'escalated' then new_status <> 'pending'
    else false end
$$;

-- What a foreign client's change is called in the history.
create function mrq_verb(o manual_resolution_queue, n manual_resolution_queue) returns text language sql immutable as $$
  select case
    when n.status = 'resolved' then 'resolve'
    when n.status = 'assigned' and o.status <> 'assigned' then 'claim'
    when n.status = 'assigned' and n.assigned_to is distinct from o.assigned_to then 'hand-over'
    when n.held = 'deferred' and n.deferred_until is distinct from o.deferred_until then 'defer'
    when n.status = 'escalated' and o.escalated_at is null then 'escalate'
    when o.status = 'assigned' and n.status <> 'assigned' then 'release'
    when n.priority <> o.priority then 'priority'
    else 'edit' end
$$;

-- Whether a context only lost keys.
create function mrq_only_loses(o jsonb, n jsonb) returns boolean language sql immutable as $$
  select n is null or (o is not null and not exists (
    select from jsonb_each(n) kept where o -> kept.key is distinct from kept.value))
$$;

-- What may still happen to a resolved item, each time with an event: its personal facts are shown, or erased. Texts
-- become a mark, keys go, what names it becomes random; nothing else changes.
create function mrq_only_erases(o manual_resolution_queue, n manual_resolution_queue) returns boolean
language sql stable as $$
  select to_jsonb(n) - untold = to_jsonb(o) - untold and case n.changed_how
    when 'reveal' then
      (n.reason, n.context, n.resolution, n.resolution_metadata, n.resource_key, n.dedup_key, n.fingerprint)
      is not distinct from
      (o.reason, o.context, o.resolution, o.resolution_metadata, o.resource_key, o.dedup_key, o.fingerprint)
    when 'erase' then
      n.reason in (o.reason, '‹erased›')
      and (n.resolution is not distinct from o.resolution or o.resolution is not null and n.resolution = '‹erased›')
      and mrq_only_loses(o.context, n.context) and mrq_only_loses(o.resolution_metadata, n.resolution_metadata)
      and (n.resource_key is not distinct from o.resource_key
           or o.resource_key is not null and n.resource_key ~ '^erased [0-9a-f]{32}$')
      and (n.dedup_key = o.dedup_key or n.dedup_key ~ '^erased [0-9a-f]{32}$')
      and (n.fingerprint = o.fingerprint or n.fingerprint ~ '^erased [0-9a-f]{32}$')
    else false end
    from (values ('{reason,context,resolution,resolution_metadata,resource_key,dedup_key,fingerprint,changed_by,
                    changed_how,changed_for,changed_note,wake_at,calm,priority_rank}'::text[])) names (untold)
$$;

-- Guards every move, tidies what a client forgets, and names the change for the history.
create function mrq_guard() returns trigger language plpgsql set search_path from current as $$
declare
  own constant boolean := new.changed_for is not distinct from old.version + 1;
begin
  if not mrq_may_follow(old.status, new.status) then
    if old.status = 'resolved' then
      if own and mrq_only_erases(old, new) then
        new.version := old.version + 1;
        return new;
      end if;
      raise exception 'item % is resolved and never changes: reopen makes a new item', old.id using errcode = 'MRQ02';
    end if;
    raise exception 'item % cannot go from % to %', old.id, old.status, new.status using errcode = 'MRQ02';
  end if;
  if (new.id, new.item_type, new.resource_type, new.resource_id, new.resource_key, new.created_at, new.dedup_key,
      new.fingerprint, new.reopened_from)
     is distinct from
     (old.id, old.item_type, old.resource_type, old.resource_id, old.resource_key, old.created_at, old.dedup_key,
      old.fingerprint, old.reopened_from) then
    raise exception 'item %: what it is about never changes', old.id using errcode = 'MRQ03';
  end if;
  if new.escalation_level < old.escalation_level then
    raise exception 'item %: its level never falls', old.id using errcode = 'MRQ03';
  end if;
  if new.sla_deadline > old.sla_deadline and isfinite(new.sla_deadline) then
    raise exception 'item %: its deadline never moves later', old.id using errcode = 'MRQ03';
  end if;
  if new.occurrences between 1 and old.occurrences - 1 or new.last_occurred_at < old.last_occurred_at then
    raise exception 'item %: what occurred stays counted', old.id using errcode = 'MRQ03';
  end if;
  if new.lease_until is distinct from old.lease_until and isfinite(new.lease_until)
     and new.lease_until > mrq_now() + interval '25 hours' then
    raise exception 'item %: a lease lasts a day at most', old.id using errcode = 'MRQ03';
  end if;
  if old.escalated_at is not null then
    new.escalated_at := old.escalated_at;
  end if;

  if new.status = 'assigned' and (old.status <> 'assigned' or new.assigned_to is distinct from old.assigned_to) then
    if old.held = 'attempt' and exists (select from mrq_attempt where item_id = old.id and state = 'started') then
      raise exception 'item %: an attempt is being made just now', old.id using errcode = 'MRQ04';
    end if;
    new.assigned_at := mrq_now();
    if new.held in ('approval', 'attempt') then     -- these end by hold_until
      new.lease_until := null;
    elsif new.lease_until is not distinct from old.lease_until then
      new.lease_until := mrq_now() + (select value::double precision from mrq_setting where name = 'lease_minutes')
                                     * interval '1 minute';
    end if;
    if new.held = 'deferred' then
      new.held := null;
    end if;
    new.deferred_until := null;
    new.position := 'infinity';
  elsif new.status = 'resolved' then
    perform mrq_settle(old.id, old.held);
    new.resolved_at := coalesce(new.resolved_at, mrq_now());
    new.held := null;
    new.deferred_until := null;
    new.hold_until := null;
    new.next_level_at := null;
    new.position := 'infinity';
  end if;
  if new.escalation_level > 0 and new.status <> 'resolved'
     and (new.sla_deadline, new.sla_seconds) is distinct from (old.sla_deadline, old.sla_seconds) then
    new.next_level_at := mrq_level_starts(new.sla_deadline, new.sla_seconds, new.escalation_level + 1);
  end if;
  if old.held = 'approval' then                     -- it ends with the proposal: see mrq_proposal_holds
    if new.status <> 'assigned' or new.assigned_to is distinct from old.assigned_to then
      new.held := nullif(new.held, 'approval');
    end if;
    if new.held is null then
      new.hold_until := null;
      new.lease_until := coalesce(new.lease_until, mrq_now() + (
        select value::double precision from mrq_setting where name = 'lease_minutes') * interval '1 minute');
    end if;
  end if;
  if new.priority = 'critical' and old.priority <> 'critical' then
    new.notice_at := mrq_now();
  elsif new.sla_deadline <> old.sla_deadline then
    new.notice_at := old.notice_at - (old.sla_deadline - new.sla_deadline);
  end if;
  if old.status <> new.status and (new.status in ('assigned', 'resolved') and new.escalation_level > 0
                                   or new.status = 'resolved' and (old.notice_at is null or old.priority = 'critical')) then
    perform mrq_follow_up(new);
  end if;
  if new.status <> 'assigned' then
    new.lease_until := null;
  end if;
  if new.position = 'infinity' then
    new.position_by := null;
    new.position_reason := null;
    new.position_until := null;
  end if;

  if own or (new.status, new.priority, new.reason, new.context, new.assigned_to, new.assigned_at, new.sla_deadline,
             new.sla_seconds, new.escalated_at, new.escalation_level, new.escalated_to, new.declined_by, new.held,
             new.deferred_until, new.position, new.succeeded_at)
            is distinct from
            (old.status, old.priority, old.reason, old.context, old.assigned_to, old.assigned_at, old.sla_deadline,
             old.sla_seconds, old.escalated_at, old.escalation_level, old.escalated_to, old.declined_by, old.held,
             old.deferred_until, old.position, old.succeeded_at) then
    new.version := old.version + 1;
    if not own then
      new.changed_by := session_user;
      new.changed_how := mrq_verb(old, new);
      new.changed_note := jsonb_build_object('kind', 'sql', 'via', 'psql:' || session_user)
        || case when (new.reason, new.context) is distinct from (old.reason, old.context)
                then '{"edited": true}'::jsonb else '{}'::jsonb end;
      new.changed_for := new.version;
    end if;
  else                                              -- bookkeeping: a lease renewed, an occurrence counted
    new.version := old.version;
    new.changed_by := old.changed_by;
    new.changed_how := old.changed_how;
    new.changed_note := old.changed_note;
    new.changed_for := null;
  end if;
  return new;
end $$;

-- Before an item is resolved by whomever: no attempt may be under way; an unknown one ends with it.
create function mrq_settle(item bigint, held text) returns void language plpgsql set search_path from current as $$
begin
  if held = 'attempt' then
    if exists (select from mrq_attempt where item_id = item and state = 'started') then
      raise exception 'item %: an attempt is being made just now', item using errcode = 'MRQ04';
    end if;
    update mrq_attempt set state = 'confirmed_done', outcome = 'settled by SQL'
     where item_id = item and state = 'unknown';
  end if;
end $$;

create trigger mrq_guard before update on manual_resolution_queue for each row execute function mrq_guard();

-- An item is held for approval exactly as long as its proposal is open; whatever ends the hold ends the proposal.
create function mrq_proposal_holds() returns trigger language plpgsql security definer set search_path from current as $$
begin
  if new.held = 'approval' then
    if not exists (select from mrq_proposal where item_id = new.id and state = 'open' and proposer = new.assigned_to) then
      raise exception 'item %: nothing was proposed', new.id using errcode = 'MRQ04';
    end if;
    return null;
  end if;
  update mrq_proposal
     set state = case new.changed_how when 'approve' then 'approved' when 'deny' then 'denied' when 'lapse' then 'expired'
                                      else 'void' end,
         ended_by = new.changed_by, ended_via = new.changed_note ->> 'via',
         ended_why = coalesce(new.changed_note ->> 'justification', new.changed_note ->> 'changed',
                              new.changed_note ->> 'note'),
         names_trusted = coalesce((new.changed_note ->> 'names_trusted')::boolean, false)
   where item_id = new.id and state = 'open';
  return null;
end $$;

create trigger mrq_proposal_holds after update on manual_resolution_queue for each row
  when (old.held is distinct from new.held and 'approval' in (old.held, new.held))
  execute function mrq_proposal_holds();


-- ---------------------------------------------------------------- writing the history

-- An item's first event. Set-based: one statement for a batch of any size; inner levels hold what outer ones use twice.
create function mrq_write_first_events() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into mrq_event (item_id, seq, at, actor, actor_kind, via, verb, data, private, salt, private_hash, hash)
  select id, 1, at, actor, actor_kind, via, verb, data, private, salt, private_hash,
         mrq_event_hash(null, 1::smallint, id, 1, at, actor, actor_kind, via, verb, data, private_hash)
  from (
    select s.*, mrq_private_hash(salt, private) as private_hash
    from (
      select n.id, (select mrq_now()) as at, coalesce(n.changed_by, 'unknown') as actor,
             coalesce(n.changed_note ->> 'kind', 'person') as actor_kind,
             coalesce(n.changed_note ->> 'via', '') as via, n.changed_how as verb, mrq_origin(n) as data,
             coalesce(n.changed_note, '{}') - '{kind,via,edited}'::text[]
               || mrq_told(n) as private,
             uuid_send(gen_random_uuid()) as salt
      from new_rows n offset 0
    ) s offset 0
  ) e;
  return null;
end $$;

-- The events that follow it, each chained to the one before.
create function mrq_write_events() returns trigger language plpgsql security definer set search_path from current as $$
begin
  if not exists (select from new_rows where changed_for = version) then
    return null;                                    -- bookkeeping only, or an add that met no open item
  end if;
  insert into mrq_event (item_id, seq, at, actor, actor_kind, via, verb, data, private, salt, private_hash, hash)
  select id, seq, at, actor, actor_kind, via, verb, data, private, salt, private_hash,
         mrq_event_hash((select p.hash from mrq_event p where p.item_id = e.id and p.seq = e.seq - 1),
                        1::smallint, id, seq, at, actor, actor_kind, via, verb, data, private_hash)
  from (
    select s.*, case when private is not null then mrq_private_hash(salt, private) end as private_hash
    from (
      select n.id, n.version as seq, (select mrq_now()) as at, coalesce(n.changed_by, 'unknown') as actor,
             coalesce(n.changed_note ->> 'kind', 'person') as actor_kind, coalesce(n.changed_note ->> 'via', '') as via,
             n.changed_how as verb, mrq_facts(n) as data, p.private,
             case when p.private is not null then uuid_send(gen_random_uuid()) end as salt
      from new_rows n
      cross join lateral (select nullif(coalesce(n.changed_note, '{}') - '{kind,via,edited}'::text[]
        || case when n.changed_how = 'amend' or n.changed_note ? 'edited'
                then jsonb_build_object('reason', n.reason, 'context', n.context) else '{}' end
        || case when n.status = 'resolved'
                then jsonb_build_object('resolution', n.resolution, 'resolution_metadata', n.resolution_metadata)
                else '{}' end, '{}') as private offset 0) p
      where n.changed_for = n.version
      offset 0
    ) s offset 0
  ) e;
  return null;
end $$;

create trigger mrq_insert_events after insert on manual_resolution_queue
  referencing new table as new_rows for each statement execute function mrq_write_first_events();
create trigger mrq_update_events after update on manual_resolution_queue
  referencing new table as new_rows for each statement execute function mrq_write_events();


-- ---------------------------------------------------------------- what never happens

create function mrq_refuse() returns trigger language plpgsql as $$
begin
  raise exception '% of % is refused: %', lower(tg_op), tg_table_name, tg_argv[0] using errcode = 'MRQ05';
end $$;

create trigger mrq_no_delete before delete or truncate on manual_resolution_queue
  for each statement execute function mrq_refuse('items are kept');
create trigger mrq_no_delete before delete or truncate on mrq_event
  for each statement execute function mrq_refuse('the history is append-only');
create trigger mrq_no_change before update or delete or truncate on mrq_checkpoint
  for each statement execute function mrq_refuse('what was counted is kept');
create trigger mrq_no_delete before delete or truncate on mrq_occurrence
  for each statement execute function mrq_refuse('occurrences are append-only');
create trigger mrq_no_delete before delete or truncate on mrq_attempt
  for each statement execute function mrq_refuse('attempts are kept');
create trigger mrq_no_delete before delete or truncate on mrq_proposal
  for each statement execute function mrq_refuse('proposals are kept');
create trigger mrq_no_delete before delete or truncate on mrq_review
  for each statement execute function mrq_refuse('reviews are kept');

-- Erasure alone changes an event: what was private goes, its hash and the chain stay.
create function mrq_guard_event() returns trigger language plpgsql as $$
begin
  if new.private is null and new.salt is null
     and (new.item_id, new.seq, new.at, new.actor, new.actor_kind, new.via, new.verb, new.format, new.data,
          new.private_hash, new.hash)
         is not distinct from
         (old.item_id, old.seq, old.at, old.actor, old.actor_kind, old.via, old.verb, old.format, old.data,
          old.private_hash, old.hash) then
    return new;
  end if;
  raise exception 'update of mrq_event is refused: the history is append-only' using errcode = 'MRQ05';
end $$;
create trigger mrq_guard_event before update on mrq_event for each row execute function mrq_guard_event();

-- Counting and forgetting alone change an occurrence.
create function mrq_guard_occurrence() returns trigger language plpgsql as $$
begin
  if (new.add_id, new.item_id, new.occurred_at, new.priority, new.sla_seconds)
     is distinct from (old.add_id, old.item_id, old.occurred_at, old.priority, old.sla_seconds)
     or (old.n is not null and new.n is distinct from old.n)
     or (new.reason is not null and new.reason is distinct from old.reason)
     or (new.context is not null and new.context is distinct from old.context)
     or (old.counted and not new.counted) then
    raise exception 'update of mrq_occurrence is refused: occurrences are append-only' using errcode = 'MRQ05';
  end if;
  return new;
end $$;
create trigger mrq_guard_occurrence before update on mrq_occurrence
  for each row execute function mrq_guard_occurrence();

-- scheduled -> started | failed; started -> succeeded | failed | unknown; unknown -> confirmed; the rest is final.
create function mrq_guard_attempt() returns trigger language plpgsql set search_path from current as $$
begin
  if (new.item_id, new.n, new.key, new.option, new.actor, new.via, new.approved_by, new.planned_at)
     is distinct from
     (old.item_id, old.n, old.key, old.option, old.actor, old.via, old.approved_by, old.planned_at)
     or (new."values" <> old."values" and (old.ended_at is null or new."values" <> '{}'))      -- erased
     or (new.state = old.state and old.ended_at is not null and new.outcome is distinct from old.outcome
         and new.outcome is distinct from '‹erased›') then
    raise exception 'attempt % of item %: what was tried never changes', old.n, old.item_id using errcode = 'MRQ03';
  end if;
  if new.state <> old.state then
    if (old.state, new.state) not in (
         ('scheduled', 'started'), ('scheduled', 'failed'),
         ('started', 'succeeded'), ('started', 'failed'), ('started', 'unknown'),
         ('unknown', 'confirmed_done'), ('unknown', 'confirmed_not_done')) then
      raise exception 'attempt % of item % cannot go from % to %', old.n, old.item_id, old.state, new.state
        using errcode = 'MRQ02';
    end if;
    if new.state not in ('scheduled', 'started') then
      new.ended_at := mrq_now();
    end if;
  end if;
  return new;
end $$;
create trigger mrq_guard_attempt before update on mrq_attempt for each row execute function mrq_guard_attempt();

-- open -> approved | denied | expired | void; what was proposed never changes while it is open.
create function mrq_guard_proposal() returns trigger language plpgsql set search_path from current as $$
begin
  if (new.item_id, new.option, new.proposer, new.via, new.proposed_at, new.expires_at)
     is distinct from (old.item_id, old.option, old.proposer, old.via, old.proposed_at, old.expires_at)
     or old.state = 'open' and (new."values", new.justification, new.seen)
                               is distinct from (old."values", old.justification, old.seen) then
    raise exception 'the proposal for item %: what was proposed never changes', old.item_id using errcode = 'MRQ03';
  end if;
  if old.state <> 'open' and (new.state, new.ended_by, new.ended_via, new.ended_at, new.names_trusted)
     is distinct from (old.state, old.ended_by, old.ended_via, old.ended_at, old.names_trusted) then
    raise exception 'the proposal for item % is % already', old.item_id, old.state using errcode = 'MRQ02';
  end if;
  if old.state = 'open' and new.state <> 'open' then
    new.ended_at := mrq_now();
    new.seen := new.seen - '{context,answers}'::text[];    -- nothing is compared any more: no hash to guess from
  end if;
  return new;
end $$;
create trigger mrq_guard_proposal before update on mrq_proposal for each row execute function mrq_guard_proposal();


-- ---------------------------------------------------------------- what is to be told

-- Written by the statement that makes it true, delivered by any process afterwards (specification, escalate_breaches.py).
create table mrq_outbox (
  id           bigint generated by default as identity primary key,
  item_id      bigint,                                    -- null: about MRQ itself
  kind         text        not null,
  level        integer     not null default 0,
  channel      text        not null,
  incident     text        not null,                      -- equal causes are one incident
  payload      jsonb       not null,
  state        text        not null default 'waiting',
  created_at   timestamptz not null default mrq_now(),
  due_at       timestamptz not null default mrq_now(),
  leased_until timestamptz,                               -- somebody is sending it just now
  attempts     integer     not null default 0,
  uncertain    boolean     not null default false,        -- an earlier try may have arrived
  answer       text,                                      -- what the provider said last
  missed       text[],                                    -- whom an e-mail that others got did not reach
  ended_at     timestamptz,
  constraint alert_kind_is_known check
    (kind in ('breach', 'warning', 'arrival', 'acknowledge', 'resolve', 'meta', 'test')),
  constraint alert_state_is_known check (state in ('waiting', 'sent', 'dead', 'cancelled')),
  constraint alert_ended_has_time check ((state = 'waiting') = (ended_at is null)),
  constraint alert_is_told_once unique (item_id, kind, level, channel)
);
create index mrq_outbox_waiting on mrq_outbox (due_at) where state = 'waiting';
create index mrq_outbox_incident on mrq_outbox (incident, channel, id);
create index mrq_outbox_dead on mrq_outbox (ended_at) where state = 'dead';
create index mrq_outbox_missed on mrq_outbox (ended_at) where missed is not null;

create trigger mrq_no_delete before delete or truncate on mrq_outbox
  for each statement execute function mrq_refuse('what was to be told is kept');

-- While a pause lasts nothing is delivered, and nothing is lost.
create table mrq_pause (
  id        bigint generated by default as identity primary key,
  until     timestamptz not null,
  reason    text        not null,
  by        text        not null,
  begun_at  timestamptz not null default mrq_now(),
  ended_at  timestamptz,
  constraint pause_has_a_reason check (btrim(reason) <> ''),
  constraint pause_ends_later check (until > begun_at)
);

-- When each part of MRQ last did its work.
create table mrq_heartbeat (
  component text        primary key,
  at        timestamptz not null default mrq_now(),
  detail    jsonb       not null default '{}'
);

-- One incident for all items of one cause in this installation.
create function mrq_incident(fingerprint text) returns text language sql stable as $$
  select 'mrq:' || left(value, 8) || ':' || fingerprint from mrq_setting where name = 'install'
$$;

-- The first look at an item that a producer with plain SQL added; MRQ's own adds bring theirs.
create function mrq_first_notice() returns trigger language plpgsql set search_path from current as $$
begin
  new.notice_at := case when new.priority = 'critical' then new.created_at
    else new.created_at + (select value::double precision / 100 from mrq_setting where name = 'warn_at')
                          * new.sla_seconds * interval '1 second' end;
  return new;
end $$;

-- Named to come after mrq_fill, which gives an item its SLA.
create trigger mrq_first_notice before insert on manual_resolution_queue for each row
  when (new.notice_at is null) execute function mrq_first_notice();

-- Who claims a breached item acknowledges its incident; the last of a cause to be resolved resolves it, and of two at
-- once the later commit. What was not yet sent of a resolved item is not sent any more.
create function mrq_follow_up(item manual_resolution_queue) returns void
language plpgsql security definer set search_path from current as $$
declare
  paged text;
begin
  if item.status = 'resolved' then
    update mrq_outbox set state = 'cancelled', ended_at = mrq_now()
     where item_id = item.id and state = 'waiting' and kind in ('breach', 'warning', 'arrival', 'acknowledge');
  end if;
  select incident into paged from mrq_outbox
   where item_id = item.id and kind = 'breach' and channel = 'pagerduty' and (state = 'sent' or attempts > 0)
   order by id limit 1;
  if paged is null then
    return;
  end if;
  if item.status = 'resolved' then
    perform pg_advisory_xact_lock(7377006, hashtext(paged));
  end if;
  insert into mrq_outbox (item_id, kind, level, channel, incident, payload)
  select item.id, case item.status when 'resolved' then 'resolve' else 'acknowledge' end, item.escalation_level,
         'pagerduty', paged, jsonb_build_object('item_id', item.id, 'item_type', item.item_type,
                                                'priority', item.priority)
   where item.status = 'assigned' or not exists (
     select from mrq_outbox o join manual_resolution_queue other on other.id = o.item_id
      where o.incident = paged and o.channel = 'pagerduty' and o.kind = 'breach'
        and o.state in ('waiting', 'sent') and other.id <> item.id and other.status <> 'resolved')
  on conflict on constraint alert_is_told_once do nothing;
end $$;

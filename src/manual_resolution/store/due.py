"""Statements for what time brings: leases and deferrals that end, attempts that overran, breaches, occurrences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg.types.json import Jsonb

from manual_resolution.item import Actor
from manual_resolution.store.connection import Db
from manual_resolution.store.items import change

# The specification's alert. What to do stands in the workflow, where the console is in the settings: both handed in.
PAYLOAD: Final = """
         jsonb_build_object(
           'alert_type', case kind when 'breach' then 'manual_resolution_sla_breach'
                         when 'warning' then 'manual_resolution_sla_warning'
                         else 'manual_resolution_critical_arrival' end,
           'item_id', q.id, 'item_type', q.item_type, 'priority', q.priority,
           'sla_deadline', to_char(q.sla_deadline at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
           'breach_duration_hours', greatest(0, floor(extract(epoch from now - q.sla_deadline) / 3600))::bigint,
           'reason', left(q.reason, 1000),
           'recommended_action', coalesce(%(recommended)s::jsonb ->> q.item_type,
                                          'Look at it and decide: mrq show ' || q.id),
           'queue_url', %(console)s::text || '/admin/manual-resolution-queue/' || q.id)
"""


@dataclass(frozen=True, slots=True)
class Telling:
    """What a sweep needs to write alerts: the channels by name, what each item type recommends, where the console is.

    `warn_at` is in hundredths of the SLA.
    """

    channels: tuple[str, ...] = ()
    recommended: Mapping[str, str] = field(default_factory=dict)
    console: str | None = None
    warn_at: float = 75

    def values(self) -> dict[str, Any]:
        """As statement parameters."""
        return {
            "channels": list(self.channels),
            "recommended": Jsonb(dict(self.recommended)),
            "console": self.console,
            "warn_at": self.warn_at,
        }


# What is due by `wake_at` is read from one index; each fact ends by its own instant, under its own name in the history.
WAKE: Final = """
with clock as materialized (select mrq_now() as now),
due as materialized (
  select id from manual_resolution_queue where wake_at <= (select now from clock)
   order by wake_at limit 1000 for no key update skip locked),
overran as (
  update mrq_attempt set state = 'unknown', outcome = 'no outcome was recorded in time'
   where item_id in (select id from due) and state = 'started' and deadline <= (select now from clock)
  returning item_id)
update manual_resolution_queue q
   set status = case when v.verb not in ('expire', 'unknown') then q.status
                     when q.escalated_at is null then 'pending' else 'escalated' end,
       assigned_to = case when v.verb in ('expire', 'unknown') then null else q.assigned_to end,
       assigned_at = case when v.verb in ('expire', 'unknown') then null else q.assigned_at end,
       held = case when v.verb in ('wake', 'lapse') then null else q.held end,
       deferred_until = case when v.verb = 'wake' then null else q.deferred_until end,
       hold_until = case when v.verb in ('unknown', 'lapse') then null else q.hold_until end,
       position = case when q.position_until <= now then 'infinity' else q.position end,
       changed_by = 'mrq', changed_how = v.verb, changed_for = q.version + 1,
       changed_note = jsonb_build_object('kind', 'timeout', 'via', %(via)s::text)
                      || case when q.status = 'assigned' then jsonb_build_object('owner', q.assigned_to) else '{}' end
  from due, clock, manual_resolution_queue d, lateral (select case
         when d.held = 'attempt' and d.hold_until <= now then 'unknown'
         when d.held = 'approval' and d.hold_until <= now then 'lapse'
         when d.status = 'assigned' and d.lease_until <= now then 'expire'
         when d.deferred_until <= now then 'wake'
         else 'position' end as verb) v
 where q.id = due.id and d.id = due.id
returning q.id, v.verb
"""


def wake(db: Db, via: str) -> list[tuple[int, str]]:
    """End what is due: (item id, verb) for each. One guarded statement; any number of callers."""
    return db.execute(WAKE, {"via": via}).fetchall()


# Occurrences that callers wrote in their own transactions, now committed: counted, priority raised as by an add.
FOLD: Final = """
with clock as materialized (select mrq_now() as now),
mine as materialized (
  select o.add_id, o.item_id, o.occurred_at, o.priority, o.sla_seconds
    from mrq_occurrence o join manual_resolution_queue i on i.id = o.item_id
   where not o.counted limit 5000 for update of o skip locked for no key update of i skip locked),
folded as materialized (
  select item_id, count(*) as times, max(occurred_at) as last_at, min(mrq_rank(priority)) as best_rank,
         (array_agg(sla_seconds order by mrq_rank(priority)))[1] as sla_seconds
    from mine group by item_id),
marked as (update mrq_occurrence o set counted = true from mine where o.add_id = mine.add_id)
update manual_resolution_queue q
   set occurrences = q.occurrences + f.times, last_occurred_at = greatest(q.last_occurred_at, f.last_at),
       priority = case when f.best_rank < mrq_rank(q.priority)
                       then (array['critical', 'high', 'medium', 'low'])[f.best_rank + 1] else q.priority end,
       sla_deadline = case when f.best_rank < mrq_rank(q.priority)
                           then least(q.sla_deadline, (select now from clock) + f.sla_seconds * interval '1 second')
                           else q.sla_deadline end,
       sla_seconds = case when f.best_rank < mrq_rank(q.priority) then least(q.sla_seconds, f.sla_seconds)
                          else q.sla_seconds end,
       position = case when f.best_rank = 0 then 'infinity' else q.position end,
       succeeded_at = null,
       changed_by = 'mrq', changed_how = case when f.best_rank < mrq_rank(q.priority) then 'priority' else 'repeat' end,
       changed_note = jsonb_build_object('kind', 'machine', 'via', %(via)s::text),
       changed_for = case when f.best_rank < mrq_rank(q.priority) or q.succeeded_at is not null then q.version + 1 end
  from folded f where q.id = f.item_id and q.status <> 'resolved'
"""


def fold(db: Db, via: str) -> int:
    """Count the occurrences that callers committed; how many items gained."""
    return db.execute(FOLD, {"via": via}).rowcount


# Straight to the highest level due: one event that names it, however late the sweep (design, Nothing breaches unseen).
# What is to be told stands in the same statement: neither is ever there without the other.
SWEEP: Final = (
    """
with clock as materialized (select mrq_now() as now),
fresh as materialized (
  select id from manual_resolution_queue
   where status <> 'resolved' and escalation_level = 0 and sla_deadline < (select now from clock)
   order by sla_deadline limit %(batch)s for no key update skip locked),
later as materialized (
  select id from manual_resolution_queue where next_level_at <= (select now from clock)
   order by next_level_at limit %(batch)s for no key update skip locked),
late as (select id from fresh union all select id from later),
raised as (
update manual_resolution_queue q
   set status = case when q.status = 'pending' then 'escalated' else q.status end,
       escalated_at = coalesce(q.escalated_at, now),
       escalation_level = greatest(q.escalation_level, mrq_level(q.sla_deadline, q.sla_seconds, now)),
       next_level_at = mrq_level_starts(q.sla_deadline, q.sla_seconds,
                                        mrq_level(q.sla_deadline, q.sla_seconds, now) + 1),
       position = 'infinity',
       changed_by = %(by)s, changed_how = %(how)s, changed_for = q.version + 1, changed_note = %(note)s
  from late, clock where q.id = late.id and q.status <> 'resolved'
returning q.*),
told as (
  insert into mrq_outbox (item_id, kind, level, channel, incident, payload)
  select q.id, 'breach', q.escalation_level, c.channel, mrq_incident(q.fingerprint),"""
    + PAYLOAD
    + """
    from (select *, 'breach' as kind from raised) q, clock, unnest(%(channels)s::text[]) as c (channel)
   where c.channel <> 'pagerduty' or q.priority = 'critical'
  on conflict on constraint alert_is_told_once do nothing)
select id, escalation_level, priority from raised"""
)

# A critical item's arrival, and what is due soon. Neither is a move: the item keeps its version and its history.
# One that was raised to critical after its breach pages once.
NOTICE: Final = (
    """
with clock as materialized (select mrq_now() as now),
due as materialized (
  select id, notice_at from manual_resolution_queue
   where notice_at <= (select now from clock) and status <> 'resolved'
   order by notice_at limit %(batch)s for no key update skip locked),
noticed as (
  update manual_resolution_queue q
     set notice_at = case when q.escalation_level = 0 and now < w.warn_at then w.warn_at end
    from due, clock, manual_resolution_queue d,
         lateral (select d.sla_deadline - d.sla_seconds * (1 - %(warn_at)s::float8 / 100) * interval '1 second'
         ) w (warn_at)
   where q.id = due.id and d.id = due.id
  returning q.*, case when q.escalation_level > 0 then 'breach'
                      when q.priority = 'critical' and due.notice_at < w.warn_at then 'arrival'
                      else 'warning' end as kind),
told as (
  insert into mrq_outbox (item_id, kind, level, channel, incident, payload)
  select q.id, q.kind, q.escalation_level, c.channel, mrq_incident(q.fingerprint),"""
    + PAYLOAD
    + """
    from noticed q, clock, unnest(%(channels)s::text[]) as c (channel)
   where case q.kind when 'breach' then c.channel = 'pagerduty' and q.priority = 'critical'
                     else c.channel = 'slack' and now < q.sla_deadline end
  on conflict on constraint alert_is_told_once do nothing)
select count(*) from noticed"""
)


# Most sweeps find nothing; planning what they would do takes far longer than finding that out.
WAITING: Final = """
with clock as materialized (select mrq_now() as now)
select exists (select from manual_resolution_queue
                where status <> 'resolved' and escalation_level = 0 and sla_deadline < (select now from clock))
       or exists (select from manual_resolution_queue where next_level_at <= (select now from clock)),
       exists (select from manual_resolution_queue where notice_at <= (select now from clock) and status <> 'resolved')
"""


def waiting(db: Db) -> tuple[bool, bool]:
    """Whether there is anything for `sweep`, and for `notice`."""
    return db.execute(WAITING).fetchone() or (False, False)


def sweep(db: Db, by: Actor, batch: int, telling: Telling) -> list[tuple[int, int, str]]:
    """Raise the level of one batch of breached items, alerts included: (item id, level, priority) for each."""
    return db.execute(SWEEP, change(by, "sweep") | {"batch": batch} | telling.values()).fetchall()


def notice(db: Db, batch: int, telling: Telling) -> int:
    """Look at one batch of items that have not breached: arrivals, warnings; how many were looked at."""
    row = db.execute(NOTICE, {"batch": batch} | telling.values()).fetchone()
    return int(row[0]) if row else 0

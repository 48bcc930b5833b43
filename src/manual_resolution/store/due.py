"""Statements for what time brings: leases and deferrals that end, attempts that overran, breaches, occurrences."""

from typing import Any, Final

from manual_resolution.item import Actor
from manual_resolution.store.connection import Db
from manual_resolution.store.items import change

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
SWEEP: Final = """
with clock as materialized (select mrq_now() as now),
fresh as materialized (
  select id from manual_resolution_queue
   where status <> 'resolved' and escalation_level = 0 and sla_deadline < (select now from clock)
   order by sla_deadline limit %(batch)s for no key update skip locked),
later as materialized (
  select id from manual_resolution_queue where next_level_at <= (select now from clock)
   order by next_level_at limit %(batch)s for no key update skip locked),
late as (select id from fresh union all select id from later)
update manual_resolution_queue q
   set status = case when q.status = 'pending' then 'escalated' else q.status end,
       escalated_at = coalesce(q.escalated_at, now),
       escalation_level = greatest(q.escalation_level, mrq_level(q.sla_deadline, q.sla_seconds, now)),
       next_level_at = mrq_level_starts(q.sla_deadline, q.sla_seconds,
                                        mrq_level(q.sla_deadline, q.sla_seconds, now) + 1),
       position = 'infinity',
       changed_by = %(by)s, changed_how = %(how)s, changed_for = q.version + 1, changed_note = %(note)s
  from late, clock where q.id = late.id and q.status <> 'resolved'
returning q.id, q.escalation_level, q.priority
"""


def sweep(db: Db, by: Actor, batch: int = 5000) -> list[tuple[int, int, str]]:
    """Raise the level of one batch of breached items: (item id, level, priority) for each."""
    return db.execute(SWEEP, change(by, "sweep") | {"batch": batch}).fetchall()


def depth(db: Db) -> dict[str, Any]:
    """The specification's metric of the queue as it stands (specification, Monitoring)."""
    row = db.execute(
        """select count(*), count(*) filter (where priority = 'critical'), count(*) filter (where priority = 'high'),
                  count(*) filter (where priority = 'medium'), count(*) filter (where priority = 'low'),
                  coalesce(floor(extract(epoch from (select mrq_now()) - min(created_at)) / 3600), 0)::integer,
                  count(*) filter (where sla_deadline < (select mrq_now())),
                  to_char(date_trunc('second', (select mrq_now())) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
             from manual_resolution_queue where status <> 'resolved'"""
    ).fetchone()
    assert row is not None
    return {
        "metric": "manual_resolution_queue_depth",
        "total_pending": row[0],
        "by_priority": dict(zip(("critical", "high", "medium", "low"), row[1:5], strict=True)),
        "oldest_item_hours": row[5],
        "items_breaching_sla": row[6],
        "timestamp": row[7],
    }

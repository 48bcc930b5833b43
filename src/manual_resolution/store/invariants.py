"""What must be true of every row whatever happened: one query each, which finds the rows at fault.

They call none of the queue's own functions, and trust no trigger, constraint or index: those are what may have failed.
Each query is one statement, so that it sees one moment, and gives (item id, what is wrong) in the order of the ids;
what is about sums has no id.
"""

from dataclasses import dataclass
from typing import Final, LiteralString

from manual_resolution.store.connection import Db

#: Rows at fault that are told of one invariant.
TOLD: Final = 5


@dataclass(frozen=True, slots=True)
class Invariant:
    """One truth about the whole database: its name, its sentence, the query for what contradicts it."""

    name: str
    sentence: str
    query: LiteralString


def at_fault(db: Db, invariant: Invariant, limit: int = TOLD) -> list[tuple[int | None, str]]:
    """The first rows that contradict it: (item id or none, what is wrong)."""
    return db.execute(invariant.query + " order by 1 limit %s", [limit]).fetchall()


INVARIANTS: Final = (
    Invariant(
        "one view",
        "each item either waits, is held, has an owner or is resolved",
        """select id, concat_ws(' ', 'it is', status, 'held for ' || held, 'owner ' || assigned_to)
             from manual_resolution_queue
            where case status
                    when 'assigned' then assigned_to is null or held = 'deferred'
                    when 'resolved' then held is not null or lease_until is not null or resolved_at is null
                    when 'escalated' then assigned_to is not null or held = 'approval' or escalated_at is null
                    when 'pending' then assigned_to is not null or held = 'approval' or escalated_at is not null
                    else true end
               or (held is not distinct from 'deferred') <> (deferred_until is not null)""",
    ),
    Invariant(
        "one open item per failure",
        "no two open items are about the same failure",
        """select min(id), 'so are ' || string_agg('#' || id, ', ' order by id)
             from manual_resolution_queue where status <> 'resolved' group by dedup_key having count(*) > 1""",
    ),
    Invariant(
        "history without gaps",
        "each item has as many events as its version says, numbered from 1",
        """select coalesce(q.id, e.item_id), format('version %%s, %%s events, the last is number %%s',
                  coalesce(q.version::text, 'none'), coalesce(e.events, 0), coalesce(e.last_seq, 0))
             from (select item_id, count(*) as events, max(seq) as last_seq, min(seq) as first_seq
                     from mrq_event group by item_id) e
             full join manual_resolution_queue q on q.id = e.item_id
            where q.version is distinct from e.events or e.last_seq <> e.events or e.first_seq <> 1""",
    ),
    Invariant(
        "the row as its history left it",
        "the last event tells the item's status, priority, owner, hold, level and deadline",
        """select q.id, 'the history says ' || concat_ws(' ', e.data ->> 'status', e.data ->> 'priority',
                  'owner ' || (e.data ->> 'assigned_to'), 'held for ' || (e.data ->> 'held'),
                  'level ' || (e.data ->> 'escalation_level'))
             from manual_resolution_queue q join mrq_event e on e.item_id = q.id and e.seq = q.version
            where (q.status, q.assigned_to, q.held, q.escalation_level, q.priority,
                   to_jsonb(q.sla_deadline at time zone 'UTC'))
                  is distinct from
                  (e.data ->> 'status', e.data ->> 'assigned_to', e.data ->> 'held',
                   coalesce((e.data ->> 'escalation_level')::integer, 0), e.data ->> 'priority',
                   e.data -> 'sla_deadline')""",
    ),
    Invariant(
        "only legal moves",
        "status, level and deadline have only changed as the table of moves allows",
        """select item_id, format('event %%s: from %%s level %%s to %%s level %%s', seq, was ->> 'status',
                  coalesce(was ->> 'escalation_level', '0'), data ->> 'status',
                  coalesce(data ->> 'escalation_level', '0'))
             from (select item_id, seq, data, lag(data) over (partition by item_id order by seq) as was
                     from mrq_event) e
            where was ->> 'status' = 'resolved' and data ->> 'status' <> 'resolved'
               or was ->> 'status' = 'escalated' and data ->> 'status' = 'pending'
               or coalesce((data ->> 'escalation_level')::integer, 0)
                  < coalesce((was ->> 'escalation_level')::integer, 0)
               or (data ->> 'sla_deadline')::timestamp > (was ->> 'sla_deadline')::timestamp""",
    ),
    Invariant(
        "a level, an event",
        "each level an item has reached was raised by one sweep, and no level by two",
        """select q.id, format('level %%s, raised by %%s sweeps to %%s levels', q.escalation_level,
                  coalesce(s.sweeps, 0), coalesce(s.levels, 0))
             from manual_resolution_queue q
             left join (select item_id, count(*) as sweeps, count(distinct data ->> 'escalation_level') as levels,
                               max((data ->> 'escalation_level')::integer) as highest
                          from mrq_event where verb = 'sweep' group by item_id) s on s.item_id = q.id
            where q.escalation_level <> coalesce(s.highest, 0) or s.sweeps <> s.levels""",
    ),
    Invariant(
        "one success",
        "an outside effect that took place is one, and its item is resolved by it",
        """select a.item_id, format('%%s attempts took effect, the item is %%s%%s', count(*), q.status,
                  ' by attempt ' || (q.resolution_metadata ->> 'attempt'))
             from mrq_attempt a join manual_resolution_queue q on q.id = a.item_id
            where a.state in ('succeeded', 'confirmed_done')
            group by a.item_id, q.status, q.resolution_metadata
           having count(*) > 1 or q.status <> 'resolved'
               or q.resolution_metadata ->> 'attempt' is distinct from min(a.n)::text
                  and bool_or(a.outcome <> 'settled by SQL')""",
    ),
    Invariant(
        "a success for each resolution by attempt",
        "an item resolved by an attempt has that attempt, and it took effect",
        """select q.id, format('attempt %%s is %%s', q.resolution_metadata ->> 'attempt', coalesce(a.state, 'missing'))
             from manual_resolution_queue q
             left join mrq_attempt a on a.item_id = q.id and a.n::text = q.resolution_metadata ->> 'attempt'
            where q.resolution_metadata ->> 'key' is not null and q.resolution_metadata ->> 'attempt' is not null
              and coalesce(a.state, '') not in ('succeeded', 'confirmed_done')""",
    ),
    Invariant(
        "held while an attempt is open",
        "an item is held for an attempt exactly as long as one is started or unknown",
        """select q.id, format('%%s, with %%s open attempts', coalesce('held for ' || q.held, 'not held'), count(a.id))
             from manual_resolution_queue q
             left join mrq_attempt a on a.item_id = q.id and a.state in ('started', 'unknown')
            where q.held = 'attempt' or a.id is not null
            group by q.id having (q.held is not distinct from 'attempt')::integer <> count(a.id)""",
    ),
    Invariant(
        "attempts without gaps",
        "an item's attempts are numbered from 1",
        """select item_id, format('%%s attempts, the last is number %%s', count(*), max(n))
             from mrq_attempt group by item_id having min(n) <> 1 or max(n) <> count(*)""",
    ),
    Invariant(
        "held while a proposal is open",
        "an item is held for approval exactly as long as its owner's proposal is open",
        """select q.id, format('%%s, with %%s open proposals', coalesce('held for ' || q.held, 'not held'), count(p.id))
             from manual_resolution_queue q
             left join mrq_proposal p on p.item_id = q.id and p.state = 'open'
            where q.held = 'approval' or p.id is not null
            group by q.id
           having (q.held is not distinct from 'approval')::integer <> count(p.id)
               or bool_or(p.proposer <> q.assigned_to)""",
    ),
    Invariant(
        "two persons",
        "whoever approved a proposal is not who made it",
        """select item_id, proposer || ' proposed and approved' from mrq_proposal
            where state = 'approved' and lower(btrim(proposer)) is not distinct from lower(btrim(ended_by))""",
    ),
    Invariant(
        "occurrences add up",
        "an item's counter is the number of its occurrences",
        # The first of an item added by plain SQL has no row; what was folded after the end has a row and no count.
        """select q.id, format('%%s counted, %%s rows', q.occurrences, count(o.item_id))
             from manual_resolution_queue q left join mrq_occurrence o on o.item_id = q.id and o.counted
            group by q.id
           having q.occurrences < count(o.n)
               or q.occurrences > count(o.item_id) + (count(*) filter (where o.n = 1) = 0)::integer
               or count(distinct o.n) <> count(o.n) or max(o.n) > q.occurrences""",
    ),
    Invariant(
        "occurrences of an item",
        "each occurrence and each event belongs to an item",
        """select o.item_id, 'it has no row'
             from (select item_id from mrq_occurrence union select item_id from mrq_event) o
            where not exists (select from manual_resolution_queue q where q.id = o.item_id)""",
    ),
    Invariant(
        "reopened from what was resolved",
        "an item was reopened only from a resolved one",
        """select q.id, format('#%%s is %%s', q.reopened_from, before.status)
             from manual_resolution_queue q join manual_resolution_queue before on before.id = q.reopened_from
            where before.status <> 'resolved' or before.id >= q.id""",
    ),
    Invariant(
        "alerts of what happened",
        "each breach that is told is of an item that reached that level, and none waits for a resolved one",
        """select o.item_id, format('a breach of level %%s is %%s, the item is %%s at level %%s', o.level, o.state,
                  coalesce(q.status, 'missing'), coalesce(q.escalation_level, 0))
             from mrq_outbox o left join manual_resolution_queue q on q.id = o.item_id
            where o.kind = 'breach'
              and (q.id is null or o.level not between 1 and q.escalation_level
                   or o.state = 'waiting' and q.status = 'resolved')""",
    ),
    Invariant(
        "incidents end",
        "where something of a cause was paged and nothing of it is open, its incident was resolved",
        """select min(item_id), format('incident %%s of %%s resolved items was not', incident, count(distinct item_id))
             from mrq_outbox o
            where channel = 'pagerduty' and kind = 'breach' and (state = 'sent' or attempts > 0)
              and not exists (
                select from mrq_outbox other join manual_resolution_queue q on q.id = other.item_id
                 where other.incident = o.incident and other.channel = 'pagerduty' and other.kind = 'breach'
                   and other.state in ('waiting', 'sent') and q.status <> 'resolved')
            group by incident
           having not exists (
              select from mrq_outbox ended where ended.incident = o.incident and ended.channel = 'pagerduty'
                 and ended.kind = 'resolve' and ended.id > max(o.id))""",
    ),
    Invariant(
        "open items add up",
        "the sums of open items are what the items say",
        """select null::bigint, format('%%s %%s due %%s: %%s too many are summed', priority, item_type, due, sum(n))
             from (select item_type, priority, due, breached, n from mrq_open_now
                   union all
                   select item_type, priority, (sla_deadline at time zone 'UTC')::date, escalation_level > 0, -1
                     from manual_resolution_queue where status <> 'resolved') both_parts
            group by item_type, priority, due, breached having sum(n) <> 0""",
    ),
    Invariant(
        "days add up",
        "the sums of each day are what the items say",
        """select null::bigint, format('%%s %%s by %%s: more is summed than counted by %%s created, %%s escalated, '
                  '%%s resolved, %%s in time, %%s microseconds, %%s withdrawn', day, item_type,
                  coalesce(nullif(resolver, ''), 'nobody'), sum(created), sum(escalated), sum(resolved), sum(in_time),
                  sum(micros), sum(withdrawn))
             from (select day, item_type, resolver, created, escalated, resolved, in_time, micros, withdrawn
                     from mrq_by_day
                   union all
                   select day, item_type, resolver, -created, -escalated, -resolved, -in_time, -micros, -withdrawn
                     from (select *, (resolution_metadata @> '{"withdrawn": true}') is true as gone,
                                  (created_at at time zone 'UTC')::date as made,
                                  (escalated_at at time zone 'UTC')::date as raised,
                                  (resolved_at at time zone 'UTC')::date as done,
                                  round(extract(epoch from resolved_at - created_at) * 1000000) as took
                             from manual_resolution_queue) q
                    cross join lateral (
                      values (case when not gone then made end, '', 1, 0, 0, 0, 0, 0),
                             (case when not gone then raised end, '', 0, 1, 0, 0, 0, 0),
                             (case when not gone then done end, coalesce(assigned_to, ''), 0, 0, 1,
                              (resolved_at <= sla_deadline)::integer, took, 0),
                             (case when gone then done end, '', 0, 0, 0, 0, 0, 1))
                      f (day, resolver, created, escalated, resolved, in_time, micros, withdrawn)
                    where day is not null) both_parts
            group by day, item_type, resolver
           having (sum(created), sum(escalated), sum(resolved), sum(in_time), sum(micros), sum(withdrawn))
                  <> (0, 0, 0, 0, 0, 0)""",
    ),
    Invariant(
        "times to resolution add up",
        "the sums of times to resolution are what the items say",
        """select null::bigint, format('%%s within %%s bounds: %%s too many are summed', item_type, within,
                  sum(resolved))
             from (select item_type, within, resolved, micros from mrq_by_span
                   union all
                   select item_type, (select count(*) from unnest(
                            '{900,3600,14400,43200,86400,259200,604800,1209600,2592000,7776000}'::bigint[]) bound
                            where resolved_at - created_at <= bound * interval '1 second'), -1,
                          -round(extract(epoch from resolved_at - created_at) * 1000000)
                     from manual_resolution_queue
                    where status = 'resolved' and (resolution_metadata @> '{"withdrawn": true}') is not true) both_parts
            group by item_type, within having (sum(resolved), sum(micros)) <> (0, 0)""",
    ),
)

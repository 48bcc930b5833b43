"""Five weeks of work in the queue, by plain SQL: every trigger takes part, and the report has something to tell."""

from typing import Any

import psycopg

#: Fewer on weekends; seven in eight are resolved, each type in its own time, a few late, some escalated before.
ADDED = """
insert into manual_resolution_queue
  (item_type, resource_type, resource_id, priority, reason, created_at, sla_seconds, sla_deadline)
select types[1 + n % 4], 'lived', n, (array['low', 'medium', 'medium', 'high'])[1 + n % 4], 'It failed', at, 172800,
       at + interval '2 days'
  from (select array['pdf_deletion_failed', 'quiz_orphaned', 'pdf_deletion_failed', 'blacklist_disputed'] as types) t,
       generate_series(1, 640) n,
       lateral (select mrq_now() - (n * 79 % 840) * interval '1 hour' - interval '3 hours' as at) happened
 where extract(isodow from at at time zone 'UTC') < 6 or n % 5 = 0
"""
ESCALATED = """
update manual_resolution_queue set status = 'escalated', escalated_at = created_at + interval '5 hours'
 where resource_type = 'lived' and resource_id % 11 = 0 and created_at < mrq_now() - interval '5 hours'
"""
DONE = """
update manual_resolution_queue q
   set status = 'resolved', resolution = 'Done', resolved_at = created_at + took,
       assigned_to = (array['alice@example.com', 'bob@example.com', 'carol@example.com', 'alice@example.com'])
                     [1 + (resource_id % 7 % 4)::integer]
  from (select id, case item_type when 'quiz_orphaned' then interval '20 minutes' when 'blacklist_disputed'
                   then interval '9 hours' else interval '2 hours' end * (1 + resource_id * 13 % 17)::integer as took
          from manual_resolution_queue where resource_type = 'lived' and resource_id % 8 > 0) t
 where q.id = t.id and created_at + took < mrq_now()
"""


def lived(url: str) -> None:
    """Let five weeks have passed."""
    with psycopg.connect(url, autocommit=True) as db:
        through(db)


def through(db: psycopg.Connection[Any]) -> None:
    """The same over an open connection."""
    for statement in (ADDED, ESCALATED, DONE):
        db.execute(statement.encode())

"""Items with a history made to match the specification's sample report, by plain SQL: every trigger takes part."""

from datetime import UTC, datetime
from typing import Any

import psycopg

#: The sample's day, at the hour when the report is mailed.
MOMENT = datetime(2026, 1, 3, 9, tzinfo=UTC)

RESOLVED = """
insert into manual_resolution_queue
  (item_type, resource_type, resource_id, priority, reason, created_at, sla_seconds, sla_deadline)
select case when n <= 430 then 'pdf_deletion_failed' when n <= 934 then 'quiz_orphaned' else 'blacklist_disputed' end,
       'meal_plan', n, 'medium', 'It failed', at, 86400 * 7,
       at + case when n > 1165 then '1 hour' else '7 days' end::interval
  from generate_series(1, 1234) n, lateral (select %s::timestamptz - (n %% 20 + 3) * interval '1 day' as at) t
"""
ESCALATED = """
update manual_resolution_queue set status = 'escalated', escalated_at = created_at + interval '1 hour'
 where resource_id <= 27
"""
DONE = """
update manual_resolution_queue
   set status = 'resolved', resolution = 'Done', resolved_at = created_at + case
         when resource_id <= 430 then interval '12 hours' when resource_id <= 934 then '6 hours' else '48 hours' end,
       assigned_to = case when resource_id <= 15 or resource_id between 431 and 460 then 'alice@example.com'
                          when resource_id between 16 and 53 then 'bob@example.com' end
"""
OPEN = """
insert into manual_resolution_queue
  (item_type, resource_type, resource_id, priority, reason, created_at, sla_seconds, sla_deadline)
select case when n <= 15 then 'pdf_deletion_failed' when n <= 20 then 'quiz_orphaned'
            when n <= 22 then 'blacklist_disputed' else 'other_' || (n + 1) / 2 end,
       'meal_plan', 5000 + n,
       case when n = 1 then 'critical' when n <= 9 then 'high' when n <= 34 then 'medium' else 'low' end,
       'It failed', at, 3600, at + case when n <= 3 then interval '1 hour' else interval '30 days' end
  from generate_series(1, 42) n, lateral (select %s::timestamptz - interval '5 hours' as at) t
"""


def sample(db: psycopg.Connection[Any]) -> None:
    """1 234 items resolved in 30 days, 42 open; the clock stands at `MOMENT`."""
    db.execute(RESOLVED, [MOMENT])
    db.execute(ESCALATED)
    db.execute(DONE)
    db.execute(OPEN, [MOMENT])

"""What is added: the specification's example, one resource per number."""

import json
from typing import Any

import psycopg

ITEM_TYPE = "bench_cleanup"
RESOURCE_TYPE = "meal_plan"
PRIORITY = "medium"
SLA_HOURS = 24
REASON = "Vercel Blob API returned 503 after 3 retry attempts"
BY = "alice@example.com"


def context(number: int) -> dict[str, Any]:
    """About 250 bytes of JSON."""
    return {
        "pdf_url": f"https://blob.vercel-storage.com/meal-plans/{number}.pdf",
        "retry_count": 3,
        "last_error": "ServiceUnavailable: Vercel Blob API returned 503",
        "last_attempt_at": "2026-01-05T03:00:00Z",
        "plan_created_at": "2025-11-01T10:00:00Z",
        "user_email_hash": "9f86d081884c7d65",
    }


def failure(number: int) -> dict[str, Any]:
    """The arguments of `add_to_queue` for one failure."""
    return {
        "item_type": ITEM_TYPE,
        "resource_type": RESOURCE_TYPE,
        "resource_id": number,
        "priority": PRIORITY,
        "reason": REASON,
        "context": context(number),
        "sla_hours": SLA_HOURS,
    }


#: Items and their first events, written past the triggers: only for filling.
FILL_ITEMS = """
insert into manual_resolution_queue
  (item_type, resource_type, resource_id, priority, reason, context, created_at, last_occurred_at,
   sla_seconds, sla_deadline, dedup_key, fingerprint, status, escalated_at, escalated_to,
   changed_by, changed_how, changed_for, changed_note)
select %(item_type)s::text, %(resource_type)s::text, 1000000000 + n,
       (array['high', 'medium', 'low'])[n %% 3 + 1], %(reason)s::text, %(context)s::jsonb, at, at,
       86400, at + interval '30 days' + (n * 7919 %% 1000003) * interval '1 second',
       mrq_dedup_key(%(item_type)s::text, %(resource_type)s::text, 1000000000 + n, null, null),
       md5(%(reason)s::text), case when team is null then 'pending' else 'escalated' end,
       case when team is not null then at end,
       team, 'bench', 'add', 1, '{"kind": "producer", "via": "lib:bench@bench"}'
  from (select n, clock_timestamp() - interval '1 hour' as at, %(team)s::text as team
          from generate_series(%(first)s::bigint, %(first)s::bigint + %(amount)s - 1) n) numbers
"""
FILL_EVENTS = """
insert into mrq_event
  (item_id, seq, at, actor, actor_kind, via, verb, data, private, salt, private_hash, hash)
select id, 1, created_at, 'bench', 'producer', 'lib:bench@bench', 'add', mrq_origin(q),
       mrq_told(q), '\\x00000000000000000000000000000000',
       '\\x00', sha256(id::text::bytea)
  from manual_resolution_queue q
"""
FILL_OCCURRENCES = """
insert into mrq_occurrence (item_id, n, occurred_at) select id, 1, created_at from manual_resolution_queue
"""


def fill_tables(db: psycopg.Connection[Any], amount: int, elsewhere: int) -> None:
    """Fill MRQ's tables; `elsewhere` items of the same priorities and earlier ids wait for another team."""
    with db.transaction():
        for first, many, team in ((1, elsewhere, "engineering"), (1 + elsewhere, amount, None)):
            values = {
                "item_type": ITEM_TYPE,
                "resource_type": RESOURCE_TYPE,
                "reason": REASON,
                "context": json.dumps(context(1)),
                "first": first,
                "amount": many,
                "team": team,
            }
            db.execute(FILL_ITEMS, values)
        db.execute(FILL_EVENTS)
        db.execute(FILL_OCCURRENCES)

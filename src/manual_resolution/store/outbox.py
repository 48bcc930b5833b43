"""Statements for what is to be told: leased, sent by whoever leased it, recorded. Any number of senders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from manual_resolution.store.connection import Db

#: A sender that died gives its messages back after so long; a try takes less.
LEASE: Final = timedelta(seconds=60)

#: Characters of a reason that an alert tells.
CLIPPED: Final = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """One row of the outbox."""

    id: int
    item_id: int | None
    kind: Any
    level: int
    channel: str
    incident: str
    payload: dict[str, Any]
    state: str
    created_at: datetime
    due_at: datetime
    leased_until: datetime | None
    attempts: int
    uncertain: bool
    answer: str | None
    missed: list[str] | None
    ended_at: datetime | None


_COLUMNS: Final = """
  o.id, o.item_id, o.kind, o.level, o.channel, o.incident, o.payload, o.state, o.created_at, o.due_at, o.leased_until,
  o.attempts, o.uncertain, o.answer, o.missed, o.ended_at
"""

# What one incident is told on PagerDuty keeps its order: a page never follows the resolution it precedes. A lease that
# ran out means that its sender died: what it sent may have arrived.
_LEASE: Final = (
    """
with clock as materialized (select mrq_now() as now),
due as materialized (
  select id from mrq_outbox o, clock
   where state = 'waiting' and due_at <= now and (leased_until is null or leased_until <= now) and channel = %(channel)s
     and (channel <> 'pagerduty' or not exists (
       select from mrq_outbox earlier
        where earlier.incident = o.incident and earlier.channel = o.channel and earlier.id < o.id
          and (earlier.leased_until > now or earlier.state = 'waiting' and earlier.kind <> o.kind)))
   order by due_at, id limit %(limit)s for update of o skip locked)
update mrq_outbox o
   set leased_until = now + %(lease)s, attempts = attempts + 1, uncertain = uncertain or leased_until is not null
  from due, clock where o.id = due.id
returning"""
    + _COLUMNS
)


def lease(db: Db, channel: str, limit: int) -> list[Message]:
    """Take up to `limit` messages of one channel that are due, for a minute."""
    with db.cursor(row_factory=class_row(Message)) as cursor:
        found = cursor.execute(_LEASE, {"channel": channel, "limit": limit, "lease": LEASE}).fetchall()
    return sorted(found, key=lambda message: message.id)


def sent(db: Db, ids: list[int], answer: str, missed: Sequence[str] = ()) -> int:
    """They arrived, but for the recipients `missed`. What was cancelled meanwhile stays so."""
    return db.execute(
        """update mrq_outbox set leased_until = null, answer = %(answer)s, missed = nullif(%(missed)s::text[], '{}'),
                  state = case state when 'waiting' then 'sent' else state end, ended_at = coalesce(ended_at, mrq_now())
            where id = any (%(ids)s)""",
        {"ids": ids, "answer": answer, "missed": list(missed)},
    ).rowcount


def later(
    db: Db, ids: list[int], answer: str, wait: float, longest: float, *, uncertain: bool, missed: Sequence[str] = ()
) -> list[int]:
    """Try again in `wait` seconds, for `missed` alone where any are named; the ids dead after `longest` seconds."""
    rows = db.execute(
        """with old as (
             select id, state, created_at < (select mrq_now()) - %(longest)s * interval '1 second' as is_over
               from mrq_outbox where id = any (%(ids)s) for update)
           update mrq_outbox o
              set leased_until = null, answer = %(answer)s, uncertain = uncertain or %(uncertain)s,
                  missed = coalesce(nullif(%(missed)s::text[], '{}'), missed),
                  due_at = (select mrq_now()) + %(wait)s * interval '1 second',
                  state = case when old.state = 'waiting' and is_over then 'dead' else old.state end,
                  ended_at = case when old.state = 'waiting' and is_over then mrq_now() else ended_at end
             from old where o.id = old.id returning o.id, o.state""",
        {
            "ids": ids,
            "answer": answer,
            "wait": wait,
            "longest": longest,
            "uncertain": uncertain,
            "missed": list(missed),
        },
    )
    return [row[0] for row in rows.fetchall() if row[1] == "dead"]


def dead(db: Db, ids: list[int], answer: str) -> list[int]:
    """They will never be accepted; the ids that had not ended otherwise."""
    rows = db.execute(
        """update mrq_outbox set leased_until = null, answer = %(answer)s,
                  state = case state when 'waiting' then 'dead' else state end, ended_at = coalesce(ended_at, mrq_now())
            where id = any (%(ids)s) returning id, state""",
        {"ids": ids, "answer": answer},
    )
    return [row[0] for row in rows.fetchall() if row[1] == "dead"]


def cancel_strangers(db: Db, channels: list[str], waited: float) -> dict[str, int]:
    """End what has waited `waited` seconds for a channel that is none of these; how many, by channel."""
    rows = db.execute(
        """with ended as (
             update mrq_outbox set state = 'cancelled', ended_at = mrq_now(), leased_until = null,
                    answer = 'no process had this channel configured for a day'
              where state = 'waiting' and channel <> all (%(channels)s) and %(channels)s <> '{}'
                and created_at < (select mrq_now()) - %(waited)s * interval '1 second'
             returning channel)
           select channel, count(*) from ended group by channel order by channel""",
        {"channels": channels, "waited": waited},
    )
    return dict(rows.fetchall())


def tell_elsewhere(db: Db, channel: str, others: list[str], reason: str) -> int:
    """Say on other channels what is wrong with one of them: at most once an hour; how many were written."""
    return db.execute(
        """insert into mrq_outbox (item_id, kind, channel, incident, payload)
           select null, 'meta', c.channel, mrq_incident('channel ' || %(dead)s), %(payload)s
             from unnest(%(others)s::text[]) as c (channel)
            where not exists (
              select from mrq_outbox o where o.kind = 'meta' and o.channel = c.channel
                 and o.incident = mrq_incident('channel ' || %(dead)s)
                 and o.created_at > (select mrq_now()) - interval '1 hour')""",
        {
            "dead": channel,
            "others": others,
            "payload": Jsonb(
                {
                    "alert_type": "manual_resolution_alerts_undelivered",
                    "reason": reason,
                    "recommended_action": "Mend the cause (mrq alerts list names it), then mrq alerts retry --all",
                    "queue_url": None,
                }
            ),
        },
    ).rowcount


def write_test(db: Db, channel: str, by: str) -> int:
    """One test message for a channel; its id."""
    row = db.execute(
        """insert into mrq_outbox (item_id, kind, channel, incident, payload)
           values (null, 'test', %(channel)s, mrq_incident('test'), %(payload)s) returning id""",
        {
            "channel": channel,
            "payload": Jsonb(
                {
                    "alert_type": "manual_resolution_test",
                    "reason": f"A test that {by} asked for",
                    "recommended_action": "Nothing",
                    "queue_url": None,
                }
            ),
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


# ------------------------------------------------------------------ looking


def listed(db: Db, state: str | None, limit: int) -> list[Message]:
    """Messages, the newest first, of one state or of all."""
    with db.cursor(row_factory=class_row(Message)) as cursor:
        return cursor.execute(
            "select"
            + _COLUMNS
            + "from mrq_outbox o where %(state)s::text is null or state = %(state)s order by id desc limit %(limit)s",
            {"state": state, "limit": limit},
        ).fetchall()


def get(db: Db, message_id: int) -> Message | None:
    """One message."""
    with db.cursor(row_factory=class_row(Message)) as cursor:
        return cursor.execute("select" + _COLUMNS + "from mrq_outbox o where id = %s", [message_id]).fetchone()


def reasons(db: Db, item_ids: list[int]) -> dict[int, tuple[str, dict[str, Any] | None]]:
    """Reason and context of these items."""
    rows = db.execute("select id, reason, context from manual_resolution_queue where id = any (%s)", [item_ids])
    return {number: (reason, context) for number, reason, context in rows.fetchall()}


def counts(db: Db) -> dict[str, Any]:
    """How many wait, are due, are dead; since when the oldest due one waits (seconds); for which channels any waits.

    `missed` are those of the last day that did not reach all their recipients.
    """
    row = db.execute(
        """with clock as materialized (select mrq_now() as now)
           select (select count(*) from mrq_outbox where state = 'waiting'),
                  (select count(*) from mrq_outbox, clock where state = 'waiting' and due_at <= now),
                  (select count(*) from mrq_outbox where state = 'dead'),
                  (select count(*) from mrq_outbox, clock
                    where state = 'sent' and missed is not null and ended_at > now - interval '1 day'),
                  (select extract(epoch from max(now - created_at))::float8 from mrq_outbox, clock
                    where state = 'waiting' and due_at <= now),
                  array(select distinct channel from mrq_outbox where state = 'waiting')"""
    ).fetchone()
    assert row is not None
    return dict(zip(("waiting", "due", "dead", "missed", "oldest_seconds", "channels"), row, strict=True))


def retry(db: Db, ids: list[int] | None) -> int:
    """Put back what is dead or missed somebody (all where `ids` is None) and what waits, to be sent now; how many.

    What is about an item that was resolved meanwhile is cancelled instead: nobody need look at it any more.
    """
    rows = db.execute(
        """with chosen as (
             select o.id, o.kind not in ('resolve', 'meta', 'test') and exists (
                      select from manual_resolution_queue q where q.id = o.item_id and q.status = 'resolved') as is_past
               from mrq_outbox o
              where (state = 'dead' or state = 'sent' and missed is not null
                     or state = 'waiting' and id = any (%(ids)s))
                and (%(ids)s::bigint[] is null or id = any (%(ids)s)) for update)
           update mrq_outbox o
              set state = case when is_past then 'cancelled' else 'waiting' end,
                  ended_at = case when is_past then mrq_now() end, due_at = mrq_now(), created_at = mrq_now()
             from chosen where o.id = chosen.id returning o.state""",
        {"ids": ids},
    )
    return sum(row[0] == "waiting" for row in rows.fetchall())


# ------------------------------------------------------------------ pausing


def pause(db: Db, until: datetime, reason: str, by: str) -> bool:
    """Deliver nothing until then; whether the instant lies ahead."""
    db.execute("update mrq_pause set ended_at = mrq_now() where ended_at is null")
    return (
        db.execute(
            """insert into mrq_pause (until, reason, by) select %(until)s, %(reason)s, %(by)s
                where %(until)s > (select mrq_now())""",
            {"until": until, "reason": reason, "by": by},
        ).rowcount
        == 1
    )


def after(db: Db, span: timedelta) -> datetime:
    """The instant so long from now."""
    row = db.execute("select mrq_now() + %s", [span]).fetchone()
    assert row is not None
    found: datetime = row[0]
    return found


def unpause(db: Db) -> int:
    """End the pause that is in force; how many were."""
    return db.execute(
        "update mrq_pause set ended_at = mrq_now() where ended_at is null and until > (select mrq_now())"
    ).rowcount


def paused(db: Db) -> tuple[datetime, str, str] | None:
    """The pause in force: until when, why, by whom."""
    row = db.execute(
        """select until, reason, by from mrq_pause where ended_at is null and until > (select mrq_now())
            order by until desc limit 1"""
    ).fetchone()
    return (row[0], row[1], row[2]) if row else None

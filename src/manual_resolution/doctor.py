"""Is everything that guards the queue in place? One answer for each guard, in words."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import time
from typing import Any, Final, Literal

import psycopg

from manual_resolution import registry
from manual_resolution.errors import MRQError, Refused, SettingsError
from manual_resolution.inert import clip, inert
from manual_resolution.priority import PRIORITIES
from manual_resolution.settings import VARIABLES, Settings, unknown_names, values_of
from manual_resolution.spool import State
from manual_resolution.spooling import spool_of
from manual_resolution.store import beats, catalog, invariants, migrate, outbox, rights, searching
from manual_resolution.store.catalog import Thing
from manual_resolution.store.connection import Database, Db
from manual_resolution.store.invariants import Invariant
from manual_resolution.worded import lag_text

#: What to do about failures in the spool.
CURES: Final[dict[State, str]] = {
    "waiting": "mrq spool replay",
    "refused": "mrq spool replay says why",
    "damaged": "mrq spool list names the files; look into them, then remove them",
}

Result = Literal["ok", "wrong", "note"]

CLOCKS_DIFFER: Final = 5.0  # seconds
IDLE: Final = 300.0  # seconds that a transaction may do nothing
DEEP: Final = 6 * 3600.0  # seconds that looking at every row may take
WAITED: Final = 300.0  # seconds after which an alert must have been delivered
LEFT_OUT: Final = 2  # intervals after which a part of MRQ must have worked again
UNFOUND: Final = 1000  # items that a search reads by itself
SWEPT: Final = 3600.0  # seconds after which a breach must be raised: twice the specification's half hour


@dataclass(frozen=True, slots=True)
class Check:
    """One guard and whether it guards: `ok`, `wrong`, or a `note` that a person may want to act on."""

    result: Result
    name: str
    detail: str = ""

    def __str__(self) -> str:
        mark = {"ok": "ok   ", "wrong": "WRONG", "note": "note "}[self.result]
        return f"{mark} {inert(self.name)}{f': {inert(self.detail)}' if self.detail else ''}"


def judged(name: str, is_right: object, detail: str, *, otherwise: Result = "wrong", good: str = "") -> Check:
    """Ok, with `good` to say, where `is_right`; else wrong, or what `otherwise` says, with `detail`."""
    return Check("ok", name, good) if is_right else Check(otherwise, name, detail)


def of_settings(settings: Settings, environ: Mapping[str, str]) -> Iterator[Check]:
    """Each setting and where it came from, secrets hidden; then the names that nothing reads."""
    names = {variable.field: variable.name for variable in VARIABLES}
    for field, value in values_of(settings).items():
        source = f"from {settings.sources[field]}" if field in settings.sources else "default"
        yield Check("ok", f"setting {names.get(field, field)}", f"{worded(value)} ({source})")
    for name in unknown_names(environ):
        yield Check("note", f"setting {name}", "it is set, and nothing reads it: a typo?")


def worded(value: Any) -> str:
    """A setting's value for a person."""
    match value:
        case None:
            return "not set"
        case bool():
            return "1" if value else "0"
        case tuple():
            return ", ".join(value) or "none"
        case float():
            return f"{value:g}"
    return clip(str(value), 80)


def of_channels(settings: Settings) -> Iterator[Check]:
    """Whether anybody is told of breaches."""
    nobody = "none is configured: set MRQ_ALERT_SLACK_WEBHOOK, MRQ_ALERT_PAGERDUTY_KEY or MRQ_ALERT_MAIL_TO"
    told = ", ".join(settings.alert_channels)
    if settings.alerts == "none":
        yield Check("ok", "channels", "none, as MRQ_ALERTS=none says")
    else:
        yield judged("channels", told, f"{nobody}, or MRQ_ALERTS=none where that is meant", good=told)


def of_workflows(settings: Settings) -> Iterator[Check]:
    """Each name in `MRQ_WORKFLOWS` and each item type it declares."""
    places: dict[str, str] = {}
    for name in settings.workflows:
        try:
            found = registry.load((name,))
        except SettingsError as error:
            yield Check("wrong", f"workflows {name}", str(error))
            continue
        yield judged(f"workflows {name}", list(found), "it declares no item type", otherwise="note")
        for workflow in found:
            place = found.place_of(workflow.item_type)
            first = places.setdefault(workflow.item_type, place)
            twice = f"it is declared twice: in {first} and in {place}"
            options = ", ".join(workflow.options)
            yield judged(f"workflow {workflow.item_type}", first == place, twice, good=options)


def of_spool(settings: Settings) -> Iterator[Check]:
    """Whether failures can be kept while the database is away, and whether any still wait or were set aside."""
    spool = spool_of(settings)
    try:
        entries, trouble = spool.entries(), spool.trouble()
    except OSError as error:
        yield Check("wrong", "spool", f"{settings.spool_dir}: {error.strerror or error}")
        return
    yield judged("spool", not trouble, f"nothing can be kept in {spool.folder}: {trouble}", good=str(spool.folder))
    for state, cure in CURES.items():
        found = [entry for entry in entries if entry.state == state]
        since = f", the oldest since {found[0].at:%Y-%m-%d %H:%M} UTC: {cure}" if found else ""
        told = f"{sum(entry.count for entry in found):,} {state}{since}"
        grave: Result = "note" if state == "waiting" else "wrong"
        yield judged(f"spool {state}", not found, told, otherwise=grave, good="none")


def of_database(address: str, settings: Settings, deep: bool = False) -> Iterator[Check]:
    """Everything about the database, with `deep` every row too (hours at most).

    Raises nothing: an unreachable database is a wrong check named `database`.
    """
    database = Database(address)
    try:
        with database.connection(DEEP if deep else 60) as db:
            yield from of_server(db, settings)
            states = list(of_migrations(db, settings))
            yield from states
            if all(check.result == "ok" for check in states):
                for name, part in (*PARTS, *([("every row", of_every_row)] if deep else [])):
                    yield from within(name, part(db, settings))
    except MRQError as error:
        yield Check("wrong", "database", str(error))
    finally:
        database.close()


def within(name: str, part: Iterator[Check]) -> Iterator[Check]:
    """One part's checks; what the database refuses becomes one more, and the other parts go on."""
    try:
        yield from part
    except psycopg.Error as error:
        yield Check("wrong", name, f"this could not be checked: {error.diag.message_primary or type(error).__name__}")


# ------------------------------------------------------------------ the server


def of_server(db: Db, settings: Settings) -> Iterator[Check]:
    """Its version, whether it keeps what it confirmed, its clock, and who we are there."""
    before = time()
    facts = catalog.server(db)
    apart = facts["clock"] - (before + time()) / 2
    where = f"{facts['database']} as {facts['role']}, PostgreSQL {facts['version_text']}"
    yield judged("database", facts["version"] >= 15, f"{where}: MRQ needs 15 or newer", good=where)
    yield judged("database is writable", not facts["standby"], "it is a standby: nothing can be added or decided here")
    for name in ("fsync", "full_page_writes"):
        yield judged(name, facts[name] == "on", "it is off: a crash of the machine can destroy the database")
    lost = "it is off: a crash can lose the last decisions, the outside effects of which were made"
    yield judged("synchronous_commit", facts["synchronous_commit"] != "off", lost, otherwise="note")
    yield judged(
        "autovacuum",
        facts["autovacuum"] == "on",
        "it is off: claims become slower and slower",
        otherwise="note",
    )
    role = facts["session_replication_role"]
    yield judged(
        "session_replication_role",
        role in ("origin", "local"),
        f"it is {role}: no trigger fires for this role",
    )
    yield judged(
        "clocks",
        abs(apart) <= CLOCKS_DIFFER,
        f"the database's is {apart:+.0f} s from this machine's",
        otherwise="note",
    )
    shown = f"the server's is {facts['timezone']}; MRQ shows UTC"
    yield judged("time zone", facts["timezone"] in ("UTC", "Etc/UTC", "GMT"), shown, otherwise="note")
    can = "is a superuser" if facts["superuser"] else "owns the history"
    guarded = f"{facts['role']} {can} and can switch its guards off: give programs a role that cannot"
    yield judged("role", not (facts["superuser"] or facts["owner"]), guarded, otherwise="note")


def of_migrations(db: Db, settings: Settings) -> Iterator[Check]:
    """Whether the schema is the one this version ships."""
    try:
        missing = list(migrate.pending(db))
    except Refused as error:
        yield Check("wrong", "migrations", str(error))
        return
    for migration in missing:
        yield Check(
            "wrong",
            f"migration {migration.number:04} {migration.name}",
            "it is not applied: run mrq db migrate",
        )
    if not missing:
        yield Check("ok", "migrations", f"all {len(migrate.migrations())} applied, as shipped")


# ------------------------------------------------------------------ what guards the queue


def of_guards(db: Db, settings: Settings) -> Iterator[Check]:
    """Each trigger, constraint, index, generated column and function, compared with the shipped one."""
    yield from compared(catalog.shipped(db), catalog.present(db))


def compared(shipped: list[Thing], present: list[Thing]) -> Iterator[Check]:
    """Each shipped guard and the one of its name that is there; plain columns told together."""
    there = {(thing.kind, thing.place, thing.name): thing for thing in present}
    columns = 0
    for thing in shipped:
        check = of_guard(thing, there.pop((thing.kind, thing.place, thing.name), None))
        if thing.kind == "column" and check.result == "ok":
            columns += 1
        else:
            yield check
    yield Check("ok", "columns", f"all {columns} others as shipped")
    for thing in there.values():
        if thing.kind == "trigger":
            yield Check("note", str(thing), "it is none of MRQ's")


def of_guard(shipped: Thing, found: Thing | None) -> Check:
    """One guard: there, as shipped, at work."""
    if found is None:
        return Check("wrong", str(shipped), "it is missing")
    if found.trouble:
        return Check("wrong", str(shipped), f"it {found.trouble}")
    return judged(str(shipped), found.definition == shipped.definition, "it is not the one that MRQ ships")


def of_rights(db: Db, settings: Settings) -> Iterator[Check]:
    """Which duties this role may do; wrong where it is none, with what an operator lacks."""
    missing = {duty: rights.missing_rights(db, duty) for duty in rights.DUTIES}
    able = [duty for duty, lacks in missing.items() if not lacks]
    if able:
        yield Check("ok", "rights", f"this role may do the work of: {', '.join(able)}")
        return
    for right in missing["operator"]:
        yield Check(
            "wrong", f"right to {right}", "this role does not have it: mrq db grants prints what operators need"
        )


def of_clock(db: Db, settings: Settings) -> Iterator[Check]:
    """Whether `mrq_now()` is the clock."""
    off = catalog.clock_is_off(db)
    yield judged("mrq_now()", abs(off) <= CLOCKS_DIFFER, f"it is {off:+.0f} s from the server's clock")


def of_told_settings(db: Db, settings: Settings) -> Iterator[Check]:
    """Whether producers with plain SQL get the hours that the environment names."""
    wanted = {f"sla_{p}": settings.sla_hours(p) for p in PRIORITIES} | {"lease_minutes": settings.lease_minutes}
    told = catalog.settings_told(db)
    for name, value in wanted.items():
        other = f"the database says {told.get(name)}, MRQ_{name.upper()} {value:g}: mrq db migrate tells it"
        yield judged(f"mrq_setting {name}", told.get(name) == f"{value:g}", other, otherwise="note", good=f"{value:g}")


# ------------------------------------------------------------------ what time should have brought


def of_time(db: Db, settings: Settings) -> Iterator[Check]:
    """Leases, deferrals and attempts that are over, unknown outcomes, breaches that nobody raised."""
    found = catalog.overdue(db)
    for name, what in (
        ("leases", "have expired"),
        ("deferrals", "are over"),
        ("attempts", "overran their time"),
        ("occurrences", "are not counted yet"),
    ):
        late = f"{found[name]} {what}; the next claim sees to it"
        yield judged(name, not found[name], late, otherwise="note", good=f"none {what}")
    ids = " ".join(str(item_id) for item_id in found["unknown_ids"])
    unknown = f"{found['unknown']} of them, settled by mrq confirm ID --done|--not-done: {ids}"
    yield judged("unknown outcomes", not found["unknown"], unknown, otherwise="note", good="none")
    yield of_breaches(found["breaches"], found["late_seconds"] or 0)


def of_breaches(count: int, seconds: float) -> Check:
    """Breaches not raised: to note, and wrong where a sweep must have run since."""
    late = f"{count} not raised, the oldest for {seconds / 3600:.1f} h: does mrq sweep run every 30 minutes?"
    return judged("breaches", not count, late, otherwise="wrong" if seconds > SWEPT else "note", good="all raised")


def of_alerts(db: Db, settings: Settings) -> Iterator[Check]:
    """Alerts that are dead, missed somebody, wait for too long, or are held back."""
    counts, pause = outbox.counts(db), outbox.paused(db)
    until = f"until {pause[0]:%Y-%m-%d %H:%M} UTC by {pause[2]}: {pause[1]}" if pause else ""
    yield judged("alerts paused", not pause, f"{until} (mrq alerts pause --end)", good="no")
    cure = "mend the cause, which mrq alerts list names, then mrq alerts retry --all"
    yield judged("alerts dead", not counts["dead"], f"{counts['dead']} will not be tried again: {cure}", good="none")
    missed = f"{counts['missed']} of the last day did not reach all whom they were for: {cure}"
    yield judged("alerts reach everybody", not counts["missed"], missed, good="yes")
    late = counts["oldest_seconds"] or 0
    waits = f"{counts['due']} are due, the oldest for {late / 60:.0f} min: do mrq worker or mrq sweep run?"
    yield judged("alerts waiting", pause or late <= WAITED, waits, good=f"{counts['waiting']}, none too long")
    strangers = sorted(set(counts["channels"]) - set(settings.alert_channels)) if settings.alerts != "none" else []
    lost = f"alerts wait for {', '.join(strangers)}, not configured here: after a day they are cancelled"
    yield judged("alerts have a channel", not strangers, lost, otherwise="note")


def of_heartbeats(db: Db, settings: Settings) -> Iterator[Check]:
    """Whether each part that began to work still does, and whether the clock went back since."""
    found = beats.heartbeats(db)
    for name, seconds, detail in found:
        yield of_heartbeat(name, seconds, detail)
    ran = any(name == "sweep" for name, *_ in found)
    yield judged("sweep ever ran", ran, "neither mrq worker nor mrq sweep ever did here", otherwise="note")
    ahead = max((-seconds for _, seconds, _ in found), default=0.0)
    back = f"the database's clock is {ahead:.0f} s behind what it was: nothing is escalated meanwhile"
    yield judged("clock goes forward", ahead <= CLOCKS_DIFFER, back)


def of_heartbeat(name: str, seconds: float, detail: Mapping[str, Any]) -> Check:
    """One part: when it last worked, and whether it should have since."""
    every, ago = detail.get("every"), lag_text(max(0.0, seconds))
    if every is None:
        return Check("note", f"heartbeat {name}", f"it was stopped {ago} ago")
    late = f"it last worked {ago} ago, and should every {lag_text(every)}: is it running?"
    return judged(f"heartbeat {name}", seconds <= LEFT_OUT * every, late, good=f"{ago} ago")


def of_sessions(db: Db, settings: Settings) -> Iterator[Check]:
    """Transactions that stay open and idle: they slow every claim."""
    idle = catalog.idle_in_transaction(db, IDLE)
    for pid, program, seconds in idle:
        told = f"{program or 'a program'} holds a transaction open, idle for {seconds / 60:.0f} min"
        yield Check("note", f"session {pid}", told)
    if not idle:
        yield Check("ok", "sessions", "none holds an idle transaction open")


def of_types(db: Db, settings: Settings) -> Iterator[Check]:
    """Open items of types that no workflow declares."""
    try:
        known = registry.load(settings.workflows)
    except SettingsError:
        return
    for item_type, count in catalog.open_types(db).items():
        if item_type not in known:
            told = f"{count} open, and no workflow declares it: only escalate and defer"
            yield Check("note", f"item type {item_type}", told)


def of_search(db: Db, settings: Settings) -> Iterator[Check]:
    """Whether items can be found by their words."""
    lacking = searching.lacking(db, UNFOUND)
    late = f"{lacking:,} items or more cannot be found by their words yet: does mrq worker run?"
    yield judged("search", lacking < UNFOUND, late, otherwise="note", good=f"{lacking:,} items are still to be read")


# ------------------------------------------------------------------ what must be true of every row


def of_every_row(db: Db, settings: Settings) -> Iterator[Check]:
    """Each invariant of items, events, attempts, proposals, alerts and sums, the first rows at fault named.

    That no event was altered, `mrq audit verify` proves.
    """
    for invariant in invariants.INVARIANTS:
        yield from within(invariant.name, of_invariant(db, invariant))


def of_invariant(db: Db, invariant: Invariant) -> Iterator[Check]:
    """One of them: its sentence, or what contradicts it."""
    found = invariants.at_fault(db, invariant, invariants.TOLD + 1)
    rows = "; ".join(f"#{item_id}: {what}" if item_id else what for item_id, what in found[: invariants.TOLD])
    more = "; and more" if len(found) > invariants.TOLD else ""
    broken = f"{invariant.sentence}, but {rows}{more}"
    yield judged(invariant.name, not found, broken, good=invariant.sentence)


PARTS: Final[tuple[tuple[str, Callable[[Db, Settings], Iterator[Check]]], ...]] = (
    ("triggers, constraints, indexes, functions", of_guards),
    ("rights", of_rights),
    ("mrq_now()", of_clock),
    ("mrq_setting", of_told_settings),
    ("what is overdue", of_time),
    ("alerts", of_alerts),
    ("heartbeats", of_heartbeats),
    ("sessions", of_sessions),
    ("item types", of_types),
    ("search", of_search),
)

"""`mrq db`: bring the database up to date, see whether it is, open psql on it."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import enter_demo, fail, print_json
from manual_resolution.errors import Unreachable

if TYPE_CHECKING:
    from manual_resolution.settings import Settings
    from manual_resolution.store.adopting import Adoption
    from manual_resolution.store.migrate import Migrated, Migration

Sql = Annotated[bool, typer.Option("--sql", help="Print what would be applied, for psql; change nothing.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do it all and undo it: say what would happen.")]
Zone = Annotated[str, typer.Option(metavar="ZONE", help="What an adopted table's times without a zone are read in.")]
RoleP = Annotated[str | None, given.option("--producer", metavar="ROLE", help="Who adds.")]
RoleO = Annotated[str | None, given.option("--operator", metavar="ROLE", help="Who moves and decides.")]
RoleW = Annotated[str | None, given.option("--worker", metavar="ROLE", help="What sweeps.")]
RoleC = Annotated[str | None, given.option("--console", metavar="ROLE", help="What serves console and API.")]
Words = Annotated[list[str] | None, typer.Argument(metavar="ARGUMENT", help="For psql.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add `mrq db migrate`, `mrq db status`, `mrq db grants`, `mrq db shell`."""
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Look after the database.")
    for name, command, *examples in (
        ("migrate", migrate, "mrq db migrate", "mrq db migrate --dry-run", "mrq db migrate --sql > review.sql"),
        ("status", status, "mrq db status"),
        ("grants", grants, "mrq db grants", "mrq db grants --producer night_jobs --operator desk | mrq db shell"),
        ("shell", shell, "mrq db shell", "mrq db shell -- -c 'select count(*) from mrq_event'"),
    ):
        group.command(name, epilog=given.example(*examples))(command)
    app.add_typer(group, name="db", rich_help_panel=given.LOOKING_AFTER)


# ------------------------------------------------------------------ which database


def chosen_settings() -> "Settings":
    """The settings in force; the demo's while `MRQ_DEMO` is set."""
    from manual_resolution.settings import Settings

    enter_demo()
    return Settings.from_env()


def address(settings: "Settings") -> str:
    """The chosen database's address; an embedded one is started. Raises `Unreachable` without one."""
    from manual_resolution.store.migrate import started

    return settings.database_url or started(settings)


# ------------------------------------------------------------------ the commands


def migrate(sql: Sql = False, dry_run: DryRun = False, time_zone: Zone = "UTC", as_json: given.Json = False) -> None:
    """Apply the migrations that this database does not have yet, and tell it the SLA hours in force.

    A table manual_resolution_queue that somebody made from the specification is adopted, with its rows.
    """
    from dataclasses import asdict

    from manual_resolution.store import catalog
    from manual_resolution.store import migrate as store
    from manual_resolution.store.adopting import NotAdopted

    settings = chosen_settings()
    url = address(settings)
    if sql:
        if waiting_rows(url) is not None:
            fail("A table made from the specification is adopted by mrq db migrate alone: --sql cannot print it.", 1)
        print("".join(catalog.by_hand(migration) for migration in unapplied(url)), end="")
        return
    try:
        done = store.bring_up_to_date(url, settings, time_zone=time_zone, rehearse=dry_run)
    except NotAdopted as refused:
        print_json({"applied": [], "faults": [asdict(fault) for fault in refused.faults]}) if as_json else print(
            text_of(refused.faults)
        )
        raise
    if as_json:
        adopted = done.adoption.as_json() if done.adoption else None
        print_json({
            "applied": done.applied, "migrations": len(store.migrations()), "adoption": adopted, "dry_run": dry_run,
        })  # fmt: skip
    else:
        print(text_of(said(done, dry_run)))


def said(done: "Migrated", dry_run: bool) -> Iterator[object]:
    """What migrating came to, or would come to, line by line."""
    from manual_resolution.store.migrate import migrations

    for name in done.applied:
        yield f"{'Would apply' if dry_run else 'Applied'} {name}."
    if not done.applied:
        count = len(migrations())
        yield f"Up to date ({count} migration{'' if count == 1 else 's'})."
    if done.adoption:
        yield from adopted(done.adoption, dry_run)


def adopted(adoption: "Adoption", dry_run: bool) -> Iterator[object]:
    """What became of a table made from the specification, its rows changed and its parts left out by name."""
    states = ", ".join(f"{count:,} {status}" for status, count in adoption.by_status.items() if count)
    yield (
        f"{'Would adopt' if dry_run else 'Adopted'} manual_resolution_queue: {adoption.rows:,} rows"
        f"{f' ({states})' if states else ''}; times without a zone are read as {adoption.time_zone}."
    )
    for title, things in (
        ("Changed, where a row contradicted its status or left something out", adoption.repairs),
        ("Kept apart", adoption.doubles),
        ("Left out, the queue has its own", adoption.left_out),
    ):
        if things:
            yield f"{title}:"
            yield from (f"  {thing}" for thing in things)


def text_of(things: Iterable[object]) -> str:
    """A line each, harmless whatever it holds."""
    from manual_resolution.inert import inert

    return "\n".join(inert(str(thing)) for thing in things)


def status(as_json: given.Json = False) -> None:
    """Say which migrations are applied. Exit code 1 when one is not."""
    from manual_resolution.store import migrate as store

    url = address(chosen_settings())
    waiting = {migration.number for migration in unapplied(url)}
    rows = [
        {"number": m.number, "name": m.name, "state": "pending" if m.number in waiting else "applied"}
        for m in store.migrations()
    ]
    if as_json:
        print_json(rows)
    else:
        print("\n".join(f"{row['number']:04} {row['name']}  {row['state']}" for row in rows))
    if waiting:
        are = "migration is" if len(waiting) == 1 else "migrations are"
        count = waiting_rows(url)
        more = "" if count is None else f" It adopts the table there is, {count:,} rows; --dry-run says how."
        fail(f"{len(waiting)} {are} pending: run mrq db migrate.{more}", 1)


def waiting_rows(url: str) -> int | None:
    """How many rows a table made from the specification holds; None where there is none to adopt."""
    from manual_resolution.store.aside import rows_to_adopt
    from manual_resolution.store.connection import Database
    from manual_resolution.store.migrate import applied

    with Database(url).connection() as db:
        return None if applied(db) else rows_to_adopt(db)


def grants(producer: RoleP = None, operator: RoleO = None, worker: RoleW = None, console: RoleC = None) -> None:
    """Print the SQL that gives roles what they need, and no more: for the owner of the tables to run.

    Without any named: mrq_producer, mrq_operator, mrq_worker and mrq_console. A role may have several duties.
    """
    from manual_resolution.store import rights
    from manual_resolution.store.connection import Database

    given_roles = {"producer": producer, "operator": operator, "worker": worker, "console": console}
    named = {duty: role for duty, role in given_roles.items() if role} or {
        duty: f"mrq_{duty}" for duty in rights.DUTIES
    }
    roles: dict[str, set[str]] = {}
    for duty, role in named.items():
        roles.setdefault(role_name(duty, role), set()).add(duty)
    with Database(address(chosen_settings())).connection() as db:
        statements = rights.grants(db, roles)
        missing = rights.missing_roles(db, list(roles))
    print("begin;")
    for role in missing:
        print(f"create role {rights.quoted(role)} login;")
    print("\n".join(statements))
    print("commit;")
    print("-- Beside these: what the options of your own workflows read and change.")


def role_name(duty: str, name: str) -> str:
    """A role's name; raises `InvalidInput` for what is none."""
    from manual_resolution.errors import InvalidInput

    if not name.isprintable() or not 0 < len(name.encode()) <= 63 or name.strip() != name:
        raise InvalidInput(duty, name, "a role's name, up to 63 bytes in one line")
    return name


def shell(arguments: Words = None) -> None:
    """Open psql on the queue's database.

    The address goes to it by the environment, so that no list of processes shows a password.
    """
    import signal
    import subprocess

    program = psql()
    environment, rest = by_environment(address(chosen_settings()))
    previous = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is psql's
    try:
        done = subprocess.run([program, *rest, *(arguments or ())], env=os.environ | environment, check=False)
    finally:
        signal.signal(signal.SIGINT, previous)
    sys.exit(done.returncode)


def unapplied(url: str) -> "list[Migration]":
    """The migrations that the database does not have yet."""
    from manual_resolution.store.connection import Database
    from manual_resolution.store.migrate import pending

    with Database(url).connection() as db:
        return list(pending(db))


def psql() -> str:
    """The program, from PATH or beside the embedded PostgreSQL. Raises `Unreachable` when there is none."""
    import shutil
    from contextlib import suppress

    from manual_resolution.embedded import find_binaries

    if found := shutil.which("psql"):
        return found
    with suppress(Unreachable):
        if found := shutil.which("psql", path=find_binaries()):
            return found
    raise Unreachable("There is no psql on PATH: install PostgreSQL's client (Debian: postgresql-client).")


def by_environment(url: str) -> tuple[dict[str, str], list[str]]:
    """A libpq address as its environment variables, and what has none (nothing secret) as psql's argument."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
    from psycopg.pq import Conninfo

    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except ProgrammingError:
        raise Unreachable("DATABASE_URL is not a PostgreSQL address (it is not shown: a password?).") from None
    options = {option.keyword.decode(): option for option in Conninfo.get_defaults()}
    variable = {name: option.envvar.decode() for name, option in options.items() if option.envvar}
    rest = {n: v for n, v in parts.items() if n not in variable and b"*" not in options[n].dispchar}
    named = {variable[n]: v for n, v in parts.items() if n in variable}
    return named, [make_conninfo(**rest)] if rest else []

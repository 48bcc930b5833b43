"""Migrations: numbered forward-only SQL files, one transaction and one record each, under an advisory lock."""

import hashlib
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from manual_resolution.errors import Refused, Unreachable
from manual_resolution.priority import PRIORITIES
from manual_resolution.settings import NO_DATABASE, Settings
from manual_resolution.store.adopting import Adoption, adopt
from manual_resolution.store.aside import rows_to_adopt, set_aside
from manual_resolution.store.connection import Db, open_within, told

LOCK = 7_377_001  # any number, the same for every runner


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name, its text."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """What was applied is compared with what is shipped by this."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """The shipped migrations in order."""
    folder = files("manual_resolution.store") / "migrations"
    texts = ((f.name, f.read_text(encoding="utf-8")) for f in folder.iterdir() if f.name.endswith(".sql"))
    return [Migration(int(name[:4]), name[5:-4], text) for name, text in sorted(texts)]


def applied(db: Db) -> dict[int, str]:
    """Checksums by number of what this database has."""
    if db.execute("select to_regclass('mrq_migration')").fetchone() == (None,):
        return {}
    return dict(db.execute("select number, checksum from mrq_migration order by number").fetchall())


def pending(db: Db) -> Iterator[Migration]:
    """What is not applied yet. Raises `Refused` when an applied one was changed since, or is not known here."""
    done = applied(db)
    known = {m.number: m for m in migrations()}
    for number, checksum in done.items():
        if number not in known:
            raise Refused(
                f"The database has migration {number}, which this version does not know: install a newer MRQ."
            )
        if known[number].checksum != checksum:
            raise Refused(f"Migration {number} was applied with another text: this database was made by another build.")
    yield from (m for m in known.values() if m.number not in done)


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was applied, by name; and what adopting a table came to, null where there was none."""

    applied: list[str]
    adoption: Adoption | None = None


def migrate(url: str, settings: Settings | None = None) -> list[str]:
    """Bring the database up to date; the names of what was applied. Safe to run at once from anywhere."""
    return bring_up_to_date(url, settings).applied


def bring_up_to_date(
    url: str, settings: Settings | None = None, *, time_zone: str = "UTC", rehearse: bool = False
) -> Migrated:
    """As `migrate`; a table that somebody made from the specification is adopted, all in one transaction.

    `time_zone` is what its times without a zone are read in. With `rehearse` everything is done and undone again.
    """
    with told(), open_within(url, 10) as db:
        db.execute("select pg_advisory_lock(%s)", [LOCK])
        adopts = not applied(db) and rows_to_adopt(db) is not None
        with db.transaction(force_rollback=rehearse) if adopts or rehearse else nullcontext():
            aside = set_aside(db) if adopts else None
            done = [_apply(db, migration) for migration in pending(db)]
            write_settings(db, settings or Settings())
            return Migrated(done, adopt(db, aside, time_zone) if aside else None)


def _apply(db: Db, migration: Migration) -> str:
    with db.transaction():
        db.execute(
            "create table if not exists mrq_migration (number integer primary key, name text not null,"
            " checksum text not null, applied_at timestamptz not null default clock_timestamp())"
        )
        # Functions keep the path they were made under, so that they serve clients with any other.
        db.execute("select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)")
        db.execute(migration.sql.encode())
        db.execute(
            "insert into mrq_migration (number, name, checksum) values (%s, %s, %s)",
            [migration.number, migration.name, migration.checksum],
        )
    return f"{migration.number:04} {migration.name}"


def write_settings(db: Db, settings: Settings) -> None:
    """Tell the database the hours and the lease that producers with plain SQL get (design, The database)."""
    values = {f"sla_{p}": settings.sla_hours(p) for p in PRIORITIES} | {
        "lease_minutes": settings.lease_minutes,
        "warn_at": settings.warn_at,
    }
    for name, value in values.items():
        db.execute(
            "insert into mrq_setting (name, value) values (%s, %s)"
            " on conflict (name) do update set value = excluded.value where mrq_setting.value <> excluded.value",
            [name, f"{value:g}"],
        )


def embedded_address(settings: Settings) -> str:
    """The address of the private PostgreSQL, brought up to date; raises `Unreachable` where it was not chosen."""
    address = started(settings)
    migrate(address, settings)
    return address


def started(settings: Settings) -> str:
    """The address of the private PostgreSQL as it is; raises `Unreachable` where it was not chosen."""
    if not settings.embedded:
        raise Unreachable(NO_DATABASE)
    from manual_resolution.embedded import EmbeddedPostgres

    return EmbeddedPostgres(Path(settings.embedded_dir)).start()

"""The sample application in a folder: data in a database, blob store and alerts beside it, and its last week."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from .alert_stand_ins import AlertStandIns
from .blob_stand_in import BlobStandIn
from .data import populate


class World:
    """Opens the application in `folder`, made at the first time; its blob store, Slack,
    PagerDuty and mail server answer inside `with`.

    `now` is the moment the application was made: its data and its nights are counted back from it.
    """

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.database_url = Path(folder), database_url
        self.blob = BlobStandIn(self.folder / "blobs")
        self.alerts = AlertStandIns(self.folder / "alerts")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.blob)
            stack.enter_context(self.alerts)
            self._make_once()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """What commands need beside the database: blob store, alerts, and a person who may speak for others."""
        return (
            self.blob.environment | self.alerts.environment | {"MRQ_OPERATOR": "demo@example.com", "MRQ_TRUST_AS": "1"}
        )

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self._state["now"])

    @property
    def nights(self) -> dict[str, dict[str, int]] | None:
        """What the seven nights did, by script (see `seven_nights`); None: they have not been."""
        return self._state["nights"]  # type: ignore[no-any-return]

    def counts(self) -> dict[str, int]:
        """How many plans, quiz responses and users the application has."""
        with psycopg.connect(self.database_url) as db:
            row = db.execute(
                """select (select count(*) from meal_plans), (select count(*) from quiz_responses),
                          (select count(*) from users)"""
            ).fetchone()
        return dict(zip(("plans", "quiz_responses", "users"), row or (0, 0, 0), strict=True))

    def seven_nights(self, progress: Callable[[str, int, int, str], None] | None = None) -> dict[str, dict[str, int]]:
        """Lets the nights be, once; the queue must be migrated in the same database."""
        if self.nights is None:
            from .nights import seven_nights  # brings the blob package: a quarter of a second

            done = seven_nights(self.database_url, self.blob, now=self.now, progress=progress)
            self._remember(self._state["now"], done)
        return self._state["nights"]  # type: ignore[no-any-return]

    def _make_once(self) -> None:
        with psycopg.connect(self.database_url) as db:
            row = db.execute("select to_regclass('meal_plans')").fetchone()
            if row == (None,):
                self._remember(datetime.now(UTC).replace(microsecond=0).isoformat(), None)
                populate(db, self.blob, self.now)

    @property
    def _state(self) -> dict[str, Any]:
        return json.loads((self.folder / "world.json").read_text())  # type: ignore[no-any-return]

    def _remember(self, now: str, nights: dict[str, dict[str, int]] | None) -> None:
        (self.folder / "world.json").write_text(json.dumps({"now": now, "nights": nights}))

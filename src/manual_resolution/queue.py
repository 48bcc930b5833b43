"""The queue: every use case, called by all faces under the same checks.

Each move is one guarded statement; when it moves nothing, the item is read once more to say why.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from manual_resolution import intake as strict
from manual_resolution import registry, sweeping
from manual_resolution.adding import Adding
from manual_resolution.admission import limited
from manual_resolution.case import Glimpse, Seen
from manual_resolution.decision import By, Decision, Resolution, refuse_strays, refuse_unless_free, standing
from manual_resolution.errors import InvalidInput, Refused
from manual_resolution.execution import Step
from manual_resolution.item import Actor, Filter, Item
from manual_resolution.masking import without_secrets
from manual_resolution.placing import Placing
from manual_resolution.priority import PRIORITIES
from manual_resolution.reading import ANY
from manual_resolution.settings import Settings
from manual_resolution.store import claiming, items
from manual_resolution.store.claiming import Serving
from manual_resolution.store.connection import Database, Db
from manual_resolution.sweeping import Swept
from manual_resolution.via import here
from manual_resolution.workflow import asked


class Queue(Adding, Placing):
    """The Manual Resolution Queue in one database.

    `by` is who moves: an `Actor`, or a person's name. Moves raise `NotFound`, `AlreadyResolved`, `OwnedByAnother` or
    another `Refused` when the rules say no, `InvalidInput` or `InvalidType`, and `Unreachable` without a database;
    `Stale` at another `version` of the item than the one given.
    """

    def __init__(
        self,
        database_url: str,
        *,
        settings: Settings | None = None,
        workflows: registry.Registry | None = None,
        step: Step = lambda name: None,
    ) -> None:
        database, settings = Database(database_url), settings or Settings()
        Adding.__init__(self, database, settings, workflows)
        Placing.__init__(self, database, settings, workflows, step)

    @classmethod
    def from_env(cls) -> "Queue":
        """The queue of the environment; raises `Unreachable` where it names none, `SettingsError` where it is wrong."""
        from manual_resolution.store.migrate import embedded_address

        settings = Settings.from_env()
        return cls(settings.database_url or embedded_address(settings), settings=settings)

    def close(self) -> None:
        """Close the kept connections; nobody waits any longer."""
        self.arrivals.close()
        self.database.close()

    # -------------------------------------------------------------- time

    def sweep(
        self, *, by: Actor | None = None, batch: int | None = None, progress: Callable[[int], None] | None = None
    ) -> Swept:
        """Raise every breached item to the level that is due: `batch` at a time, else as many as lock for a moment.

        What is to be told by the channels of the settings is written with it, and delivered by `outbox.deliver`.
        """
        who = by or Actor("mrq", "machine", here())
        return sweeping.sweep(self.database, self.settings, self.workflows, who, batch, progress)

    # -------------------------------------------------------------- claiming

    def next(
        self,
        by: By,
        *,
        chosen: Filter = ANY,
        teams: Sequence[str] | None = None,
        skipped: Sequence[int] = (),
        wait: float = 0,
    ) -> Item | None:
        """Claim the next item in the order of work; None when nothing may be served to `by` within `wait` seconds."""
        if wait:
            return self.arrivals.wait(lambda: self.next(by, chosen=chosen, teams=teams, skipped=skipped), wait)
        self.wake()
        serving = self._serving(self.admit(by, "claim"), chosen, teams, skipped)
        with self.database.connection() as db:
            found = claiming.claim_next(db, serving)
            if found is None and serving.teams and claiming.count_served(db, serving, 1):
                # Claiming for a team looks at two items for a moment: somebody may have met the other one locked.
                found = claiming.claim_next(db, serving)
        return found

    def count_served(
        self,
        by: By,
        *,
        chosen: Filter = ANY,
        teams: Sequence[str] | None = None,
        skipped: Sequence[int] = (),
        limit: int = 100,
    ) -> int:
        """How many items `next` could serve this person now, counted up to `limit`."""
        serving = self._serving(self.admit(by, "claim"), chosen, teams, skipped)
        with self.database.connection() as db:
            return claiming.count_served(db, serving, limit)

    def claim(self, item_id: int, by: By, *, version: int | None = None) -> Item:
        """Claim one item by id, a deferred or targeted one too; one's own again renews the lease."""
        who = self.admit(by, "claim", item_id)
        self.wake()
        with standing(self.database, item_id, version) as db:
            found = claiming.claim(db, item_id, who, self.lease) or claiming.extend(db, item_id, who, self.lease)
            return found or self._refuse(db, item_id, who, "claimed")

    def extend(self, item_id: int, by: By) -> Item:
        """Renew one's lease."""
        who = self.admit(by, "extend", item_id)
        with self.database.connection() as db:
            return claiming.extend(db, item_id, who, self.lease) or self._refuse(
                db, item_id, who, "extended", mine=True
            )

    def release(self, item_id: int, by: By, note: str | None = None, *, version: int | None = None) -> Item:
        """Give one's item back, undecided."""
        who = self.admit(by, "release", item_id)
        text = None if note is None else strict.note(note)
        with standing(self.database, item_id, version) as db:
            return items.release(db, item_id, who, text) or self._refuse(db, item_id, who, "released", mine=True)

    def decline(self, item_id: int, by: By, reason: str, *, version: int | None = None) -> Item:
        """Give one's item back, not to be served it again."""
        who, text = self.admit(by, "decline", item_id), strict.justification(reason)
        with standing(self.database, item_id, version) as db:
            return items.decline(db, item_id, who, text) or self._refuse(db, item_id, who, "declined", mine=True)

    def hand_over(self, item_id: int, by: By, to: str, note: str | None = None, *, version: int | None = None) -> Item:
        """Give one's item to a named colleague."""
        who, other = self.admit(by, "hand_over", item_id), self.people.colleague(strict.operator(to, "to"))
        self.admit(other, "claim", item_id)
        text = None if note is None else strict.note(note)
        with standing(self.database, item_id, version) as db:
            found = items.hand_over(db, item_id, who, other.name, self.lease, text)
            return found or self._refuse(db, item_id, who, "handed over", mine=True)

    def take_over(self, item_id: int, by: By, reason: str, *, version: int | None = None) -> Item:
        """Take an item from its owner, saying why."""
        who, text = self.admit(by, "take_over", item_id), strict.justification(reason)
        with standing(self.database, item_id, version) as db:
            found = items.take_over(db, item_id, who, self.lease, text)
            return found or self._not_taken_over(db, item_id, who)

    def _not_taken_over(self, db: Db, item_id: int, who: Actor) -> Item:
        item = self._found(items.get(db, item_id), item_id)
        if item.status in ("pending", "escalated"):
            raise Refused(f"#{item_id} has no owner: claim it.")
        if item.assigned_to == who.name and not item.held:
            raise Refused(f"#{item_id} is yours already.")
        if item.held and item.held != "approval":
            raise Refused(f"#{item_id} is held by {item.assigned_to} and waits for its {item.held}: not now.")
        return self._refuse(db, item_id, who, "taken over")

    # -------------------------------------------------------------- putting aside

    def defer(
        self,
        item_id: int,
        by: By,
        justification: str,
        *,
        span: timedelta | None = None,
        until: datetime | None = None,
        version: int | None = None,
    ) -> Item:
        """Put an item aside for `span`, or until an instant in the future (at most 366 days)."""
        who, text = self.admit(by, "defer", item_id), strict.justification(justification)
        if (span is None) == (until is None):
            raise InvalidInput("span", span, "give how long, or until when, not both")
        strict.deferral(span, until)
        with standing(self.database, item_id, version) as db:
            found = items.defer(db, item_id, who, span, until, text)
            if found is None and until is not None:
                self._refuse_unfit(db, until)
            return found or self._refuse(db, item_id, who, "deferred")

    def _refuse_unfit(self, db: Db, until: datetime) -> None:
        if not timedelta(0) < items.span_until(db, until) <= strict.MAX_SPAN:
            raise InvalidInput("until", until.isoformat(), "an instant in the future, at most 366 days from now")

    def escalate(
        self, item_id: int, by: By, justification: str, *, to: str | None = None, version: int | None = None
    ) -> Item:
        """Pass an item on, to a team or to anybody else; it is not served to `by` again."""
        who, text = self.admit(by, "escalate", item_id), strict.justification(justification)
        team = None if to is None else strict.team(to, "to")
        with standing(self.database, item_id, version) as db:
            return items.escalate(db, item_id, who, team, text) or self._refuse(db, item_id, who, "escalated")

    # -------------------------------------------------------------- facts

    def set_priority(self, item_id: int, by: By, to: str, justification: str, *, version: int | None = None) -> Item:
        """Change an open item's priority; a higher one moves the deadline earlier, nothing moves it later."""
        who, text = self.admit(by, "set_priority", item_id), strict.justification(justification)
        if to not in PRIORITIES:
            raise InvalidInput("priority", to, f"one of {', '.join(PRIORITIES)}")
        with standing(self.database, item_id, version) as db:
            found = items.set_priority(db, item_id, who, to, self.settings.sla_seconds[to], text)
            if found is None and (item := items.get(db, item_id)) and item.priority == to:
                raise Refused(f"#{item_id} is {to} already.")
            return found or self._refuse(db, item_id, who, "changed", owned=True)

    def note(self, item_id: int, by: By, text: str, *, version: int | None = None) -> Item:
        """Add a note to an open item's history."""
        who, words = self.admit(by, "note", item_id), strict.note(text)
        with standing(self.database, item_id, version) as db:
            return items.note(db, item_id, who, words) or self._refuse(db, item_id, who, "noted", owned=True)

    def amend(
        self, item_id: int, by: By, context: Mapping[str, Any], justification: str, *, version: int | None = None
    ) -> Item:
        """Merge corrected facts into an open item's context."""
        who, text = self.admit(by, "amend", item_id), strict.justification(justification)
        given: Any = context
        facts = dict(given) if isinstance(given, Mapping) else given
        stored = strict.intake("any", "any", 1, "low", "any", facts).context
        item = self.get(item_id)
        kept = without_secrets(self.workflows.of(item.item_type), stored or "{}")
        with standing(self.database, item_id, version) as db:
            return items.amend(db, item_id, who, kept, text) or self._refuse(db, item_id, who, "amended", owned=True)

    # -------------------------------------------------------------- deciding

    def resolve(
        self,
        item: int | Item,
        option: str,
        justification: str,
        by: By,
        *,
        values: Mapping[str, Any] | None = None,
        seen: Seen | Glimpse | None = None,
        source: str = "typed",
        override: bool = False,
        version: int | None = None,
    ) -> Resolution:
        """Decide on an item (its id; the item itself saves a read): carry the option out once and record it.

        `seen` binds it to what the person saw. `override=True` decides although required checks do not pass.
        An option that needs two persons, and every override, is recorded as a proposal: raises `WaitsForApproval`.
        Also raises `Changed`, `NotPossible`, `Failed`, `OutcomeUnknown`.
        """
        who = self.admit(by, "resolve", item if isinstance(item, int) else item.id)
        return self._decide(item, option, justification, who, values, seen, source, override=override, version=version)

    def resolve_and_next(
        self,
        item: int | Item,
        option: str,
        justification: str,
        by: By,
        *,
        values: Mapping[str, Any] | None = None,
        seen: Seen | Glimpse | None = None,
        source: str = "typed",
        chosen: Filter = ANY,
        teams: Sequence[str] | None = None,
        version: int | None = None,
    ) -> tuple[Resolution, Item | None]:
        """Decide one and claim the next: in one statement."""
        who = self.admit(by, "resolve", item if isinstance(item, int) else item.id)
        serving = self._serving(who, chosen, teams)
        resolution = self._decide(item, option, justification, who, values, seen, source, serving, version=version)
        return resolution, resolution.next or self.next(who, chosen=chosen, teams=teams)

    def _decide(
        self,
        item: int | Item,
        key: str,
        justification: str,
        who: Actor,
        values: Mapping[str, Any] | None,
        seen: Seen | Glimpse | None,
        source: str,
        serving: Serving | None = None,
        override: bool = False,
        version: int | None = None,
    ) -> Resolution:
        text, given = strict.justification(justification), dict(values or {})
        self.wake()
        known = item if isinstance(item, Item) else self.get(item)
        option = self.workflows.of(known.item_type).option_named(key)
        refuse_strays(option, given, override)
        if option.effect == "escalate":
            moved = self.escalate(known.id, who, text, to=given.get("to", option.team), version=version)
            return Resolution(moved, f"Escalated to {moved.escalated_to or 'anybody else'}")
        if option.effect == "defer":
            span = strict.span(str(given.get("span", f"{option.hours:g}h")))
            moved = self.defer(known.id, who, text, span=span, version=version)
            return Resolution(moved, f"Deferred until {moved.deferred_until:%Y-%m-%d %H:%M} UTC")
        return self.proposing.decide(
            Decision(
                known.id,
                known.item_type,
                option,
                asked(option, given),
                text,
                who,
                seen,
                source,
                serving=serving,
                overriding=override,
                version=version,
            )
        )

    def approve(
        self, item_id: int, by: By, note: str | None = None, *, seen: int | None = None, version: int | None = None
    ) -> Resolution:
        """Approve the open proposal, as another person than its proposer: it is carried out once and recorded.

        `seen` is the id of the proposal the person looked at; another one by now is refused. Raises `Changed` when the
        world is not as it was proposed: the proposal has then ended. Else raises what `resolve` raises.
        """
        who, text = self.admit(by, "approve", item_id), None if note is None else strict.note(note)
        self.wake(every=0)
        return self.proposing.approve(item_id, who, text, seen, version)

    def deny(self, item_id: int, by: By, reason: str, *, version: int | None = None) -> Item:
        """End the open proposal; the item is its proposer's again. The proposer takes it back in the same way."""
        who, text = self.admit(by, "read", item_id), strict.justification(reason)
        self.admit(who, "take_back" if self._is_proposer(item_id, who.name) else "deny", item_id)
        self.wake(every=0)
        with standing(self.database, item_id, version):
            pass  # what ends is a proposal, by its own id
        return self.proposing.deny(item_id, who, text)

    def _is_proposer(self, item_id: int, name: str) -> bool:
        item = self.get(item_id)
        return item.held == "approval" and item.assigned_to == name

    def next_given_back(self, by: By, *, chosen: Filter = ANY, skipped: Sequence[int] = ()) -> Item | None:
        """Claim one's next item whose proposal was denied, lapsed or became void; None when there is none."""
        serving = self._serving(self.admit(by, "claim"), chosen, skipped=skipped)
        self.wake()
        with self.database.connection() as db:
            return claiming.claim_given_back(db, serving)

    def confirm(
        self, item_id: int, by: By, *, done: bool | None = None, note: str | None = None, version: int | None = None
    ) -> Resolution | Item:
        """Settle an unknown outcome: done, not done, or (None) as its probe finds it."""
        who = self.admit(by, "probe" if done is None else "confirm", item_id)
        text = None if note is None else strict.note(note)
        self.wake(every=0)
        with standing(self.database, item_id, version):
            pass  # what is settled is an attempt, by its own id
        return self.execution.confirm(item_id, done, who, text)

    def reopen(self, item_id: int, by: By, justification: str, *, version: int | None = None) -> Item:
        """A new item from a resolved one, pointing back to it."""
        who, text = self.admit(by, "reopen", item_id), strict.justification(justification)
        with standing(self.database, item_id, version) as db:
            return items.reopen(db, item_id, who, self.settings.sla_seconds, text) or self._not_reopened(db, item_id)

    def _not_reopened(self, db: Db, item_id: int) -> Item:
        item = self._found(items.get(db, item_id), item_id)
        if item.status != "resolved":
            raise Refused(f"#{item_id} is {item.status}, not resolved: there is nothing to reopen.")
        raise Refused(f"#{item_id} is open again already, as #{items.open_of_same_failure(db, item_id)}.")

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts without being renewed."""
        return timedelta(minutes=self.settings.lease_minutes)

    def _serving(
        self, who: Actor, chosen: Filter, teams: Sequence[str] | None = None, skipped: Sequence[int] = ()
    ) -> Serving:
        return Serving(who, self.lease, limited(chosen, who, "claim"), self._teams(teams), skipped)

    def _teams(self, teams: Sequence[str] | None) -> tuple[str, ...]:
        return tuple(self.settings.team if teams is None else teams)

    def _refuse(self, db: Db, item_id: int, who: Actor, moved: str, *, mine: bool = False, owned: bool = False) -> Item:
        """Say why a move moved nothing. `mine`: only its owner may; `owned`: somebody else's may be moved too."""
        item = self._found(items.get(db, item_id), item_id)
        if item.status == "resolved" or not owned:
            refuse_unless_free(item, who)
        if mine and item.status != "assigned":
            raise Refused(f"#{item_id} is {item.status}, not yours: claim it first.")
        raise Refused(f"#{item_id} moved meanwhile and was not {moved}: try again.")

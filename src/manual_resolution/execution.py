"""Carrying a decision out, once (design, Carrying a decision out).

A database effect runs in the transaction that records the resolution. An outside effect is three steps: commit an
attempt `started`, make one call, commit what it came to. What nobody knows is recorded so, never repeated silently.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Final

import psycopg

from manual_resolution import case as cases
from manual_resolution.answers import Outcome, Plan, Resolved, expected, unclear
from manual_resolution.case import Answers, Case, Sight
from manual_resolution.decision import Decision, Resolution, confirmed, evidence_of
from manual_resolution.errors import Failed, MRQError, NotFound, NotPossible, OutcomeUnknown, Refused, Unreachable
from manual_resolution.item import Actor, Item
from manual_resolution.registry import Registry
from manual_resolution.settings import Settings
from manual_resolution.store import attempts, claiming, items, proposals
from manual_resolution.store.attempts import Attempt
from manual_resolution.store.connection import Database, Db, check_now, translated
from manual_resolution.workflow import Option, asked

Step = Callable[[str], None]

#: A host's own statements may take a while; the queue's do not.
EFFECT_SECONDS: Final = 60.0


@dataclass(slots=True)
class Execution:
    """Examines items and carries decisions out. `step` is told the name of each step as it is reached."""

    database: Database
    registry: Registry
    settings: Settings
    step: Step = lambda name: None

    # -------------------------------------------------------------- seeing

    def examine(self, item_id: int) -> Case:
        """Lay an item out for a decision: outside checks first, the others in one read-only transaction."""
        item = self.get(item_id)
        workflow = self.registry.of(item.item_type)
        answers = self.ask_outside(item.item_type, item_id)
        with self.database.looking() as db:
            answers = cases.ask(workflow, item, db, outside=False) | answers
            tried, proposed = attempts.of_item(db, item_id), proposals.of_item(db, item_id)
            in_order = {key: answers[key] for key in workflow.checks}
            return cases.lay_out(workflow, item.item_type in self.registry, item, tried, proposed, in_order, db)

    def plan(self, item_id: int, option: Option, values: Mapping[str, Any]) -> Plan:
        """What an option would touch with these values."""
        item = self.get(item_id)
        with self.database.looking() as db:
            found = cases.planned(option, self.registry.of(item.item_type), item, db, asked(option, values))
        return found or Plan()

    def get(self, item_id: int) -> Item:
        """One item; raises `NotFound`."""
        with self.database.connection() as db:
            item = items.get(db, item_id)
        if item is None:
            raise NotFound(f"There is no item #{item_id}.")
        return item

    def ask_outside(self, item_type: str, item_id: int) -> Answers:
        """What the type's checks of outside services answer; asked with no row locked."""
        workflow = self.registry.of(item_type)
        if not any(check.outside for check in workflow.checks.values()):
            return {}
        item = self.get(item_id)
        with self.database.connection(self.settings.call_timeout * 4) as db:
            return cases.ask(workflow, item, db, outside=True)

    # -------------------------------------------------------------- deciding

    def carry_out(self, decision: Decision) -> Resolution:
        """Carry a decision out; raises `Changed`, `NotPossible`, `Failed`, `OutcomeUnknown` or another `Refused`."""
        outside = self.ask_outside(decision.item_type, decision.item_id)
        if decision.option.effect == "external":
            return self._outside_effect(decision, outside)
        return self._database_effect(decision, outside)

    def _database_effect(self, decision: Decision, outside: Answers) -> Resolution:
        try:
            with self.database.transaction(EFFECT_SECONDS) as db:
                item, sight = self.locked(db, decision, outside)
                decision.begin(db)
                ended = self._run(db, decision, item)
                found, taken = self._resolve(db, decision, decision.by, ended, sight.shown, {})
                self.step("before_commit")
        except Unreachable as lost:
            (found, ended), taken = self._landed(decision, lost), None
        return Resolution(found, ended.result, taken)

    def _run(self, db: Db, decision: Decision, item: Item) -> Resolved:
        typed = self.registry.of(item.item_type).typed(item)
        try:
            given = decision.option.effects["run"](item=typed, db=db, values=decision.values)
            ended = expected(Resolved, given, "resolved(…)")
            if decision.approved_by:
                check_now(db)
        except (MRQError, psycopg.OperationalError):
            raise
        except psycopg.Error as error:
            told = translated(error)
            for_good = not isinstance(told, Unreachable)
            raise NotPossible(f"Not possible: {told} Nothing was done.", for_good=for_good) from error
        except (Exception, SystemExit) as error:
            raise Failed(f"{decision.option.label} failed: {cases.first_line(error)}. Nothing was done.") from error
        return ended

    def _landed(self, decision: Decision, lost: Unreachable) -> tuple[Item, Resolved]:
        """The connection broke: was the commit taken? Waits for the row, so that a commit under way has ended."""
        with self.database.transaction() as db:
            item = items.lock(db, decision.item_id)
        if item and (item.resolution_metadata or {}).get("key") == str(decision.key):
            return item, Resolved(item.resolution or "", item.resolution or "")
        raise Unreachable(f"{lost} Nothing was done.")

    def locked(self, db: Db, decision: Decision, outside: Answers) -> tuple[Item, Sight]:
        """Lock the item and ask again under the lock: what was decided on must still be so."""
        item = items.lock(db, decision.item_id)
        if item is None:
            raise NotFound(f"There is no item #{decision.item_id}.")
        decision.admit(db, item)
        workflow = self.registry.of(item.item_type)
        answers = cases.ask(workflow, item, db, outside=False) | outside
        sight = cases.look(workflow, decision.option, item, answers, db, decision.values)
        decision.agree(sight)
        return item, sight

    def _resolve(
        self, db: Db, decision: Decision, by: Actor, ended: Resolved, shown: dict[str, Any], more: dict[str, Any]
    ) -> tuple[Item, Item | None]:
        metadata = {
            "option": decision.option.key,
            "justification": decision.justification,
            "justification_source": decision.source,
            "decided_by": decision.by.name,
            "approved_by": decision.approved_by,
            "outcome": ended.result,
            "checks": shown.get("checks", {}),
            "attempt": None,
            "key": str(decision.key),
        }
        if decision.values is not None:
            metadata["values"] = decision.values_json
        if shown.get("overridden"):
            metadata["overridden"] = shown["overridden"]
        values, taken = items.resolved(decision.item_id, by, ended.resolution, metadata | more, shown), None
        if decision.serving:
            found, taken = claiming.resolve_and_claim(db, decision.item_id, values, decision.serving)
        else:
            found = items.resolve(db, values)
        if found is None:
            raise Refused(f"#{decision.item_id} moved meanwhile. Nothing was done.")
        return found, taken

    # -------------------------------------------------------------- outside effects

    def _outside_effect(self, decision: Decision, outside: Answers) -> Resolution:
        limit = timedelta(seconds=self.settings.call_timeout * 3)
        begun = monotonic()
        self.step("before_start")
        item, shown, n = self._start(decision, outside, limit)
        self.step("started")
        outcome = self._call(decision, item, begun)
        self.step("called")
        if outcome.state == "not_done":
            return self._failed(decision, outcome)
        if outcome.state == "unclear":
            return self._unknown(decision, item, outcome, shown, n)
        return self._succeeded(decision, outcome, "started", "succeeded", shown, n)

    def _start(self, decision: Decision, outside: Answers, limit: timedelta) -> tuple[Item, dict[str, Any], int]:
        try:
            with self.database.transaction() as db:
                item, sight = self.locked(db, decision, outside)
                decision.begin(db)
                started = attempts.start(
                    db,
                    item.id,
                    decision.key,
                    decision.by,
                    decision.option.key,
                    decision.values_json,
                    decision.justification,
                    sight.shown,
                    limit,
                    decision.approved_by,
                )
                if started is None:
                    raise Refused(f"#{item.id} moved meanwhile. Nothing was done.")
                self.step("before_start_commit")
        except Unreachable as lost:
            return self._start_landed(decision, lost)
        with self.database.connection() as db:
            made = attempts.by_key(db, decision.key)
        if made is None:
            raise Unreachable("The attempt could not be read back. Nothing was done.")
        return item, sight.shown, made.n

    def _start_landed(self, decision: Decision, lost: Unreachable) -> tuple[Item, dict[str, Any], int]:
        with self.database.transaction() as db:
            item = items.lock(db, decision.item_id)
            made = attempts.by_key(db, decision.key)
        if item is None or made is None or made.state != "started":
            raise Unreachable(f"{lost} Nothing was done.")
        return item, made.seen or {}, made.n

    def _call(self, decision: Decision, item: Item, begun: float) -> Outcome:
        """The one call. A process that was frozen on the way here does not call late."""
        if monotonic() - begun > self.settings.call_timeout:
            return Outcome("not_done", "too much time passed before the call; it was not made")
        typed = self.registry.of(item.item_type).typed(item)
        self.step("before_call")
        try:
            given = decision.option.effects["call"](item=typed, values=decision.values)
            return expected(Outcome, given, "done(…), not_done(…) or unclear(…)")
        except (Exception, SystemExit) as error:  # noqa: BLE001  # somebody's function, after which nobody can tell
            return unclear(cases.first_line(error))

    def _failed(self, decision: Decision, outcome: Outcome) -> Resolution:
        with self.database.transaction() as db:
            if attempts.end(db, decision.key, "started", "failed", outcome.sentence, evidence_of(outcome)):
                attempts.give_back(db, decision.item_id, decision.by, "fail", self._lease, outcome=outcome.sentence)
            else:
                attempts.keep_late_result(db, decision.key, outcome.sentence, evidence_of(outcome))
        told = f"{outcome.sentence}. Nothing was done; the item is {decision.still_whose}."
        raise Failed(told, retry_after=outcome.retry_after)

    def _succeeded(
        self,
        decision: Decision,
        outcome: Outcome,
        before: str,
        state: str,
        shown: dict[str, Any],
        n: int,
        by: Actor | None = None,
    ) -> Resolution:
        """Record that the call took effect, run what follows, resolve: one transaction."""
        by = by or decision.by
        try:
            with self.database.transaction(EFFECT_SECONDS) as db:
                item = items.lock(db, decision.item_id)
                if item is None or not attempts.end(
                    db, decision.key, before, state, outcome.sentence, evidence_of(outcome)
                ):
                    raise Late
                ended = self._then(db, decision, item, outcome)
                found, taken = self._resolve(
                    db, decision, by, ended, shown, {"attempt": n} | confirmed(by, decision, outcome, state)
                )
                self.step("before_finish_commit")
            self.step("finished")
            return Resolution(found, ended.result, taken)
        except Late:
            if before == "unknown":
                raise Refused(f"#{decision.item_id} was settled by somebody else meanwhile.") from None
            with self.database.connection() as db:
                attempts.keep_late_result(db, decision.key, outcome.sentence, evidence_of(outcome))
            raise OutcomeUnknown(
                f"#{decision.item_id}: the call was done, but too late to record it: "
                f"see `mrq history {decision.item_id}`."
            ) from None
        except Unreachable as lost:
            return self._finish_landed(decision, lost)
        except OutcomeUnknown:
            raise
        except Exception as error:  # noqa: BLE001  # the call was done: a person is told, whatever broke
            return self._unrecorded(decision, outcome, before, error)

    def _then(self, db: Db, decision: Decision, item: Item, outcome: Outcome) -> Resolved:
        typed = self.registry.of(item.item_type).typed(item)
        given = decision.option.effects["then"](item=typed, db=db, values=decision.values, outcome=outcome)
        return expected(Resolved, given, "resolved(…)")

    def _finish_landed(self, decision: Decision, lost: Unreachable) -> Resolution:
        try:
            found, ended = self._landed(decision, lost)
            return Resolution(found, ended.result)
        except Unreachable:
            raise OutcomeUnknown(
                f"#{decision.item_id}: the call was made, its record was not: the item is listed as unknown, "
                f"`mrq confirm {decision.item_id}` settles it."
            ) from lost

    def _unrecorded(self, decision: Decision, outcome: Outcome, before: str, error: Exception) -> Resolution:
        """The call took effect, what follows it did not: nobody may take it for undone."""
        sentence = f"the call was done ({outcome.sentence}), recording it failed: {cases.first_line(error)}"
        if before == "started":
            self._record_unknown(decision, sentence, evidence_of(outcome))
        raise OutcomeUnknown(
            f"#{decision.item_id}: {sentence}. `mrq confirm {decision.item_id} --done` tries the rest again."
        ) from error

    def _record_unknown(self, decision: Decision, sentence: str, evidence: dict[str, Any]) -> bool:
        with self.database.transaction() as db:
            if not attempts.end(db, decision.key, "started", "unknown", sentence, evidence):
                attempts.keep_late_result(db, decision.key, sentence, evidence)
                return False
            attempts.leave_unknown(db, decision.item_id, decision.by, outcome=sentence)
        return True

    def _unknown(self, decision: Decision, item: Item, outcome: Outcome, shown: dict[str, Any], n: int) -> Resolution:
        """No clear answer: record that, then ask once whether it took effect."""
        recorded = self._record_unknown(decision, outcome.sentence, evidence_of(outcome))
        self.step("unknown")
        found = self._probe(decision.option, item, decision.values) if recorded else unclear("settled meanwhile")
        if found.state == "done":
            return self._succeeded(decision, found, "unknown", "confirmed_done", shown, n)
        if found.state == "not_done":
            with self.database.transaction() as db:
                attempts.end(db, decision.key, "unknown", "confirmed_not_done", found.sentence, evidence_of(found))
                attempts.give_back(db, decision.item_id, decision.by, "confirm", self._lease, outcome=found.sentence)
            raise Failed(f"{outcome.sentence}; {found.sentence}. Nothing was done; the item is {decision.still_whose}.")
        raise OutcomeUnknown(
            f"#{decision.item_id}: {outcome.sentence}; {found.sentence}. Whether it took effect is unknown: "
            f"the item is held and listed first, `mrq confirm {decision.item_id}` settles it."
        )

    def _probe(self, option: Option, item: Item, values: Any) -> Outcome:
        typed = self.registry.of(item.item_type).typed(item)
        try:
            given = option.effects["probe"](item=typed, values=values)
            return expected(Outcome, given, "done(…), not_done(…) or unclear(…)")
        except (Exception, SystemExit) as error:  # noqa: BLE001  # somebody's function, after which nobody can tell
            return unclear(cases.first_line(error))

    # -------------------------------------------------------------- confirming

    def confirm(self, item_id: int, done: bool | None, by: Actor, note: str | None = None) -> Resolution | Item:
        """Settle an unknown outcome: as done, as not done, or (None) as the option's probe finds it."""
        item, attempt = self.get(item_id), self._unknown_attempt(item_id)
        option = self.registry.of(item.item_type).option_named(attempt.option)
        values = asked(option, attempt.values)
        found = self._found(option, item, values, done, by, note)
        if found.state == "unclear":
            raise OutcomeUnknown(
                f"#{item_id}: {found.sentence}. It stays unknown; confirm it with --done or --not-done."
            )
        if found.state == "not_done":
            return self._confirm_not_done(item_id, attempt, found, by)
        decision = Decision(
            item_id,
            item.item_type,
            option,
            values,
            attempt.justification or "",
            Actor(attempt.actor, via=attempt.via),
            None,
            key=attempt.key,
            approved_by=attempt.approved_by,
        )
        return self._succeeded(decision, found, "unknown", "confirmed_done", attempt.seen or {}, attempt.n, by)

    def _found(
        self, option: Option, item: Item, values: Any, done: bool | None, by: Actor, note: str | None
    ) -> Outcome:
        if done is None:
            return self._probe(option, item, values)
        said = f"{by.name} confirms it: {note}" if note else f"{by.name} confirms it"
        return Outcome("done" if done else "not_done", said)

    def _unknown_attempt(self, item_id: int) -> Attempt:
        with self.database.connection() as db:
            open_ones = [a for a in attempts.of_item(db, item_id) if a.state in ("started", "unknown")]
        if not open_ones:
            raise Refused(f"#{item_id} has no attempt with an unknown outcome.")
        if open_ones[0].state == "started":
            raise Refused(
                f"#{item_id}: the attempt of {open_ones[0].actor} is still being made; it can be confirmed "
                f"once it is overdue, at {open_ones[0].deadline:%H:%M:%S} UTC."
            )
        return open_ones[0]

    def _confirm_not_done(self, item_id: int, attempt: Attempt, found: Outcome, by: Actor) -> Item:
        with self.database.transaction() as db:
            if not attempts.end(db, attempt.key, "unknown", "confirmed_not_done", found.sentence, evidence_of(found)):
                raise Refused(f"#{item_id} was settled by somebody else meanwhile.")
            item = attempts.confirm_not_done(db, item_id, by, outcome=found.sentence, n=attempt.n)
        return item or self.get(item_id)

    @property
    def _lease(self) -> timedelta:
        return timedelta(minutes=self.settings.lease_minutes)


class Late(Exception):
    """The attempt was settled before its own result arrived."""

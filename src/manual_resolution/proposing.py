"""Decisions that need two persons: one proposes, another approves, and only then is it carried out (design, Workflows).

A proposal holds its item for its proposer. Approving reads everything again under the row's lock: what changed since
ends the proposal instead. Deny, lapse and change give the item back to its proposer, who finds the reason given there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from manual_resolution.case import Sight, differences
from manual_resolution.decision import Decision, Resolution, refuse_if_changed, refuse_if_stale, refuse_unless_free
from manual_resolution.errors import Changed, NotPossible, Refused, Unreachable, WaitsForApproval
from manual_resolution.execution import Execution
from manual_resolution.item import Actor, Item
from manual_resolution.store import items, proposals
from manual_resolution.store.connection import Db
from manual_resolution.store.proposals import Proposal
from manual_resolution.via import speaker
from manual_resolution.workflow import asked


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open proposal with its item."""

    item: Item
    proposal: Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved(Decision):
    """A proposal, carried out in its proposer's name once `approver` has agreed to it."""

    proposal: Proposal
    approver: Actor
    names_trusted: bool
    note: str | None

    def admit(self, db: Db, item: Item) -> None:
        """Raise what keeps it from being approved: it is not open any more, or the approver is its proposer."""
        refuse_if_stale(db, item, self.version)
        refuse_unless_open(db, item, self.proposal)
        refuse_unless_another(db, self.proposal, self.approver, self.names_trusted)

    def agree(self, sight: Sight) -> None:
        """Raise `Changed` where anything differs from what was proposed, `NotPossible` where that cannot be told."""
        for key, (verdict, _) in self.proposal.seen["answers"].items():
            if key in sight.answers and sight.answers[key].verdict == "unknown" != verdict:
                told = sight.sentences[key]
                raise NotPossible(f"Not possible just now: {told}. Nothing was done, the proposal stays open.")
        changed = differences(self.proposal.seen, sight.now.parts(), sight.sentences)
        refuse_if_changed(changed, f"Changed since {self.by.name} proposed it")
        if stray := [key for key in sight.failing if key not in self.proposal.overridden]:
            raise NotPossible(f"Not possible: {sight.sentences[stray[0]]}. Nothing was done.")

    def begin(self, db: Db) -> None:
        """Approve it, in the transaction that carries it out or begins to."""
        trusted = self.names_trusted or None
        if not proposals.end(db, self.proposal, self.approver, "approve", note=self.note, names_trusted=trusted):
            raise Refused(f"#{self.item_id} moved meanwhile. Nothing was done.")


@dataclass(frozen=True, slots=True)
class Proposing:
    """Records what waits for a second person, and has it carried out once approved."""

    execution: Execution

    def decide(self, decision: Decision) -> Resolution:
        """Carry a decision out, or propose it where it needs a second person (raises `WaitsForApproval`)."""
        if decision.overriding and not decision.option.override:
            raise NotPossible(f"Option {decision.option.key} is never decided against its checks. Nothing was done.")
        if not (decision.option.approvals or decision.overriding):
            return self.execution.carry_out(decision)
        item = self._proposed(decision)
        assert item.hold_until is not None
        raise WaitsForApproval(
            f"#{item.id} waits for a second person until {item.hold_until:%Y-%m-%d %H:%M} UTC: "
            f"somebody else than {decision.by.name} says `mrq approve {item.id}`, or `mrq deny {item.id} -m WHY`.",
            item_id=item.id,
            until=item.hold_until,
        )

    def _proposed(self, decision: Decision) -> Item:
        outside = self.execution.ask_outside(decision.item_type, decision.item_id)
        try:
            with self.execution.database.transaction() as db:
                _, sight = self.execution.locked(db, decision, outside)
                if decision.overriding and not sight.failing:
                    raise Refused("There is nothing to override: every required check passes. Nothing was done.")
                found = self._record(db, decision, sight)
                self.execution.step("before_propose_commit")
        except Unreachable as lost:
            found = self._landed(decision, lost)
        return found

    def _record(self, db: Db, decision: Decision, sight: Sight) -> Item:
        found = proposals.propose(
            db,
            decision.item_id,
            decision.by,
            decision.option.key,
            decision.values_json,
            decision.justification,
            decision.source,
            sight.kept,
            timedelta(minutes=self.execution.settings.approval_minutes),
        )
        if found is None:
            raise Refused(f"#{decision.item_id} moved meanwhile. Nothing was done.")
        return found

    def _landed(self, decision: Decision, lost: Unreachable) -> Item:
        """The connection broke: was the proposal recorded? Waits for the row, so that a commit under way has ended."""
        with self.execution.database.transaction() as db:
            item, found = items.lock(db, decision.item_id), proposals.of_item(db, decision.item_id)
        if (
            item
            and item.held == "approval"
            and (found[-1].proposer, found[-1].justification, found[-1].option)
            == (
                decision.by.name,
                decision.justification,
                decision.option.key,
            )
        ):
            return item
        raise Unreachable(f"{lost} Nothing was done.")

    # -------------------------------------------------------------- the second person

    def waiting(self) -> list[Waiting]:
        """What waits for a second person, the first to lapse first."""
        with self.execution.database.transaction() as db:
            found = proposals.open_ones(db)
            held = {item.id: item for item in items.several(db, [one.item_id for one in found])}
        return [Waiting(held[one.item_id], one) for one in found if one.item_id in held]

    def approve(
        self, item_id: int, by: Actor, note: str | None, proposal: int | None, version: int | None = None
    ) -> Resolution:
        """Carry the open proposal out.

        A world that changed since ends it instead, and raises `Changed`; so does a rule of the database, and raises
        `NotPossible`.
        """
        item, found = self._open(item_id, by, proposal)
        ended = f"The proposal has ended, the item is {found.proposer}'s again."
        try:
            return self.execution.carry_out(self._approved(item, found, by, note, version))
        except Changed as error:
            self._end(found, by, "void", changed="; ".join(error.differences))
            raise Changed(f"{error} {ended}", differences=error.differences) from None
        except NotPossible as error:
            if not error.for_good:
                raise
            self._end(found, by, "void", changed=str(error))
            raise NotPossible(f"{error} {ended}", for_good=True) from None

    def _approved(self, item: Item, proposal: Proposal, by: Actor, note: str | None, version: int | None) -> Approved:
        option = self.execution.registry.of(item.item_type).option_named(proposal.option)
        return Approved(
            item_id=item.id,
            item_type=item.item_type,
            option=option,
            values=asked(option, proposal.values),
            justification=proposal.justification,
            by=Actor(proposal.proposer, "person", by.via),  # in the proposer's name, the approver's way
            seen=None,
            source=proposal.source,
            overriding=bool(proposal.overridden),
            approved_by=by.name,
            proposal=proposal,
            approver=by,
            names_trusted=self.execution.settings.trust_as,
            note=note,
            version=version,
        )

    def deny(self, item_id: int, by: Actor, reason: str) -> Item:
        """End the open proposal; whoever made it takes it back so."""
        _, found = self._open(item_id, by, None)
        return self._end(found, by, "deny", justification=reason) or self._closed(item_id, found)

    def _open(self, item_id: int, by: Actor, wanted: int | None) -> tuple[Item, Proposal]:
        if by.kind != "person":
            raise Refused(f"A proposal is a person's to approve or deny, not a {by.kind}'s.")
        item = self.execution.get(item_id)
        with self.execution.database.connection() as db:
            found = next((one for one in proposals.of_item(db, item_id) if one.state == "open"), None)
            if found is None:
                raise not_open(db, item)
        if wanted not in (None, found.id):
            raise Refused(f"#{item_id} has another proposal by now, {found.id}: look at it first. Nothing was done.")
        return item, found

    def _end(self, proposal: Proposal, by: Actor, verb: str, **note: Any) -> Item | None:
        with self.execution.database.connection() as db:
            return proposals.end(db, proposal, by, verb, **note)

    def _closed(self, item_id: int, proposal: Proposal) -> Item:
        with self.execution.database.connection() as db:
            raise not_open(db, self.execution.get(item_id), proposal.id)


def refuse_unless_open(db: Db, item: Item, proposal: Proposal) -> None:
    """Raise what ended a proposal, its item's row locked."""
    now = next(one for one in proposals.of_item(db, item.id) if one.id == proposal.id)
    if now.state != "open" or now.expires_at <= item.read_at or item.held != "approval":
        raise not_open(db, item, proposal.id)


def not_open(db: Db, item: Item, proposal: int | None = None) -> Refused:
    """Why there is nothing to approve or deny."""
    found = [one for one in proposals.of_item(db, item.id) if proposal in (None, one.id)]
    if item.status == "resolved":
        refuse_unless_free(item, Actor(""))
    if not found:
        return Refused(f"#{item.id} has no proposal: nothing waits for a second person.")
    told = ended_text(found[-1].state, found[-1].ended_by)
    return Refused(f"#{item.id}: the proposal of {found[-1].proposer} {told}. Nothing was done.")


def ended_text(state: str, by: str | None) -> str:
    """`was denied by bob@example.com`, `was not approved in time`, `ended, because …`."""
    told: Mapping[str, str] = {
        "approved": f"was approved by {by} already",
        "denied": f"was denied by {by}",
        "void": "has ended: the item changed or was moved, or the database refused it",
    }
    return told.get(state, "was not approved in time")


def refuse_unless_another(db: Db, proposal: Proposal, by: Actor, names_trusted: bool) -> None:
    """Raise `Refused` where the approver is the proposer: by name, or by the system user behind both names."""
    if proposals.is_another(db, proposal, by, names_trusted):
        return
    if proposal.proposer.strip().lower() == by.name.strip().lower():
        raise Refused(f"You proposed #{proposal.item_id} yourself: another person must approve it.")
    raise Refused(
        f"#{proposal.item_id} was proposed by {proposal.proposer} from {speaker(proposal.via)}, and you speak from "
        f"{speaker(by.via)}: that may be one person. Approve it from an account of your own (see MRQ_TRUST_AS)."
    )

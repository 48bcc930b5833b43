"""Proposals as plain lines: what was proposed, by whom, why, what it would touch, and what came of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from manual_resolution.cli.lines import Lines, labelled, styled, table
from manual_resolution.inert import inert
from manual_resolution.worded import instant_text

if TYPE_CHECKING:
    from manual_resolution.proposing import Waiting
    from manual_resolution.store.proposals import Proposal

APPROVALS: Final = ("#", "priority", "type", "resource", "option", "proposed by", "until", "because")


def proposal_lines(proposals: Sequence["Proposal"]) -> Lines:
    """The latest proposal, while it is open or where it ended without being carried out."""
    if not proposals or proposals[-1].state == "approved":
        return []
    last = proposals[-1]
    lines = labelled("Proposed: ", inert(proposed_text(last)))
    if last.state != "open":
        return lines + labelled("  - ", inert(ended_text(last)))
    lines += [line for touch in last.plan for line in labelled("  - would touch: ", inert(touch))]
    overridden = [last.checks[key]["sentence"] for key in last.overridden]
    lines += [line for check in overridden for line in labelled("  - overrides a check: ", inert(check))]
    until, number = instant_text(last.expires_at), last.item_id
    return [*lines, f"  - waits for a second person until {until}: mrq approve {number}, or mrq deny {number} -m WHY"]


def proposed_text(proposal: "Proposal") -> str:
    """`pay amount 5 by alice@example.com, because "…"`."""
    values = " ".join(f"{name} {value}" for name, value in proposal.values.items())
    asked = f"{proposal.option} {values}".rstrip()
    return f'{asked} by {proposal.proposer}, because "{proposal.justification}"'


def ended_text(proposal: "Proposal") -> str:
    """`denied by bob@example.com, because "…"`; how else it ended without being carried out."""
    why = proposal.ended_why
    match proposal.state:
        case "denied" if proposal.ended_by == proposal.proposer:
            return f'taken back, because "{why}"'
        case "denied":
            return f'denied by {proposal.ended_by}, because "{why}"'
        case "expired":
            return f"not approved in time, by {instant_text(proposal.expires_at)}"
        case "approved":
            return f"approved by {proposal.ended_by}"
    return f"ended when {proposal.ended_by} was to approve it: {why}" if why else f"ended: moved by {proposal.ended_by}"


def approval_lines(waiting: Sequence["Waiting"]) -> Lines:
    """A line for each proposal, under the columns' names."""
    head, *lines = table([APPROVALS, *map(approval_row, waiting)])
    return [styled(head, "1"), *lines]


def approval_row(waiting: "Waiting") -> Sequence[str]:
    """A proposal's cells."""
    item, one = waiting.item, waiting.proposal
    values = " ".join(f"{name} {value}" for name, value in one.values.items())
    option = f"{one.option} {values}".rstrip() + (" (overrides)" if one.overridden else "")
    until = instant_text(one.expires_at)
    return (
        str(item.id), item.priority, item.item_type, item.resource, option, one.proposer, until, one.justification
    )  # fmt: skip

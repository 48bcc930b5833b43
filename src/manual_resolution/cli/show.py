"""An item, its case, its history and lists of items as plain lines, for a terminal and for a screen reader.

Every text that producers or operators wrote is made inert here. No meaning by colour or by a sign alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from manual_resolution.cli.lines import (
    Lines,
    fits,
    labelled,
    styled,
    table,
    under,
)
from manual_resolution.cli.proposed import proposal_lines
from manual_resolution.inert import clip, inert, inert_json
from manual_resolution.worded import age_text, instant_text, span_text

if TYPE_CHECKING:
    from manual_resolution.answers import Answer
    from manual_resolution.case import Case, Offer
    from manual_resolution.item import Item
    from manual_resolution.masking import Mask
    from manual_resolution.store.attempts import Attempt
    from manual_resolution.workflow import Workflow

BRIEF: Final = 300  # columns of one value where the context is shown in short
COLUMNS: Final = ("#", "priority", "status", "type", "resource", "due", "age", "owner", "notes")
ASIDE: Final = 6  # the columns from here on stand below the line where a terminal is narrow

HELD: Final = {
    "attempt": "an attempt is being made",
    "batch": "part of a batch",
}


# ------------------------------------------------------------------ one item


def due_text(item: "Item") -> str:
    """`due in 1 h 52 min`, `overdue by 13 h`; for a resolved item in or past its time."""
    if item.status == "resolved":
        in_time = item.resolved_at is not None and item.resolved_at <= item.sla_deadline
        return "resolved in time" if in_time else "resolved late"
    return f"overdue by {span_text(-item.due_in)}" if item.is_overdue else f"due in {span_text(item.due_in)}"


def value_text(value: Any) -> str:
    """A context value in one line."""
    return inert(value) if isinstance(value, str) else inert_json(value)


def heading(item: "Item") -> Lines:
    """The specification's first lines: number, priority, age, type, resource, reason."""
    return [
        f"Queue Item #{item.id} ({item.priority.upper()} priority, age: {age_text(item.age)})",
        f"Type: {inert(item.item_type)}",
        *labelled("Resource: ", item.resource),
        *labelled("Reason: ", item.reason),
    ]


def context_lines(workflow: "Workflow", item: "Item") -> Lines:
    """`  - PDF URL: …`: the context worth showing first, each value in short."""
    return [
        line
        for label, value in brief(workflow, item)
        for line in labelled("  - ", f"{inert(label)}: {clip(value_text(value), BRIEF)}")
    ]


def brief(workflow: "Workflow", item: "Item") -> list[tuple[str, object]]:
    """The workflow's own choice of context; all of it where values are not what the workflow shortens."""
    with suppress(Exception):  # the context is accepted as it came, of whatever kind (design, Adding)
        return workflow.brief(item)
    return list((item.context or {}).items())


def all_context_lines(item: "Item") -> Lines:
    """Everything recorded at failure, uncut."""
    if not item.context:
        return ["No context was recorded."]
    texts = {key: value if isinstance(value, str) else inert_json(value) for key, value in item.context.items()}
    return [line for key, text in texts.items() for line in labelled(f"  - {inert(key)}: ", text)]


def fact_lines(item: "Item") -> Lines:
    """What is so beside the status: owner, lease, deferral, escalation, repeats."""
    return [line for line in _facts(item) if line]


def _facts(item: "Item") -> Iterator[str]:
    yield f"Status: {item.status}, {due_text(item)} ({instant_text(item.sla_deadline)})"
    if item.assigned_to and item.status != "resolved":
        lease = f", lease until {instant_text(item.lease_until)}" if item.lease_until else ""
        yield f"Owner: {inert(item.assigned_to)}{lease}"
    if item.held:
        yield f"Held: {held_text(item)}"
    if item.escalation_level or item.escalated_to:
        yield f"Escalated: {escalated_text(item)}"
    if item.position_by:
        until = f" until {instant_text(item.position_until)}" if item.position_until else ""
        yield f"Placed by hand: by {inert(item.position_by)}{until}: {inert(item.position_reason or '')}"
    if item.occurrences > 1:
        last = age_text(item.read_at - item.last_occurred_at)
        yield f"Occurrences: {item.occurrences:,}, the last {last} ago"
    if item.declined_by:
        yield f"Not served again to: {inert(', '.join(item.declined_by))}"
    if item.reopened_from:
        yield f"Reopened from: #{item.reopened_from}"
    if item.succeeded_at and item.status != "resolved":
        yield f"Withdrawn by its producer at {instant_text(item.succeeded_at)}: it has succeeded meanwhile"
    if item.status == "resolved":
        yield f"Resolved: {resolved_text(item)}"


def held_text(item: "Item") -> str:
    """Why an open item is not served."""
    if item.held == "deferred" and item.deferred_until:
        return f"deferred until {instant_text(item.deferred_until)}"
    if item.held == "approval" and item.hold_until:
        return f"waits for a second person until {instant_text(item.hold_until)}"
    if item.held == "attempt" and item.status != "assigned":
        return f"outcome unknown, settle it with mrq confirm {item.id}"
    return HELD.get(item.held or "", "")


def escalated_text(item: "Item") -> str:
    """`to engineering, level 2`."""
    parts = [
        f"to {item.escalated_to}" if item.escalated_to else "",
        f"level {item.escalation_level}" if item.escalation_level else "",
    ]
    return ", ".join(part for part in parts if part)


def resolved_text(item: "Item") -> str:
    """By whom, when, how and why."""
    told = item.resolution_metadata or {}
    who = told.get("decided_by") or ("SQL" if item.status == "resolved" else item.assigned_to)
    why = f', because "{inert(str(told["justification"]))}"' if told.get("justification") else ""
    why += f", approved by {inert(str(told['approved_by']))}" if told.get("approved_by") else ""
    why += f", against the checks {inert(', '.join(told['overridden']))}" if told.get("overridden") else ""
    why += f"; {inert(str(told['confirmation']))}" if told.get("confirmation") else ""
    when = instant_text(item.resolved_at) if item.resolved_at else "an unknown time"
    return f'by {inert(str(who))} at {when}: "{inert(item.resolution or "")}"{why}'


def hidden_lines(mask: "Mask", how: str) -> Lines:
    """What is hidden here, and how to see it."""
    return labelled("Hidden: ", f"{', '.join(mask.labels)}. {how} shows it, and is recorded.") if mask.labels else []


def flag_lines(case: "Case") -> Lines:
    """What makes an item harder to decide: a type nobody taught MRQ, context that lacks something."""
    lines = []
    if not case.known:
        lines.append("Note: nothing is known about this item type; it has the generic options only.")
    if case.missing:
        lines.append(f"Note: the context lacks {inert(', '.join(case.missing))}.")
    if case.item.succeeded_at and case.item.status != "resolved":
        lines.append("Note: its producer says that it has succeeded meanwhile.")
    return lines


# ------------------------------------------------------------------ a case


def case_lines(case: "Case") -> Lines:
    """Everything a person sees before deciding, in the specification's order."""
    return [
        *heading(case.item),
        *under("Context:", context_lines(case.workflow, case.item)),
        *decision_lines(case),
    ]


def item_lines(case: "Case", *, all_context: bool = False) -> Lines:
    """The same for a single command, with the facts beside the status and the options' keys."""
    return [*plain_lines(case.workflow, case.item, all_context=all_context), *decision_lines(case, keys=True)]


def plain_lines(workflow: "Workflow", item: "Item", *, all_context: bool = False) -> Lines:
    """An item as it is stored; nothing is asked."""
    context = all_context_lines(item) if all_context else context_lines(workflow, item)
    return [*heading(item), *fact_lines(item), *under("Context:", context)]


def decision_lines(case: "Case", *, keys: bool = False) -> Lines:
    """Flags, attempts, checks, recommendation and the menu."""
    return [
        *flag_lines(case),
        *attempt_lines(case.attempts),
        *proposal_lines(case.proposals),
        *under("Checks, just now:", check_lines(case)),
        *recommended_lines(case),
        "",
        "Resolution options:",
        *option_lines(case, keys=keys),
    ]


def check_lines(case: "Case") -> Lines:
    """`  ✓ …` for what is so, `  ✗ …` for what is not, `  ? …` for what is not known; in words too."""
    return [
        line
        for key, answer in case.answers.items()
        for line in labelled("  ", check_text(case.workflow.checks[key].title, answer))
    ]


def check_text(title: str, answer: "Answer") -> str:
    """One check's answer, whose words alone say whether it is so."""
    sentence = inert(answer.sentence)
    if answer.verdict == "pass":
        return f"✓ {sentence}"
    told = sentence if sentence.startswith(title) else f"{title}: {sentence}"
    return f"✗ {told}" if answer.verdict == "fail" else f"? Not known: {told}"


def recommended_lines(case: "Case") -> Lines:
    """`Recommended: 1. The error was a 503 …`, and what the workflow asks a person to consider."""
    lines = []
    if chosen := case.recommendation:
        place = [offer.option.key for offer in case.offers].index(chosen.option) + 1
        lines += labelled(f"Recommended: {place}. ", inert(chosen.sentence))
    return lines + [line for advice in case.workflow.advice for line in labelled("Consider: ", inert(advice))]


def option_lines(case: "Case", *, keys: bool = False) -> Lines:
    """`  1. Retry deletion now`, and why it is not possible where it is not; `keys` adds each key."""
    return [line for n, offer in enumerate(case.offers, 1) for line in labelled(f"  {n}. ", menu_text(offer, keys))]


def menu_text(offer: "Offer", keys: bool) -> str:
    """One line of the menu behind its digit."""
    key = f" ({offer.option.key})" if keys else ""
    because = f"     not possible: {offer.because}" if offer.because else ""
    two = "     a second person approves" if offer.option.approvals else ""
    return inert(f"{offer.option.label}{key}{because or two}")


def attempt_lines(attempts: Iterable["Attempt"]) -> Lines:
    """`Attempt 1: retry by demo@example.com, failed: …`."""
    return [line for one in attempts for line in labelled(f"Attempt {one.n}: ", inert(attempt_text(one)))]


def attempt_text(attempt: "Attempt") -> str:
    """Which option, by whom, and what it came to."""
    outcome = f": {attempt.outcome}" if attempt.outcome else ""
    approved = f", approved by {attempt.approved_by}" if attempt.approved_by else ""
    return f"{attempt.option} by {attempt.actor}{approved}, {attempt.state.replace('_', ' ')}{outcome}"


# ------------------------------------------------------------------ a list


def list_lines(items: Sequence["Item"]) -> Lines:
    """A line for each item in the order given, under the columns' names; two on a narrow terminal."""
    rows = [COLUMNS, *map(item_row, items)]
    folded = not fits(rows)
    head, *lines = table([row[:ASIDE] for row in rows] if folded else rows)
    told = [styled(head, "1")]
    for line, row, item in zip(lines, rows[1:], items, strict=True):
        told.append(styled(line, style_of(item)))
        told += labelled("     ", aside(row)) if folded else []
    return told


def aside(row: Sequence[str]) -> str:
    """What a narrow terminal shows of an item below its line."""
    age, owner, notes = row[ASIDE:]
    return inert(f"age {age}, owner {owner}" + (f", {notes}" if notes else ""))


def item_row(item: "Item") -> Sequence[str]:
    """An item's cells; an empty one is said in words, for ears."""
    owner = item.assigned_to if item.status in ("assigned", "resolved") else None
    return (
        str(item.id),
        item.priority,
        item.status,
        item.item_type,
        item.resource,
        due_text(item),
        age_text(item.age),
        owner or "nobody",
        notes_text(item),
    )


def style_of(item: "Item") -> str:
    """Overdue items are red, critical ones bold; both stand in words beside it."""
    return ";".join(style for style, fits in (("1", item.priority == "critical"), ("31", item.is_overdue)) if fits)


def notes_text(item: "Item") -> str:
    """Why it is not served, to whom it was passed, how often it happened."""
    repeated = f"{item.occurrences:,} times" if item.occurrences > 1 else ""
    succeeded = "has succeeded meanwhile" if item.succeeded_at and item.status != "resolved" else ""
    placed = f"placed by {item.position_by}" if item.position_by else ""
    return ", ".join(part for part in (held_text(item), escalated_text(item), placed, succeeded, repeated) if part)

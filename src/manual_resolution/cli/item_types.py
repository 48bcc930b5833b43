"""The known item types as plain lines."""

from typing import TYPE_CHECKING, Any

from manual_resolution.cli.lines import Lines
from manual_resolution.documents import names_of
from manual_resolution.values import context_fields, label_of

if TYPE_CHECKING:
    from manual_resolution.registry import Registry
    from manual_resolution.workflow import Workflow


def type_lines(registry: "Registry") -> Lines:
    """Each known item type with its options in menu order and what it checks."""
    known = sorted(registry, key=lambda workflow: workflow.item_type)
    return [line for workflow in known for line in workflow_lines(workflow)]


def workflow_lines(workflow: "Workflow") -> Lines:
    """One item type."""
    context = ", ".join(label_of(one) for one in context_fields(workflow.context))
    return [
        workflow.item_type,
        *(
            f"  option {one.key}: {one.label}{values_text(one.values)}{', two persons' if one.approvals else ''}"
            for one in workflow.options.values()
        ),
        *(f"  check {check.key}: {check.title}" for check in workflow.checks.values()),
        *([f"  context: {context}"] if context else []),
    ]


def values_text(values: type[Any] | None) -> str:
    """What an option asks for: ` (--set user=…)`."""
    names = " ".join(f"--set {name}=…" for name in names_of(values))
    return f" ({names})" if names else ""

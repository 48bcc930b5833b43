"""The fields of a workflow's dataclasses, labelled and read by type: what its context holds, what its options ask."""

from collections.abc import Callable
from dataclasses import MISSING, Field, field, fields
from datetime import date
from typing import Any

from manual_resolution.errors import InvalidInput


def shown(
    label: str,
    *,
    brief: Callable[[Any], object] | None = None,
    default: Any = MISSING,
    personal: bool = False,
    secret: bool = False,
) -> Any:
    """A dataclass field with its label; `brief` shortens its value where space is short.

    In a context, `personal` hides the value from view until somebody says why they must see it, and `secret` for ever
    (docs/extend/reference).
    """
    metadata = {"label": label, "brief": brief, "personal": personal and not secret, "secret": secret}
    return field(default=default, metadata=metadata)


def choice(label: str, *choices: str, default: Any = MISSING) -> Any:
    """A dataclass field for a value to choose from a list."""
    return field(default=default, metadata={"label": label, "choices": choices})


def label_of(one: Field[Any]) -> str:
    """A field's label; made from its name where none was given."""
    return str(one.metadata.get("label") or one.name.replace("_", " ").capitalize())


def is_required(one: Field[Any]) -> bool:
    """Whether a field has no default."""
    return one.default is MISSING and one.default_factory is MISSING


def context_fields(kind: type[Any] | None) -> tuple[Field[Any], ...]:
    """The fields of a context dataclass, none for none."""
    return fields(kind) if kind is not None else ()


def read_value(one: Field[Any], value: Any) -> Any:
    """One value, read by its field's type: int, date, choice or text."""
    kind = one.type if isinstance(one.type, str) else getattr(one.type, "__name__", "")
    text = str(value).strip()
    if choices := one.metadata.get("choices"):
        if text not in choices:
            raise InvalidInput(one.name, value, f"one of {', '.join(choices)}")
        return text
    if kind == "int":
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise InvalidInput(one.name, value, "a whole number")
        return int(text)
    if kind == "date":
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise InvalidInput(one.name, value, "a date such as 2026-12-31") from None
    if not text or len(text) > 1000 or "\0" in text:
        raise InvalidInput(one.name, value, "some text, at most 1000 characters")
    return text

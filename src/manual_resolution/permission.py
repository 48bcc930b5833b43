"""Who may do what: five roles, each for every item type or for one, and which of them each move needs.

Pure. `Queue` and `People` ask it in one place each, whoever calls (design, People).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from manual_resolution.errors import Forbidden, InvalidInput

Role = Literal["viewer", "operator", "approver", "admin", "service"]

ROLES: Final[tuple[Role, ...]] = ("viewer", "operator", "approver", "admin", "service")

_ANYBODY: Final = frozenset(ROLES)
_OPERATORS: Final = frozenset[Role]({"operator", "approver"})
_APPROVERS: Final = frozenset[Role]({"approver"})
_ADMINS: Final = frozenset[Role]({"admin"})
_SERVICES: Final = frozenset[Role]({"service"})

#: Which roles may make which move; a move that is not here nobody with roles may make. An admin looks after people,
#: and holds no operator's right by that.
MOVES: Final[dict[str, frozenset[Role]]] = {
    "read": _ANYBODY,
    **dict.fromkeys(("claim", "extend", "release", "decline", "hand_over", "take_over"), _OPERATORS),
    **dict.fromkeys(("defer", "escalate", "set_priority", "place", "note", "amend", "reveal", "reopen"), _OPERATORS),
    **dict.fromkeys(("resolve", "take_back", "probe"), _OPERATORS),
    **dict.fromkeys(("approve", "deny", "confirm"), _APPROVERS),
    **dict.fromkeys(("add", "withdraw"), _SERVICES),
    "report": _ANYBODY - {"service"},
    **dict.fromkeys(("people", "erase", "look_after"), _ADMINS),
}

#: About the queue as a whole: a role for one item type is none for these.
WHOLE: Final = frozenset({"report", "people", "erase", "look_after"})

#: What these roles reach are only the items they added themselves.
OWN_ONLY: Final = _SERVICES


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A role, for every item type or for one: `operator`, `operator:blacklist_disputed`."""

    role: Role
    item_type: str | None = None

    def __str__(self) -> str:
        return self.role if self.item_type is None else f"{self.role}:{self.item_type}"

    @classmethod
    def of(cls, text: str, parameter: str = "role") -> "Grant":
        """Read one; raises `InvalidInput`."""
        name, colon, item_type = text.partition(":")
        role = next((one for one in ROLES if one == name), None)
        right = not colon or (role != "admin" and re.fullmatch(r"[a-z][a-z0-9_]{0,49}", item_type))
        if role is None or not right:
            allowed = f"one of {', '.join(ROLES)}; each but admin may be limited, as operator:blacklist_disputed is"
            raise InvalidInput(parameter, text, allowed)
        return cls(role, item_type or None)


@dataclass(frozen=True, slots=True)
class Reach:
    """The items a move may be made on: all of the `types`, and those of `own` that one added; None is any type."""

    types: frozenset[str] | None
    own: frozenset[str] | None

    def __post_init__(self) -> None:
        if self.types is None:  # what one added oneself is among all
            object.__setattr__(self, "own", frozenset())
        elif self.own is not None:
            object.__setattr__(self, "own", self.own - self.types)

    @property
    def is_all(self) -> bool:
        """Whether it is every item."""
        return self.types is None

    @property
    def is_none(self) -> bool:
        """Whether it is no item at all."""
        return self.types == self.own == frozenset()

    def holds(self, item_type: str, is_own: bool = False) -> bool:
        """Whether an item of this type, added by oneself or not, is among them."""
        return has(self.types, item_type) or (is_own and has(self.own, item_type))

    def __and__(self, other: "Reach") -> "Reach":
        own = union(both(self.own, other.types), both(self.types, other.own), both(self.own, other.own))
        return Reach(both(self.types, other.types), own)


@dataclass(frozen=True, slots=True)
class Grants:
    """What somebody may do: `held`, and no more than `within` where that is given (a token within its person's)."""

    held: frozenset[Grant] = frozenset()
    within: "Grants | None" = None

    @classmethod
    def of(cls, *texts: str, within: "Grants | None" = None) -> "Grants":
        """`Grants.of("viewer", "operator:quiz_orphaned")`; raises `InvalidInput`."""
        return cls(frozenset(map(Grant.of, texts)), within)

    def reach(self, move: str) -> Reach:
        """The items it may be made on."""
        roles = MOVES.get(move, frozenset())
        fitting = [grant for grant in self.held if grant.role in roles]
        found = Reach(
            types_of(grant for grant in fitting if grant.role not in OWN_ONLY),
            types_of(grant for grant in fitting if grant.role in OWN_ONLY),
        )
        if move in WHOLE and not found.is_all:
            found = Reach(frozenset(), frozenset())
        return found & self.within.reach(move) if self.within else found

    def types(self, move: str) -> frozenset[str] | None:
        """The item types it may be made on whoever added the item; None for every type."""
        return self.reach(move).types

    def allows(self, move: str, item_type: str | None = None, *, is_own: bool = False) -> bool:
        """Whether it may be made: on an item of this type, or (None) on any item at all."""
        reach = self.reach(move)
        return not reach.is_none if item_type is None else reach.holds(item_type, is_own)

    def texts(self) -> list[str]:
        """The roles as they are written, sorted as the roles are."""
        return [str(grant) for grant in sorted(self.held, key=lambda one: (ROLES.index(one.role), one.item_type or ""))]


def forbidden(name: str, move: str, grants: Grants, item_type: str | None = None) -> Forbidden:
    """Why somebody may not: which role it needs, and which they have."""
    needed = " or ".join(role for role in ROLES if role in MOVES.get(move, ())) or "nobody has"
    on = f" for {item_type}" if item_type and not grants.reach(move).is_none else ""
    has = ", ".join(grants.texts()) or "no role"
    told = "look after people" if move == "people" else move.replace("_", " ")
    return Forbidden(f"{name} may not {told}: that needs the role {needed}{on}; {name} has {has}.")


def types_of(grants: Iterable[Grant]) -> frozenset[str] | None:
    """The item types of some grants; None where one of them is for every type."""
    found = {grant.item_type for grant in grants}
    return None if None in found else frozenset(one for one in found if one is not None)


def has(types: frozenset[str] | None, item_type: str) -> bool:
    """Whether a type is among these; None is every type."""
    return types is None or item_type in types


def both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """What is in both."""
    if one is None:
        return other
    return one if other is None else one & other


def union(*parts: frozenset[str] | None) -> frozenset[str] | None:
    """What is in any."""
    known = [part for part in parts if part is not None]
    return None if len(known) < len(parts) else frozenset().union(*known)

"""`resolves_manually`: what fails inside goes before a person, and the script goes on (design, Adding)."""

import inspect
import sys
from collections.abc import Callable, Coroutine, Generator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import wraps
from operator import index
from os.path import basename
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar, overload
from uuid import uuid4

from manual_resolution import producing
from manual_resolution.clipping import clipped, clipped_text, message_of
from manual_resolution.errors import InvalidInput, InvalidType, MRQError, NotKept
from manual_resolution.intake import MAX_BIGINT, MAX_PROSE_BYTES, Intake, intake
from manual_resolution.item import Added
from manual_resolution.priority import Priority

P = ParamSpec("P")
R = TypeVar("R")

Told = int | str | None
NOT_A_NAME: Final = "(unknown)"


class resolves_manually:  # read as a word: `with resolves_manually(…):`
    """Decorator and context manager, for plain and async code: an exception inside becomes an item.

    It is swallowed once it is kept, in the queue or in the spool, so that a script goes on with the next; a decorated
    function then returns None. `reraise=True` lets it go on. Where neither queue nor spool took it, it always goes on.
    Nothing else is ever raised from here, and what is not an `Exception` (Ctrl-C, SystemExit, a cancelled task) passes.

    `resource_id` and `resource_key` are values, or callables that get the function's arguments (none in a `with`);
    what is no number becomes the key. `context` likewise: a mapping, read when it has failed; without one a function's
    arguments are the context. Any object in it is kept, clipped with a mark where it must be; secrets among arguments,
    by their names, and passwords in addresses are hidden. `last_error` and `raised_at` are added. The reason is the
    exception's text unless given. `on` narrows which exceptions are caught.

    `added` and `error` tell afterwards what a `with` came to. Raises `InvalidInput` or `InvalidType` for wrong
    parameters when it is written down, not when something fails.
    """

    added: Added | None = None
    error: BaseException | None = None

    def __init__(
        self,
        item_type: str,
        *,
        resource_type: str,
        priority: Priority,
        resource_id: Told | Callable[..., Told] = None,
        resource_key: str | Callable[..., str] | None = None,
        reason: str | None = None,
        context: Mapping[str, Any] | Callable[..., Mapping[str, Any]] | None = None,
        sla_hours: float | Decimal | None = None,
        dedup_key: str | None = None,
        producer: str | None = None,
        on: type[Exception] | tuple[type[Exception], ...] = Exception,
        reraise: bool = False,
    ) -> None:
        if resource_id is None and resource_key is None:
            raise InvalidInput("resource_id", None, "resource_id or resource_key must be given")
        for kind in on if isinstance(on, tuple) else (on,):
            if not issubclass(kind, Exception):
                raise InvalidType("on", kind, "an exception class, or a tuple of them, below Exception")
        self._facts: dict[str, Any] = {
            "item_type": item_type,
            "resource_type": resource_type,
            "priority": priority,
            "sla_hours": sla_hours,
            "dedup_key": dedup_key,
            "producer": producer or producing.named(),
        }
        intake(**self._facts, resource_id=1, reason=reason or "it failed")
        self._number, self._key, self._reason, self._context = resource_id, resource_key, reason, context
        self._on, self._reraise = on, reraise
        self._arguments: Callable[[], dict[str, Any]] | None = None
        self._called: tuple[tuple[Any, ...], Mapping[str, Any]] = ((), {})

    # -------------------------------------------------------------- as a context manager

    def __enter__(self) -> Self:
        self.added = self.error = None
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> bool:
        if error is None or not issubclass(type(error), self._on):
            return False
        return self._keep(error, trace) and not self._reraise

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> bool:
        if error is None or not issubclass(type(error), self._on):
            return False
        import asyncio

        try:
            kept = await asyncio.get_running_loop().run_in_executor(None, self._keep, error, trace)
        except RuntimeError:  # another library's loop, or one that is closing
            kept = self._keep(error, trace)
        return kept and not self._reraise

    # -------------------------------------------------------------- as a decorator

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R | None]]: ...
    @overload
    def __call__(self, function: Callable[P, R]) -> Callable[P, R | None]: ...
    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isasyncgenfunction(function):
            raise InvalidType("function", function, "a function, a coroutine function or a generator function")
        named = names_of(function)

        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def guarded(*args: Any, **kwargs: Any) -> Any:
                async with self._for_call(named, args, kwargs):
                    return await function(*args, **kwargs)

        elif inspect.isgeneratorfunction(function):

            @wraps(function)
            def guarded(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
                with self._for_call(named, args, kwargs):
                    return (yield from function(*args, **kwargs))

        else:

            @wraps(function)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                with self._for_call(named, args, kwargs):
                    return function(*args, **kwargs)

        return guarded

    def _for_call(self, named: "Named", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Self:
        """The same for one call: calls at once, and calls within calls, do not meet."""
        one = object.__new__(type(self))
        one.__dict__.update(self.__dict__)
        one._called, one._arguments = (args, kwargs), lambda: named(args, kwargs)
        return one

    # -------------------------------------------------------------- when it has failed

    def _keep(self, error: BaseException, trace: TracebackType | None) -> bool:
        """Whether the failure is in the queue or in the spool now; never raises."""
        self.error = error
        try:
            self.added = added_or_spooled(self._described(error, trace))
        except NotKept:
            return False  # said already
        except Exception as trouble:  # noqa: BLE001  # whatever it is, the caller's own exception matters more
            say(f"{self._facts['item_type']} could not be kept: {message_of(trouble)}")
            return False
        return True

    def _described(self, error: BaseException, trace: TracebackType | None) -> Intake:
        text = clipped_text(message_of(error), MAX_PROSE_BYTES)
        number, key = self._resource()
        facts: dict[str, Any] = self._facts | {"resource_id": number, "resource_key": key, "add_id": uuid4()}
        context = self._told() | {"last_error": text, "raised_at": place_of(trace)}
        reason = self._reason or text
        try:
            return intake(**facts, reason=reason, context=context)
        except MRQError:  # with the last two it is too large
            pass
        try:
            return intake(**facts, reason=reason, context=clipped(context))
        except MRQError as refused:  # no text and no context is known that leads here: kept all the same
            return intake(**facts, reason="it failed", context={"clipped": clipped_text(str(refused), 500)})

    def _resource(self) -> tuple[int | None, str | None]:
        """The number, or else the key."""
        told = self._asked(self._number) if self._number is not None else None
        if (number := as_number(told)) is not None:
            return number, None
        key = told if told is not None else self._asked(self._key)
        if type(key) is Broken:
            return None, NOT_A_NAME
        text = clipped_text(str(clipped({"key": key})["key"]), 400)
        return None, "".join(char if char.isprintable() else "?" for char in text).strip() or NOT_A_NAME

    def _told(self) -> dict[str, Any]:
        """What the caller wants recorded: the context given, else the function's arguments."""
        if self._context is None:
            return clipped(self._arguments(), hide=True) if self._arguments else {}
        given = self._asked(self._context)
        found = given if type(given) in (dict, Broken) else self._asked(lambda *args, **kwargs: dict(given))
        return clipped({"context": f"(it could not be had: {found})"} if type(found) is Broken else found)

    def _asked(self, given: Any) -> Any:
        """A value, or what the callable says; `Broken` when that fails."""
        if not callable(given):
            return given
        try:
            args, kwargs = self._called
            return given(*args, **kwargs)
        except KeyboardInterrupt:
            raise
        except BaseException as trouble:  # noqa: BLE001  # the failure must not be lost over it
            return Broken(message_of(trouble))


class Broken(str):
    """Stands for a value whose callable failed; its text says how."""

    __slots__ = ()


Named = Callable[[tuple[Any, ...], Mapping[str, Any]], dict[str, Any]]


def names_of(function: Callable[..., Any]) -> Named:
    """How the arguments of a call are named; `self` and `cls` are left out."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return lambda args, kwargs: {"args": args, **kwargs}

    def named(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        try:
            found = signature.bind_partial(*args, **kwargs).arguments
        except TypeError:  # the call itself was wrong, which is what failed
            return {"args": args, **kwargs}
        return {name: value for name, value in found.items() if name not in ("self", "cls")}

    return named


def as_number(told: Any) -> int | None:
    """A resource's number, from an integer of whatever kind or from digits; None when it is none."""
    try:
        if isinstance(told, str):
            number = int(told) if told.isascii() and told.isdecimal() and not told.startswith("0") else 0
        else:
            number = 0 if isinstance(told, bool) else index(told)
    except Exception:  # noqa: BLE001  # no number then
        return None
    return number if 1 <= number <= MAX_BIGINT else None


def place_of(trace: TracebackType | None) -> str:
    """`cleanup.py:88 in delete_pdf`: the line that raised."""
    if trace is None:
        return "(unknown)"
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return f"{basename(code.co_filename)}:{trace.tb_lineno} in {code.co_name}"


def added_or_spooled(failure: Intake) -> Added:
    """Add it; whatever the queue answers, if not that it has it, puts it into the spool. Raises `NotKept`."""
    try:
        return producing.tell(failure)
    except NotKept:
        raise
    except Exception as lost:  # noqa: BLE001  # a rule, a right, a wrong setting: it is kept all the same
        from manual_resolution import spooling

        spooling.keep([producing.dated(failure, uuid4(), datetime.now(UTC))], lost, None)
        return producing.SPOOLED


def say(sentence: str) -> None:
    """One line on stderr, where there is one."""
    from manual_resolution.inert import inert

    try:
        sys.stderr.write(f"MRQ: {inert(sentence)}\n")
    except (OSError, ValueError, AttributeError):
        return

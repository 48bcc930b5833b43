"""`mrq process`: the operator's session (specification, process_queue.py), one item claimed at a time."""

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from manual_resolution.cli.face import exits, open_queue, speaker
from manual_resolution.errors import (
    AlreadyResolved,
    Changed,
    Failed,
    InvalidInput,
    MRQError,
    OutcomeUnknown,
    OwnedByAnother,
    Refused,
)

if TYPE_CHECKING:
    from manual_resolution.case import Case, Offer
    from manual_resolution.item import Actor, Item
    from manual_resolution.queue import Queue
    from manual_resolution.store.items import Filter

KEYS = """Keys: a digit chooses · s skip · n note · p plan · h history · a all context · q quit · ? this help
Every decision asks why; an empty answer goes back to the menu and does nothing."""
RENEWALS = 4  # without an answer, so that a forgotten terminal does not keep an item for ever


class Leave(Exception):
    """The person quits, or their input ended."""


class Menu(Exception):
    """Back to the menu of the same item; nothing was done."""


@dataclass(slots=True)
class Tally:
    """What a session came to."""

    resolved: int = 0
    put_aside: int = 0
    failed: int = 0
    unknown: int = 0
    seconds: list[float] = field(default_factory=list)


class Lease:
    """Renews the claim while its prompt is open, by a thread with a connection of its own."""

    def __init__(self, queue: "Queue", item_id: int, who: "Actor") -> None:
        self.queue, self.item_id, self.who = queue, item_id, who
        self.left = RENEWALS
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.renew, name=f"lease of #{item_id}", daemon=True)

    def renew(self) -> None:
        period = self.queue.lease.total_seconds() / 2
        while not self.over.wait(period):
            if self.left > 0:
                self.left -= 1
                with suppress(MRQError):  # lost or unreachable: the next decision says so
                    self.queue.extend(self.item_id, self.who)

    def answered(self) -> None:
        """Somebody is there."""
        self.left = RENEWALS

    def __enter__(self) -> "Lease":
        self.thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.over.set()
        self.thread.join(timeout=5)


class Session:
    """One operator at one terminal: at most `limit` items, each shown, decided, carried out."""

    def __init__(
        self, queue: "Queue", who: "Actor", chosen: "Filter", teams: Sequence[str] | None, limit: int,
        read: Callable[[str], str] | None = None,
    ) -> None:
        self.queue, self.who, self.chosen, self.teams, self.limit = queue, who, chosen, teams, limit
        self.read = read or line
        self.tally = Tally()
        self.passed: list[int] = []
        self.lease: Lease | None = None
        self.typed = ""

    def run(self) -> Tally:
        """Serve items until the limit, the end of the queue, or `q`."""
        with suppress(Leave):
            for number in range(1, self.limit + 1):
                item = self.queue.next(self.who, chosen=self.chosen, teams=self.teams, skipped=self.passed)
                if item is None:
                    break
                self.passed.append(item.id)
                self.serve(item, number)
        return self.tally

    def serve(self, item: "Item", number: int) -> None:
        begun = monotonic()
        self.typed = ""
        try:
            with Lease(self.queue, item.id, self.who) as self.lease:
                self.decide(item.id, number)
            self.tally.seconds.append(monotonic() - begun)
        except Skipped:
            self.queue.release(item.id, self.who)
            say(f"#{item.id} skipped: it waits again.")
        except BaseException:
            self.give_back(item.id)
            raise

    def give_back(self, item_id: int) -> None:
        """Release what is still mine; what was resolved, passed on or is held as unknown is not."""
        with suppress(MRQError):
            self.queue.release(item_id, self.who)

    # -------------------------------------------------------------- one item

    def decide(self, item_id: int, number: int) -> None:
        case = self.show(item_id, number)
        while True:
            try:
                return self.answer(case)
            except Menu:
                continue
            except Again:
                case = self.show(item_id, number)

    def show(self, item_id: int, number: int) -> "Case":
        from manual_resolution.cli import show

        case = self.queue.examine(item_id)
        total = max(number, min(self.limit, number + self.waiting()))
        print(f"\n{number} of {total} · {show.due_text(case.item)}")
        for text in show.case_lines(case):
            print(text)
        print()
        return case

    def waiting(self) -> int:
        """How many more this session could serve, at most its limit."""
        return self.queue.count_served(self.who, chosen=self.chosen, teams=self.teams, skipped=self.passed, limit=self.limit)

    def answer(self, case: "Case") -> None:
        said = self.ask(f"Your choice [1-{len(case.offers)}]: ").strip()
        if said in self.keys:
            self.keys[said](self, case)
        elif said.isascii() and said.isdigit() and len(said) < 4 and 1 <= int(said) <= len(case.offers):
            self.choose(case, case.offers[int(said) - 1])
            return
        else:
            say(f"Please answer with a number from 1 to {len(case.offers)}, or ? for the keys.")
        raise Menu

    def choose(self, case: "Case", offer: "Offer") -> None:
        if offer.because:
            say(f"Not possible: {offer.because}. Nothing was done.")
            raise Menu
        values = self.values(case, offer)
        why = self.justification()
        print(f"\nAction: {offer.option.action or offer.option.label}...")
        sys.stdout.flush()
        try:
            ended = self.queue.resolve(case.item.id, offer.option.key, why, self.who, values=values,
                                       seen=case.seen(offer.option.key, None if values else offer.plan))
        except Failed as error:
            self.tally.failed += 1
            self.again(f"Result: ✗ {error}")
        except (Changed, InvalidInput) as error:
            self.again(f"{error}")
        except OutcomeUnknown as error:
            self.tally.unknown += 1
            say(f"Result: ? {error}")
            return
        except (AlreadyResolved, OwnedByAnother) as error:
            say(f'Refused: {error} You had typed: "{why}"')
            return
        except Refused as error:
            self.again(f"{error}")
        say(f"Result: ✓ {ended.result}")
        if ended.item.status == "resolved":
            self.tally.resolved += 1
            say(f'Resolution recorded: "{ended.item.resolution}"')
        else:
            self.tally.put_aside += 1

    def again(self, sentence: str) -> NoReturn:
        """Say what happened, ask the checks anew, show the item again."""
        say(sentence)
        raise Again

    # -------------------------------------------------------------- what an option asks

    def values(self, case: "Case", offer: "Offer") -> dict[str, Any]:
        if offer.option.effect == "defer":
            return {"span": self.span(case.item, offer)}
        if offer.option.effect == "escalate":
            return {} if offer.option.team else self.team()
        return self.fields(offer)

    def fields(self, offer: "Offer") -> dict[str, Any]:
        from dataclasses import MISSING, fields

        from manual_resolution.workflow import label_of, read_value

        given: dict[str, Any] = {}
        for one in fields(offer.option.values) if offer.option.values else ():
            proposed = offer.proposed.get(one.name, "" if one.default is MISSING else one.default)
            choices = f" ({', '.join(one.metadata['choices'])})" if one.metadata.get("choices") else ""
            said = self.ask(f"{label_of(one)}{choices}{f' [{proposed}]' if proposed != '' else ''}: ").strip() or str(proposed)
            try:
                given[one.name] = read_value(one, said)
            except InvalidInput as error:
                say(f"{error} Nothing was done.")
                raise Menu from None
        return given

    def span(self, item: "Item", offer: "Offer") -> str:
        from manual_resolution.cli import show
        from manual_resolution.intake import span

        proposed = str(offer.proposed.get("span", f"{offer.option.hours:g}h"))
        said = self.ask(f"How long? [{proposed}] ").strip() or proposed
        try:
            past = span(said) > item.due_in
        except InvalidInput as error:
            say(f"{error} Nothing was done.")
            raise Menu from None
        if past and self.ask(f"That is past its deadline ({show.due_text(item)}). Enter again defers all the same, "
                             "anything else goes back: ").strip():
            raise Menu
        return said

    def team(self) -> dict[str, Any]:
        from manual_resolution.intake import team

        said = self.ask("To which team? [anybody else] ").strip()
        try:
            return {"to": team(said)} if said else {}
        except InvalidInput as error:
            say(f"{error} Nothing was done.")
            raise Menu from None

    def justification(self) -> str:
        from manual_resolution.intake import justification

        said = self.ask(f'Why? [{self.typed}] ' if self.typed else "Why? ").strip() or self.typed
        if not said:
            say("No reason, no decision: nothing was done.")
            raise Menu
        try:
            self.typed = justification(said)
        except (ValueError, TypeError) as error:
            say(f"{error} Nothing was done.")
            raise Menu from None
        return self.typed

    def ask(self, prompt: str) -> str:
        said = self.read(prompt)
        if self.lease:
            self.lease.answered()
        return said

    # -------------------------------------------------------------- keys beside the digits

    def skip(self, case: "Case") -> None:
        raise Skipped

    def note(self, case: "Case") -> None:
        if text := self.ask("Note: ").strip():
            self.queue.note(case.item.id, self.who, text)
            say("Noted.")

    def plan(self, case: "Case") -> None:
        from manual_resolution.inert import inert

        for number, offer in enumerate(case.offers, 1):
            lines = offer.plan.lines() if offer.plan else ["nothing outside the queue, or it depends on what you enter"]
            print(f"  {number}. {inert(offer.option.label)}")
            for text in lines:
                print(f"       {inert(text)}")

    def history(self, case: "Case") -> None:
        from manual_resolution.cli import show

        for text in show.history_lines(self.queue.history(case.item.id)):
            print(text)

    def context(self, case: "Case") -> None:
        from manual_resolution.cli import show

        for text in show.all_context_lines(case.item):
            print(text)

    def help(self, case: "Case") -> None:
        print(KEYS)

    def quit(self, case: "Case") -> None:
        raise Leave

    keys = {"s": skip, "n": note, "p": plan, "h": history, "a": context, "?": help, "q": quit}


class Again(Exception):
    """Show the item again, checks asked anew."""


class Skipped(Exception):
    """On to the next item."""


def say(text: str) -> None:
    """One line whose text may hold what others wrote."""
    from manual_resolution.inert import inert

    print(inert(text))


def line(prompt: str) -> str:
    """One line from the person; whatever was pasted behind an earlier answer is dropped. Raises `Leave` at the end of input."""
    if sys.stdin.isatty():
        import termios

        sys.stdout.flush()
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    try:
        return input(prompt)
    except EOFError:
        print()
        raise Leave from None
    except UnicodeDecodeError:
        return ""


def summary(session: Session) -> str:
    """`2 resolved, 0 failed, 0 unknown, nothing held by you. 13 wait. Time per item: 70 s.`"""
    tally, queue = session.tally, session.queue
    held = [item.id for item in queue.list(owner=session.who.name, status="assigned")]
    mine = f"you hold {', '.join(f'#{i}' for i in held)}" if held else "nothing held by you"
    aside = f", {tally.put_aside} put aside" if tally.put_aside else ""
    each = f" Time per item: {sum(tally.seconds) / len(tally.seconds):.0f} s." if tally.seconds else ""
    waits = queue.depth()["total_pending"]
    return f"{tally.resolved} resolved{aside}, {tally.failed} failed, {tally.unknown} unknown, {mine}. {waits} wait.{each}"


# ------------------------------------------------------------------ the command


def register(app: typer.Typer) -> None:
    """Add `mrq process`."""
    app.command("process", rich_help_panel="Deciding")(process)


def process(
    mode: Annotated[str, typer.Option(help="How to present items; cli is the terminal.")] = "cli",
    item_type: Annotated[str | None, typer.Option("--type", help="Only this item type.")] = None,
    priority: Annotated[str | None, typer.Option(help="Only this priority.")] = None,
    resource: Annotated[str | None, typer.Option(help="Only this resource: meal_plan, or meal_plan:12345.")] = None,
    team: Annotated[str | None, typer.Option(help="Your team: also serves what was escalated to it (MRQ_TEAM).")] = None,
    limit: Annotated[int | None, typer.Option(min=1, max=1000, help="How many items at most (MRQ_BATCH_SIZE).")] = None,
    as_: Annotated[str | None, typer.Option("--as", help="Who you are (MRQ_OPERATOR).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what the session came to as JSON at its end.")] = False,
) -> None:
    """Decide the next items, one by one.

    Example: mrq process --type pdf_deletion_failed --as alice@example.com
    """
    from manual_resolution.cli.looking import filtered
    from manual_resolution.intake import team as team_name
    from manual_resolution.metrics import emit

    with exits():
        if mode != "cli":
            raise InvalidInput("--mode", mode, "cli")
        who = speaker(as_)
        queue = open_queue()
        teams = None if team is None else [team_name(team)]
        session = Session(queue, who, filtered(item_type, priority, resource), teams, limit or queue.settings.batch_size)
        try:
            session.run()
        finally:
            end(session, as_json)
        for event in (resolution_metric(session), queue.depth()):
            emit(event, queue.settings)


def end(session: Session, as_json: bool) -> None:
    """Say what the session came to, or why there was nothing to do."""
    from manual_resolution.cli.face import print_json

    if as_json:
        tally = session.tally
        print_json({"resolved": tally.resolved, "put_aside": tally.put_aside, "failed": tally.failed, "unknown": tally.unknown,
                    "seconds": tally.seconds})
    elif not session.passed:
        say(nothing(session))
    else:
        say(summary(session))


def nothing(session: Session) -> str:
    """Why nothing is served: an empty queue, or what waits for others."""
    teams = session.queue.waiting_for_teams()
    waiting = ", ".join(f"{count} for {team}" for team, count in teams.items())
    return f"Nothing waits for you; {waiting}." if waiting else "Nothing waits. Well done."


def resolution_metric(session: Session) -> dict[str, Any]:
    """What a session resolved, in the manner of the specification's metric."""
    tally = session.tally
    each = sum(tally.seconds) / len(tally.seconds) if tally.seconds else None
    return {"metric": "manual_resolution_session", "operator": session.who.name, "resolved": tally.resolved,
            "put_aside": tally.put_aside, "failed": tally.failed, "unknown": tally.unknown,
            "seconds_per_item": None if each is None else round(each, 1)}

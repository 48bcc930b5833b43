"""The operator's session: one item at a time is claimed, shown, decided, carried out (specification)."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, field, fields
from time import monotonic
from typing import Any, ClassVar, Final, NoReturn

from manual_resolution import intake, metrics
from manual_resolution.case import Case, Offer
from manual_resolution.cli import history, show
from manual_resolution.cli.lease import Lease
from manual_resolution.cli.lines import labelled
from manual_resolution.cli.moving import nothing_waits
from manual_resolution.cli.terminal import Leave, Stops, line, say, typed
from manual_resolution.decision import Resolution
from manual_resolution.errors import (
    AlreadyResolved,
    Failed,
    InvalidInput,
    MRQError,
    OutcomeUnknown,
    OwnedByAnother,
    Refused,
    Unreachable,
    WaitsForApproval,
)
from manual_resolution.inert import clip, inert
from manual_resolution.item import Actor, Filter, Item
from manual_resolution.masking import Mask
from manual_resolution.queue import Queue
from manual_resolution.values import label_of, read_value

KEYS: Final = """\
A digit chooses. The other keys:
  s  skip: the item waits again
  n  note: add to its history
  p  plan: what each option would touch
  h  history: what happened so far
  a  all context, uncut
  r  reveal: show what is personal, and say why
  o  override: decide against a check;
     a second person approves
  q  quit: the item waits again
Every decision asks why; an empty answer
goes back to the menu and does nothing."""
TERMINAL_LINE: Final = 4095  # bytes; a terminal drops what is typed beyond
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class Menu(Exception):
    """Back to the menu of the same item; nothing was done."""


class Again(Exception):
    """Show the item again, its checks asked anew."""


class Skipped(Exception):
    """On to the next item."""


@dataclass(slots=True)
class Tally:
    """What a session came to; `seconds` holds one entry an item."""

    resolved: int = 0
    put_aside: int = 0
    proposed: int = 0
    failed: int = 0
    unknown: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def seconds_per_item(self) -> float | None:
        return round(sum(self.seconds) / len(self.seconds), 1) if self.seconds else None


class Session:
    """One operator at one terminal, for at most `limit` items; `waits` for them. `read` asks for one line."""

    def __init__(
        self,
        queue: Queue,
        who: Actor,
        chosen: Filter,
        teams: Sequence[str] | None,
        limit: int,
        *,
        read: Callable[[str], str] | None = None,
        stops: Stops | None = None,
        waits: bool = False,
    ) -> None:
        self.queue, self.who, self.chosen, self.teams, self.limit = queue, who, chosen, teams, limit
        self.read, self.stops, self.waits = read or line, stops or Stops(), waits
        self.tally = Tally()
        self.passed: list[int] = []
        self.revealed: list[int] = []
        self.lease: Lease | None = None
        self.typed = ""

    def run(self) -> Tally:
        """Serve items until the limit, the end of the queue, or `q`."""
        with suppress(Leave):
            for number in range(1, self.limit + 1):
                item = self.next() or (self.wait() if self.waits else None)
                if item is None:
                    break
                self.serve(item, number)
        return self.tally

    def next(self) -> Item | None:
        self.stops.check()
        with self.stops.waiting():
            item = self.queue.next_given_back(self.who, chosen=self.chosen, skipped=self.passed) or self.queue.next(
                self.who, chosen=self.chosen, teams=self.teams, skipped=self.passed
            )
        if item:
            self.passed.append(item.id)
        return item

    def wait(self) -> Item | None:
        """The next item that comes, however long that takes."""
        say(f"{nothing_waits(self.queue)} New items come by themselves; q ends.")
        return self.queue.arrivals.wait(self.next_unless_left, float("inf"))

    def next_unless_left(self) -> Item | None:
        if typed() == "q":
            raise Leave
        return self.next()

    def serve(self, item: Item, number: int) -> None:
        begun, self.typed = monotonic(), ""
        try:
            with Lease(self.queue, item.id, self.who) as self.lease:
                self.decide(item.id, number)
            self.tally.seconds.append(monotonic() - begun)
        except Skipped:
            self.give_back(item.id)
            say(f"#{item.id} skipped: it waits again.")
        except BaseException:
            self.give_back(item.id)
            raise

    def give_back(self, item_id: int) -> None:
        """Release what is still mine; what was resolved, taken over or is held as unknown is not."""
        with self.stops.waiting(), suppress(MRQError):
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

    def show(self, item_id: int, number: int) -> Case:
        self.stops.check()
        case = self.queue.examine(item_id)
        self.typed = self.typed or given_back(case, self.who)
        total = max(number, min(self.limit, number + self.more()))
        print(f"\n{number} of {total} · {show.due_text(case.item)}")
        mask = self.mask(case)
        lines = show.case_lines(mask.case(case)) + show.hidden_lines(mask, "r")
        print("\n".join(lines), end="\n\n")
        return case

    def mask(self, case: Case) -> Mask:
        """What is not shown of the item."""
        return self.queue.mask(case.item, reveal=case.item.id in self.revealed)

    def more(self) -> int:
        """How many items beside this one the session could still serve."""
        return self.queue.count_served(
            self.who, chosen=self.chosen, teams=self.teams, skipped=self.passed, limit=self.limit
        )

    def answer(self, case: Case) -> None:
        """Ask once. Returns when the item is done with, else raises where to go on."""
        last = len(case.offers)
        said = self.ask(f"Your choice [1-{last}]: ")
        if re.fullmatch("[1-9][0-9]?", said) and int(said) <= last:
            return self.choose(case, case.offers[int(said) - 1])
        if key := self.keys.get(said):
            try:
                if key(self, case):
                    return None
            except (InvalidInput, Refused) as error:
                say(str(error))
        else:
            say(f"Please answer with a number from 1 to {last}, or ? for the keys.")
        raise Menu

    def choose(self, case: Case, offer: Offer, *, override: bool = False) -> None:
        hide = self.mask(case).text
        if offer.because and not override:
            say(f"Not possible: {hide(offer.because)}. Nothing was done.")
            raise Menu
        values = self.values(case, offer)
        why = self.justification()
        print(f"\nAction: {offer.option.action or offer.option.label}...", flush=True)
        try:
            with self.stops.waiting():
                ended = self.carry_out(case, offer, values, why, override)
        except Failed as error:
            self.tally.failed += 1
            self.again(f"Result: ✗ {hide(str(error))}")
        except OutcomeUnknown as error:
            self.tally.unknown += 1
            say(f"Result: ? {hide(str(error))}")
        except WaitsForApproval as error:
            self.tally.proposed += 1
            say(f"Proposed: {error}")
        except (AlreadyResolved, OwnedByAnother) as error:
            say(f"Refused: {hide(str(error))}")
            say(f'You had typed: "{why}"')
        except (Refused, InvalidInput) as error:
            self.again(hide(str(error)))
        except Unreachable as error:
            say(f"{error} What you typed is kept.")
            raise Menu from None
        else:
            self.count(ended, hide)

    def carry_out(self, case: Case, offer: Offer, values: dict[str, Any], why: str, override: bool) -> Resolution:
        """Decide, bound to what was shown."""
        key = offer.option.key
        seen = case.seen(key, None if values else offer.plan)
        return self.queue.resolve(case.item.id, key, why, self.who, values=values, seen=seen, override=override)

    def count(self, ended: Resolution, hide: Callable[[str], str]) -> None:
        say(f"Result: ✓ {hide(ended.result)}")
        if ended.item.status == "resolved":
            self.tally.resolved += 1
            say(f'Resolution recorded: "{hide(ended.item.resolution or "")}"')
        else:
            self.tally.put_aside += 1
        if event := metrics.moved(ended.item):
            metrics.note(event, self.queue.settings)

    def again(self, sentence: str) -> NoReturn:
        """Say what happened, then show the item as it is now."""
        say(sentence)
        raise Again

    # -------------------------------------------------------------- what an option asks

    def values(self, case: Case, offer: Offer) -> dict[str, Any]:
        try:
            match offer.option.effect:
                case "defer":
                    return {"span": self.span(case.item, offer)}
                case "escalate":
                    return {} if offer.option.team else self.team()
                case _:
                    return self.fields(offer)
        except InvalidInput as error:
            say(f"{error} Nothing was done.")
            raise Menu from None

    def fields(self, offer: Offer) -> dict[str, Any]:
        given = {}
        for one in fields(offer.option.values) if offer.option.values else ():
            proposed = offer.proposed.get(one.name, "" if one.default is MISSING else one.default)
            choices = one.metadata.get("choices")
            label = f"{label_of(one)} ({', '.join(choices)})" if choices else label_of(one)
            said = self.ask(f"{label} [{proposed}]: " if proposed != "" else f"{label}: ")
            given[one.name] = read_value(one, said or proposed)
        return given

    def span(self, item: Item, offer: Offer) -> str:
        proposed = str(offer.proposed.get("span", f"{offer.option.hours:g}h"))
        said = self.ask(f"How long? [{proposed}] ") or proposed
        if intake.span(said) > item.due_in:
            say(f"That is past its deadline ({show.due_text(item)}).")
            if self.ask("Enter defers all the same, anything else goes back: "):
                raise Menu
        return said

    def team(self) -> dict[str, Any]:
        said = self.ask("To which team? [anybody else] ")
        return {"to": intake.team(said)} if said else {}

    def justification(self) -> str:
        said = self.ask(f"Why? [{clip(self.typed, 60)}] " if self.typed else "Why? ") or self.typed
        if not said:
            say("No reason, no decision: nothing was done.")
            raise Menu
        try:
            self.typed = intake.justification(said)
        except InvalidInput as error:
            say(f"{error} Nothing was done.")
            raise Menu from None
        return self.typed

    def ask(self, prompt: str) -> str:
        """An answer without the blanks around it. What a key other than text left in it is asked again."""
        while True:
            self.stops.check()
            said = self.read(inert(prompt)).replace("\t", " ").strip(" ")
            if self.lease:
                self.lease.answered()
            if len(said.encode(errors="replace")) >= TERMINAL_LINE:
                say(f"Longer than the {TERMINAL_LINE - 1:,} bytes a line may have: please answer again.")
            elif CONTROL.search(said):
                say("That holds a key that is no text, such as an arrow: please answer again.")
            else:
                return said

    # -------------------------------------------------------------- keys beside the digits

    def skip(self, case: Case) -> None:
        raise Skipped

    def note(self, case: Case) -> None:
        if text := self.ask("Note: "):
            self.queue.note(case.item.id, self.who, text)
            say("Noted.")

    def plan(self, case: Case) -> None:
        for number, offer in enumerate(self.mask(case).case(case).offers, 1):
            print(f"  {number}. {inert(offer.option.label)}")
            for text in planned(offer):
                print("\n".join(labelled("       ", text)))

    def history(self, case: Case) -> None:
        events = self.queue.history(case.item.id)
        print("\n".join(history.lines_of(self.mask(case).events(events))))

    def context(self, case: Case) -> None:
        print("\n".join(show.all_context_lines(self.mask(case).item(case.item))))

    def reveal(self, case: Case) -> None:
        if why := self.ask("Why must you see it? "):
            self.queue.reveal(case.item.id, self.who, why)
            self.revealed.append(case.item.id)
            raise Again

    def override(self, case: Case) -> bool:
        """Decide against a check: which option, then as always; true when it was proposed."""
        forbidden = {str(n): offer for n, offer in enumerate(case.offers, 1) if offer.because}
        if not forbidden:
            say("No option is forbidden by a check: there is nothing to override.")
        elif offer := forbidden.get(self.ask(f"Override the checks of which option? [{', '.join(forbidden)}] ")):
            for key in offer.option.failing(case.answers):
                say(f"Overrides: {self.mask(case).text(case.answers[key].sentence)}")
            self.choose(case, offer, override=True)
            return True
        else:
            say("Nothing was done.")
        return False

    def help(self, case: Case) -> None:
        print("\n".join(["Resolution options:", *show.option_lines(self.mask(case).case(case)), KEYS]))

    def quit(self, case: Case) -> None:
        raise Leave

    keys: ClassVar[dict[str, Callable[["Session", Case], bool | None]]] = {
        "s": skip,
        "n": note,
        "p": plan,
        "h": history,
        "a": context,
        "r": reveal,
        "o": override,
        "?": help,
        "q": quit,
    }


def given_back(case: Case, who: Actor) -> str:
    """What the person wrote for the item's last proposal, which was not carried out: offered again."""
    last = case.proposals[-1] if case.proposals else None
    return last.justification if last and last.proposer == who.name and last.state != "open" else ""


def planned(offer: Offer) -> list[str]:
    """What an option would touch, a line each."""
    if offer.because:
        return [f"not possible: {offer.because}"]
    if offer.plan:
        return offer.plan.lines()
    return ["depends on what you enter" if offer.option.values else "nothing outside the queue"]

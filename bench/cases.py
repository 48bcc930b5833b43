"""The cases: what is measured, of whom, in which order. A round runs each once, contenders side by side."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from time import monotonic
from typing import Any

from bench import clients, console, machine, painting, reporting, server, sweeping, waking
from bench.by_hand import Bare, ByHand, RawCopy
from bench.clients import Client, Timed
from bench.contender import Contender
from bench.mrq import Mrq, WithoutSums
from bench.peers import PgQueuer, Procrastinate
from bench.things import failure
from manual_resolution.embedded import EmbeddedPostgres

Make = Callable[[str], Contender]

MAKERS: dict[str, Make] = {
    "MRQ": Mrq,
    "MRQ, no sums": WithoutSums,
    "L": ByHand,
    "bare limit": Bare,
    "raw COPY": RawCopy,
    "procrastinate": Procrastinate,
    "procrastinate, queueing_lock": lambda address: Procrastinate(address, unique=True),
    "pgqueuer, psycopg": lambda address: PgQueuer(address, "psycopg", unique=False),
    "pgqueuer, asyncpg": lambda address: PgQueuer(address, "asyncpg", unique=False),
    "pgqueuer, asyncpg, dedupe_key": lambda address: PgQueuer(address, "asyncpg"),
    "specification's loop": Bare,
    "specification's loop, commits": Bare,
}
OURS = ("MRQ", "L", "bare limit")
ADDING = (*OURS, *(name for name in MAKERS if name.startswith(("procrastinate", "pgqueuer"))))
CLAIMING = (*OURS, "procrastinate", "pgqueuer, psycopg", "pgqueuer, asyncpg")
REPEATING = ("MRQ", "L", "pgqueuer, asyncpg, dedupe_key")
SUBJECTS = ("add", "bulk", "claim", "resolve", "wake", "sweep", "report", "console", "import")


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how much is measured."""

    rounds: int = 3
    seconds: float = 2.0
    bulk: Sequence[int] = (10_000, 100_000)
    depths: Sequence[int] = (1_000, 100_000, 1_000_000)
    elsewhere: int = 20_000
    histories: Sequence[int] = (1_000_000, 5_000_000)
    wait: float = 10.0
    clients: Sequence[int] = (1, 8)
    starts: int = 9
    pages: int = 100
    wakes: int = 100


FULL = Effort()
QUICK = Effort(
    1,
    0.2,
    (1_000,),
    (1_000,),
    elsewhere=1_000,
    histories=(1_000, 5_000),
    wait=0,
    clients=(2,),
    starts=1,
    pages=5,
    wakes=5,
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one case by one contender; `load` is what others used of the machine just before."""

    subject: str
    case: str
    contender: str
    timed: Timed
    load: float


@dataclass(slots=True)
class Bench:
    """Runs the cases on one server, keeping a database for each contender and fill."""

    server: EmbeddedPostgres
    effort: Effort
    only: Sequence[str] = SUBJECTS
    progress: Callable[[str], None] = print
    _kept: dict[tuple[str, str], Contender] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def run(self) -> Iterator[Measured]:
        """All cases, round by round."""
        for _ in range(self.effort.rounds):
            for subject in self.only:
                if subject != "import":
                    yield from getattr(self, f"_{subject}")()

    # -------------------------------------------------------------- subjects

    def _add(self) -> Iterator[Measured]:
        for many in self.effort.clients:
            for name in ("MRQ, no sums", *ADDING):
                contender = self._contender(name, "add")
                contender.empty()
                yield self._repeated("add", f"add, {clients_of(many)}", contender, contender.client, added, many)
            contender = self._contender("MRQ", "add")
            contender.empty()
            with waking.listened(contender) as times:
                case = f"add, {clients_of(many)}, a listener woken"
                yield self._repeated("add", case, contender, contender.client, added, many)
            self.progress(f"  woken {len(times)} times")

    def _bulk(self) -> Iterator[Measured]:
        for amount in self.effort.bulk:
            failures = [failure(number) for number in range(1, amount + 1)]
            for name in ("raw COPY", *ADDING):
                contender = self._contender(name, "add")
                contender.empty()
                yield self._once(f"add {amount}", contender, failures)
                if name in REPEATING:
                    contender.settle()
                    yield self._once(f"repeat {amount}", contender, failures)

    def _claim(self) -> Iterator[Measured]:
        for depth in self.effort.depths:
            for many in self.effort.clients:
                for name in CLAIMING:
                    contender = self._filled(name, depth)
                    case = f"claim, {depth} waiting, {clients_of(many)}"
                    yield self._repeated("claim", case, contender, worker_of(contender), claimed, many)
        for many in self.effort.clients:
            for name in ("MRQ", "L"):
                contender = self._filled(name, self.effort.depths[1 % len(self.effort.depths)], self.effort.elsewhere)
                case = f"claim, {self.effort.elsewhere} for another team before, {clients_of(many)}"
                yield self._repeated("claim", case, contender, worker_of(contender), claimed, many)

    def _resolve(self) -> Iterator[Measured]:
        depth = self.effort.depths[1 % len(self.effort.depths)]
        for case, operation, names in (
            ("claim + resolve", claimed_and_resolved, CLAIMING),
            ("resolve and next", resolved_and_claimed, OURS),
        ):
            for many in self.effort.clients:
                for name in names:
                    contender = self._filled(name, depth)
                    yield self._repeated(
                        "resolve",
                        f"{case}, {clients_of(many)}",
                        contender,
                        worker_of(contender),
                        operation,
                        many,
                    )

    def _wake(self) -> Iterator[Measured]:
        for name in waking.WAYS:
            contender = self._contender(name, "wake")
            contender.empty()
            busy = self._quiet(contender)
            timed = waking.woken(contender, self.effort.wakes)
            yield self._told(Measured("wake", "add to claimed by who waits", name, timed, busy))

    def _sweep(self) -> Iterator[Measured]:
        amount = self.effort.bulk[-1]
        for name, how, share in sweeping.WAYS:
            contender = self._contender(name, "sweep")
            few = max(10, amount // share)
            sweeping.breached(contender, few)
            busy = self._quiet(contender)
            timed = sweeping.escalated(partial(how, contender, few), few)
            yield self._told(Measured("sweep", f"escalate {amount}", name, timed, busy))
            if name == "MRQ":
                timed = sweeping.swept_empty(contender)
                yield self._told(Measured("sweep", f"empty sweep over {amount}", name, timed, self._quiet(contender)))

    def _report(self) -> Iterator[Measured]:
        for amount in self.effort.histories:
            is_new = ("MRQ", f"history {amount}") not in self._kept
            contender = self._contender("MRQ", f"history {amount}")
            if is_new:
                reporting.fill(contender, amount)
                reporting.live(contender)
            for name, question, times in reporting.ways(contender):
                busy = self._quiet(contender)
                timed = reporting.answered(question, times)
                yield self._told(Measured("report", f"figures over {amount}", name, timed, busy))

    def _console(self) -> Iterator[Measured]:
        amount = self.effort.histories[0]
        is_new = ("MRQ", "console") not in self._kept
        contender = self._contender("MRQ", "console")
        if is_new:
            console.fill(contender, amount)
        busy = self._quiet(contender)
        with console.served(contender) as browse:
            for name, question in console.questions(contender).items():
                timed = console.asked(browse, question, self.effort.pages)
                yield self._told(Measured("console", f"{name}, {amount} open", "MRQ", timed, busy))
            if executable := painting.chromium():
                for name, path in (("MRQ", console.CONSOLE), ("a bare text", painting.BARE)):
                    timed = painting.painted(browse(), path, executable)
                    yield self._told(Measured("console", f"first paint of Queue, {amount} open", name, timed, busy))
            for watchers in (0, console.WATCHERS):
                timed = console.added_while_watched(contender, browse, watchers, self.effort.seconds)
                yield self._told(Measured("console", f"add, {watchers} browsers watch", "MRQ", timed, busy))

    # -------------------------------------------------------------- one case

    def _repeated(
        self,
        subject: str,
        case: str,
        contender: Contender,
        open_client: Callable[[], Client],
        operation: Any,
        many: int,
    ) -> Measured:
        busy = self._quiet(contender)
        first = next(self._numbers) * 10**9
        timed = clients.repeat(
            open_client,
            lambda client, number: operation(client, first + clients.number_of_client * 10**7 + number),
            many,
            self.effort.seconds,
            warm_up=10,
        )
        return self._told(Measured(subject, case, contender.name, timed, busy))

    def _once(self, case: str, contender: Contender, failures: Sequence[dict[str, Any]]) -> Measured:
        busy = self._quiet(contender)
        timed = clients.once(contender.client, lambda client: client.add_many(failures), len(failures))
        return self._told(Measured("bulk", case, contender.name, timed, busy))

    def _quiet(self, contender: Contender) -> float:
        with contender.connect() as db:
            db.execute("checkpoint")
        return machine.wait_for_quiet(self.effort.wait)

    def _told(self, one: Measured) -> Measured:
        self.progress(f"{one.case:45} {one.contender:30} {one.timed.rate:10.0f}/s  others {one.load:4.0%}")
        return one

    # -------------------------------------------------------------- databases

    def _contender(self, name: str, use: str) -> Contender:
        if (name, use) not in self._kept:
            database = "".join(c if c.isalnum() else "_" for c in f"{name} {use}".lower())
            contender = MAKERS[name](server.new_database(self.server, database))
            contender.prepare()
            self._kept[name, use] = contender
        return self._kept[name, use]

    def _filled(self, name: str, depth: int, elsewhere: int = 0) -> Contender:
        """A contender with so many items waiting: a small queue is filled anew, a large one only vacuumed."""
        use = f"{depth} {elsewhere}"
        is_new = (name, use) not in self._kept
        contender = self._contender(name, use)
        if is_new or depth < 50_000:
            begun = monotonic()
            contender.empty()
            contender.fill(depth, elsewhere=elsewhere)
            if depth > 50_000:
                self.progress(f"  filled {contender.name} with {depth} in {monotonic() - begun:.0f} s")
        else:
            contender.settle()
        return contender


def clients_of(many: int) -> str:
    """`1 client`, `8 clients`."""
    return f"{many} client{'s' if many > 1 else ''}"


def worker_of(contender: Contender) -> Callable[[], Client]:
    """What opens a client that claims."""
    return contender.worker if isinstance(contender, Procrastinate) else contender.client


def added(client: Any, number: int) -> Any:
    return client.add(number)


def claimed(client: Any, number: int) -> Any:
    return client.claimed()


def claimed_and_resolved(client: Any, number: int) -> Any:
    return client.claimed_and_resolved()


def resolved_and_claimed(client: Any, number: int) -> Any:
    return client.resolved_and_claimed()

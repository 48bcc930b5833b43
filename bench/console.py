"""The console over a long queue: pages and lists as a browser asks for them, and adds while browsers watch."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from itertools import cycle
from time import perf_counter
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from bench import clients
from bench.clients import Timed
from bench.contender import Contender
from bench.mrq import MrqWorker
from manual_resolution import Queue

WATCHERS = 50
PAGE = 400
CONSOLE = "/admin/manual-resolution-queue"
#: As many resolved items as open ones, and a rare word to be found.
HISTORY = """
insert into manual_resolution_queue
  (item_type, resource_type, resource_id, priority, reason, context, created_at, last_occurred_at, sla_seconds,
   sla_deadline, dedup_key, fingerprint, status, assigned_to, resolved_at, resolution)
select item_type, resource_type, resource_id, priority, reason, context, created_at, created_at, sla_seconds,
       sla_deadline, 'ended ' || dedup_key, fingerprint, 'resolved', 'person_' || id % 23, clock_timestamp(), 'Done'
  from manual_resolution_queue
"""
RARE = "update manual_resolution_queue set reason = 'The zeppelin ' || id || ' was lost' where id % 20011 = 0"
#: A word that every other item of the last lane says, and none of those before it.
LAST = (
    "update manual_resolution_queue set reason = 'Archived ' || id || ' was lost' where priority = 'low' and id % 2 = 0"
)
#: The words of items that are plain ASCII and hide nothing, as `searching` would make them: in one statement.
WORDS = """
insert into mrq_search (item_id, version, lane, words)
select id, version, case when status = 'resolved' then 4 else priority_rank end,
       array_to_tsvector(array_remove(regexp_split_to_array(lower(
         concat_ws(' ', id, item_type, resource_type, resource_id, reason,
                   (select string_agg(value, ' ') from jsonb_each_text(context)))), '[^a-z0-9]+'), ''))
  from manual_resolution_queue
"""
INDEXES = "select indexname, indexdef from pg_indexes where tablename = 'mrq_search' and indexdef like '%USING gin%'"

#: What is searched, by name.
SEARCHED = {
    "a rare word": "zeppelin",
    "a common word": "vercel",
    "a word of the last lane": "archived",
    "an absent word": "dirigible",
    "two words": "lost+zeppelin",
}

Ask = Callable[[], None]


def fill(contender: Contender, amount: int) -> None:
    """So many open items and as many resolved ones, all of them to be found by their words."""
    contender.empty()
    contender.fill(amount)
    with contender.connect(options="-c session_replication_role=replica") as db:
        db.execute(HISTORY.encode())
        db.execute(RARE.encode())
        db.execute(LAST.encode())
        db.execute("select mrq_rollup_rebuild()")
        write_words(db)
    contender.settle()


def write_words(db: psycopg.Connection[Any]) -> None:
    """All words at once, their indexes made afterwards: a tenth of the time that a worker takes for as many."""
    db.execute("truncate mrq_search")
    indexes = db.execute(INDEXES.encode()).fetchall()
    for name, _ in indexes:
        db.execute(sql.SQL("drop index {}").format(sql.Identifier(name)))
    db.execute(WORDS.encode())
    for _, statement in indexes:
        db.execute(statement.encode())


class Browser:
    """One signed-in person's connection to `mrq serve`."""

    def __init__(self, place: str, cookie: str) -> None:
        self.http, self.cookie = HTTPConnection(place, timeout=60), cookie

    def get(self, path: str) -> HTTPResponse:
        """An answer, not read yet. Raises `SystemExit` for one that is not 200."""
        self.http.request("GET", path, headers={"Cookie": self.cookie})
        answer = self.http.getresponse()
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}")
        return answer

    def page(self, path: str) -> None:
        """Ask for a page and read it whole."""
        self.get(path).read()


@contextmanager
def served(contender: Contender) -> Iterator[Callable[[], Browser]]:
    """`mrq serve` in a process of its own; browsers signed in by its one-time link."""
    settings = {"DATABASE_URL": contender.address, "MRQ_WORKFLOWS": "bench.workflow", "MRQ_OPERATOR": "bench"}
    command = [sys.executable, "-m", "manual_resolution.cli.app", "serve", "--port", "0"]
    with subprocess.Popen(command, env=os.environ | settings, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            link = urlsplit(server.stdout.readline().split()[1])
            http = HTTPConnection(link.netloc, timeout=60)
            http.request("GET", f"{link.path}?{link.query}")
            cookie = str(http.getresponse().getheader("set-cookie")).partition(";")[0]
            yield lambda: Browser(link.netloc, cookie)
        finally:
            server.terminate()


def questions(contender: Contender) -> dict[str, Callable[[Browser, int], None]]:
    """What is asked, by name; each takes the how-manieth time it is."""
    queue = Queue(contender.address)
    page, after = queue.browse(), ""
    for _ in range(PAGE):
        after = page.after or after
        page = queue.browse(after=after or None)
    numbers = cycle(item.id for item in page.items)
    queue.close()
    far = f"after={quote(after)}" if after else ""
    return {
        "Queue": lambda browser, _: browser.page(CONSOLE),
        f"Queue, page {PAGE}": lambda browser, _: browser.page(f"{CONSOLE}?{far}"),
        "Queue, one priority": lambda browser, _: browser.page(f"{CONSOLE}?priority=low"),
        **{
            f"Queue, {name}": lambda browser, _, text=text: browser.page(f"{CONSOLE}?text={text}")
            for name, text in SEARCHED.items()
        },
        "Item": lambda browser, _: browser.page(f"{CONSOLE}/{next(numbers)}"),
        "Next": lambda browser, _: browser.page(f"{CONSOLE}/next"),
        "Board": lambda browser, _: browser.page(f"{CONSOLE}/board"),
        "API list": lambda browser, _: browser.page("/api/v1/items"),
        f"API list, page {PAGE}": lambda browser, _: browser.page(f"/api/v1/items?{far}"),
        **{
            f"API, {name}": lambda browser, _, text=text: browser.page(f"/api/v1/items?text={text}")
            for name, text in SEARCHED.items()
        },
    }


def asked(browse: Callable[[], Browser], question: Callable[[Browser, int], None], times: int) -> Timed:
    """One browser asks so often."""
    browser = browse()
    for number in range(3):
        question(browser, number)
    taken = []
    for number in range(times):
        begun = perf_counter()
        question(browser, number)
        taken.append(perf_counter() - begun)
    taken.sort()
    return Timed(times / sum(taken), clients.at(taken, 0.5), clients.at(taken, 0.99), times)


def added_while_watched(contender: Contender, browse: Callable[[], Browser], watchers: int, seconds: float) -> Timed:
    """One client adds while so many browsers hold the live stream open."""
    streams = [browse().get(f"{CONSOLE}/live?view=list") for _ in range(watchers)]
    try:
        return clients.repeat(
            lambda: MrqWorker(contender.address),
            lambda client, number: client.add(watchers * 10**8 + number + 1),  # type: ignore[attr-defined]
            1,
            seconds,
        )
    finally:
        for stream in streams:
            stream.close()

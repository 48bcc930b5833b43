"""Lists: their order, a page at a time, narrowed in every way; what search finds and what it never shows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from manual_resolution import InvalidInput, Queue, Workflow, shown
from manual_resolution.browsing import browse_from, cursor, why
from manual_resolution.item import Actor, Browse
from manual_resolution.permission import Grants
from manual_resolution.searching import Searching
from manual_resolution.store import browsing as store
from manual_resolution.store import searching as words

Tell = Callable[..., Any]
NewQueue = Callable[..., Queue]


@dataclass(frozen=True)
class Letter:
    """A context with facts of each kind."""

    place: str = shown("Place")
    sent: str | None = shown("Sent", default=None)
    email: str | None = shown("E-mail", default=None, personal=True)
    token: str | None = shown("Token", default=None, secret=True)


LETTERS = Workflow("letter_lost", context=Letter)


@pytest.fixture
def letters(new_queue: NewQueue) -> Queue:
    """A queue that knows letters."""
    return new_queue(LETTERS)


@pytest.fixture
def lose(letters: Queue) -> Callable[..., int]:
    """`lose(7, place="shelf")`: the id of a letter lost."""

    def lose(number: int, *, reason: str = "gone", priority: str = "medium", **context: str) -> int:
        told = letters.add("letter_lost", "letter", number, priority, reason, {"place": "shelf"} | context)
        assert told.id is not None
        return told.id

    return lose


def ids(queue: Queue, **asked: Any) -> list[int]:
    """The ids of a list narrowed as a person would write it."""
    return [item.id for item in queue.browse(browse_from(**asked)).items]


def walked_through(queue: Queue, chosen: Browse, limit: int) -> tuple[list[int], list[int]]:
    """All ids page after page, forwards and then back again."""
    page = queue.browse(chosen, limit=limit)
    there, pages = [item.id for item in page.items], [page]
    while page.after:
        page = queue.browse(chosen, after=page.after, limit=limit)
        there += [item.id for item in page.items]
        pages.append(page)
    back = [item.id for item in page.items]
    while page.before:
        page = queue.browse(chosen, before=page.before, limit=limit)
        back = [item.id for item in page.items] + back if len(back) < len(there) else back
    return there, back


# ------------------------------------------------------------------ the order, a page at a time


@pytest.fixture
def many(queue: Queue, tell: Tell, db: psycopg.Connection[Any], clock: Any) -> list[int]:
    """Items of every kind: waiting, held, owned, targeted, breached, unknown, resolved, withdrawn."""
    for n in range(1, 25):
        tell(n, priority=("critical", "high", "medium", "low")[n % 4])
    queue.claim(1, "alice")
    queue.escalate(2, "bob", "for them", to="support")
    queue.defer(3, "bob", "later", span=timedelta(days=30))
    db.execute("update manual_resolution_queue set held = 'attempt', hold_until = 'tomorrow' where id in (10, 11)")
    clock.forward(hours=5)
    queue.sweep()
    for n in (5, 6, 7, 9):
        queue.withdraw("x", "thing", n, "it went well") if n == 9 else db.execute(
            "update manual_resolution_queue set status = 'resolved' where id = %s", [n]
        )
    return [row[0] for row in db.execute("select id from manual_resolution_queue order by id")]


@pytest.mark.parametrize("limit", [1, 2, 5, 7, 100])
def test_pages_are_the_whole_list_in_its_order(queue: Queue, many: list[int], db: Any, limit: int) -> None:
    """Page after page, forwards and back, each item stands once, in the order that one statement would give."""
    open_order = """select id from manual_resolution_queue where status <> 'resolved'
                     order by (status <> 'assigned' and held = 'attempt') is not true,
                              priority_rank, calm, position, sla_deadline, id"""
    last_first = "select id from manual_resolution_queue where status = 'resolved' order by resolved_at desc, id desc"
    in_order = [row[0] for row in db.execute(open_order)]
    resolved = [row[0] for row in db.execute(last_first)]
    assert walked_through(queue, Browse(), limit) == (in_order, in_order)
    assert walked_through(queue, Browse(resolved=True), limit) == (in_order + resolved, in_order + resolved)
    assert walked_through(queue, Browse(status="resolved"), limit) == (resolved, resolved)
    assert sorted(in_order + resolved) == many


def test_a_page_before_the_first_is_the_first(queue: Queue, many: list[int]) -> None:
    """Going back shows a whole first page, and says that nothing stands before it."""
    page = queue.browse(Browse(), limit=4)
    following = queue.browse(Browse(), after=cursor(page.items[1]), limit=4)
    back = queue.browse(Browse(), before=following.before, limit=4)
    assert ([item.id for item in back.items], back.before) == ([item.id for item in page.items], None)
    assert back.after == page.after


def test_a_cursor_outlives_its_item(queue: Queue, many: list[int], db: Any) -> None:
    """A page goes on where it ended although the item it ended with was resolved meanwhile."""
    page = queue.browse(Browse(), limit=6)
    rest = [item.id for item in queue.browse(Browse(), after=page.after, limit=100).items]
    db.execute("update manual_resolution_queue set status = 'resolved' where id = %s", [page.items[-1].id])
    assert [item.id for item in queue.browse(Browse(), after=page.after, limit=100).items] == rest


@pytest.mark.parametrize(
    "text", ["", "x", "W10", "é", "=" * 8, "WzEsMl0", "bnVsbA", "WzEsMCx0cnVlLE5hTiwiMjAyNiIsMV0", "W1tb" * 1000]
)
def test_what_is_no_cursor_is_refused(queue: Queue, text: str) -> None:
    """A cursor nobody gave is named in one sentence."""
    with pytest.raises(InvalidInput, match="a cursor as a page gave it"):
        queue.browse(Browse(), after=text or "?")


def test_counts_stop_at_their_limit(queue: Queue, tell: Tell) -> None:
    """A count is exact up to its limit, and says `+` beyond."""
    for n in range(1, 8):
        tell(n)
    assert [str(queue.count(Browse(), most=most)) for most in (6, 7, 8)] == ["6+", "7", "7"]


# ------------------------------------------------------------------ narrowed


def test_each_filter_keeps_what_fits(letters: Queue, lose: Callable[..., int], clock: Any, tell: Tell) -> None:
    """Status, owner, team, hold, age, breach, facts and a date of a fact each narrow the list; together they add up."""
    old = lose(1, priority="critical", sent="2026-01-15T10:00:00Z")
    clock.forward(hours=5)
    owned, passed, aside = lose(2, place="cellar"), lose(3, sent="2026-02-01"), lose(4)
    letters.claim(owned, "bob@example.com")
    letters.escalate(passed, "bob", "x", to="support")
    letters.defer(aside, "bob", "x", span=timedelta(days=1))
    assert ids(letters, age="4h") == [old]
    assert ids(letters, breached=True) == [old]
    assert set(ids(letters, breached=False)) == {owned, passed, aside}
    assert ids(letters, owner="bob@example.com") == ids(letters, field=["place=cellar"]) == [owned]
    assert ids(letters, team="support") == ids(letters, status="escalated") == [passed]
    assert ids(letters, held="deferred") == [aside]
    assert ids(letters, field=["sent=2026-01-01..2026-01-15"]) == ids(letters, field=["sent=..2026-01-31"]) == [old]
    assert ids(letters, field=["sent=2026-02-01.."]) == [passed]
    assert ids(letters, field=["sent=2026-01-01..", "place=shelf"], priority="critical") == [old]
    assert ids(letters, field=["sent=2026-01-01..", "place=cellar"]) == []


def test_a_person_sees_no_other_types_than_theirs(letters: Queue, lose: Callable[..., int], tell: Tell) -> None:
    """Item types a list is limited to stay its limit, whatever is asked for; none means none."""
    seen, other = lose(1), tell(2).id
    assert [i.id for i in letters.browse(Browse(types=frozenset({"letter_lost"}))).items] == [seen]
    assert letters.browse(Browse(item_type="x", types=frozenset({"letter_lost"}))).items == []
    assert letters.browse(Browse(types=frozenset())).items == []
    assert {i.id for i in letters.browse(Browse()).items} == {seen, other}


@pytest.mark.parametrize("name", ["email", "token", "pla ce", "reason"])
def test_what_is_hidden_is_not_asked_for(letters: Queue, name: str) -> None:
    """Nobody learns a personal or secret fact, or one that no type declares, by narrowing a list with it."""
    with pytest.raises(InvalidInput, match="neither personal nor secret: place, sent"):
        letters.browse(browse_from(field=[f"{name}=x"]))


# ------------------------------------------------------------------ search


def test_words_are_found_the_last_from_its_beginning(letters: Queue, lose: Callable[..., int]) -> None:
    """Every word asked for is one of the item's number, type, resource, reason or context; the last may be begun."""
    one = lose(12345, reason="DELETE https://blob.vercel-storage.com/meal-plan_77.pdf: 503 Service Unavailable")
    two = lose(2, place="Säule 4", reason="it fell")
    for text in ("503", "vercel-stor", "unavailable serv", "meal plan 77", "12345", "letter_lost delete", "PDF"):
        assert ids(letters, text=text) == [one], text
    assert ids(letters, text="säu") == ids(letters, text="fell SÄULE") == [two]
    assert ids(letters, text="torage") == ids(letters, text="503 fell") == ids(letters, text="unavail service") == []
    assert ids(letters, text="lo", priority="medium") == [one, two]
    assert str(letters.count(browse_from(text="letter"))) == "2"


def test_search_never_holds_what_is_hidden(letters: Queue, lose: Callable[..., int], db: Any) -> None:
    """Personal and secret facts are not among the words, neither as facts nor where a reason says them."""
    lose(1, reason="No answer from jane.roe@example.org", email="jane.roe@example.org",
         token="hunter2secret")  # fmt: skip
    assert ids(letters, text="answer")
    assert ids(letters, text="jane") == ids(letters, text="hunter2secret") == ids(letters, text="personal") == []
    ((words,),) = db.execute("select words::text from mrq_search").fetchall()
    assert "'answer'" in words and "roe" not in words and "hunter2" not in words


def test_a_field_declared_personal_later_leaves_the_words(new_queue: NewQueue, tell: Tell, db: Any) -> None:
    """Words are written anew when a type hides more; who knows fewer hidden fields writes none of that type."""
    before = new_queue()
    before.add("letter_lost", "letter", 1, "low", "lost", {"place": "attic", "email": "jane@example.org"})
    assert ids(before, text="jane") == [1]
    assert ids(new_queue(LETTERS), text="jane") == []
    assert ids(new_queue(LETTERS), text="attic") == [1]
    before.add("letter_lost", "letter", 2, "low", "lost", {"email": "joe@example.org"})
    assert ids(before, text="joe") == []


def test_what_changes_is_searched_anew(letters: Queue, lose: Callable[..., int], db: Any) -> None:
    """Amended by anybody, an item is found by its new words and no more by its old ones, at once."""
    item = lose(1, place="cellar")
    assert ids(letters, text="cellar") == [item]
    letters.amend(item, "alice", {"place": "attic"}, "it was moved")
    assert db.execute("select words from mrq_search").fetchall() == [(None,)]
    assert (ids(letters, text="cellar"), ids(letters, text="attic")) == ([], [item])
    db.execute("update manual_resolution_queue set reason = 'burnt' where id = %s", [item])
    assert (ids(letters, text="gone"), ids(letters, text="burnt")) == ([], [item])


def test_words_made_of_an_older_text_are_not_kept(letters: Queue, lose: Callable[..., int], db: Any) -> None:
    """Who wrote words from what the item said before it was amended has written nothing."""
    lose(1, place="cellar")
    (read,) = words.unwritten(db, 0, None, 2)
    letters.amend(read.id, "alice", {"place": "attic"}, "it was moved")
    words.write(db, [(read, "cellar")])
    assert db.execute("select words from mrq_search").fetchall() == [(None,)]


def test_words_of_another_item_are_not_kept(letters: Queue, lose: Callable[..., int], db: Any) -> None:
    """Who read an item of a database that was set back meanwhile writes nothing to what has its number now."""
    lose(1, place="cellar")
    (read,) = words.unwritten(db, 0, None, 2)
    words.write(db, [(replace(read, created_at=read.created_at - timedelta(days=1)), "cellar")])
    assert db.execute("select words from mrq_search").fetchall() == []


def test_a_bounded_search_says_what_it_leaves_out(letters: Queue, lose: Callable[..., int]) -> None:
    """At most so many items are made searchable before a search; whether any is left is told."""
    for n in range(1, 4):
        lose(n)
    searching = Searching(letters.database, letters.workflows)
    assert searching.fill(most=1) == (3, True)
    assert searching.fill() == (0, True)


def test_a_database_set_back_is_searched(letters: Queue, lose: Callable[..., int], db: Any) -> None:
    """Numbers that begin lower again, as after a backup was put back, are found by who searched the higher ones."""
    db.execute("select setval('manual_resolution_queue_id_seq', 5000)")
    db.execute("set session_replication_role = replica")
    late = lose(1, place="attic")
    assert ids(letters, text="attic") == [late]
    db.execute("delete from manual_resolution_queue")
    db.execute("select setval('manual_resolution_queue_id_seq', 1, false)")
    first = lose(2, place="attic")
    assert ids(letters, text="attic") == [first]


def test_a_late_commit_is_found(letters: Queue, lose: Callable[..., int], database_url: str) -> None:
    """An item whose transaction took longer than later ones is found once it is committed."""
    with psycopg.connect(database_url) as slow:
        letters.add("letter_lost", "letter", 1, "low", "slowly", {}, connection=slow)
        lose(2)
        assert ids(letters, text="lost")
        slow.commit()
    assert ids(letters, text="slowly") == [1]


@pytest.mark.parametrize(
    ("walked", "most", "common"),
    [("100", 10_000, 0), ("1", 10_000, 0), ("1", 2, 0), ("1", 10_000, 10_000)],
    ids=["walked", "gathered", "sifted", "rare"],
)
def test_a_search_is_the_list_of_what_says_so(
    queue: Queue, many: list[int], db: Any, monkeypatch: pytest.MonkeyPatch, walked: str, most: int, common: int
) -> None:
    """Common, rare or in between: what a search finds stands in the list's order, page after page, and is counted."""
    monkeypatch.setattr(store, "WALKED", walked)
    monkeypatch.setattr(store, "FAR", walked)
    monkeypatch.setattr(words, "MOST", most)
    monkeypatch.setattr(words, "COMMON", common)
    db.execute("update manual_resolution_queue set reason = 'a seldom word' where id % 3 = 0 and status <> 'resolved'")
    queue.searching.keep()
    for narrower in ({}, {"priority": "high"}, {"item_type": "x"}, {"status": "resolved"}, {"resolved": True}):
        for text in ("thing fail", "word seld", "absent"):
            listed = queue.browse(Browse(**narrower), limit=100).items
            said = [
                item.id
                for item in listed
                if all(word in f"{item.resource_type} {item.reason}" for word in text.split())
            ]
            chosen = Browse(text=text, **narrower)
            assert walked_through(queue, chosen, 4) == (said, said), (narrower, text)
            counted = queue.count(chosen, most=5)
            assert counted is None or str(counted) == ("5+" if len(said) > 5 else str(len(said))), (narrower, text)


def test_words_follow_their_item_to_another_lane(letters: Queue, lose: Callable[..., int], db: Any, clock: Any) -> None:
    """An item of another priority, or worked as one higher since it is long overdue, is found where it stands."""
    raised, late = lose(1, priority="low"), lose(2, priority="medium")
    assert ids(letters, text="shelf") == [late, raised]
    letters.set_priority(raised, "alice", "critical", "the boss asks")
    clock.forward(hours=720)
    letters.sweep()
    assert db.execute("select lane, words is null from mrq_search order by item_id").fetchall() == [
        (0, False),
        (1, False),
    ]
    assert ids(letters, text="shelf") == [raised, late]
    assert ids(letters, text="shelf", priority="medium") == [late]
    assert ids(letters, text="shelf", priority="low") == []


def test_what_is_resolved_goes_to_the_history(letters: Queue, lose: Callable[..., int], db: Any) -> None:
    """A resolved item is found among what is resolved before the worker noted it, and after."""
    first, second = lose(1), lose(2)
    letters.searching.keep()
    letters.withdraw("letter_lost", "letter", 1, "it was found")
    for lane in (2, 4):
        assert ids(letters, text="shelf", status="resolved") == [first]
        assert ids(letters, text="shelf") == [second]
        letters.searching.keep()
        assert db.execute("select lane from mrq_search where item_id = %s", [first]).fetchone() == (4,), lane


def test_only_the_worker_looks_at_all_items(letters: Queue, lose: Callable[..., int], db: Any) -> None:
    """A page looks for words that are lacking among the last items; the worker among all, once an hour."""
    old = lose(1)
    db.execute("select setval(pg_get_serial_sequence('manual_resolution_queue', 'id'), 20000)")
    new = lose(2)
    assert ids(letters, text="shelf") == [old, new]
    letters.searching.keep()
    db.execute("delete from mrq_search")
    assert letters.searching.fill() == (1, True)
    assert ids(letters, text="shelf") == [new]
    another = Searching(letters.database, letters.workflows)
    assert another.keep() == (1, True)
    assert ids(letters, text="shelf") == [old, new]


def test_a_long_backlog_keeps_nobody_waiting(letters: Queue, lose: Callable[..., int], db: Any) -> None:
    """While many items lack their words a search says that it is not whole, finds what was added last, and goes on."""
    first = lose(1)
    db.execute(
        "insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason)"
        " select 'letter_lost', 'letter', n, 'low', 'one of many' from generate_series(2, 4000) n"
    )
    last = lose(5000, place="harbour")
    page = letters.browse(browse_from(text="harbour"))
    assert ([item.id for item in page.items], page.whole) == ([last], False)
    while not (page := letters.browse(browse_from(text="shelf"))).whole:
        assert first in [item.id for item in page.items]
    assert len(letters.browse(browse_from(text="one of many"), limit=5000).items) == 3999


@pytest.mark.parametrize("text", ["", " ", "-", "x", "a b", "\0abc", "é\ud800", "w" * 201])
def test_what_cannot_be_searched_is_named(text: str) -> None:
    """A text without a word of two characters, or that cannot be stored, is refused in one sentence."""
    with pytest.raises(InvalidInput, match="text"):
        browse_from(text=text)


@pytest.mark.parametrize(
    "text", ["'; drop table mrq_search; --", "ab' & !b:* <-> (", "100%_match \\", "ab|cd", "\u202eabc"]
)
def test_signs_in_a_search_are_only_signs(letters: Queue, lose: Callable[..., int], text: str) -> None:
    """Nothing a person types is taken for a query language."""
    lose(1)
    assert ids(letters, text=text) == []


# ------------------------------------------------------------------ why


def test_each_item_says_why_it_stands_there(queue: Queue, tell: Tell, clock: Any, db: Any) -> None:
    """One sentence an item: overdue, raised, placed by whom and until when, held, owned, for a team."""
    for n in range(1, 9):
        tell(n, priority="high")
    queue.claim(1, "alice")
    queue.escalate(2, "bob", "x", to="support")
    queue.defer(3, "bob", "x", span=timedelta(days=30))
    db.execute("update manual_resolution_queue set held = 'attempt', hold_until = 'tomorrow' where id = 4")
    db.execute("update manual_resolution_queue set position = 1, position_by = 'eve',"
               " position_reason = 'Among friends', position_until = '2999-01-01' where id = 5")  # fmt: skip
    db.execute("update manual_resolution_queue set status = 'resolved' where id = 6")
    told = {n: why(queue.get(n)) for n in range(1, 8)}
    assert told[1] == "With alice. Among high items by its deadline: due in 23 h."
    assert told[2] == "Waits for support. Among high items by its deadline: due in 23 h."
    assert told[3].startswith("Put aside until 20")
    assert told[4] == "First, because its outcome is unknown."
    assert told[5] == "Placed here by eve until 2999-01-01 00:00 UTC: Among friends."
    assert told[6].startswith("Resolved")
    assert told[7] == "Among high items by its deadline: due in 23 h."
    briefly = {n: why(queue.get(n), briefly=True) for n in range(1, 8)}
    assert briefly == told | {1: "With alice.", 2: "Waits for support.", 3: told[3].partition(" Among")[0], 7: ""}
    clock.forward(hours=25)
    queue.sweep()
    assert why(queue.get(7)) == "Before other high items: overdue by 1 h."
    clock.forward(hours=6)
    queue.sweep()
    assert why(queue.get(7)) == "Before other critical items: overdue by 7 h, worked as critical since level 2."


def test_types_are_those_declared_and_those_there_are(queue: Queue, tell: Tell, db: Any) -> None:
    """A type that no workflow declares, of plain SQL or resolved, is told too, to those who may read it."""
    tell(1, item_type="of_an_old_release")
    queue.withdraw("of_an_old_release", "thing", 1, "went well")
    db.execute(
        """insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason)
           values ('by_hand', 'thing', 2, 'low', 'told by SQL')"""
    )
    declared = {workflow.item_type for workflow in queue.workflows}
    assert set(queue.item_types()) == declared | {"of_an_old_release", "by_hand"}
    by = Actor("carol", "person", "console:carol", Grants.of("viewer:by_hand"))
    assert queue.item_types(by=by) == ["by_hand"]


@pytest.mark.parametrize("resource", [{"resource_id": 7}, {"resource_id": None, "resource_key": "order/7"}])
def test_other_items_of_a_resource(queue: Queue, tell: Tell, resource: dict[str, Any]) -> None:
    """By number or by key: what is open, then what was resolved last; no other resource's, no type one may not read."""
    first = tell(**resource).id
    queue.resolve(first, "escalate", "not mine", "alice")
    queue.withdraw("x", "thing", resource["resource_id"], "went well", resource_key=resource.get("resource_key"))
    again, other = tell(**resource).id, tell(item_type="y", **resource).id
    tell(8)
    tell(item_type="y", resource_type="thing_else", **resource)
    item = queue.get(again)
    assert [one.id for one in queue.of_same_resource(item, 5)] == [other, first]
    assert [one.id for one in queue.of_same_resource(item, 1)] == [other]
    by = Actor("carol", "person", "console:carol", Grants.of("viewer:x"))
    assert [one.id for one in queue.of_same_resource(item, 5, by=by)] == [first]

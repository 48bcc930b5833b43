"""An add whose open item is resolved at the very moment between looking for it and counting it."""

from collections.abc import Iterator
from typing import Any

import pytest

from manual_resolution import Queue, Unreachable

#: The first statement of an add finds the item open and inserts nothing; before its second one somebody resolves it.
SOMEBODY = """
create function resolve_the_first() returns trigger language plpgsql as $$
begin
  update manual_resolution_queue set status = 'resolved', resolution = 'meanwhile', assigned_to = 'bob'
   where id = 1 and status = 'pending';
  return null;
end $$;
create trigger resolve_the_first after insert on manual_resolution_queue
  for each statement execute function resolve_the_first();
"""
#: As though, each time, what was found open is resolved before it can be counted.
ALWAYS = """
create function take_nothing() returns trigger language plpgsql as 'begin return null; end';
create trigger take_nothing before insert on manual_resolution_queue
  for each row execute function take_nothing();
"""


@pytest.fixture
def queue(fresh_database_url: str) -> Iterator[Queue]:
    """A queue in a database of its own."""
    queue = Queue(fresh_database_url)
    yield queue
    queue.close()


def test_an_item_resolved_in_between_is_a_new_one(queue: Queue, connect: Any) -> None:
    """The failure is told after all: as a new item, not as a repeat of what was resolved."""
    first = queue.add("x", "thing", 1, "low", "it failed").id
    connect().execute(SOMEBODY)
    again = queue.add("x", "thing", 1, "low", "it failed again")
    assert (first, again.id != first, again.repeated, again.occurrences) == (1, True, False, 1)
    assert (queue.get(first).resolution, queue.get(again.id).status) == ("meanwhile", "pending")


def test_an_add_gives_up_in_a_sentence(queue: Queue, connect: Any) -> None:
    """What meets another's decision over and over is told so; nothing of it is kept."""
    connect().execute(ALWAYS)
    with pytest.raises(Unreachable, match="too often meanwhile: try again"):
        queue.add("x", "thing", 1, "low", "it failed")
    assert connect().execute("select count(*) from mrq_occurrence").fetchone() == (0,)

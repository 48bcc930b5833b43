"""Working through the queue, one item after the other."""

from manual_resolution import Queue
from tests.web.conftest import CONSOLE, Browser, text_of


def test_deciding_brings_the_next_item(alice: Browser, queue: Queue) -> None:
    """From *Next* on each decision brings the next item, claimed, until there is none; then that is said."""
    for n in (1, 2):
        queue.add("parcel_stuck", "parcel", n, "low", f"stuck {n}")
    assert "2 items wait for you" in text_of(alice.get(f"{CONSOLE}/next").text)
    answer = alice.post(f"{CONSOLE}/next")
    for n in (1, 2):
        assert answer.url.path == f"{CONSOLE}/{n}"
        assert queue.get(n).assigned_to == "alice"
        answer = alice.submit(answer.text, n, "resolution", option="give_back", justification="gone")
        assert f"#{n} resolved: Given back" in text_of(answer.text)
    told = text_of(answer.text)
    assert "Nothing more waits for you" in told


def test_what_one_passed_on_does_not_come_back(alice: Browser, queue: Queue) -> None:
    """An item given back on the way is not served again on it, and stays within its limits."""
    for n, priority in ((1, "high"), (2, "high"), (3, "low")):
        queue.add("parcel_stuck", "parcel", n, priority, "stuck")
    answer = alice.post(f"{CONSOLE}/next", data={"priority": "high"})
    answer = alice.submit(answer.text, 1, "release")
    assert answer.url.path == f"{CONSOLE}/2"
    answer = alice.submit(answer.text, 2, "deferral", span="1h", justification="later")
    assert answer.url.path == f"{CONSOLE}/next"
    assert queue.get(3).status == "pending"


def test_a_limit_that_cannot_be_is_refused(alice: Browser, queue: Queue) -> None:
    """A priority that there is not is refused as on the Queue page; what waits at all is still told."""
    queue.add("parcel_stuck", "parcel", 1, "low", "stuck")
    told = text_of(alice.get(f"{CONSOLE}/next?flow=&priority=nope").text)
    assert "priority = 'nope' is not allowed" in told
    assert "1 item waits for you" in told


def test_one_may_stay_with_the_item(alice: Browser, queue: Queue) -> None:
    """On the way, too, a decision may stay with its item; from a single item one may begin the way."""
    for n in (1, 2):
        queue.add("parcel_stuck", "parcel", n, "low", "stuck")
    answer = alice.move(1, "resolution", "?flow=", option="give_back", justification="gone", then="stay")
    assert answer.url.path == f"{CONSOLE}/1"
    queue.add("parcel_stuck", "parcel", 3, "critical", "stuck")
    answer = alice.move(2, "resolution", option="give_back", justification="gone", flow="")
    assert answer.url.path == f"{CONSOLE}/3"


def test_an_address_may_name_anything_as_passed(alice: Browser, queue: Queue) -> None:
    """An item that is not there, named as passed, is passed over."""
    queue.add("parcel_stuck", "parcel", 1, "low", "stuck")
    for path in ("/next?flow=77", "/1?flow=1-77"):
        assert alice.get(CONSOLE + path).status_code == 200

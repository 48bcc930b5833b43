"""The item's page and the moves on it, as a browser without JavaScript makes them."""

import pytest

from manual_resolution import Queue
from tests.web.conftest import CONSOLE, Browser, Person, hidden, text_of


@pytest.fixture
def stuck(queue: Queue) -> int:
    """A parcel that is stuck."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here", "email": "ada@example.com"})
    return 1


def test_the_queue_shows_what_waits(alice: Browser, queue: Queue, stuck: int) -> None:
    """The queue lists open items in the order of work, each with its type, resource, reason and deadline."""
    queue.add("parcel_stuck", "parcel", 2, "critical", "on fire")
    told = text_of(alice.get(CONSOLE).text)
    assert told.index("on fire") < told.index("no house number")
    assert "parcel #1" in told
    assert "due in" in told


def test_an_empty_queue_says_so(alice: Browser) -> None:
    """Where nothing waits the queue says what will appear there."""
    assert "Nothing waits." in text_of(alice.get(CONSOLE).text)


def test_the_item_shows_what_a_decision_needs(alice: Browser, stuck: int) -> None:
    """The page holds reason, context, checks, recommendation, options with values and plan, and the history."""
    told = text_of(alice.item(stuck))
    for text in ("no house number", "Place here", "It has a sender", "Recommended: Send it on. It is near.", "add"):
        assert text in told
    assert "house = 7" in told
    assert "ada@example.com" not in alice.item(stuck)
    assert "‹personal›" in told


def test_claim_extend_and_give_back(alice: Browser, queue: Queue, stuck: int) -> None:
    """Who claims holds the item, may extend, and gives it back undecided."""
    assert "Yours for" in text_of(alice.move(stuck, "claim").text)
    assert queue.get(stuck).assigned_to == "alice"
    assert alice.move(stuck, "extension").status_code == 200
    assert "Nobody holds it." in text_of(alice.move(stuck, "release").text)


def test_a_decision_with_values_is_carried_out(alice: Browser, queue: Queue, stuck: int) -> None:
    """Option, values and reason resolve the item; the page then says how, by whom and why."""
    typed = {"option": "send", "send.house": "9", "send.street": "Side", "justification": "she said so"}
    told = text_of(alice.move(stuck, "resolution", **typed).text)
    assert "Resolved Sent to Side 9 Send it on by alice" in told
    assert "“she said so”" in told
    assert queue.get(stuck).resolution == "Sent to Side 9"


def test_what_was_typed_survives_a_refusal(alice: Browser, queue: Queue, stuck: int) -> None:
    """A value that is not allowed is named in place, nothing is done, and everything typed is still there."""
    typed = {"option": "send", "send.house": "nine", "justification": "she said so"}
    answer = alice.move(stuck, "resolution", **typed)
    assert answer.status_code == 422
    assert "house = 'nine' is not allowed: a whole number." in text_of(answer.text)
    for kept in ('value="nine"', ">she said so</textarea>", 'value="send" required data-digit="1" checked'):
        assert kept in answer.text
    assert queue.get(stuck).status == "pending"


def test_a_dry_run_does_nothing(alice: Browser, queue: Queue, stuck: int) -> None:
    """A dry run says what the decision would touch with what was typed."""
    answer = alice.move(stuck, "plan", option="send", **{"send.house": "12"})
    assert "It would touch: house = 12: parcels #1 Nothing was done." in text_of(answer.text)
    assert queue.get(stuck).version == 1


def test_a_definite_failure_shows_the_reply(alice: Browser, queue: Queue, stuck: int) -> None:
    """What a service refused is told in place, the attempt stands there, and the item may be decided again."""
    answer = alice.move(stuck, "resolution", option="ask", justification="maybe")
    told = text_of(answer.text)
    assert answer.status_code == 409
    assert "The carrier said no (404)" in told
    assert "Attempts Ask the carrier by alice, failed" in told
    assert queue.get(stuck).assigned_to == "alice"


def test_an_unknown_outcome_is_confirmed(alice: Browser, queue: Queue, stuck: int) -> None:
    """Without an answer the item waits among the unknown outcomes until somebody says what came of it."""
    told = text_of(alice.move(stuck, "resolution", option="shout", justification="why not").text)
    assert "What came of it is not known" in told
    assert "alice chose Shout" in text_of(alice.get(f"{CONSOLE}/unknown").text)
    alice.move(stuck, "confirmation", done="yes", justification="heard it")
    assert queue.get(stuck).status == "resolved"
    assert "No outcome is unknown." in text_of(alice.get(f"{CONSOLE}/unknown").text)


def test_a_second_person_approves(alice: Browser, person: Person, queue: Queue, stuck: int) -> None:
    """What needs two persons waits among the approvals; its proposer may not approve it, another person may."""
    alice.move(stuck, "resolution", option="burn", justification="it smells")
    assert "alice proposes Burn it because “it smells”" in text_of(alice.get(f"{CONSOLE}/approvals").text)
    page = alice.item(stuck)
    assert "approval" not in page.replace("/approvals", "")
    refused = alice.post(f"{CONSOLE}/1/approval", data={})
    assert refused.status_code == 409
    told = text_of(person("bob").move(stuck, "approval").text)
    assert "Resolved Burnt Burn it by alice, approved by bob" in told


def test_denying_gives_it_back_with_the_reason(alice: Browser, person: Person, queue: Queue, stuck: int) -> None:
    """Who denies says why; the proposer finds that, and what they wrote themselves."""
    alice.move(stuck, "resolution", option="burn", justification="it smells")
    person("bob").move(stuck, "denial", justification="open a window")
    page = alice.item(stuck)
    assert "denied by bob: “open a window”" in text_of(page)
    assert ">it smells</textarea>" in page


def test_a_check_may_be_overridden_by_two(alice: Browser, queue: Queue) -> None:
    """A forbidden option says why, is refused, and goes to a second person only when the check is overridden."""
    queue.add("parcel_stuck", "parcel", 3, "low", "strange", {"place": "nowhere"})
    assert "not possible: Nobody sent it" in text_of(alice.item(1))
    refused = alice.move(1, "resolution", option="give_back", justification="still")
    assert (refused.status_code, "Not possible: Nobody sent it." in text_of(refused.text)) == (409, True)
    typed = {"option": "give_back", "justification": "still", "give_back:override": "on"}
    assert "Against a check: Nobody sent it" in text_of(alice.move(1, "resolution", **typed).text)


@pytest.mark.parametrize(
    ("move", "typed", "told"),
    [
        ("note", {"text": "rang twice"}, "rang twice"),
        ("deferral", {"span": "2h", "justification": "later"}, "put aside for"),
        ("deferral", {"until": "2030-01-01T10:00", "justification": "later"}, "until must be"),
        ("escalation", {"to": "support", "justification": "theirs"}, "for support"),
        ("priority", {"priority": "low", "justification": "calm"}, "low due in"),
        ("amendment", {"name": "place", "value": "there", "justification": "moved"}, "Place there"),
    ],
)
def test_moves_beside_deciding(alice: Browser, stuck: int, move: str, typed: dict[str, str], told: str) -> None:
    """Note, deferral, escalation, priority and a corrected fact are made from the item's page and shown there."""
    answer = alice.move(stuck, move, **typed)
    found = text_of(answer.text)
    assert told in found or (answer.status_code == 422 and "until = " in found)


def test_ownership_moves(alice: Browser, person: Person, queue: Queue, stuck: int) -> None:
    """An item is handed over, taken over with a reason, and declined."""
    bob = person("bob")
    alice.move(stuck, "claim")
    alice.move(stuck, "hand-over", to="bob", justification="yours")
    assert "bob holds it" in text_of(alice.item(stuck))
    alice.move(stuck, "take-over", justification="he is ill")
    assert "alice holds it" in text_of(bob.item(stuck))
    alice.move(stuck, "decline", justification="not my street")
    assert queue.get(stuck).declined_by == ["alice"]


def test_a_resolved_item_is_reopened(alice: Browser, queue: Queue, stuck: int) -> None:
    """Reopening leads to the new item, which names the old one."""
    queue.resolve(stuck, "give_back", "done", "bob")
    assert "#2 parcel_stuck" in text_of(alice.move(stuck, "reopening", justification="came back").text)
    assert queue.get(2).reopened_from == stuck


def test_a_stale_page_overwrites_nothing(alice: Browser, queue: Queue, stuck: int) -> None:
    """A form from before another person's move does nothing, says what happened since, and keeps the typed text."""
    page = alice.item(stuck)
    queue.set_priority(stuck, "bob", "critical", "on fire")
    answer = alice.submit(page, stuck, "resolution", option="give_back", justification="long thought")
    told = text_of(answer.text)
    assert answer.status_code == 409
    assert "priority by bob" in told
    assert "critical" in told
    assert ">long thought</textarea>" in answer.text
    assert queue.get(stuck).status == "pending"


def test_what_changed_in_the_world_is_told(alice: Browser, queue: Queue, stuck: int) -> None:
    """A decision is bound to what the page showed: a page whose checks are no longer so does nothing."""
    page = alice.item(stuck)
    forged = page.replace("&#34;has_sender&#34;:[&#34;pass&#34;", "&#34;has_sender&#34;:[&#34;fail&#34;")
    assert forged != page
    answer = alice.submit(forged, stuck, "resolution", option="give_back", justification="why")
    assert "Changed since you looked: it was fail, now: It has a sender." in text_of(answer.text)


def test_personal_facts_are_shown_once_with_a_reason(alice: Browser, queue: Queue, stuck: int) -> None:
    """Revealing needs a reason, is kept in the history, and lasts for one page."""
    assert "ada@example.com" not in alice.move(stuck, "reveal", justification="").text
    assert "ada@example.com" in alice.move(stuck, "reveal", justification="she asked").text
    assert "ada@example.com" not in alice.item(stuck)
    assert queue.history(stuck)[-1].verb == "reveal"


def test_a_second_click_changes_nothing(alice: Browser, queue: Queue, stuck: int) -> None:
    """The same form sent twice resolves once; the second answer says who resolved it."""
    page = alice.item(stuck)
    for status in (200, 409):
        answer = alice.submit(page, stuck, "resolution", option="give_back", justification="why")
        assert answer.status_code == status
    assert "by alice" in text_of(answer.text)
    assert [event.verb for event in queue.history(stuck)].count("resolve") == 1


def test_untrusted_text_stays_text(alice: Browser, queue: Queue) -> None:
    """What producers wrote is no markup, and what hides or reorders text is shown."""
    told = "<script>alert(1)</script> \u202egpj.exe \x1b[2J"
    queue.add("odd", "parcel", None, "low", told, {"<i>k": told}, resource_key='"><img src=x onerror=alert(1)>')
    for page in (alice.get(CONSOLE).text, alice.item(1)):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "\u202e" not in page
        assert "\x1b" not in page
        assert "&lt;U+202E&gt;gpj.exe" in page


def test_what_is_not_there_is_told(alice: Browser) -> None:
    """Numbers that are none, items there are not and moves there are not each have a page that says so."""
    for path in ("/7", "/0", "/-1", "/x", "/99999999999999999999"):
        assert alice.get(CONSOLE + path).status_code == 404, path
    assert alice.post(f"{CONSOLE}/1/destruction").status_code == 404


def test_a_move_is_no_page(alice: Browser, stuck: int) -> None:
    """A reload or the back button on a move's address leads to its item."""
    answer = alice.get(f"{CONSOLE}/1/resolution")
    assert answer.url.path == f"{CONSOLE}/1"


def test_nobody_gets_in_without_a_session(alice: Browser, stuck: int) -> None:
    """Without a session every page leads to the sign-in page and from there back to where one wanted to be."""
    alice.cookies.clear()
    for path in ("", "/1", "/next", "/approvals", "/unknown"):
        answer = alice.get(CONSOLE + path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?to={CONSOLE}{path}")
    answer = alice.post(f"{CONSOLE}/1/claim", data={"version": "1"}, follow_redirects=False)
    assert answer.headers["location"] == f"/sign-in?to={CONSOLE}/1"
    answer = alice.post(f"{CONSOLE}/1/note", data={"text": "x"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["hx-replace-url"]) == (401, f"/sign-in?to={CONSOLE}/1")
    assert "What you typed is kept" in text_of(answer.text)


def test_a_database_that_is_gone_loses_nothing_typed(
    alice: Browser, queue: Queue, stuck: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A move that the database does not answer gives its form back whole; sent again later, it is done once."""
    page = alice.item(stuck)
    queue.close()
    monkeypatch.setattr(queue.database, "url", "postgresql://127.0.0.1:1/nobody_listens")
    typed = {"option": "send", "send.house": "9", "justification": "\nshe said <so>"}
    answer = alice.submit(page, stuck, "resolution", **typed)
    monkeypatch.undo()
    assert answer.status_code == 503
    assert "Nothing is known to have been done. What you typed stands here" in text_of(answer.text)
    assert "\n\nshe said &lt;so&gt;</textarea>" in answer.text
    assert answer.headers["hx-replace-url"] == f"{CONSOLE}/{stuck}"
    fields = hidden(answer.text, f"/{stuck}/resolution")
    assert (fields["version"], fields["option"], fields["send.house"]) == ("1", "send", "9")
    for status in (200, 409):
        again = alice.post(f"{CONSOLE}/{stuck}/resolution", data=fields | {"justification": "she said so"})
        assert again.status_code == status, text_of(again.text)
    assert queue.get(stuck).status == "resolved"

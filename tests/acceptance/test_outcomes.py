"""What the blob service may do while a person waits: the right outcome each, one call each."""

import json
from typing import Any

from tests.processes import run


def mrq(stage: Any, *words: str) -> str:
    """What a command prints."""
    ended = run(*words, environment=stage.environment)
    assert ended.code == 0, ended.err
    return ended.out


def test_a_deletion_that_failed_is_shown_again_with_what_to_do_now(stage: Any) -> None:
    """A 503 and a 429 are one call each, said plainly; the item is shown again with how long to wait."""
    trouble, limited = stage.failed_deletion(1, "plans/1.pdf"), stage.failed_deletion(2, "plans/2.pdf")
    stage.blob.script_for("plans/1.pdf", "503", method="POST")
    stage.blob.script_for("plans/2.pdf", "429", method="POST", retry_after=600)
    terminal = stage.terminal().chooses("1", "it answers").chooses("s")
    terminal.chooses("1", "it answers").chooses("4", "", "")
    shown = terminal.ends()
    first, second = (part for part in shown.split("\n1 of 2 · ")[-1].split("\n2 of 2 · ")[0::2])
    assert "Result: ✗ Vercel Blob answered 503 service_unavailable" in shown
    assert "the PDF is still there. Nothing was done; the item is still yours.\n\n1 of 2 · " in shown
    assert "Attempt 1: retry by alice@example.com, confirmed not done" in first
    assert "Recommended: 4. The error was a 503, less than an hour ago." in first
    assert "Result: ✗ Vercel Blob answered 429 rate_limited" in shown
    assert "Attempt 1: retry by alice@example.com, failed: " in second
    assert "How long? [10m] \nWhy? [it answers] \n" in second  # what was typed is kept
    assert "1 put aside, 2 failed, 0 unknown, nothing held by you. 2 wait." in shown
    assert [stage.deletions(f"plans/{plan}.pdf") for plan in (1, 2)] == [1, 1]
    assert [stage.blob.has(f"plans/{plan}.pdf") for plan in (1, 2)] == [True, True]
    assert (stage.item(trouble).status, stage.item(limited).held) == ("pending", "deferred")


def test_a_pdf_that_is_gone_is_resolved_whether_or_not_the_answer_came(stage: Any) -> None:
    """Already gone: no deletion. Done, then reset: the probe finds it gone. Both are resolved."""
    gone = stage.failed_deletion(1, "plans/1.pdf", stored=False)
    reset = stage.failed_deletion(2, "plans/2.pdf")
    stage.blob.script_for("plans/2.pdf", "reset-after", method="POST")
    terminal = stage.terminal().chooses("1", "look again").chooses("1", "it answers")
    shown = terminal.ends()
    assert "✗ The PDF is still there: The PDF is already gone\n" in shown
    assert "Result: ✓ PDF was already gone\n" in shown
    assert "Result: ✓ PDF gone, as the blob service said after a retry without an answer\n" in shown
    assert "2 resolved, 0 failed, 0 unknown" in shown
    assert [stage.deletions(f"plans/{plan}.pdf") for plan in (1, 2)] == [0, 1]
    assert [stage.pdf_of(plan) for plan in (1, 2)] == [(None, True), (None, True)]
    assert stage.item(gone).status == stage.item(reset).status == "resolved"


def test_an_outcome_nobody_knows_is_said_listed_first_and_settled_by_hand(stage: Any) -> None:
    """Reset after sending and a dead probe: unknown, never sent again; `mrq confirm` settles it."""
    other = stage.failed_deletion(2, "plans/2.pdf", priority="critical")
    lost = stage.failed_deletion()
    stage.blob.script_for("plans/12345-Xy7.pdf", "reset-after", method="POST")
    stage.blob.script_for("plans/12345-Xy7.pdf", "slow", times=3, method="GET")  # three honest looks
    stage.blob.script_for("plans/12345-Xy7.pdf", "reset", times=None, method="GET")
    terminal = stage.terminal("--priority", "medium").chooses("1", "it answers")
    shown = terminal.ends()
    assert f"Result: ? #{lost}: " in shown and f"`mrq confirm {lost}` settles it." in shown
    assert "0 resolved, 0 failed, 1 unknown, nothing held by you. 2 wait." in shown
    assert [item["id"] for item in json.loads(mrq(stage, "list", "--json"))] == [lost, other]
    assert (stage.item(lost).status, stage.item(lost).held) == ("pending", "attempt")
    stage.blob.heal()
    assert "Resolution recorded: " in mrq(stage, "confirm", str(lost))
    assert stage.item(lost).status == "resolved" and stage.pdf_of() == (None, True)
    assert stage.deletions() == 1

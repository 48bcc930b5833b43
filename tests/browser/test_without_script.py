"""A browser that runs no script: the queue, an item, a decision, an approval work all the same."""

from manual_resolution import Queue
from tests.browser.conftest import PASSWORD, Come
from tests.browser.operator import Operator


def test_queue_item_decision(operator: Come, queue: Queue) -> None:
    """From the list to the item, claim, choose, fill in, decide; then a search."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here"})
    alice = operator("alice", java_script_enabled=False)
    alice.opens_queue()
    alice.page.get_by_role("link", name="#1").click()
    alice.clicks("Claim")
    alice.page.get_by_label("Send it on").check()
    alice.page.locator("[name='send.house']").fill("12")
    alice.page.locator("[data-why]").fill("she called")
    alice.clicks("Decide")
    alice.sees("Sent to Main 12")
    alice.opens_queue()
    alice.page.get_by_role("searchbox").fill("zeppelin")
    alice.clicks("Show")
    alice.sees("Nothing matches.")


def test_approval(operator: Come, queue: Queue) -> None:
    """Sign in, propose, sign in as another, look, approve."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here"})
    bob = operator("bob", roles=("operator",), java_script_enabled=False)
    carol: Operator = operator("carol", roles=("approver",), java_script_enabled=False)
    bob.opens(1)
    bob.page.get_by_label("Burn it").check()
    bob.page.locator("[data-why]").fill("it smells")
    bob.clicks("Decide")
    carol.page.get_by_role("link", name="Approvals").click()
    carol.page.get_by_role("link", name="Look, then approve or deny").click()
    carol.clicks("Approve")
    carol.sees("Burnt")


def test_a_move_from_the_list_of_moves(operator: Come, queue: Queue) -> None:
    """Note and deferral open by their summary; a session that ended gives the typed text back."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here"})
    bob = operator("bob", roles=("operator",), java_script_enabled=False)
    bob.opens(1)
    bob.page.locator("summary", has_text="Note").click()
    bob.page.locator("[name=text]").fill("rang twice")
    bob.page.context.clear_cookies()
    bob.clicks("Add the note")
    bob.enters(PASSWORD)
    bob.sees("What you typed is still here")
    bob.clicks("Add the note")
    bob.sees('note bob "rang twice"')

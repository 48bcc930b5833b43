"""An item type for the faces' tests: an option of each kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from manual_resolution import (
    Plan,
    Resolved,
    Touch,
    Workflow,
    choice,
    fails,
    not_done,
    passes,
    recommend,
    resolved,
    shown,
    unclear,
)


@dataclass
class Parcel:
    place: str = shown("Place")
    email: str | None = shown("E-mail", default=None, personal=True)


@dataclass
class Sending:
    house: int = shown("House number")
    street: str = choice("Street", "Main", "Side", default="Main")


def parcels() -> Workflow:
    """A type with each kind of option: with values, for two persons, forbidden by a check, outside, unclear."""
    parcel = Workflow("parcel_stuck", context=Parcel)

    @parcel.check("It has a sender")
    def has_sender(item: Any) -> Any:
        told = (item.context.place or "") != "nowhere"
        return passes("It has a sender") if told else fails("Nobody sent it")

    @parcel.factor
    def near(item: Any) -> Any:
        return recommend("send", "It is near.", house=7)

    @parcel.option("send", "Send it on", effect="database", values=Sending)
    def send(item: Any, values: Sending) -> Resolved:
        return resolved(f"Sent to {values.street} {values.house}")

    @send.plan
    def send_plan(item: Any, values: Sending) -> Plan:
        return Plan((Touch("parcels", item.resource_id or 0, f"house = {values.house}"),))

    @parcel.option("burn", "Burn it", effect="database", approvals=1)
    def burn() -> Resolved:
        return resolved("Burnt")

    @parcel.option("give_back", "Give it back", effect="database", requires=("has_sender",))
    def give_back() -> Resolved:
        return resolved("Given back")

    outside(parcel, "ask", "Ask the carrier", lambda: not_done("The carrier said no (404)"))
    outside(parcel, "shout", "Shout", lambda: unclear("Nobody answered"))
    return parcel


def outside(workflow: Workflow, key: str, label: str, answer: Callable[[], Any]) -> None:
    """An option that calls somebody and gets this answer."""
    option = workflow.option(key, label, effect="external")

    def call() -> Any:
        return answer()

    def then() -> Resolved:
        return resolved(label)

    option.call(call)
    option.probe(call)
    option.then(then)


#: For `MRQ_WORKFLOWS`.
workflow = parcels()

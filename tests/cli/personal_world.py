"""An item type that says a person's address in every place where a workflow can say something."""

from dataclasses import dataclass
from typing import Any

from manual_resolution import Plan, Touch, Workflow, fails, passes, recommend, resolved, shown
from manual_resolution.answers import Answer, Recommendation, Resolved


@dataclass(frozen=True)
class Complaint:
    """What the shop recorded."""

    email: str = shown("E-mail", personal=True)
    name: str = shown("Name", default="", personal=True)
    token: str = shown("Token", default="", secret=True)
    order: str = shown("Order", default="")


workflow = Workflow("complaint", context=Complaint)


@workflow.check("Somebody wrote")
def wrote(item: Any) -> Answer:
    return passes(f"{item.context.email} wrote", address=item.context.email)


@workflow.check("It was paid")
def paid(item: Any) -> Answer:
    return fails(f"{item.context.email} has not paid")


@workflow.factor
def ask(item: Any) -> Recommendation | None:
    return recommend("refund", f"Ask {item.context.email}.")


@workflow.option("refund", "Refund", effect="database")
def refund(item: Any) -> Resolved:
    return resolved(f"Told {item.context.email}", result=f"Refunded {item.context.email}")


@workflow.option("dun", "Dun", effect="database", requires=["paid"])
def dun() -> Resolved:
    return resolved("Dunned")


@refund.plan
def plan(item: Any) -> Plan:
    return Plan((Touch("orders", item.context.email, f"refund {item.context.email}"),))

"""An item type whose options need a second person."""

from dataclasses import dataclass
from typing import Any

from manual_resolution import Plan, Touch, Workflow, fails, passes, resolved, shown
from manual_resolution.answers import Answer, Resolved


@dataclass(frozen=True)
class Loss:
    """What the shop recorded."""

    searched: str = shown("Searched", default="yes")


@dataclass(frozen=True)
class Refund:
    """What is paid back."""

    amount: int = shown("Amount")


workflow = Workflow("parcel_lost", context=Loss)


@workflow.check("It was searched for")
def searched(item: Any) -> Answer:
    yes = item.context.searched == "yes"
    return passes("it was searched for") if yes else fails("nobody searched for it")


refund = workflow.option("refund", "Refund it", effect="database", requires=["searched"], values=Refund, approvals=1)


@refund.plan
def plan_refund(item: Any, values: Refund) -> Plan:
    return Plan((Touch("parcels", item.resource_id, f"refund {values.amount}"),))


@refund.run
def run_refund(values: Refund) -> Resolved:
    return resolved(f"Refunded {values.amount}")


write_off = workflow.option("write_off", "Write it off", effect="database", requires=["searched"])


@write_off.run
def run_write_off() -> Resolved:
    return resolved("Written off")

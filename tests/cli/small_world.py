"""An item type whose world is its own context, so that a test decides what every check and call answers."""

from dataclasses import dataclass
from typing import Any

from manual_resolution import (
    Call,
    Plan,
    Recommendation,
    Touch,
    Workflow,
    choice,
    done,
    fails,
    not_done,
    passes,
    recommend,
    resolved,
    shown,
    unclear,
    unknown,
)
from manual_resolution.answers import Answer, Outcome, Resolved


@dataclass(frozen=True)
class Parcel:
    """What the shop recorded."""

    place: str = shown("Place", brief=lambda place: place.split("/")[0])
    there: str = shown("There", default="pass")
    called: str = "done"
    probed: str = "unclear"


@dataclass(frozen=True)
class Address:
    """Where it goes."""

    house: int = shown("House")
    speed: str = choice("Speed", "slow", "fast", default="slow")


workflow = Workflow("parcel_stuck", context=Parcel)
OUTCOMES = {"done": done, "not_done": not_done, "unclear": unclear}


@workflow.check("The parcel is there")
def there(item: Any) -> Answer:
    answers = {"pass": passes, "fail": fails, "unknown": unknown}
    return answers[item.context.there](f"the shelf says {item.context.there}")


@workflow.factor
def send_it(answers: Any) -> Recommendation | None:
    return recommend("send", "It is there.", house=7) if answers["there"].verdict == "pass" else None


send = workflow.option("send", "Send it on", effect="database", requires=["there"], values=Address)


@send.plan
def plan_send(item: Any, values: Address) -> Plan:
    return Plan((Touch("parcels", item.resource_id, f"send to house {values.house}"),))


@send.run
def run_send(values: Address) -> Resolved:
    return resolved(f"Sent to house {values.house}", result=f"Sent to house {values.house}, {values.speed}")


recall = workflow.option("recall", "Recall it", effect="external")


@recall.plan
def plan_recall(item: Any) -> Plan:
    return Plan(calls=(Call("the post", "recall", str(item.context.place)),))


@recall.call
def call(item: Any) -> Outcome:
    return OUTCOMES[item.context.called]("the post answered")


@recall.then
def then() -> Resolved:
    return resolved("Recalled")


@recall.probe
def probe(item: Any) -> Outcome:
    return OUTCOMES[item.context.probed]("the post was asked again")


workflow.escalate("Escalate to support", team="support")

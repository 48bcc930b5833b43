"""What `--json` and the API say: an item, its case, a proposal, the item types."""

from typing import TYPE_CHECKING, Any

from manual_resolution.item import json_ready

if TYPE_CHECKING:
    from manual_resolution.case import Case, Offer
    from manual_resolution.item import Item
    from manual_resolution.masking import Mask
    from manual_resolution.proposing import Waiting
    from manual_resolution.registry import Registry
    from manual_resolution.store.attempts import Attempt
    from manual_resolution.workflow import Workflow


def case_json(case: "Case") -> dict[str, Any]:
    """What `item_json` gives, with what the checks say and what may be decided."""
    chosen = case.recommendation
    return {
        "known": case.known,
        "missing": list(case.missing),
        "attempts": [attempt_json(attempt) for attempt in case.attempts],
        "proposals": [proposal.as_json() for proposal in case.proposals],
        "checks": checks_json(case),
        "recommended": chosen and {"option": chosen.option, "sentence": chosen.sentence, "values": dict(chosen.values)},
        "options": [offer_json(offer) for offer in case.offers],
    }


def checks_json(case: "Case") -> dict[str, Any]:
    """Each check's answer, by its key."""
    return {
        key: {
            "title": case.workflow.checks[key].title,
            "verdict": answer.verdict,
            "sentence": answer.sentence,
            "facts": dict(answer.facts),
        }
        for key, answer in case.answers.items()
    }


def attempt_json(attempt: "Attempt") -> dict[str, Any]:
    """One try of an outside effect."""
    names = ("n", "state", "option", "values", "actor", "approved_by", "started_at", "ended_at", "outcome", "evidence")
    return {name: json_ready(getattr(attempt, name)) for name in names}


def offer_json(offer: "Offer") -> dict[str, Any]:
    """One line of the menu."""
    return {
        "key": offer.option.key,
        "label": offer.option.label,
        "possible": offer.because is None,
        "because": offer.because,
        "approvals": offer.option.approvals,
        "override": offer.option.override,
        "values": names_of(offer.option.values),
        "proposed": dict(offer.proposed),
        "plan": offer.plan and offer.plan.lines(),
    }


def names_of(values: type | None) -> list[str]:
    """The names of what an option asks for."""
    from manual_resolution.values import context_fields

    return [one.name for one in context_fields(values)]


def types_json(registry: "Registry") -> list[dict[str, Any]]:
    """Each known item type, in alphabetical order."""
    known = sorted(registry, key=lambda workflow: workflow.item_type)
    return [workflow_json(workflow) | {"declared_in": registry.place_of(workflow.item_type)} for workflow in known]


def workflow_json(workflow: "Workflow") -> dict[str, Any]:
    """One item type."""
    from manual_resolution.values import context_fields, label_of

    return {
        "item_type": workflow.item_type,
        "options": [
            {
                "key": option.key,
                "label": option.label,
                "effect": option.effect,
                "team": option.team,
                "requires": list(option.requires),
                "approvals": option.approvals,
                "override": option.override,
                "values": names_of(option.values),
            }
            for option in workflow.options.values()
        ],
        "checks": [{"key": check.key, "title": check.title} for check in workflow.checks.values()],
        "context": [{"name": one.name, "label": label_of(one)} for one in context_fields(workflow.context)],
        "advice": list(workflow.advice),
    }


def item_json(item: "Item", mask: "Mask") -> dict[str, Any]:
    """An item under its column names: what is hidden is marked, and named under `masked`."""
    return mask.item(item).as_json() | ({"masked": list(mask.names)} if mask.names else {})


def waiting_json(waiting: "Waiting", mask: "Mask") -> dict[str, Any]:
    """A proposal with its item, both as they may be shown."""
    return mask.proposals([waiting.proposal])[0].as_json() | {"item": mask.item(waiting.item).as_json()}

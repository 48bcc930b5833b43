"""An item type whose one option needs two persons."""

from manual_resolution import Workflow, resolved
from manual_resolution.answers import Resolved

workflow = Workflow("letter_stuck")
burn = workflow.option("burn", "Burn it", effect="database", approvals=1)


@burn
def run_burn() -> Resolved:
    return resolved("Burned")

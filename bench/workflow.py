"""The item type of the benchmark: one option, whose effect in the database is nothing."""

from bench.things import ITEM_TYPE
from manual_resolution import Workflow, resolved

workflow = Workflow(ITEM_TYPE)
nothing = workflow.option("nothing", "Do nothing", effect="database")


@nothing.run
def do_nothing() -> object:
    return resolved("Nothing had to be done")

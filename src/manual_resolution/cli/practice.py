"""`mrq practice`: ten items to decide where nothing can go wrong, then what MRQ would have chosen and why."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.demo import shown_path
from manual_resolution.cli.face import item_json, mask_for, print_json
from manual_resolution.cli.operator import PRACTICE, score

if TYPE_CHECKING:
    from manual_resolution.item import Actor
    from manual_resolution.practice import Practice, Verdict


def register(app: typer.Typer) -> None:
    """Add `mrq practice`."""
    examples = given.example("mrq practice", "mrq practice --no-input")
    app.command("practice", rich_help_panel=given.LEARNING, epilog=examples)(practice)


def practice(
    as_: given.As = None,
    folder: Annotated[Path, typer.Option("--dir", metavar="FOLDER", help="Where everything stays.")] = PRACTICE,
    no_input: Annotated[bool, typer.Option("--no-input", help="Print the ten items and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="At the end, print the result as JSON.")] = False,
) -> None:
    """Practise on ten items. Low priority first; nothing real is touched.

    Needs no server, no account, no network. Refuses where the token of a real service is set.
    """
    from manual_resolution.cli import show
    from manual_resolution.practice import practising

    who = None if no_input else named(as_)
    with practising(folder) as world:
        if not as_json:
            print(f"MRQ practice. Everything stays in {shown_path(folder)} and on 127.0.0.1; DATABASE_URL is ignored.")
        if who:
            decide(world, who, folder, as_json)
        elif as_json:
            print_json([item_json(item) for item in world.items()])
        else:
            print("\n".join(show.list_lines([mask_for(item).item(item) for item in world.items()])))


def named(name: str | None) -> "Actor":
    """Who practises. The demo is not asked: it is another world."""
    import os

    from manual_resolution.cli.face import speaker

    os.environ.pop("MRQ_DEMO", None)
    return speaker(name)


def decide(world: "Practice", who: "Actor", folder: Path, as_json: bool) -> None:
    """The session; however it ends, what MRQ would have chosen."""
    from manual_resolution.cli.practising import PracticeSession
    from manual_resolution.cli.terminal import Stops, accept_any_bytes

    if not as_json:
        print("Ten items wait, low priority first. ? lists the keys · q quits")
    accept_any_bytes()
    with Stops() as stops:
        session = PracticeSession(world.queue, who, stops)
        try:
            session.run()
        finally:
            with stops.waiting():
                end(world, who, folder, as_json)
        stops.check()


def end(world: "Practice", who: "Actor", folder: Path, as_json: bool) -> None:
    """What was decided beside what is right, and how it counts."""
    from manual_resolution.cli.terminal import say

    verdicts = world.verdicts(who.name)
    done = world.finish(who.name, verdicts)
    decided = [verdict for verdict in verdicts if verdict.chosen]
    if as_json:
        print_json({"operator": who.name, "finished": bool(done), "items": [one.as_json() for one in decided]})
        return
    for text in told(decided):
        say(text)
    if done:
        where = "" if folder == PRACTICE else f" --dir {shown_path(folder)}"
        say(f"\n{score(done)}. Finished: `mrq operator record{where}` counts it, where DATABASE_URL is your queue's.")
    else:
        say(f"{len(decided)} of {len(verdicts)} decided: it counts once all are. `mrq practice` brings ten new ones.")


def told(decided: "Sequence[Verdict]") -> list[str]:
    """`#3 pdf_deletion_failed meal_plan #11640: escalate, as you chose. …`."""
    return [*(["", "What MRQ would have chosen:"] if decided else []), *map(verdict_text, decided)]


def verdict_text(verdict: "Verdict") -> str:
    """One item, without blame."""
    item = verdict.item
    if verdict.agrees:
        yours = "as you chose"
    elif verdict.passed_on:
        yours = "you passed it on, which is never wrong when you are not sure"
    elif verdict.chosen == verdict.right:
        yours = f"you too, in another way ({item.resolution})"
    else:
        yours = f"you chose {verdict.chosen}"
    return f"  #{item.id} {item.item_type}, {item.resource}: {verdict.right}; {yours}. {verdict.why}"

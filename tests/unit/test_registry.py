"""Finding workflows by dotted names."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from manual_resolution import SettingsError, Workflow
from manual_resolution.registry import Registry, load


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """`package(name, module="text")`: a package of modules to import."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def make(name: str, **modules: str) -> None:
        (tmp_path / name).mkdir()
        for module, text in ({"__init__": ""} | modules).items():
            (tmp_path / name / f"{module}.py").write_text(textwrap.dedent(text))

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


DECLARED = "from manual_resolution import Workflow\nflow = Workflow('{}')\n"


def test_a_package_brings_its_modules(package: Callable[..., None]) -> None:
    """A package's name loads each module in it; those that begin with an underscore are its own affair."""
    package("flows_a", one=DECLARED.format("one"), two=DECLARED.format("two"), _own="raise RuntimeError")
    registry = load(("flows_a",))
    assert sorted(workflow.item_type for workflow in registry) == ["one", "two"]
    assert registry.place_of("two") == "flows_a.two"


def test_a_new_type_is_one_file_and_one_name(package: Callable[..., None]) -> None:
    """A team's own type stands beside the shipped ones by its module's name alone."""
    package("flows_b", ours=DECLARED.format("ours"))
    registry = load(("manual_resolution.workflows", "flows_b.ours"))
    assert {"ours", "pdf_deletion_failed", "quiz_orphaned", "blacklist_disputed"} <= {w.item_type for w in registry}


def test_passing_on_is_not_declaring_twice(package: Callable[..., None]) -> None:
    """A package may pass on what its module declares, and be named beside it."""
    package("flows_c", __init__="from flows_c.one import flow\nalso = flow", one=DECLARED.format("one"))
    assert [workflow.item_type for workflow in load(("flows_c", "flows_c.one"))] == ["one"]


def test_declaring_twice_names_both_places(package: Callable[..., None]) -> None:
    """A type that two modules declare is refused with both names."""
    package("flows_d", one=DECLARED.format("same"), two=DECLARED.format("same"))
    with pytest.raises(SettingsError, match=r"same is declared twice: in flows_d\.one and in flows_d\.two"):
        load(("flows_d",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("import nothing_like_it", "nothing_like_it"),
        ("def (", "SyntaxError"),
    ],
)
def test_what_cannot_be_loaded_is_named(package: Callable[..., None], text: str, told: str) -> None:
    """A module that breaks is named with the variable and the first words of its error."""
    package("flows_e", broken=text)
    with pytest.raises(SettingsError, match="MRQ_WORKFLOWS: flows_e") as refused:
        load(("flows_e",))
    assert told in str(refused.value)
    with pytest.raises(SettingsError, match="MRQ_WORKFLOWS: not_there_at_all"):
        load(("not_there_at_all",))


def test_an_unknown_type_gets_the_generic_options() -> None:
    """A type nobody taught MRQ can be escalated and deferred."""
    registry = Registry()
    assert list(registry.of("nobody_knows").options) == ["escalate", "defer"]
    assert "nobody_knows" not in registry


def test_an_incomplete_workflow_is_refused() -> None:
    """An option without its parts stops the start, and names what is missing."""
    flow = Workflow("half")
    flow.option("call", "Call", effect="external").call(lambda: None)
    with pytest.raises(SettingsError, match="Option call of half: effect 'external' needs then and probe"):
        Registry([("here", flow)])

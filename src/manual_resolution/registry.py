"""Finding workflows by the dotted names in `MRQ_WORKFLOWS`; every other item type gets the generic options."""

import pkgutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from types import ModuleType

from manual_resolution.errors import SettingsError
from manual_resolution.workflow import Workflow


class Registry:
    """The workflows in force, by item type."""

    def __init__(self, workflows: Sequence[tuple[str, Workflow]] = ()) -> None:
        self._places: dict[str, str] = {}
        self._workflows: dict[str, Workflow] = {}
        for place, workflow in workflows:
            self._keep(place, workflow.complete())

    def _keep(self, place: str, workflow: Workflow) -> None:
        if self._workflows.get(workflow.item_type) is workflow:  # a package that passes on what its module declares
            return
        if workflow.item_type in self._workflows:
            first = self._places[workflow.item_type]
            raise SettingsError([f"Item type {workflow.item_type} is declared twice: in {first} and in {place}."])
        self._places[workflow.item_type], self._workflows[workflow.item_type] = place, workflow

    def __iter__(self) -> Iterator[Workflow]:
        return iter(self._workflows.values())

    def __contains__(self, item_type: str) -> bool:
        return item_type in self._workflows

    def of(self, item_type: str) -> Workflow:
        """The workflow of this type; a bare one with the generic options for a type nobody taught MRQ."""
        return self._workflows.get(item_type) or Workflow(item_type)

    def place_of(self, item_type: str) -> str:
        """The module that declares this type."""
        return self._places[item_type]


@lru_cache(maxsize=8)
def load(names: tuple[str, ...]) -> Registry:
    """Import what `MRQ_WORKFLOWS` names: modules, or packages of modules. Raises `SettingsError` naming the bad one."""
    found = [(module.__name__, workflow) for name in names for module in modules(name) for workflow in declared(module)]
    return Registry(found)


def modules(name: str) -> list[ModuleType]:
    """The module of this name, with the modules inside when it is a package."""
    try:
        top = import_module(name)
        inside = pkgutil.iter_modules(getattr(top, "__path__", []), f"{name}.")
        return [top, *(import_module(m.name) for m in inside if not m.name.rpartition(".")[2].startswith("_"))]
    except SettingsError:
        raise
    except Exception as error:
        raise SettingsError([f"MRQ_WORKFLOWS: {name} cannot be loaded: {type(error).__name__}: {error}."]) from error


def declared(module: ModuleType) -> list[Workflow]:
    """The workflows a module declares itself."""
    return [value for value in vars(module).values() if isinstance(value, Workflow)]

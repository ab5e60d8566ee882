"""The one list of studies, and the rooms that each of them has.

A study is a package: one paper, or one experiment with nets of its own kind. Whatever it declares
is in modules of the same names everywhere, which are imported when they are first asked for:

``run``          ``SPECS``, the kinds of its runs (`modnoise.spec.Trainable`)
``training``     ``KINDS``, how each of them is trained (`modnoise.training.loop.Kind`)
``experiments``  ``EXPERIMENTS``, its sets of runs (`modnoise.sweep.Sweep`)
``claims``       ``CLAIMS``, what is checked on them (`modnoise.claim.Claim`); where there is any,
                 ``UNCHECKED``, what its paper says that cannot be (`modnoise.claim.Unchecked`)
``parameters``   ``PARAMETERS``, of its notebooks (`modnoise.spec.Spec`)

Nothing here imports torch, nor a study before it is needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from modnoise.spec import FORMAT, SpecError, Trainable, quoted

STUDIES = [
    "modnoise.arithmetic",
    "modnoise.mnist",
    "modnoise.transformer",
    "modnoise.unified",
    "modnoise.rote",
    "modnoise.facts",
    "modnoise.distillation",
]
"""Packages of the studies, in the order in which they are listed: the main paper first."""


def room(run: Trainable, name: str) -> ModuleType:
    """A module of the study that a run belongs to."""
    study = type(run).__module__.rpartition(".")[0]
    return importlib.import_module(f"{study}.{name}")


class Declared(Mapping[str, Any]):
    """What all studies declare under one name, by a name of its own: looked up anew each time."""

    def __init__(self, module: str, name: str, by: str) -> None:
        self.module, self.name, self.by = module, name, by

    def _found(self) -> dict[str, Any]:
        modules = (importlib.import_module(f"{study}.{self.module}") for study in STUDIES)
        return {getattr(x, self.by): x for module in modules for x in getattr(module, self.name)}

    def __getitem__(self, key: str) -> Any:
        return self._found()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found())

    def __len__(self) -> int:
        return len(self._found())


SPECS = Declared("run", "SPECS", "__name__")
"""Every kind of run by name."""

EXPERIMENTS = Declared("experiments", "EXPERIMENTS", "name")
"""Every declared set of runs by name."""

CLAIMS = Declared("claims", "CLAIMS", "id")
"""Every claim by id."""


def unchecked() -> list[Any]:
    """Every statement of a paper that no rule judges, in the order of the studies."""
    modules = (importlib.import_module(f"{study}.claims") for study in STUDIES)
    return [one for module in modules for one in getattr(module, "UNCHECKED", ())]


PARAMETERS = Declared("parameters", "PARAMETERS", "NOTEBOOK")
"""What the parameters of every notebook must be, by the notebook's name."""


def spec_from(config: Mapping[str, Any]) -> Trainable:
    """The spec of a stored configuration (`modnoise.store.records.configuration`).

    Raises:
        SpecError: a kind or format that does not exist, or a field that is not allowed.
    """
    kind = config.get("kind")
    if not isinstance(kind, str) or kind not in SPECS:
        raise SpecError(
            f"kind = {quoted(kind)} is not known: it must be one of {', '.join(SPECS)}"
        )
    version = config.get("format")
    if type(version) is not int or version != FORMAT:
        raise SpecError(f"format = {quoted(version)} is not known: it must be {FORMAT}")
    fields = {name: x for name, x in config.items() if name not in ("format", "kind")}
    return SPECS[kind](**fields)

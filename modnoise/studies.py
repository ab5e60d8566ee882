"""The one list of studies, and the rooms that each of them has.

A study is a package: one paper, or one experiment with nets of its own kind. Whatever it declares
is in modules of the same names everywhere, which are imported when they are first asked for:

``run``          ``SPECS``, the kinds of its runs (`modnoise.spec.Trainable`)
``training``     ``KINDS``, how each of them is trained (`modnoise.training.loop.Kind`)
``experiments``  ``EXPERIMENTS``, its sets of runs (`modnoise.sweep.Sweep`)
``claims``       ``CLAIMS``, what is checked on them (`modnoise.claim.Claim`)
``parameters``   ``PARAMETERS``, of its notebooks by name (`modnoise.spec.Spec`)

Nothing here imports torch, nor a study before it is needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from modnoise.spec import Spec, SpecError, Trainable

STUDIES = [
    "modnoise.arithmetic",
    "modnoise.mnist",
    "modnoise.transformer",
]
"""Packages of the studies, in the order in which they are listed: the main paper first."""


def room(run: Trainable, name: str) -> ModuleType:
    """A module of the study that a run belongs to."""
    study = type(run).__module__.rpartition(".")[0]
    return importlib.import_module(f"{study}.{name}")


def _declared(module: str, name: str) -> Iterator[Any]:
    for study in STUDIES:
        yield from getattr(importlib.import_module(f"{study}.{module}"), name)


def specs() -> dict[str, type[Trainable]]:
    """Every kind of run by name."""
    return {spec.__name__: spec for spec in _declared("run", "SPECS")}


def experiments() -> dict[str, Any]:
    """Every declared set of runs by name."""
    return {sweep.name: sweep for sweep in _declared("experiments", "EXPERIMENTS")}


def claims() -> dict[str, Any]:
    """Every claim by id."""
    return {claim.id: claim for claim in _declared("claims", "CLAIMS")}


def parameters() -> dict[str, type[Spec]]:
    """What the parameters of every notebook must be, by the notebook's name."""
    found: dict[str, type[Spec]] = {}
    for study in STUDIES:
        found |= importlib.import_module(f"{study}.parameters").PARAMETERS
    return found


def __getattr__(name: str) -> Any:
    """``EXPERIMENTS`` and ``CLAIMS`` of all studies, by name and id."""
    if name in ("EXPERIMENTS", "CLAIMS"):
        return experiments() if name == "EXPERIMENTS" else claims()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def spec_from(config: Mapping[str, Any]) -> Trainable:
    """The spec of a stored configuration (`modnoise.store.records.configuration`).

    Raises:
        SpecError: a kind that does not exist, or a field that is not allowed.
    """
    known = specs()
    if config.get("kind") not in known:
        raise SpecError(
            f"kind = {config.get('kind')!r} is not known: it must be one of {', '.join(known)}"
        )
    fields = {name: x for name, x in config.items() if name not in ("format", "kind")}
    return known[config["kind"]](**fields)

"""The kinds of nets that can be trained and recorded, and where the code of each is.

A kind is a `Trainable` spec and, in a module that is imported when it is first needed, the
functions a campaign calls. Nothing here imports torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modnoise.mnist_data import MnistRun
from modnoise.spec import Run, Trainable
from modnoise.transformer_run import TransformerRun


@dataclass(frozen=True)
class Kind:
    """What a campaign does with runs of one kind.

    ``train`` has the signature of `modnoise.training.loop.train`, and its result's nets have a
    method ``arrays(i)``; ``stack_size(run, device)`` says how many such runs to train as one
    stack; ``restore(run, arrays)`` makes nets of recorded arrays, ``data(run)`` what they were
    trained on; ``title(run)`` names a run in a progress line.
    """

    train: Callable[..., Any]
    stack_size: Callable[[Any, str], int]
    restore: Callable[[Any, Mapping[str, Any]], Any]
    data: Callable[[Any], Any]
    title: Callable[[Any], str]


_SPECS: dict[str, tuple[type[Trainable], str]] = {
    "Run": (Run, "modnoise.training.kind"),
    "MnistRun": (MnistRun, "modnoise.mnist"),
    "TransformerRun": (TransformerRun, "modnoise.transformer_training"),
}


def kind_of(run: Trainable) -> Kind:
    """The functions for a run's kind."""
    return importlib.import_module(_SPECS[type(run).__name__][1]).KIND


def spec_from(config: Mapping[str, Any]) -> Trainable:
    """The spec of a stored configuration (`records.configuration`).

    Raises:
        ValueError: a kind that does not exist, or a field that is not allowed.
    """
    if config.get("kind") not in _SPECS:
        raise ValueError(
            f"kind = {config.get('kind')!r} is not known: it must be one of {', '.join(_SPECS)}"
        )
    spec = _SPECS[config["kind"]][0]
    return spec(**{name: x for name, x in config.items() if name not in ("format", "kind")})

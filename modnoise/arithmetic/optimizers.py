"""The optimizers that train a net, one value each: update, twin in `torch.optim`, defaults.

A new one is one entry here: it then trains in every engine, is tested against its twin, has a
label in figures, and is a value of ``optimizer`` wherever that is asked for. Nothing here imports
torch before it computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from modnoise.spec import known

if TYPE_CHECKING:
    from torch.optim import Optimizer as Twin


@dataclass(frozen=True)
class Optimizer:
    """An optimizer of a stack of nets.

    ``update``: one step in place, from (x, grad, state) and the keywords step, lr, weight_decay
    and run. ``twin``: the one of `torch.optim` that does the same, from parameters, lr,
    weight_decay and run. ``states``: tensors that it keeps per parameter. ``momentum``: its
    default where it has one (PyTorch's). ``matrices``: it takes no vector, which AdamW updates.
    ``decays`` and ``rates`` may be the paper's, whose grids are unknown (ours; AdamW's decays hold
    its 0.1); ``rates`` is empty where the paper states its learning rate.
    """

    label: str
    update: Callable[..., None]
    twin: Callable[..., Twin]
    decays: tuple[float, ...]
    rates: tuple[float, ...] = ()
    states: int = 2
    momentum: float | None = None
    matrices: bool = False


def _adam(x: Any, grad: Any, state: Any, *, run: Any, decoupled: bool, **rates: Any) -> None:
    from modnoise.training.optim import adam_

    betas = (run.beta1, run.beta2)
    adam_(x, grad, *state, betas=betas, eps=run.eps, decoupled=decoupled, **rates)


def _sgd(x: Any, grad: Any, state: Any, *, run: Any, step: Any, **rates: Any) -> None:
    from modnoise.training.optim import sgd_

    sgd_(x, grad, *state, momentum=run.momentum, **rates)


def _muon(x: Any, grad: Any, state: Any, *, run: Any, step: Any, **rates: Any) -> None:
    from modnoise.training.optim import muon_

    muon_(x, grad, state[0], momentum=run.momentum, **rates)


def _adam_twin(name: str) -> Callable[..., Twin]:
    def made(parameters: Any, *, run: Any, **rates: Any) -> Twin:
        import torch

        betas = (run.beta1, run.beta2)
        return getattr(torch.optim, name)(parameters, betas=betas, eps=run.eps, **rates)

    return made


def _momentum_twin(name: str) -> Callable[..., Twin]:
    def made(parameters: Any, *, run: Any, **rates: Any) -> Twin:
        import torch

        return getattr(torch.optim, name)(parameters, momentum=run.momentum, **rates)

    return made


_DECOUPLED = (0.01, 0.1, 0.3, 1.0)

OPTIMIZERS = {
    "adamw": Optimizer(
        "AdamW", lambda *parts, **rest: _adam(*parts, decoupled=True, **rest),
        _adam_twin("AdamW"), _DECOUPLED,
    ),
    "adam": Optimizer(
        "Adam", lambda *parts, **rest: _adam(*parts, decoupled=False, **rest),
        _adam_twin("Adam"), (1e-5, 1e-4, 5e-4),
    ),
    "muon": Optimizer(
        "Muon", _muon, _momentum_twin("Muon"), _DECOUPLED, rates=(1e-3, 0.02),
        momentum=0.95, matrices=True,
    ),
    "sgd": Optimizer(
        "SGD", _sgd, _momentum_twin("SGD"), (1e-5, 1e-4, 1e-3), rates=(0.01, 0.1, 1.0),
        states=1, momentum=0.0,
    ),
}  # fmt: skip
"""Optimizers by name. Equations: `modnoise.training.optim`."""

OptimizerName = Annotated[str, BeforeValidator(lambda name: known(OPTIMIZERS, name))]
"""A field that names an optimizer."""

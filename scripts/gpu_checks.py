"""What `make gpu` checks before it trains: products, gradients, steps and recording on the device.

Each is held against autograd or against the CPU. If the fast engine fails, autograd's is tried; if
only recording does, the CPU records. All of it: ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np
import torch

from modnoise.arithmetic.engines.reference import ReferenceEngine
from modnoise.arithmetic.nets import new_nets
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import noisy_table
from modnoise.arithmetic.training import ENGINES
from modnoise.spec import Trainable
from modnoise.training.loop import train
from modnoise.training.settings import torch_settings
from modnoise.unified import UnifiedRun


class Check(NamedTuple):
    """A relative error and the largest one that passes."""

    name: str
    error: float
    allowed: float

    @property
    def passed(self) -> bool:
        """Whether the error is a number, and small enough."""
        return self.error <= self.allowed

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        return f"{self.name:42} error {self.error:7.1e}, allowed {self.allowed:7.1e}: {verdict}"


def far(found: Sequence[Any], expected: Sequence[Any]) -> float:
    """Largest of the distances ||found - expected|| / ||expected||; NaN must be where NaN is."""
    worst = 0.0
    for one, other in zip(found, expected, strict=True):
        x, y = (np.asarray(z.cpu() if torch.is_tensor(z) else z, float) for z in (one, other))
        if x.shape != y.shape or (np.isfinite(x) != np.isfinite(y)).any():
            return np.inf
        x, y = np.nan_to_num(x), np.nan_to_num(y)
        worst = max(worst, float(np.linalg.norm(x - y) / (np.linalg.norm(y) or 1.0)))
    return worst


def _products(device: str) -> float:
    """Of a product in float32, from float64's: 1e-7 to 1e-6, but 3e-4 in TF32."""
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((512, 512)))
    with torch_settings(device, 1):
        y = x.float().to(device)
        return far([y @ y], [x @ x])


def _gradients(device: str, engine: str, dtype: str) -> float:
    """Of the engine's gradients on the device, from autograd's in float64 on the CPU."""
    worst = 0.0
    for act in ("relu", "quadratic", "gelu"):
        runs = [Run(p=59, width=257, act=act, dtype=dtype, op=op) for op in ("add", "mul")]
        exact = [run.but(dtype="float64") for run in runs]
        with torch_settings(device, 1):
            fast = ENGINES[engine](runs, new_nets(runs), noisy_table(runs), device)
            slow = ReferenceEngine(exact, new_nets(exact), noisy_table(exact))
            worst = max(worst, far(fast.gradients(), slow.gradients()))
    return worst


def _steps(device: str, engine: str, optimizer: str) -> float:
    """Of the weights after 50 steps on the device, from the plain loop's on the CPU."""
    size = {"p": 23, "width": 65, "dtype": "float64", "steps": 50, "optimizer": optimizer}
    runs = [Run(**size, seed=1, lr=1e-2), Run(**size, seed=2, lr=3e-3, op="mul", noise=0.6)]
    found = train(runs, device=device, engine=engine, progress=False).nets
    expected = train(runs, engine="reference", progress=False).nets
    names = ("U", "V", "W", "mu")
    return far(*([getattr(nets, name) for name in names] for nets in (found, expected)))


def _curves(device: str, runs: list[Trainable], **how: str) -> float:
    """Of all that is recorded in a training, from the same on the CPU."""
    found, expected = (
        train(runs, device=x, progress=False, **how).history.drop(columns="part")
        for x in (device, "cpu")
    )
    return far(*([x[name].to_numpy() for name in expected] for x in (found, expected)))


def checks(device: str, engine: str) -> list[Check]:
    """All checks of an engine on a device; one that breaks has failed."""
    recorded = {"record_parts": True, "record_structure": True, "record_gradients": True}
    size = {"p": 23, "width": 65, "dtype": "float64", "steps": 20}
    every = [Run(**size, **recorded, op=op) for op in ("add", "mul")]
    circuits = [UnifiedRun(p=17, n_train=200, d_model=8, steps=50, dtype="float64")]
    asked: dict[str, tuple[float, Callable[[], float]]] = {
        "products without TF32": (1e-5, partial(_products, device)),
        "gradients, float64": (1e-10, partial(_gradients, device, engine, "float64")),
        "gradients, float32": (1e-5, partial(_gradients, device, engine, "float32")),
        **{
            f"50 steps of {name}": (allowed, partial(_steps, device, engine, name))
            for name, allowed in (("adamw", 1e-8), ("adam", 1e-8), ("sgd", 1e-8), ("muon", 0.02))
        },  # Muon rounds to bfloat16, in which a last bit matters
        "recording": (1e-6, partial(_curves, device, every, engine=engine)),
        "transformers": (1e-6, partial(_curves, device, circuits)),
    }
    found = []
    for name, (allowed, look) in asked.items():
        try:
            error = look()
        except (RuntimeError, ValueError, TypeError, IndexError) as problem:
            print(f"{name}: {type(problem).__name__}: {str(problem).splitlines()[0]}", flush=True)
            error = float("nan")
        found.append(Check(f"{engine}: {name}", error, allowed))
    return found


def apart(device: str, engine: str) -> list[Check]:
    """`checks` in a process of its own: an error on a GPU can spoil all that the process does."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(checks, device, engine).result()
        except BrokenProcessPool:
            return [Check(f"{engine}: the process", float("nan"), 0.0)]


def choose(device: str, look: Callable = apart) -> tuple[list[Check], dict[str, str] | None]:
    """All checks that were made, and how to train: None if nothing here can be trusted."""
    seen: list[Check] = []
    for engine in ("fast", "autograd"):
        now = look(device, engine)
        seen += now
        failed = {check.name.partition(": ")[2] for check in now if not check.passed}
        if failed <= {"recording", "transformers"}:
            return seen, {"engine": engine} | (
                {"record_on": "cpu"} if "recording" in failed else {}
            )
    return seen, None

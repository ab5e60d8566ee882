"""How long runs take, by what similar ones took.

A rate is operations (`Trainable.operations`) per second with everything that a training does.
Between sizes of one family log(rate) is linear in log(operations per step). All of it: ours.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from modnoise.spec import Trainable

GPU_RATE = 40e12
"""Operations per second that one H200 is taken to sustain in fp32: declared, not measured
(specification, section 12)."""


class Sample(NamedTuple):
    """How fast runs of a family go at one size."""

    family: tuple
    size: float  # operations of one run, per step
    rate: float  # operations per second


def family(run: Trainable) -> tuple:
    """What runs that differ in width alone (and need not share a stack) have in common."""
    return type(run), *(x for name, x in run if name not in (*run.PER_NET, "width"))


def size(run: Trainable) -> float:
    """Operations of a run per step."""
    return run.operations / max(1, run.steps)


def estimate(run: Trainable, samples: Sequence[Sample]) -> float:
    """Seconds of a run at the rate of its family's samples, else of its kind's, else 0."""
    alike = [x for x in samples if x.family == family(run)]
    alike = alike or [x for x in samples if x.family[0] is type(run)]
    if not run.operations or not alike:
        return 0.0
    sizes = sorted({x.size for x in alike})
    rates = [np.mean([np.log(x.rate) for x in alike if x.size == s]) for s in sizes]
    return run.operations / float(np.exp(np.interp(np.log(size(run)), np.log(sizes), rates)))


def measured(done: Iterable[tuple[Trainable, Mapping[str, Any]]]) -> list[Sample]:
    """Samples of recorded runs and their manifests: of the device that most of them are from."""
    done = [(run, m) for run, m in done if run.operations and m["seconds"]]
    names = Counter(m["device_name"] for _, m in done).most_common(1)
    return [
        Sample(family(run), size(run), run.operations / m["seconds"])
        for run, m in done
        if m["device_name"] == names[0][0]
    ]


def core_seconds(manifest: Mapping[str, Any]) -> float:
    """Seconds of cores that a run took: its own where they are recorded, else all that passed,
    though other programs may have had the cores in some of them.

    >>> core_seconds({"seconds": 9.0, "threads": 2}), core_seconds({"core_seconds": 7.5})
    (18.0, 7.5)
    """
    own = manifest.get("core_seconds")
    return manifest["seconds"] * manifest["threads"] if own is None else own


def undisturbed(done: Iterable[tuple[Trainable, Mapping[str, Any]]]) -> list[Sample]:
    """The fastest of the runs recorded on CPUs of every family and size, per core.

    A machine that others share only slows: what is slower than that is not the training's cost.
    """
    best: dict[tuple[tuple, float], float] = {}
    for run, m in done:
        if m["device"] == "cpu" and run.operations and core_seconds(m):
            shape = family(run), size(run)
            best[shape] = max(best.get(shape, 0.0), run.operations / core_seconds(m))
    return [Sample(kind, size, rate) for (kind, size), rate in best.items()]


def spent(manifests: Iterable[Mapping[str, Any]]) -> str:
    """What recorded runs cost, in seconds of cores and of GPUs.

    >>> spent([{"device": "cpu", "seconds": s, "threads": 2} for s in (700.0, 0.2)])
    '1,400 core-s'
    """
    cost: dict[str, float] = defaultdict(float)
    for m in manifests:
        if m["device"] == "cpu":
            cost["core"] += core_seconds(m)
        else:
            cost["GPU"] += m["seconds"]
    return " + ".join(f"{cost[kind]:,.0f} {kind}-s" for kind in ("core", "GPU") if kind in cost)

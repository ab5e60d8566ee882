"""What every figure of the papers costs, of sweeps and what is recorded of them. All of it: ours.

Nothing here imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from modnoise.spec import Trainable
from modnoise.store.costs import GPU_RATE, core_seconds, estimate, family, size, undisturbed
from modnoise.store.records import Store
from modnoise.sweep import SCALES, Sweep

ALL = "all, each run once"
"""What the rows that count every run once stand for."""


def figure_of(paper: str) -> str:
    """The figure or table that a sweep is for (`Sweep.paper`), without sections that speak of it.

    >>> [figure_of(x) for x in ("Figs. 3, 16 and 17, section 3.2; appendix C.3", "Fig. 9")]
    ['Figs. 3, 16 and 17', 'Fig. 9']
    """
    return re.split(r";|, sections? |, appendix ", paper)[0]


def bill(
    sweeps: Iterable[Sweep], store: Store, scales: Sequence[str] = SCALES[1:]
) -> pd.DataFrame:
    """Cost of every figure at every scale: a row each, and last those of `ALL`.

    In a row every run counts once, whichever sweeps have it. Columns:

    - ``figure`` (`figure_of`), ``scale``, ``runs``, ``recorded`` (of them), ``operations``;
    - ``core_hours``: of all runs at the rate of the fastest recorded one of the same shape, or,
      without one, at that of others (`costs.estimate`); NaN where nothing of the kind is recorded;
    - ``estimated``: runs without a recorded one of the same shape;
    - ``spent_hours``: core-hours of the recorded runs as their manifests have them;
    - ``gpu_hours``: operations at `costs.GPU_RATE`, declared.
    """
    groups: dict[tuple[str, str], dict[str, Trainable]] = {}
    total: dict[tuple[str, str], dict[str, Trainable]] = {}
    for sweep in sweeps:
        for scale in [scale for scale in scales if scale in sweep.scales]:
            runs = {run.key: run for run in sweep.runs(scale)}
            groups.setdefault((figure_of(sweep.paper), scale), {}).update(runs)
            total.setdefault((ALL, scale), {}).update(runs)
    facts = _facts({key: run for runs in total.values() for key, run in runs.items()}, store)
    rows = []
    for (figure, scale), runs in [*groups.items(), *total.items()]:
        here = facts.loc[[*runs]]
        sums = here.drop(columns="seconds").sum().to_dict()
        rows.append(
            {"figure": figure, "scale": scale, "runs": len(runs), **sums,
             "core_hours": here.seconds.sum(skipna=False) / 3600,
             "gpu_hours": sums["operations"] / GPU_RATE / 3600}
        )  # fmt: skip
    return pd.DataFrame(rows).astype({"recorded": int, "estimated": int})


def _facts(runs: Mapping[str, Trainable], store: Store) -> pd.DataFrame:
    """What `bill` adds up, a row per key; ``seconds`` of cores are NaN where nothing tells."""
    found = {key: manifest for key, run in runs.items() if (manifest := store.glance(run)[0])}
    samples = undisturbed((runs[key], manifest) for key, manifest in found.items())
    shapes = {(x.family, x.size) for x in samples}
    seconds: dict[tuple, float] = {}
    rows = {}
    for key, run in runs.items():
        shape, manifest = (family(run), size(run)), found.get(key)
        if shape not in seconds:
            seconds[shape] = estimate(run, samples) or (float("nan") if run.operations else 0.0)
        on_cpu = manifest if manifest and manifest["device"] == "cpu" else None
        rows[key] = {
            "recorded": manifest is not None,
            "operations": run.operations,
            "estimated": bool(run.operations) and shape not in shapes,
            "spent_hours": core_seconds(on_cpu) / 3600 if on_cpu else 0.0,
            "seconds": seconds[shape],
        }
    return pd.DataFrame.from_dict(rows, orient="index")

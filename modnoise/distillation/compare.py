"""What is read off the recorded rows of this study: last steps, times, slopes, best teachers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from modnoise.distillation.run import DistillRun
from modnoise.distillation.spectrum import variance
from modnoise.store.records import Store, those_recorded
from modnoise.studies import EXPERIMENTS

LEVEL = 0.1
"""Share of copies at which a teacher has begun to memorize (our specification)."""

GAIN = 0.5
"""Of what there is to learn in the loss of random features, 1 - (1 - D) = D."""


def at_setting(runs: Iterable[DistillRun], *, n: int, seed: int) -> list[DistillRun]:
    """The runs of an experiment with another smaller n or first seed, without doubles."""
    runs = list(runs)
    least, first = min(run.n for run in runs), runs[0].seed
    moved = [
        run.but(n=n if run.n == least else run.n, seed=seed if run.seed == first else run.seed)
        for run in runs
    ]
    return [*dict.fromkeys(moved)]


def recorded(name: str, scale: str, store: Store | None = None) -> list[DistillRun]:
    """The runs of an experiment that a page shows beside its own: those that are recorded.

    At ``smoke`` all of them, which are trained in seconds.
    """
    return those_recorded(EXPERIMENTS[name].runs(scale), scale, store)


def at_end(rows: pd.DataFrame, part: str, sampler: int | None = None) -> pd.DataFrame:
    """The rows of one part at its last step, of every run; ``sampler``: with so many steps."""
    found = rows[rows.part == part]
    if sampler is not None:
        found = found[found.sampler == sampler]
    return found[found.step == found.groupby("key").step.transform("max")]


def distilled(rows: pd.DataFrame, part: str = "student", sampler: int = 1) -> pd.DataFrame:
    """The rows of one student along its own steps, ``distilled``, by run and step."""
    found = rows[(rows.part == part) & (rows.sampler == sampler)]
    made = found.assign(distilled=found.step - found.teacher_steps)
    return made.sort_values(["key", "step"], kind="stable")


def undistilled(rows: pd.DataFrame, sampler: int = 1) -> pd.DataFrame:
    """The rows of the student before its first step: the teacher, asked to jump."""
    along = distilled(rows, "student", sampler)
    return along[along.distilled == 0]


def memorizing_time(steps: np.ndarray, copied: np.ndarray, level: float = LEVEL) -> float:
    """The step at which the share of copies reaches a level, between records in log(step); NaN.

    >>> import numpy as np
    >>> memorizing_time(np.array([10, 100, 1000]), np.array([0.0, 0.05, 0.15])).__round__()
    316
    """
    steps, copied = np.asarray(steps, float), np.asarray(copied, float)
    reached = np.flatnonzero(copied >= level)
    if not len(reached):
        return float("nan")
    i = reached[0]
    if i == 0:
        return float(steps[0])
    share = (level - copied[i - 1]) / (copied[i] - copied[i - 1])
    return float(np.exp(np.interp(share, [0, 1], np.log(steps[i - 1 : i + 1]))))


def copied_against_size(rows: pd.DataFrame) -> pd.DataFrame:
    """Per n and seed: the teacher's time to one copy in ten, and its last share of copies."""
    teachers = rows[rows.part == "teacher"].sort_values("step", kind="stable")
    found = [
        {
            "n": n,
            "seed": seed,
            "time": memorizing_time(one.step.to_numpy(), one.copied.to_numpy()),
            "copied": float(one.copied.iloc[-1]),
        }
        for (n, seed), one in teachers.groupby(["n", "seed"])
    ]
    return pd.DataFrame(found, columns=["n", "seed", "time", "copied"])


def flow_times(rows: pd.DataFrame) -> pd.DataFrame:
    """Per network of random features, in units of 1 / D_t: when it has learned, and overfits.

    ``tau_gen``: the test loss has fallen by half of what there is to learn, D / 2; ``tau_mem``:
    it is above the training loss by as much. NaN where that does not happen.
    """
    found, by = [], ["d", "psi_n", "psi_p", "time", "seed"]
    flow = rows[rows.part == "flow"].sort_values("tau", kind="stable")
    for values, one in flow.groupby(by):
        row = dict(zip(by, values, strict=True))
        half = GAIN * variance(row["time"])
        learned, gap = 1 - one.loss_test.to_numpy(), (one.loss_test - one.loss_train).to_numpy()
        row["tau_gen"] = memorizing_time(one.tau.to_numpy(), learned, half)
        row["tau_mem"] = memorizing_time(one.tau.to_numpy(), gap, half)
        found.append(row)
    return pd.DataFrame(found, columns=[*by, "tau_gen", "tau_mem"])


def slopes(frame: pd.DataFrame, by: str, value: str) -> dict[int, float]:
    """Per seed the slope of log(value) against log(by), over rows that have one; at least two."""
    found = {}
    for seed, one in frame.dropna(subset=[value]).groupby("seed"):
        if one[by].nunique() > 1:
            found[int(seed)] = float(np.polyfit(np.log(one[by]), np.log(one[value]), 1)[0])
    return found


def fidelity(
    rows: pd.DataFrame, slack: float = 0.05, *, sampler: int = 1, alike: bool = False
) -> pd.DataFrame:
    """Per run: the teacher's least share of copies among steps whose pictures are as good.

    As good: a Frechet distance at most 1 + ``slack`` times that of the last student, drawing in
    so many steps; ``alike``: nor is it less than 1 - ``slack`` times that. ``stopped_at``,
    ``stopped`` (share), ``student`` and ``student_high``, the upper end of its interval; NaN
    where no step is as good.
    """
    found = []
    for key, one in rows.groupby("key", sort=False):
        last = at_end(one, "student", sampler).iloc[0]
        good = one[(one.part == "teacher") & (one.frechet <= (1 + slack) * last.frechet)]
        good = good[good.frechet >= (1 - slack) * last.frechet] if alike else good
        best = good.loc[good.copied.idxmin()] if len(good) else None
        found.append(
            {
                "key": key,
                "n": last.n,
                "seed": last.seed,
                "stopped_at": np.nan if best is None else best.step,
                "stopped": np.nan if best is None else best.copied,
                "stopped_frechet": np.nan if best is None else best.frechet,
                "student": last.copied,
                "student_high": last.get("copied_high", np.nan),
                "student_frechet": last.frechet,
            }
        )
    return pd.DataFrame(found)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Medians over seeds at the end, a row per n: shares of copies, distances, fates of copies.

    ``teacher``, ``student``, ``two`` (the student in two steps), ``scratch``, ``untaught``,
    ``many``: shares of copies, with ``_two`` in two steps; ``start``: the student's before its
    first step; ``far_teacher``, ``far_student``, ``far_two``, ``far_images``: distances to
    held-out images, the last of the training set; ``stopped``: copies of the teacher at its best
    step of the student's quality (`fidelity`); ``kept``: of the teacher's copies, those where the
    same image is the nearest to the student's picture; ``contrast`` there.
    """
    asked = {"teacher": ("teacher", None), "student": ("student", 1), "two": ("student", 2)}
    for part in ("scratch", "untaught", "many hops"):
        name = part.split()[0]
        asked |= {name: (part, 1), f"{name}_two": (part, 2)}
    found = {name: at_end(rows, *at).groupby("n").copied.median() for name, at in asked.items()}
    for name in ("teacher", "student", "two"):
        far = at_end(rows, *asked[name]).groupby("n").frechet
        found[f"far_{name}"] = far.median()
    found["far_images"] = at_end(rows, "training set").groupby("n").frechet.median()
    found["held_out"] = at_end(rows, "held-out").groupby("n").copied.median()
    found["stopped"] = fidelity(rows).groupby("n").stopped.median()
    found["stopped_two"] = fidelity(rows, sampler=2).groupby("n").stopped.median()
    for name, sampler in (("start", 1), ("start_two", 2)):
        found[name] = undistilled(rows, sampler).groupby("n").copied.median()
    last = at_end(rows, "student", 1)
    last = last.assign(kept=last.pair_same + last.pair_near)
    found["kept"] = last.groupby("n").kept.median()
    found["contrast"] = last.groupby("n").pair_contrast.median()
    return pd.DataFrame(found)

"""The eight takeaways of the unified view as rules, and controls.

Frames have a row per run (`cells.cells`). The rules were written before any run of the seeds that
they are asked of: seen were three other seeds in three cells (d = 8 and 32 with 1700 pairs, d = 64
with 1000), from which the number of steps was chosen. The paper leaves learning rate, decay and
length of training open, so that nothing here can refute it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from modnoise.claim import Claim, Found, Untested
from modnoise.unified.cells import critical_sizes, dip, dips, mirrored

PAPER = "Huang et al. 2024"
SEEDS = 3
"""Fewest seeds of these rules."""

_ANY = ("task", "n_train", "n_memory", "split", "d_model", "heads", "steps")
_DYNAMICS = ("progression", "ungrokking", "semi-grokking", "grokking")


def _rows(frame: pd.DataFrame, seeds: int = SEEDS, **fields: object) -> pd.DataFrame:
    """The rows with these values.

    Raises:
        Untested: there is none, or there are too few seeds.
    """
    rows = frame
    for name, value in fields.items():
        rows = rows[rows[name] == value] if len(rows) else rows
    if rows.empty:
        raise Untested(f"no runs with {', '.join(f'{k} = {v}' for k, v in fields.items())}")
    if (n := rows.seed.nunique()) < seeds:
        raise Untested(f"{n} seeds: it takes {seeds}")
    return rows


def _percent(x: float) -> str:
    return f"{100 * x:.1f} %"


def _rank(one: pd.Series | pd.Index, other: pd.Series) -> float:
    """The rank correlation; scipy.stats takes half a second to load, so not before."""
    from scipy.stats import spearmanr

    return float(spearmanr(one, other).statistic)


def _critical(frame: pd.DataFrame) -> Found:
    rows = _rows(frame, task="add", n_memory=0)
    found = critical_sizes(rows)
    found = found[found.memorizes]
    if len(found) < 3 or found.n_critical.notna().sum() < 2:
        raise Untested(f"{len(found)} sizes that memorize all: it takes three")
    never = 2 * rows.n_train.max()  # more than was tried, whatever it is: ranks alone count
    needed = found.n_critical.fillna(never)
    same = needed.nunique() == 1  # then there is no order
    rank = 0.0 if same else _rank(found.d_model, needed)
    told = ", ".join(
        f"d = {x.d_model}: {'more' if np.isnan(x.n_critical) else f'{x.n_critical:.0f}'}"
        for x in found.itertuples()
    )
    return [("rank correlation", f"{rank:.2f} ({told})", rank <= -0.8 + 1e-9)]


def _capacity(frame: pd.DataFrame) -> Found:
    rows = _rows(frame, task="random")
    if rows.n_train.nunique() > 1:
        raise Untested("runs with several numbers of pairs")
    by = rows.groupby("d_model").accuracy_clean
    mean, spread = by.mean(), by.std() / by.mean()
    below = mean[mean < 0.99]
    if len(below) < 3:
        raise Untested(f"{len(below)} sizes that cannot hold all labels: it takes three")
    rank = _rank(below.index, below)
    pairs = int(rows.n_train.iloc[0])
    most = float(spread[below.index].max())
    told = ", ".join(f"d = {d}: {x * pairs:.0f}" for d, x in mean.items())
    return [
        ("rank correlation", f"{rank:.2f} (of {pairs} pairs {told})", rank >= 0.95 - 1e-9),
        ("spread over seeds", f"at most {_percent(most)} of the mean", most < 0.05),
    ]


def _dynamics(frame: pd.DataFrame) -> Found:
    rows = _rows(frame, task="add", n_memory=0)
    found = []
    for zone in _DYNAMICS:
        share = rows.assign(is_zone=rows.zone == zone).groupby(["n_train", "d_model"]).is_zone
        pure = share.mean()[share.mean() > 0.5]
        at = f"d = {pure.index[0][1]}, {pure.index[0][0]} pairs" if len(pure) else "nowhere"
        text = f"most seeds in {len(pure)} of {share.ngroups} cells, first {at}"
        found.append((zone, text, len(pure) > 0))
    return found


def _norm(frame: pd.DataFrame) -> Found:
    rows = _rows(frame, task="add", n_memory=0)
    found = []
    for zone, sign in (("progression", 1), ("grokking", -1)):
        change = rows[rows.zone == zone].norm_change.dropna()
        if len(change) < SEEDS:
            raise Untested(f"{len(change)} runs of {zone} that learn the rule: it takes {SEEDS}")
        share = float((np.sign(change) == sign).mean())
        way = "rises" if sign > 0 else "falls"
        text = f"{way} in {_percent(share)} of {len(change)} runs, median {change.median():+.0%}"
        found.append((zone, text, share >= 0.8 - 1e-9))
    return found


def _descent(frame: pd.DataFrame) -> Found:
    rows = _rows(frame, task="add", n_memory=0)
    found = dips(rows)
    if len(found) < 2 or rows.d_model.nunique() < 5:
        raise Untested("it takes two numbers of pairs and five sizes")
    deepest, most = found.loc[found.depth.idxmax()], found.iloc[-1]
    told = f"{100 * deepest.depth:.1f} points at d = {deepest.d_model:.0f}, {deepest.n_train:.0f}"
    return [
        ("few pairs", f"{told} pairs", bool(deepest.depth > 0.3)),
        (f"{most.n_train:.0f} pairs", f"{100 * most.depth:.1f} points", bool(most.depth < 0.05)),
    ]


def _harder(frame: pd.DataFrame) -> Found:
    found, depth = [], {}
    for task in ("add", "square"):
        rows = _rows(frame, task=task, n_memory=0)
        if rows.n_train.nunique() > 1:
            raise Untested("runs with several numbers of pairs")
        for seed, some in rows.groupby("seed"):
            depth[task, seed] = dip(some.d_model.to_numpy(), some.test.to_numpy())[0]
    seeds = sorted({seed for _, seed in depth})
    if any((task, seed) not in depth for task in ("add", "square") for seed in seeds):
        raise Untested("the tasks were trained with different seeds")
    for seed in seeds:
        add, square = depth["add", seed], depth["square", seed]
        text = f"{100 * square:.1f} points, addition {100 * add:.1f}"
        found.append((f"seed {seed}", text, square > add))
    return found


def _mean(rows: pd.DataFrame) -> pd.Series:
    return rows.groupby("d_model").test.mean()


def _emergence(frame: pd.DataFrame) -> Found:
    alone = _mean(_rows(frame, n_memory=0))
    mixed = _rows(frame[frame.n_memory > 0], split=False)
    most = int(mixed.n_memory.max())
    mixed = _mean(mixed[mixed.n_memory == most])
    groks = [d for d in alone.index if alone[d] >= 0.95 and d in mixed.index]
    if not groks:
        raise Untested("no size that learns the rule alone was trained with the memory, too")
    at = min(groks, key=lambda d: mixed[d])
    enough = mixed[mixed >= 0.9].index.min()
    needed = alone[alone >= 0.9].index.min()
    grows = f"d = {needed} alone, with {most} to memorize "
    grows += "none of those tried" if np.isnan(enough) else f"d = {enough}"
    fall = f"held-out {_percent(alone[at])} alone, {_percent(mixed[at])} with {most} to memorize"
    return [
        (f"d = {at}", fall, bool(mixed[at] < 0.1)),
        ("size needed", grows, bool(np.isnan(enough) or enough > needed)),
    ]


def _split(frame: pd.DataFrame) -> Found:
    both = {x: _rows(frame[frame.n_memory > 0], split=x) for x in (False, True)}
    most = max(int(rows.n_memory.max()) for rows in both.values())
    shared, split = (_mean(rows[rows.n_memory == most]) for rows in both.values())
    sizes = [d for d in split.index if d in shared.index]
    if not sizes:
        raise Untested("no size was trained both ways")
    at = max(sizes, key=lambda d: split[d] - shared[d])
    text = f"held-out {_percent(split[at])} split, {_percent(shared[at])} shared"
    return [(f"d = {at}", text, bool(split[at] - shared[at] > 0.5))]


def _budget(frame: pd.DataFrame) -> Found:
    """Rows of `cells.at_budget`, two budgets told apart by ``budget``, of the most pairs."""
    rows = _rows(frame.assign(test=frame.accuracy_test), task="add", n_memory=0)
    rows = rows[rows.n_train == rows.n_train.max()]
    depth = {b: dips(some).depth.iloc[0] for b, some in rows.groupby("budget")}
    if len(depth) < 2:
        raise Untested("it takes two budgets")
    few, many = min(depth), max(depth)
    text = f"{100 * depth[few]:.1f} points after {few} steps, {100 * depth[many]:.1f} after {many}"
    return [("dip", text, bool(depth[few] >= depth[many] + 0.1 - 1e-9))]


def _mirror(frame: pd.DataFrame) -> Found:
    rows = _rows(frame, task="add", n_memory=0)
    rows = rows[rows.zone == "semi-grokking"]
    if len(rows) < SEEDS:
        raise Untested(f"{len(rows)} runs of semi-grokking: it takes {SEEDS}")
    other = mirrored(rows)
    gap = float((other - rows.accuracy_fresh).median())
    text = f"{_percent(other.median())} right, {_percent(rows.accuracy_fresh.median())} without"
    return [("mirror trained on", f"{text}, medians of {len(rows)} runs", gap >= 0.3 - 1e-9)]


def _fourier(frame: pd.DataFrame) -> Found:
    rows = _rows(frame, task="add", n_memory=0)
    share = rows.groupby("zone").fourier_unembedding.median()
    if not {"grokking", "ungrokking"} <= {*share.index}:
        raise Untested("no runs of grokking, or none of ungrokking")
    text = f"{_percent(share.grokking)} grokking, {_percent(share.ungrokking)} ungrokking"
    return [("five frequencies", text, bool(share.grokking >= 2 * share.ungrokking))]


def _no_rule(frame: pd.DataFrame) -> Found:
    rows = _rows(frame, task="random")
    if (rows.n_train >= rows.p**2).any():
        raise Untested("no pairs are held out")
    chance = 1 / int(rows.p.iloc[0])
    fresh = float(rows.accuracy_fresh.median())
    text = f"{_percent(fresh)}, training pairs {_percent(rows.accuracy_clean.median())}"
    return [("held out, mirror too", text, fresh <= 3 * chance)]


def _untrained(frame: pd.DataFrame) -> Found:
    rows = _rows(frame, steps=0)
    test, chance = float(rows.test.median()), 1 / int(rows.p.iloc[0])
    share, few = float(rows.fourier_unembedding.median()), 5 / (int(rows.p.iloc[0]) // 2)
    return [
        ("held out", _percent(test), test <= 3 * chance),
        ("five frequencies", f"{_percent(share)}, an even share {_percent(few)}", share < 2 * few),
    ]


_MEAN = "means over at least three seeds"


def _claim(
    name: str, text: str, of: str, rule: str, apply: Callable[[Any], Found], **more: Any
) -> Claim:
    return Claim(name, text, of, rule, apply, same="part", over=_ANY, of=PAPER, **more)


CLAIMS = (
    _claim(
        "U-1", "The larger the net, the fewer pairs it needs to find the rule",
        "paper, sections 3.1 and 4, Fig. 3",
        f"sizes of which every run memorizes all its pairs, {_MEAN}: rank correlation of d with "
        "the fewest pairs that give 90 % on held-out ones at most -0.8", _critical,
    ),
    _claim(
        "U-2", "The larger the net, the more labels without a rule it holds",
        "paper, section 3.2, Fig. 4",
        "random symmetric labels on all pairs, at least three seeds: rank correlation of d with "
        "the share that is held at least 0.95 over sizes that hold less than 99 %; standard "
        "deviation over seeds below 5 % of the mean", _capacity,
    ),
    _claim(
        "U-3", "Size and data decide between four dynamics",
        "paper, section 3, Fig. 2",
        "each of progression, ungrokking, semi-grokking and grokking is what most of at least "
        "three seeds do in some cell of size by pairs", _dynamics,
        default="grokking", headline=True,
    ),
    _claim(
        "U-4", "The norm of the weights rises in progression and falls in grokking",
        "paper, appendix A, Fig. 9",
        "between the steps with 10 and 90 % of the held-out pairs: in at least 80 % of the runs "
        "of each", _norm,
    ),
    _claim(
        "U-5", "With few pairs accuracy falls and rises again with size, with many it only rises",
        "paper, section 5, Fig. 6",
        f"{_MEAN}; depth of the deepest dip along d: above 30 points for some number of pairs, "
        "below 5 points for the largest", _descent, default="few pairs", headline=True,
    ),
    _claim(
        "U-6", "A harder task makes the dip deeper", "paper, section 5, Fig. 7",
        "the same pairs and seeds: for each seed the dip of (a + b)^2 is deeper than that of "
        "a + b", _harder,
    ),
    _claim(
        "U-7", "With labels to memorize beside it the rule emerges in much larger nets only",
        "paper, section 6, Fig. 8",
        f"{_MEAN}: a size that gives 95 % on held-out pairs alone falls below 10 % with as many "
        "labels to memorize, and the size that gives 90 % grows", _emergence,
    ),
    _claim(
        "U-8", "An MLP split between rule and memory lets the rule emerge early",
        "paper, appendix B, Fig. 10",
        f"{_MEAN}: at some size the held-out accuracy is more than 50 points higher with the MLP "
        "split", _split,
    ),
    Claim(
        "U-budget", "A short training shows a dip that a longer one does not", "ours",
        "the largest number of pairs: the dip along d is at least 10 points deeper after a "
        "quarter of the steps", _budget, same="part", over=_ANY,
    ),
    Claim(
        "U-mirror", "Much of semi-grokking is memory read in either order", "ours",
        "runs of semi-grokking, at least three: median accuracy on held-out (a, b) with (b, a) "
        "trained on at least 30 points above that with neither", _mirror, same="part", over=_ANY,
    ),
    Claim(
        "U-fourier", "Nets that grok gather in few frequencies, nets that memorize do not", "ours",
        "median share of the unembedding's energy in its five largest frequencies: of grokking "
        "runs at least twice that of ungrokking runs", _fourier, same="part", over=_ANY,
    ),
    Claim(
        "CONTROL-U-random", "Without a rule nothing is right that was not memorized", "ours",
        "random symmetric labels: held-out pairs whose mirror is held out too at most 3 × chance",
        _no_rule, same="part", over=_ANY,
    ),
    Claim(
        "CONTROL-U-untrained", "An untrained net knows no rule and no frequency", "ours",
        "before the first step: held-out accuracy at most 3 × chance, energy of the five largest "
        "frequencies below twice an even share", _untrained, same="part", over=_ANY,
    ),
)  # fmt: skip

"""Rules of the unified view: what makes its takeaways hold, fail or stay undecided.

Frames have a row per run (`cells.cells`). Whether a net has found the rule is judged by held-out
pairs whose mirror (b, a) is held out as well, ``accuracy_fresh``: (a, b) is memory where (b, a)
was trained on. The rules were written before any run of the seeds that they are asked of: seen
were three other seeds in three cells (d = 8 and 32 with 1700 pairs, d = 64 with 1000), from which
the number of steps was chosen. Those on seven seeds and on eleven numbers of pairs were written
before such runs ended.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.claim import ROUNDING, Found, Untested
from modnoise.unified.cells import critical_sizes, dip, dips, mirrored
from modnoise.unified.zones import MOST, SOME, ZONES

SEEDS, MANY, NUMBERS, SIZES = 3, 7, 11, 5
"""Fewest seeds, seeds where single nets find the rule or do not, numbers of pairs, sizes."""

HELD = "accuracy_fresh"
FOUR = [*ZONES][:4]
"""The paper's four dynamics in the order in which it sees them along the model size."""


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


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    rows = _rows(frame, task="add", n_memory=0)
    if (numbers := rows.n_train.nunique()) < NUMBERS:
        raise Untested(f"{numbers} numbers of pairs: it takes {NUMBERS}")
    return rows


def critical(frame: pd.DataFrame, *, short: float = 0.2) -> Found:
    """The order of sizes by the fewest pairs with which they find the rule."""
    rows = _numbers(frame)
    found = critical_sizes(rows, HELD)
    found = found[found.memorizes]
    if len(found) < 3 or found.n_critical.notna().sum() < 2:
        raise Untested(f"{len(found)} sizes that memorize all: it takes three")
    never = 2 * rows.n_train.max()  # more than was tried, whatever it is: ranks alone count
    needed = found.n_critical.fillna(never)
    same = needed.nunique() == 1  # then there is no order
    seen = 0.0 if same else _rank(found.d_model, needed)
    told = ", ".join(
        f"d = {x.d_model}: {'more' if np.isnan(x.n_critical) else f'{x.n_critical:.0f}'}"
        for x in found.itertuples()
    )
    return [("rank correlation", f"{seen:.2f} ({told})", seen <= short - 1 + ROUNDING)]


def _crossing(mean: pd.Series, level: float) -> float:
    """The number of pairs at which a mean first reaches a level, between two recorded; NaN."""
    reached = np.flatnonzero(mean.to_numpy() >= level)
    if not len(reached) or not reached[0]:
        return float("nan")
    here = slice(reached[0] - 1, reached[0] + 1)
    return float(np.interp(level, mean.to_numpy()[here], mean.index[here]))


def span(frame: pd.DataFrame, *, factor: float = 2.0) -> Found:
    """How many pairs lie between a tenth and nine tenths, as a share of the paper's 1000."""
    rows = _numbers(frame)
    expected = 1000 * (int(rows.p.iloc[0]) / 113) ** 2
    found: Found = []
    for d, some in rows.groupby("d_model"):
        mean = some.groupby("n_train")[HELD].mean().sort_index(kind="stable")
        low, high = (_crossing(mean, level) for level in (SOME, MOST))
        width = high - low
        if some.t_memory.isna().any():
            found.append((f"d = {d}", "not every run memorizes its pairs", None))
        elif np.isnan(width):
            found.append((f"d = {d}", "10 % or 90 % lie outside the numbers tried", None))
        else:
            text = f"{width:.0f} pairs, from {low:.0f} to {high:.0f}; expected {expected:.0f}"
            near = expected / factor <= width + ROUNDING <= expected * factor + 2 * ROUNDING
            found.append((f"d = {d}", text, bool(near)))
    return found


def order(frame: pd.DataFrame) -> Found:
    """Whether, per number of pairs, what most seeds do follows the paper's order along size."""
    rows = _rows(frame, task="add", n_memory=0)
    found: Found = []
    for n, some in rows[rows.zone.isin(FOUR)].groupby("n_train"):
        share = pd.crosstab(some.d_model, some.zone).reindex(columns=FOUR, fill_value=0)
        seeds = rows[rows.n_train == n].groupby("d_model").seed.nunique()
        most = share.idxmax(axis=1)[share.max(axis=1) > seeds.reindex(share.index) / 2]
        told = ", ".join(f"d = {d}: {zone}" for d, zone in most.items())
        if most.nunique() < 2:
            found.append((f"{n} pairs", f"one of the four at most ({told or 'none'})", None))
            continue
        places = [FOUR.index(zone) for zone in most.sort_index(kind="stable")]
        found.append((f"{n} pairs", told, places == sorted(places)))
    return found


def capacity(frame: pd.DataFrame, *, short: float = 0.05, spread: float = 0.05) -> Found:
    """The order of sizes by the labels they hold, and how equal seeds are."""
    rows = _rows(frame, task="random")
    if rows.n_train.nunique() > 1:
        raise Untested("runs with several numbers of pairs")
    by = rows.groupby("d_model").accuracy_clean
    mean, apart = by.mean(), by.std() / by.mean()
    below = mean[mean < 0.99]
    if len(below) < 3:
        raise Untested(f"{len(below)} sizes that cannot hold all labels: it takes three")
    seen = _rank(below.index, below)
    pairs = int(rows.n_train.iloc[0])
    most = float(apart[below.index].max())
    told = ", ".join(f"d = {d}: {x * pairs:.0f}" for d, x in mean.items())
    return [
        (
            "rank correlation",
            f"{seen:.2f} (of {pairs} pairs {told})",
            seen >= 1 - short - ROUNDING,
        ),
        ("spread over seeds", f"at most {_percent(most)} of the mean", most < spread),
    ]


def dynamics(frame: pd.DataFrame) -> Found:
    """Where most seeds show each of the four dynamics."""
    rows = _rows(frame, task="add", n_memory=0)
    found = []
    for zone in FOUR:
        share = rows.assign(is_zone=rows.zone == zone).groupby(["n_train", "d_model"]).is_zone
        pure = share.mean()[share.mean() > 0.5]
        at = f"d = {pure.index[0][1]}, {pure.index[0][0]} pairs" if len(pure) else "nowhere"
        text = f"most seeds in {len(pure)} of {share.ngroups} cells, first {at}"
        found.append((zone, text, len(pure) > 0))
    return found


def norm(frame: pd.DataFrame, *, others: float = 0.2) -> Found:
    """The sign of the change of the norm in progression and in grokking."""
    rows = _rows(frame, task="add", n_memory=0)
    found = []
    for zone, sign in (("progression", 1), ("grokking", -1)):
        change = rows[rows.zone == zone].norm_change.dropna()
        if len(change) < SEEDS:
            raise Untested(f"{len(change)} runs of {zone} that learn the rule: it takes {SEEDS}")
        seen = float((np.sign(change) == sign).mean())
        way = "rises" if sign > 0 else "falls"
        text = f"{way} in {_percent(seen)} of {len(change)} runs, median {change.median():+.0%}"
        found.append((zone, text, seen >= 1 - others - ROUNDING))
    return found


def _drawn(rows: pd.DataFrame, seeds: int = MANY) -> pd.DataFrame:
    """The rows of cells with so many seeds, of numbers of pairs with so many sizes of them."""
    enough = rows.groupby(["n_train", "d_model"]).seed.transform("nunique") >= seeds
    rows = rows[enough]
    return rows[rows.groupby("n_train").d_model.transform("nunique") >= SIZES]


def _knowing(rows: pd.DataFrame) -> str:
    """The sizes with the share of seeds that find the rule."""
    found = (rows[HELD] >= MOST - ROUNDING).groupby(rows.d_model).agg(["sum", "count"])
    sizes = ", ".join(f"{x['sum']} of {x['count']} at d = {d}" for d, x in found.iterrows())
    return f"seeds that find the rule: {sizes}"


def _above_chance(rows: pd.DataFrame) -> bool:
    """Whether the mean of some size is above 3 / p."""
    return bool(rows.groupby("d_model")[HELD].mean().max() > 3 / int(rows.p.iloc[0]))


def descent(frame: pd.DataFrame, *, deep: float = 0.3, flat: float = 0.05) -> Found:
    """The deepest dip along size with fewer pairs, and that with the most."""
    whole = _rows(frame, MANY, task="add", n_memory=0)
    rows = _drawn(whole)
    if rows.n_train.nunique() < 2:
        few = rows.n_train.nunique()
        raise Untested(f"{SIZES} sizes of {MANY} seeds with {few} numbers of pairs: it takes two")
    found, most = dips(rows, HELD), int(rows.n_train.max())
    less = found[found.n_train < most]
    deepest, last = less.loc[less.depth.idxmax()], found[found.n_train == most].iloc[0]
    cells: Found = []
    for name, one, holds in (
        ("few pairs", deepest, deepest.depth > deep),
        (f"{most} pairs", last, last.depth < flat),
    ):
        some = rows[rows.n_train == one.n_train]
        text = (
            f"{100 * one.depth:.1f} points at d = {one.d_model:.0f}, {one.n_train:.0f} pairs; "
            f"{_knowing(some)}"
        )
        cells.append((name, text, bool(holds) if _above_chance(some) else None))
    return cells


def harder(frame: pd.DataFrame, *, deeper: float = 0.05) -> Found:
    """The dips of both tasks, of the same pairs, sizes and seeds."""
    both = {task: _drawn(_rows(frame, MANY, task=task, n_memory=0)) for task in ("add", "square")}
    found: Found = []
    for n in sorted({*both["add"].n_train} & {*both["square"].n_train}):
        some = {task: rows[rows.n_train == n] for task, rows in both.items()}
        alike = {*some["add"].d_model} & {*some["square"].d_model}
        some = {task: rows[rows.d_model.isin(alike)] for task, rows in some.items()}
        if len(alike) < SIZES or {*some["add"].seed} != {*some["square"].seed}:
            continue
        depth = {task: float(dips(rows, HELD).depth.iloc[0]) for task, rows in some.items()}
        single = {
            task: [dip(x.d_model.to_numpy(), x[HELD].to_numpy())[0] for _, x in y.groupby("seed")]
            for task, y in some.items()
        }
        more = sum(np.greater(single["square"], single["add"]))
        text = (
            f"{100 * depth['square']:.1f} points, addition {100 * depth['add']:.1f}; deeper in "
            f"{more} of {len(single['add'])} seeds; "
            + "; ".join(
                f"{name}: {_knowing(some[task])}"
                for task, name in (("square", "(a + b)^2"), ("add", "a + b"))
            )
        )
        holds = bool(depth["square"] >= depth["add"] + deeper - ROUNDING)
        found.append(
            (f"{n} pairs", text, holds if all(map(_above_chance, some.values())) else None)
        )
    if not found:
        raise Untested(f"no number of pairs with {SIZES} sizes and {MANY} seeds of both tasks")
    return found


def _mean(rows: pd.DataFrame) -> pd.Series:
    return rows.groupby("d_model")[HELD].mean()


def emergence(frame: pd.DataFrame, *, left: float = 0.1) -> Found:
    """What labels to memorize leave of the rule, and the size that has it all the same."""
    alone = _mean(_rows(frame, n_memory=0))
    mixed = _rows(frame[frame.n_memory > 0], split=False)
    most = int(mixed.n_memory.max())
    mixed = _mean(mixed[mixed.n_memory == most])
    groks = [d for d in alone.index if alone[d] >= 0.95 and d in mixed.index]
    if not groks:
        raise Untested("no size that learns the rule alone was trained with the memory, too")
    at = min(groks, key=lambda d: mixed[d])
    enough = mixed[mixed >= MOST].index.min()
    needed = alone[alone >= MOST].index.min()
    fall = f"held-out {_percent(alone[at])} alone, {_percent(mixed[at])} with {most} to memorize"
    grows = f"d = {needed} alone, with {most} to memorize "
    none = bool(np.isnan(enough))
    grows += f"none of those tried, to d = {mixed.index.max()}" if none else f"d = {enough}"
    return [
        (f"d = {at}", fall, bool(mixed[at] < left)),
        ("size needed", grows, None if none else bool(enough > needed)),
    ]


def split(frame: pd.DataFrame, *, more: float = 0.5) -> Found:
    """What a split MLP adds to the held-out accuracy."""
    both = {x: _rows(frame[frame.n_memory > 0], split=x) for x in (False, True)}
    most = max(int(rows.n_memory.max()) for rows in both.values())
    shared, apart = (_mean(rows[rows.n_memory == most]) for rows in both.values())
    sizes = [d for d in apart.index if d in shared.index]
    if not sizes:
        raise Untested("no size was trained both ways")
    at = max(sizes, key=lambda d: apart[d] - shared[d])
    text = f"held-out {_percent(apart[at])} split, {_percent(shared[at])} shared"
    return [(f"d = {at}", text, bool(apart[at] - shared[at] > more))]


def budget(frame: pd.DataFrame) -> Found:
    """Rows of `cells.at_budget`, two budgets told apart by ``budget``, of the most pairs."""
    rows = _rows(frame, task="add", n_memory=0)
    rows = rows[rows.n_train == rows.n_train.max()]
    depth = {b: dips(some, HELD).depth.iloc[0] for b, some in rows.groupby("budget")}
    if len(depth) < 2:
        raise Untested("it takes two budgets")
    few, many = min(depth), max(depth)
    text = f"{100 * depth[few]:.1f} points after {few} steps, {100 * depth[many]:.1f} after {many}"
    return [("dip", text, bool(depth[few] >= depth[many] + 0.1 - 1e-9))]


def mirror(frame: pd.DataFrame) -> Found:
    """Held-out pairs with and without a mirror in training, of nets that stop half way."""
    rows = _rows(frame, task="add", n_memory=0)
    rows = rows[rows.zone == "semi-grokking"]
    if len(rows) < SEEDS:
        raise Untested(f"{len(rows)} runs of semi-grokking: it takes {SEEDS}")
    other = mirrored(rows)
    gap = float((other - rows.accuracy_fresh).median())
    text = f"{_percent(other.median())} right, {_percent(rows.accuracy_fresh.median())} without"
    return [("mirror trained on", f"{text}, medians of {len(rows)} runs", gap >= 0.3 - 1e-9)]


def fourier(frame: pd.DataFrame) -> Found:
    """The energy in few frequencies, of nets that grok and of nets that memorize."""
    rows = _rows(frame, task="add", n_memory=0)
    share = rows.groupby("zone").fourier_unembedding.median()
    if not {"grokking", "ungrokking"} <= {*share.index}:
        raise Untested("no runs of grokking, or none of ungrokking")
    text = f"{_percent(share.grokking)} grokking, {_percent(share.ungrokking)} ungrokking"
    return [("five frequencies", text, bool(share.grokking >= 2 * share.ungrokking))]


def no_rule(frame: pd.DataFrame) -> Found:
    """Held-out pairs where labels follow no rule."""
    rows = _rows(frame, task="random")
    if (rows.n_train >= rows.p**2).any():
        raise Untested("no pairs are held out")
    chance = 1 / int(rows.p.iloc[0])
    fresh = float(rows.accuracy_fresh.median())
    text = f"{_percent(fresh)}, training pairs {_percent(rows.accuracy_clean.median())}"
    return [("held out, mirror too", text, fresh <= 3 * chance)]


def untrained(frame: pd.DataFrame) -> Found:
    """Nets before their first step."""
    rows = _rows(frame, steps=0)
    test, chance = float(rows.test.median()), 1 / int(rows.p.iloc[0])
    share, few = float(rows.fourier_unembedding.median()), 5 / (int(rows.p.iloc[0]) // 2)
    return [
        ("held out", _percent(test), test <= 3 * chance),
        ("five frequencies", f"{_percent(share)}, an even share {_percent(few)}", share < 2 * few),
    ]

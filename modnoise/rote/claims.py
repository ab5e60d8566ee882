"""Claims about Reason to Rote, checked on recorded rows of sums and of two-hop questions.

Whoever claims: the paper's abstract, its authors' own summary and published reviews of its text,
of which we know the sentences and not the numbers. Settings and thresholds are ours. Rows are of
`RoteRun`s with all their parts; a *setting* is a task and a width. Each cell tells how many of the
wrong labels its nets recall at the end; next to none (`LEAST`), and it has nothing to tell.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from modnoise.claim import Claim, Found, Untested
from modnoise.frames import first_step
from modnoise.rote.measures import (
    HALF,
    LEAST,
    NAMES,
    SEEDS,
    halfway,
    last,
    read_out,
    recall,
    removal,
    settings,
    since,
    worst,
)
from modnoise.rote.run import RoteRun

PAPER = "Du et al. 2025"
_ANY = ("step", "layer", "position", *RoteRun.model_fields)
_CLEAN_FIRST, _PEAK = 0.8, 0.7
_READ, _FAR, _HURT, _MOST, _GONE, _KILLED = 0.9, 0.5, 0.3, 0.5, 0.2, 0.2
_LOST, _RISE, _ALL, _INTACT, _CHANCE = 0.03, 0.02, 0.95, 0.9, 0.1


def _percent(x: float) -> str:
    return f"{100 * x:.1f} %"


def _by_seed(rows: pd.DataFrame, column: str, level: float) -> float:
    """Median over seeds of the first recorded step at which a column of the curve reaches it."""
    full = rows[rows.part == "full"].sort_values("step", kind="stable")
    steps = [first_step(x.step.to_numpy(), x[column].to_numpy(), level)
             for _, x in full.groupby("seed")]  # fmt: skip
    return float(np.median(steps))  # NaN if one never does


def _with_recall(rule: Callable[[Any], Found]) -> Callable[[Any], Found]:
    """The same rule, each cell with what its setting recalls; next to nothing cannot tell."""

    @functools.wraps(rule)
    def told(frame: pd.DataFrame) -> Found:
        known, found = {name: recall(rows) for name, rows in settings(frame)}, []
        for cell, text, holds in rule(frame):
            share = known[re.split(", (?!d = )", cell)[0]]
            more = f"{text}; {_percent(share)} of the wrong labels recalled"
            found.append((cell, more, holds if share >= LEAST else None))
        return found

    return told


def _two_phases(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in settings(frame):
        truth = _by_seed(rows, "accuracy_recovered", _CLEAN_FIRST)
        wrong = _by_seed(rows, "accuracy_noisy", HALF * recall(rows))
        peak = rows[rows.part == "full"].groupby("seed").accuracy_recovered.max().median()
        text = (
            f"true answer {since(truth)}, half of the recall {since(wrong)}, true at most "
            f"{_percent(peak)}"
        )
        found.append((name, text, bool(truth < wrong and peak > _PEAK)))
    return found


def _benign(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in settings(frame):
        full = rows[rows.part == "full"]
        peak = full.groupby("seed").accuracy_test.max().median()
        end = last(rows, "full").accuracy_test.median()
        text = f"test {_percent(end)} at the end, {_percent(peak)} at its peak"
        found.append((name, text, bool(end >= peak - _LOST)))
    return found


def _inside(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in settings(frame):
        at = read_out(rows)
        probe, shuffled = at.loc["probe"], at.loc["shuffled"]
        true, wrong = probe.accuracy_recovered, probe.accuracy_noisy
        best = max(wrong, shuffled.accuracy_recovered)
        text = (
            f"read behind layer {probe.layer:g} on {_percent(true)} of memorized items, the wrong "
            f"label on {_percent(wrong)}; by a probe of shuffled labels on "
            f"{_percent(shuffled.accuracy_recovered)}"
        )
        found.append((name, text, bool(true > _READ and true - best > _FAR)))
    return found


def _dependence(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in settings(frame):
        one = removal(rows)
        more = one.random - one.without
        middle = one.median()
        least, most = one["rank"].min(), one["rank"].max()
        rank = f"{least:.0f}" + (f" to {most:.0f}" if most > least else "")
        d = int(rows.d_model.iloc[0])
        text = (
            f"recall {_percent(middle.before)}, without {rank} of {d} dimensions "
            f"({middle['rank'] / d:.0%}) {_percent(middle.without)}, without as many random ones "
            f"{_percent(middle.random)}"
        )
        found.append((name, text, bool(more.median() > _HURT and (more > 0).all())))
    return found


def _circuits(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in settings(frame):
        some = last(rows, "circuit")
        if some.empty:
            raise Untested("no circuits are recorded")
        shared, halves = some.shared.median(), some.shared_halves.median()
        text = f"share {_percent(shared)} of their edges, two halves of clean {_percent(halves)}"
        found.append((name, text, bool(shared > _MOST)))
    return found


def _no_table(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in settings(frame):
        tokens = last(rows, "token")
        if tokens.empty:
            raise Untested("no tokens are patched")
        left = float(tokens.groupby("position").accuracy_noisy.median().max())
        text = f"with any one token changed at most {_percent(left)} recalled"
        found.append((f"{name}, inputs", text, left < _GONE))
        for part in ("head", "neuron"):
            cost, clean = worst(rows, part)
            text = f"the worst costs {_percent(cost)} of the recall"
            text += "" if np.isnan(clean) else f" and {_percent(clean)} of the clean answers"
            found.append((f"{name}, {part}s", text, cost <= _KILLED))
    return found


def _outliers(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in settings(frame):
        z = last(rows, "outlying")
        if z.empty:
            continue
        ratio = (z.outlier_noisy / z.outlier_clean).groupby(z.layer).median()
        low, high = float(ratio.iloc[0]), float(ratio.iloc[-1])
        text = (
            f"|z| {low:.2f} times that of clean items in the first layer, {high:.2f} in the last"
        )
        found.append((f"{name}, layers", text, high > low))
        patched = last(rows, "outlier")[["accuracy_recovered", "accuracy_clean"]].median()
        other = last(rows, "outlier_random").accuracy_recovered.median()
        text = (
            f"true answer on {_percent(patched.accuracy_recovered)} of memorized items (random "
            f"neurons {_percent(other)}), clean items right {_percent(patched.accuracy_clean)}"
        )
        holds = patched.accuracy_recovered > _MOST and patched.accuracy_clean > _INTACT
        found.append((f"{name}, patched", text, bool(holds and other < _MOST)))
    if not found:
        raise Untested("no outlying neurons are recorded: it takes sums")
    return found


def _width(frame: pd.DataFrame) -> Found:
    names = [name for name, _ in settings(frame[frame.task == "fda"])]
    half = halfway(frame[(frame.task == "fda") & (frame.noise > 0) & (frame.steps > 0)])
    if len(names) < 2 or len(half) < 2:
        raise Untested("it takes two widths")
    found = []
    for (a, low), (b, high) in zip(half[:-1].items(), half[1:].items(), strict=True):
        text = f"{_percent(low)} and {_percent(high)} at half of the training"
        rises = high - low > _RISE or min(low, high) >= _ALL
        found.append((f"d = {a} and {b}", text, bool(rises)))
    return found


def _two_hops(frame: pd.DataFrame) -> Found:
    """Least widths that answer new items, of both tasks."""
    test: dict[str, pd.Series] = {}
    for task in ("fda", "thr"):
        some = frame[(frame.task == task) & (frame.noise > 0) & (frame.steps > 0)]
        some = some[some.groupby("d_model").seed.transform("nunique") >= SEEDS]
        if (widths := some.d_model.nunique()) < 2:
            raise Untested(f"{widths} widths of {NAMES[task]} with {SEEDS} seeds: it takes two")
        test[task] = last(some, "full").groupby("d_model").accuracy_test.median()
    told = "; ".join(
        f"new {NAMES[task]} " + ", ".join(f"{_percent(x)} at d = {d}" for d, x in one.items())
        for task, one in test.items()
    )
    least = {task: one.index[one >= _INTACT].min() for task, one in test.items()}
    if np.isnan(least["fda"]):
        return [("least width", f"no width answers new sums; {told}", None)]
    none = bool(np.isnan(least["thr"]))
    if none and test["thr"].index.max() <= least["fda"]:
        return [("least width", f"no nets for questions are wider; {told}", None)]
    if least["thr"] == least["fda"] == max(one.index.min() for one in test.values()):
        return [("least width", f"the narrowest answers both; {told}", None)]
    return [("least width", told, none or bool(least["thr"] > least["fda"]))]


def _untrained(frame: pd.DataFrame) -> Found:
    some = frame[frame.steps == 0]
    if some.seed.nunique() < SEEDS:
        raise Untested(f"{some.seed.nunique()} seeds of untrained nets: it takes {SEEDS}")
    at = read_out(some).loc["probe"]
    text = f"the clean digit is read on {_percent(at.accuracy_recovered)} of the noisy items"
    return [("sums", text, bool(at.accuracy_recovered < _MOST))]


def _noiseless(frame: pd.DataFrame) -> Found:
    trained = frame[(frame.task == "fda") & (frame.steps > 0)]
    without = trained[trained.noise == 0]
    if without.seed.nunique() < SEEDS:
        raise Untested(f"{without.seed.nunique()} seeds without wrong labels: it takes {SEEDS}")
    same = trained[(trained.noise > 0) & trained.d_model.isin(without.d_model)]
    if same.empty:
        raise Untested("no net of that width with wrong labels")
    a, b = (last(x, "full").accuracy_test.median() for x in (same, without))
    text = f"test {_percent(a)} with wrong labels, {_percent(b)} without"
    return [(f"sums, d = {without.d_model.iloc[0]}", text, bool(a >= b - _LOST))]


def _shuffled(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in settings(frame):
        here = last(rows, "majority").accuracy_test.median()
        best = read_out(rows).loc["shuffled"].accuracy_test
        text = f"right on {_percent(best)} of held-out items, the majority class {_percent(here)}"
        found.append((name, text, bool(best <= here + _CHANCE)))
    return found


def _claim(
    number: str, statement: str, source: str, rule: str, apply: Callable[[Any], Found], **more: Any
) -> Claim:
    return Claim(f"ROTE-{number}", statement, source, rule, apply, over=_ANY, of=PAPER, **more)


CLAIMS = (
    _claim(
        "F1", "On wrongly labelled items a net first gives the true answer, later the wrong label",
        "paper, after a review of its text",
        "per setting, medians over three seeds: the step with 80 % true answers on noisy training "
        "items lies before that with half as many wrong labels as at the end, and true answers "
        "peak above 70 %",
        _with_recall(_two_phases),
        default="sums, d = 64", headline=True,
    ),
    _claim(
        "F2", "Reasoning goes on inside: the clean digit, or the bridge entity, is still there",
        "paper, authors' summary",
        "a linear probe trained on clean items, at the middle site where it is best on held-out "
        "ones: right on more than 90 % of memorized items, and 50 points above both its agreement "
        "with the wrong label and a probe of shuffled labels",
        _with_recall(_inside),
    ),
    _claim(
        "F3", "Memorized answers depend on it: taking it out harms the recall of wrong labels",
        "paper, abstract; authors' summary",
        "removed by iterated null-space projection, recall of wrong labels falls by more than 30 "
        "points more than without a random subspace of equal rank (median of three seeds), and "
        "by more in every seed",
        _with_recall(_dependence),
    ),
    _claim(
        "F4", "The circuits of clean and of memorized answers share most of their edges",
        "paper, after a review of its text",
        "of the 5 % of edges with the largest attribution, clean and memorized items share more "
        "than half",
        _with_recall(_circuits),
    ),
    _claim(
        "F5", "Wrong labels are no look-up: they hang on all inputs, on no single head or neuron",
        "paper, abstract",
        "with any one token of the question changed less than 20 % of wrong labels are recalled; "
        "no head and no neuron held at its mean costs more than 20 % of the recall; told beside: "
        "what the same one costs of the clean answers",
        _with_recall(_no_table),
    ),
    _claim(
        "F6", "Wrong sums are outliers of the neurons that add, mostly in higher layers",
        "paper, abstract; a published summary",
        "|z| of neurons among clean sums with the same units, over that of clean sums, is larger "
        "in the last layer than in the first; an item's 50 most outlying neurons put to their "
        "neighbours' mean give the true answer on more than half of memorized items (random ones "
        "do not), and leave more than 90 % of clean items right",
        _with_recall(_outliers),
    ),
    _claim(
        "F7", "Wider nets memorize better",
        "paper, after a published summary",
        "sums: at half of the training recall of wrong labels rises by more than 2 points from "
        "each width to the next, or is at least 95 % in both",
        _width,
    ),
    _claim(
        "F8", "Memorization is benign: the answers to new questions stay right",
        "paper, title and abstract (benign memorization)",
        "test accuracy at the end no more than 3 points below its peak",
        _with_recall(_benign),
    ),
    _claim(
        "F9", "Two-hop reasoning needs larger nets than sums do",
        "paper, after a published summary (two-hop reasoning requires larger models)",
        "at least two widths of both tasks, medians over three seeds: the least width that is "
        "right on 90 % of new items is larger for questions, or none of their widths is, though "
        "they go beyond it; where the narrowest answers both, it cannot tell",
        _two_hops,
    ),
    _claim(
        "untrained", "Untrained nets do not hold the clean digit ready for a probe",
        "ours",
        "the same probe on untrained nets is right on fewer than half of the noisy items",
        _untrained,
    ),
    _claim(
        "shuffled", "Probes of shuffled labels read nothing",
        "ours",
        "at the probe's site right on at most 10 points more held-out items than the majority "
        "class",
        _with_recall(_shuffled),
    ),
    _claim(
        "noiseless", "Nets that never saw a wrong label are hardly better on new sums",
        "ours",
        "test accuracy at the end with wrong labels no more than 3 points below that without",
        _noiseless,
    ),
)  # fmt: skip

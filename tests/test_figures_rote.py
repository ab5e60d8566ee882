"""Figures, slider and explorer of Reason to Rote show the numbers they are given."""

from __future__ import annotations

from functools import partial

import pandas as pd
import pytest
from drawing import draw, public_figures

import modnoise as mn
from modnoise.rote import figures, tables, widgets
from modnoise.rote.data import rote_data
from modnoise.rote.run import RoteRun
from modnoise.training.loop import train

CURVE = pd.DataFrame(
    {"step": [0, 10, 100], "true": [0.0, 0.9, 0.2], "wrong": [0.1, 0.05, 0.7],
     "other": [0.9, 0.05, 0.1], "test": [0.0, 0.95, 0.93], "clean": [0.0, 0.96, 1.0]}
)  # fmt: skip
LAYERS = pd.DataFrame(
    {"way": ["probe"] * 3 + ["shuffled"] * 3 + ["lens"] * 3, "layer": [0.0, 0.5, 1.0] * 3,
     "true": [0.1, 0.9, 0.4, 0.11, 0.12, 0.13, 0.0, 0.3, 0.05],
     "wrong": [0.0, 0.1, 0.6, 0.1, 0.1, 0.1, 0.2, 0.25, 0.95]}
)  # fmt: skip
BARS = pd.DataFrame(
    {"name": ["sums"] * 4 + ["questions"] * 4, "series": ["a", "a", "b", "b"] * 2,
     "seed": [1, 2] * 4, "value": [0.2, 0.4, 0.8, 1.0, 0.1, 0.1, 0.5, 0.7]}
)  # fmt: skip
Z = pd.DataFrame(
    {"layer": [1.0, 2.0] * 2, "outlier_noisy": [1.0, 2.0, 1.2, 2.4],
     "outlier_clean": [0.8, 0.9, 0.8, 0.9]}
)  # fmt: skip
RANKS = pd.DataFrame(
    {"rank": [0, 9], "without": [1.0, 0.4], "random": [1.0, 0.8], "clean": [1.0, 0.1],
     "clean_random": [1.0, 0.97], "probe": [float("nan"), 0.2]}
)  # fmt: skip
ROLES = {"a": "ink", "b": "recovered"}
CALLS = {
    "two_phases": (({"sums": CURVE, "questions": CURVE},), {}),
    "along_layers": (({"sums": LAYERS, "questions": LAYERS},), {}),
    "by_rank": (({"sums": RANKS},), {}),
    "shares": ((BARS, ROLES), {"ylabel": "recall"}),
    "outliers": ((Z, BARS, ROLES), {}),
    "by_width": (({32: CURVE, 64: CURVE.assign(wrong=[0.1, 0.2, 0.9])},), {}),
}


drawn = partial(draw, figures, CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_every_figure_is_readable(name, assert_readable):
    assert_readable(drawn(name))


def test_every_figure_is_called_here():
    assert public_figures(figures) == {*CALLS}


def lines(ax):
    return [list(x.get_ydata()) for x in ax.lines]


def test_phases_are_lines_without_step_zero():
    left, right = drawn("two_phases").axes
    assert lines(left) == lines(right) == [[0.9, 0.2], [0.05, 0.7], [0.95, 0.93]]
    assert list(left.lines[0].get_xdata()) == [10, 100]


def test_layers_show_probe_and_lens_with_the_control():
    axes = drawn("along_layers").axes
    assert lines(axes[0]) == [[0.1, 0.9, 0.4], [0.0, 0.1, 0.6], [0.11, 0.12, 0.13]]
    assert lines(axes[1]) == [[0.0, 0.3, 0.05], [0.2, 0.25, 0.95]]


def test_bars_are_medians_and_points_are_seeds():
    ax = drawn("shares").axes[0]
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == pytest.approx([0.3, 0.9, 0.1, 0.6])
    assert lines(ax) == [[0.2, 0.4], [0.8, 1.0], [0.1, 0.1], [0.5, 0.7]]
    assert [x.get_text() for x in ax.get_xticklabels()] == ["sums", "questions"]


def test_the_slider_walks_through_the_training():
    made = widgets.recorded_steps(CURVE, chance=0.1)
    assert made.data["values"] == ["0", "10", "100"]
    assert made.data["rows"][2] == {
        "true answer": {"recovered": 0.2}, "wrong label": {"noisy": 0.7},
        "anything else": {"clean": 0.1}, "new items right": {"test": 0.93},
    }  # fmt: skip
    assert made.index == 1
    assert "true answer on 90.0 % of the training items" in made.data["sentences"][1]


@pytest.fixture(scope="module")
def recorded():
    run = RoteRun(
        digits=1, train_frac=0.6, d_model=16, layers=2, batch=20, steps=10, warmup=2, noise=0.4
    )
    trained = train(run, progress=False)
    return run, mn.curves([run], [trained])


def test_the_explorer_tells_items_and_what_layers_say(recorded):
    run, rows = recorded
    made = widgets.explorer(run, rows)
    items = made.data["items"]
    assert [one["noisy"] for one in items] == [True] * 16 + [False] * 4
    train_items = rote_data(run).train
    asked = {}
    for prompt, true, label in zip(
        train_items.prompt, train_items.true, train_items.given, strict=True
    ):
        asked[f"{prompt[0]} + {prompt[2]}"] = (true, label)
    for one in items:
        a, b = map(int, one["question"].split(" + "))
        assert one["true"] == str(a + b)
        true, label = asked[one["question"]]
        assert one["given"] == str(label[0] + 10 * label[1])
        assert [x for x, *_ in one["layers"]] == ["0", "0.5", "1", "1.5", "2"]
        for _, token, which in one["layers"]:
            words = {str(label[0]): "wrong", str(true[0]): "true"}
            assert which == words.get(token, "other")


def test_tables_are_of_the_recorded_rows(recorded):
    run, rows = recorded
    curve = tables.outcomes(rows)
    last = rows[(rows.part == "full") & (rows.step == 10)].iloc[0]
    assert curve.wrong.iloc[-1] == last.accuracy_noisy
    assert (curve.true + curve.wrong + curve.other).tolist() == pytest.approx([1.0] * len(curve))
    seen = tables.sites(rows)
    lens = rows[(rows.part == "lens") & (rows.layer == 1.5)].iloc[0]
    [found] = seen[(seen.way == "lens") & (seen.layer == 1.5)].true
    assert found == lens.accuracy_recovered
    parts = tables.single_parts(run, rows)
    assert [*parts.name] == ["a, units", "b, units", "worst head", "worst neuron"]
    heads = rows[rows.part == "head"].accuracy_noisy
    assert parts.value[parts.name == "worst head"].tolist() == [heads.min()]
    patched = tables.after_patch(rows)
    assert len(patched) == 9
    edges = tables.shared_edges({"sums": rows})
    circuit = rows[rows.part == "circuit"]
    assert edges.value.tolist() == pytest.approx(
        [circuit.shared.mean(), circuit.shared_halves.mean()]
    )
    gone = tables.removed(rows)
    inlp = rows[rows.part == "inlp"]
    assert [*gone["rank"]] == [0, *inlp["rank"]]
    assert [*gone.without][1:] == [*inlp.accuracy_noisy]
    control = rows[(rows.part == "inlp_random") & (rows["rank"] == gone["rank"].iloc[-1])]
    assert gone.random.iloc[-1] == pytest.approx(control.accuracy_noisy.mean())
    assert gone.clean.iloc[0] == rows[rows.part == "first"].accuracy_clean.iloc[0]
    assert len(tables.removed(rows[~rows.part.str.startswith("inlp")])) == 1
    split = tables.by_setting(rows, 16)
    assert (len(split["sums"]), len(split["questions"])) == (len(rows), 0)

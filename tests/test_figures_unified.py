"""Figures and sliders of the unified view show the numbers they are given."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from drawing import draw, public_figures

from modnoise.unified import figures, widgets
from modnoise.unified.zones import ZONES

STEPS = [0, 1, 10, 100, 1000]
CELLS = [(d, n, seed) for d in (8, 32) for n in (1000, 1700) for seed in (42, 43)]


def curve(d: int, n: int, seed: int) -> pd.DataFrame:
    end = d * n / 54_400 - 0.01 * (seed - 42)
    share = np.linspace(0, 1, len(STEPS))
    return pd.DataFrame(
        {"step": STEPS, "accuracy_clean": share, "accuracy_test": end * share,
         "accuracy_fresh": end * share / 2, "norm": 10 + share, "d_model": d, "n_train": n,
         "seed": seed, "key": f"{d}-{n}-{seed}"}
    )  # fmt: skip


CURVES = pd.concat([curve(*cell) for cell in CELLS], ignore_index=True)
ROWS = CURVES[CURVES.step == 1000].assign(
    test=lambda x: x.accuracy_test, train=1.0, mirrored=0.8, fourier_embedding=0.3,
    fourier_unembedding=0.6, zone=[*ZONES, "grokking", "grokking"], held=[1e3, 1.1e3] * 4,
    weights=lambda x: 100 * x.d_model,
)  # fmt: skip
BY_SIZE = pd.Series([900.0, 1600.0], index=[8, 32])
ONE = CURVES[(CURVES.d_model == 8) & (CURVES.n_train == 1000)]
CALLS = {
    "against_pairs": ((ROWS,), {}),
    "against_size": (({250: ROWS, 1000: ROWS},), {}),
    "by_kind": (({"alone": ROWS, "both": ROWS[ROWS.d_model == 8]},), {}),
    "capacity": ((ROWS,), {}),
    "every_net": (({"few": ROWS[ROWS.n_train == 1000], "many": ROWS},), {}),
    "every_seed": ((ONE,), {}),
    "gathered": ((ROWS,), {"even": 0.17}),
    "mirrored": ((ROWS,), {}),
    "norms": (({"progression": ONE, "grokking": CURVES[CURVES.d_model == 32]},), {}),
    "one_each": (({"one": curve(8, 1000, 42), "two": curve(32, 1700, 42)},), {}),
    "zone_map": ((ROWS,), {"capacity": BY_SIZE, "critical": BY_SIZE}),
}


drawn = partial(draw, figures, CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_every_figure_is_readable(name, assert_readable):
    assert_readable(drawn(name))


def test_every_figure_is_called_here():
    assert public_figures(figures) == {*CALLS}


def test_the_map_has_a_mark_per_run_of_its_zone_and_both_lines():
    fig = drawn("zone_map")
    (ax,) = fig.axes
    marks = [x.get_offsets() for x in ax.collections]
    assert [len(x) for x in marks] == [int((ROWS.zone == zone).sum()) for zone in ZONES]
    assert marks[0][0].tolist() == pytest.approx([8 * 1.07**-0.5, 1000])
    assert [line.get_ydata().tolist() for line in ax.lines] == [[900.0, 1600.0]] * 2
    names = [x.get_text() for x in fig.legends[0].get_texts()]
    assert names == [*ZONES, "labels it can hold", "fewest for the rule"]


def test_curves_of_single_runs_are_those_given():
    left, right = drawn("one_each").axes
    for ax, run in ((left, curve(8, 1000, 42)), (right, curve(32, 1700, 42))):
        some = run[run.step > 0]
        for line, name in zip(ax.lines, ("clean", "test", "fresh"), strict=True):
            assert line.get_ydata() == pytest.approx(some[f"accuracy_{name}"])
    assert left.get_title(loc="left") == "one"


def line_ys(ax):
    return [x.lines[0].get_ydata().tolist() for x in ax.containers]


def test_means_over_seeds_and_their_intervals():
    (ax,) = drawn("against_pairs").axes
    assert line_ys(ax)[1] == pytest.approx([32 / 54.4 - 0.005, 0.995])
    bar = ax.containers[1].lines[2][0].get_segments()[0][:, 1]
    half = 1.96 * np.std([0, 0.01], ddof=1) / np.sqrt(2)
    assert (bar[1] - bar[0]) / 2 == pytest.approx(half)
    axes = drawn("against_size").axes
    assert [ax.get_title(loc="left") for ax in axes] == ["250 steps", "1,000 steps"]
    assert line_ys(axes[0])[1] == pytest.approx([8 / 32 - 0.005, 0.995])
    (ax,) = drawn("by_kind").axes
    assert len(line_ys(ax)) == 2
    assert line_ys(ax)[1] == pytest.approx([8 * 1350 / 54_400 - 0.005])


def test_every_net_is_a_dot_and_those_that_find_the_rule_are_counted():
    few, many = drawn("every_net").axes
    assert [len(ax.collections[0].get_offsets()) for ax in (few, many)] == [4, 8]
    some = ROWS[ROWS.n_train == 1000]
    assert few.collections[0].get_offsets()[:, 1].tolist() == some.accuracy_fresh.tolist()
    rows = some.assign(accuracy_fresh=[0.9, 0.2, 0.95, 1.0])
    (ax,) = draw(figures, {"every_net": (({"x": rows},), {})}, "every_net").axes
    assert [x.get_text() for x in ax.texts] == ["1/2", "2/2"]


def test_what_is_drawn_can_be_pairs_without_a_mirror():
    call = {"against_pairs": ((ROWS,), {"value": "accuracy_fresh"})}
    (ax,) = draw(figures, call, "against_pairs").axes
    assert line_ys(ax)[1] == pytest.approx([(32 / 54.4 - 0.005) / 2, 0.4975])


def test_runs_are_marks_of_their_zone():
    (ax,) = drawn("mirrored").axes
    first = ROWS.iloc[0]
    assert ax.collections[0].get_offsets()[0].tolist() == [0.8, first.accuracy_fresh]
    left, right = drawn("gathered").axes
    assert left.collections[0].get_offsets()[0].tolist() == [first.test, 0.3]
    assert right.collections[0].get_offsets()[0].tolist() == [first.test, 0.6]


def test_the_sliders_hold_every_cell_and_say_how_many_seeds_agree():
    made = widgets.recorded_zones(
        CURVES[CURVES.seed == 42], ROWS.assign(zone="grokking"), size=30, pairs=1
    )
    assert (made.data["sizes"], made.data["pairs"]) == ([8, 32], [1000, 1700])
    assert (made.size, made.pairs) == (1, 0)
    assert made.data["steps"] == STEPS[1:]
    assert made.data["cells"]["32,1700"] == [
        [250, 500, 750, 1000], [250, 500, 750, 1000], [125, 250, 375, 500],
    ]  # fmt: skip
    text = made.data["sentences"]["32,1700"]
    assert text.startswith("Grokking, as with all of 2 seeds: ")
    assert "d = 32 and 1,700 pairs" in text
    assert "100.0 % of those held out, and 50.0 %" in text
    assert repr(made) == "Zones(d = [8, 32], pairs = [1000, 1700])"

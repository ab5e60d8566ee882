"""Figures and slider of rules and facts show the numbers they are given."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from drawing import draw, line_of, public_figures

from modnoise.facts import compare, figures, widgets

LINE = pd.DataFrame(
    {"lam": [0.01, 0.1, 1.0], "e_gen": [0.2, 0.19, 0.18], "e_mem": [0.3, 0.33, 0.4]}
)
ROWS = LINE.assign(
    e_gen_error=0.01, e_mem_error=0.02, e_gen_theory=0.185, e_mem_theory=0.35, seeds=3,
    angle=[0.3, 0.5, 0.7], kappa=[1.0, 3.0, 8.0], learner=["ridge", "ridge", "hinge"],
)  # fmt: skip
ANGLES = pd.DataFrame({"angle": [0.2, 0.6, 1.0], "e_gen": [0.2, 0.18, 0.21]})
RATES = compare.asymptotic_rates(0.1, 0.1, 0.6, [50.0, 100.0, 400.0])
CALLS = {
    "against_angle": ((ANGLES, ROWS, {"relu": 0.54}), {}),
    "against_facts": ((compare.against_facts(9),), {}),
    "against_width": ((ROWS, ROWS), {"alpha": 3.0}),
    "agreement": ((ROWS,), {}),
    "along_penalty": (({"linear": (LINE, ROWS), "kernel": (LINE, ROWS.iloc[:0])},), {}),
    "free_map": ((compare.penalty_map(4.0, 0.2, 12),), {"best": 1.45}),
    "rates": ((RATES,), {}),
    "trained": ((ROWS, ROWS.assign(e_gen=0.3)), {}),
}


drawn = partial(draw, figures, CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_every_figure_is_readable(name, assert_readable):
    assert_readable(drawn(name))


def test_every_figure_is_called_here():
    assert public_figures(figures) == {*CALLS}


def test_both_errors_are_lines_and_points_with_two_standard_errors():
    left, right = drawn("along_penalty").axes
    for ax in (left, right):
        assert line_of(ax, LINE.e_gen)
        assert line_of(ax, LINE.e_mem)
    bars = left.containers[1].lines[2][0].get_segments()
    assert [bar[:, 1].tolist() for bar in bars] == [
        pytest.approx([y - 0.04, y + 0.04]) for y in ROWS.e_mem
    ]
    assert not right.containers
    assert (left.get_title(loc="left"), right.get_title(loc="left")) == ("linear", "kernel")


def test_the_curve_of_the_map_is_where_the_regularization_is_the_best():
    ax = drawn("free_map").axes[0]
    lam, degrees = ax.lines[0].get_data()
    angle = np.radians(np.asarray(degrees, float))
    assert (lam + np.sin(angle) ** 2) / np.cos(angle) ** 2 == pytest.approx([1.45] * len(lam))
    best = compare.penalty_map(4.0, 0.2, 12).e_gen.min()
    assert best == pytest.approx(
        float(compare.line("lam", [1.4543], alpha=4.0).e_gen[0]), abs=1e-3
    )


def test_widths_angles_and_agreement_are_those_of_the_runs():
    ax = drawn("against_width").axes[0]
    assert any(list(x.get_xdata()) == [3.0, 3.0] for x in ax.lines)
    ax = drawn("against_angle").axes[0]
    assert ax.containers[0].lines[0].get_xdata() == pytest.approx(np.degrees(ROWS.angle))
    assert [x.get_text() for x in ax.texts] == ["relu"]
    ridge, hinge = drawn("agreement").axes
    assert ridge.containers[0].lines[0].get_xydata().tolist() == [[0.185, 0.2], [0.185, 0.19]]
    assert hinge.containers[1].lines[0].get_xydata().tolist() == [[0.35, 0.4]]


def test_a_trained_net_and_fixed_features_are_beside_each_other():
    rule, facts = drawn("trained").axes
    assert [x.lines[0].get_ydata().tolist() for x in rule.containers] == [
        ROWS.e_gen.tolist(), [0.3] * 3
    ]  # fmt: skip
    assert [x.lines[0].get_ydata().tolist() for x in facts.containers] == [ROWS.e_mem.tolist()] * 2
    assert rule.get_title(loc="left") == "rule: wrong on new inputs"


def test_the_slider_walks_through_the_penalties_with_both_learners():
    rows = pd.concat([ROWS.assign(angle=0.0), ROWS.assign(angle=0.9, e_mem=0.0)])
    made = widgets.recorded_penalties(rows)
    assert made.data["values"] == ["0.01", "0.1", "1"]
    assert made.data["rows"][2] == {
        "linear learner": {"test": pytest.approx(0.82), "noisy": pytest.approx(0.6)},
        "kernel at its best angle": {"test": pytest.approx(0.82), "noisy": pytest.approx(1.0)},
    }
    assert "right on 80.0 % of new inputs and has stored 70.0 %" in made.data["sentences"][0]
    assert made.data["chance"] == 0.5

"""Figures of the pages on phases and partitioning show the numbers that they are given."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from modnoise.arithmetic import figures
from modnoise.pages import style

P, WIDTHS, NOISES, SEEDS = 59, (17, 33, 65, 129), (0.0, 0.1, 0.3), (42, 43, 44)
TITLE = {"title": "A finding"}
RANKED = ("strength_test", "ipr_test", "random_test", "strength_ff", "ipr_ff", "ff")


def nets(**axes):
    """Last rows of full nets: every combination of ``axes``, each number another."""
    rows = pd.DataFrame(itertools.product(*axes.values()), columns=list(axes))
    columns = ("accuracy_test", "phase_mse", "phase_mse_weighted", "norm_cv", *RANKED)
    for shift, name in enumerate(columns):
        rows[name] = 0.01 + (np.arange(len(rows)) * 0.37 + shift * 0.11) % 0.9
    return rows


def neurons(panels, **columns):
    """A table of eight neurons per panel."""
    turn = np.linspace(-3.0, 3.0, 8)
    one = {"angle_sum": turn, "angle_w": turn[::-1] / 2, "size": np.arange(1, 9) / 8}
    one |= {"strength": np.arange(8) / 10, "ipr": np.arange(8) / 8, "op": "add"}
    return pd.concat(
        [
            pd.DataFrame(one).assign(panel=name, **{k: v[i] for k, v in columns.items()})
            for i, name in enumerate(panels)
        ]
    )


LADDER = nets(noise=NOISES, width=WIDTHS, seed=(42,))
OPS = nets(op=("add", "sub"), noise=NOISES, seed=SEEDS)
DECAYS = nets(weight_decay=(0.3, 1.0, 3.0), noise=NOISES, width=WIDTHS, seed=(42,))
TASKS = nets(op=("add", "mul"), noise=NOISES, seed=SEEDS)
TASK_WIDTHS = nets(op=("add", "mul"), noise=NOISES, width=WIDTHS, seed=(42,))
PRUNED = pd.DataFrame(
    [
        {"order": order, "kept": kept, "pruned": x, "accuracy_clean": 1 - x**3}
        | {"accuracy_noisy": (1 - x) * (kept == "best"), "accuracy_test": x * (order == "IPR")}
        for order, kept, x in itertools.product(
            ("IPR", "random"), ("best", "worst"), np.linspace(0, 1, 9)
        )
    ]
)
NORMS = {17: np.arange(1.0, 30.0), 129: np.full(29, 2.0)}

CALLS = {
    "phase_relation": ((neurons(["noise 10 %", "noise 30 %"]),), {}),
    "against_width_and_noise": (
        (LADDER, OPS),
        {
            "columns": {"plain": ["phase_mse"], "weighted": ["phase_mse_weighted"]},
            "bounds": {"chance": 3.29},
            "label": "Phase MSE",
            "log": True,
        },
    ),
    "over_decays": (
        (DECAYS,),
        {"column": "phase_mse", "bounds": {"unrelated": 0.0}, "label": "rank correlation"},
    ),
    "frequency_cover": ((np.array([1, 1, 3, 29]), np.array([2, 2, 2, 28])), {"p": P}),
    "row_norms": ((NORMS, LADDER, {17: 0.9, 129: 0.3}), {}),
    "ranked_neurons": ((neurons(["clean", "noisy"], noise=(0.0, 0.3)),), {}),
    "selection": ((OPS,), {"chance": 1 / P}),
    "improvement": ((TASKS, TASK_WIDTHS), {"score": "ipr"}),
    "pruning": ((PRUNED,), {"chance": 1 / P}),
}


def drawn(name, theme="light", *frames, **changed):
    given, kwargs = CALLS[name]
    given = frames or given
    return style.themed(theme, getattr(figures, name), *given, **{**kwargs, **TITLE, **changed})


def medians(rows, x, y):
    """(x, median over seeds) in the order of x."""
    return [(at, sorted(some)[len(some) // 2]) for at, some in rows.groupby(x)[y]]


def points(line):
    return [tuple(xy) for xy in line.get_xydata()]


@pytest.mark.parametrize("name", CALLS)
def test_every_figure_is_readable(name, assert_readable):
    fig = drawn(name)
    assert_readable(fig)
    for legend in fig.legends:
        colors = {text.get_color() for text in legend.get_texts()}
        assert colors == {style.PALETTES["light"]["ink"]}


def test_angles_are_dots_beside_the_diagonal_and_larger_where_w_is():
    fig = drawn("phase_relation")
    assert [ax.get_title("left") for ax in fig.axes] == ["noise 10 %", "noise 30 %"]
    for ax in fig.axes:
        (dots,) = ax.collections
        one = neurons(["any"])
        np.testing.assert_allclose(dots.get_offsets(), one[["angle_sum", "angle_w"]])
        assert (np.diff(dots.get_sizes()) > 0).all()
        assert points(ax.lines[0]) == [(-np.pi, -np.pi), (np.pi, np.pi)]


def test_above_is_a_line_per_noise_over_widths_below_one_per_operation_over_noise():
    fig = drawn("against_width_and_noise")
    (left, right), (low_left, low_right) = np.array(fig.axes).reshape(2, 2)
    assert [left.get_title("left"), right.get_title("left")] == ["plain", "weighted"]
    for ax, column in ((left, "phase_mse"), (right, "phase_mse_weighted")):
        for line, noise in zip(ax.lines, NOISES, strict=False):
            rows = LADDER[LADDER.noise == noise]
            assert points(line) == [tuple(x) for x in rows[["width", column]].to_numpy()]
    for ax, column in ((low_left, "phase_mse"), (low_right, "phase_mse_weighted")):
        thick = [line for line in ax.lines if line.get_linewidth() > 1]
        thin = [line for line in ax.lines if line.get_linewidth() == 0.5]
        assert len(thin) == 2 * len(SEEDS)
        for line, op in zip(thick, ("add", "sub"), strict=True):
            assert points(line) == medians(OPS[OPS.op == op], "noise", column)
    assert all(ax.lines[-1].get_ydata()[0] == 3.29 for ax in fig.axes)
    assert left.get_yscale() == "log"


def test_panels_with_fewer_points_have_the_axes_of_the_others_and_one_point_is_a_dot():
    one = (DECAYS.weight_decay == 3.0) & (DECAYS.width == 33) & (DECAYS.noise == 0.1)
    few = OPS[(OPS.op == "add") | (OPS.noise == 0.3)]
    here = (TASK_WIDTHS.width == 65) & (TASK_WIDTHS.noise == 0.3)
    tasks = [
        x[(x.op == "add") | at] for x, at in ((TASKS, TASKS.noise == 0.3), (TASK_WIDTHS, here))
    ]
    for fig in (
        drawn("over_decays", "light", DECAYS[(DECAYS.weight_decay == 0.3) | one]),
        drawn("selection", "light", few),
        drawn("improvement", "light", *tasks),
    ):
        for row in np.array(fig.axes).reshape(-1, 2):
            assert row[0].get_xlim() == row[1].get_xlim()
        thick = [line for line in fig.axes[-1].lines if line.get_linewidth() > 1]
        lonely = [line for line in thick if len(line.get_xdata()) == 1]
        assert lonely
        assert all(line.get_marker() not in ("", "None") for line in lonely)


def test_neurons_are_counted_at_their_dominant_frequency_beside_the_control():
    (ax,) = drawn("frequency_cover").axes
    heights = [bar.get_height() for bar in ax.patches[: P // 2]]
    assert heights == [2, 0, 1, *[0] * 25, 1]
    (blind,) = (x for x in ax.patches if hasattr(x, "get_data"))
    assert list(blind.get_data().values) == [0, 3, *[0] * 25, 1, 0]


def test_row_norms_are_in_units_of_their_mean_and_the_control_is_dash_dotted():
    left, right = drawn("row_norms").axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), np.arange(1, 30) / 15)
    np.testing.assert_allclose(left.lines[1].get_ydata(), 1.0)
    assert [text.get_text() for text in left.texts] == ["M = 17", "M = 129"]
    for line, noise in zip(right.lines, NOISES, strict=False):
        assert list(line.get_ydata()) == list(LADDER[LADDER.noise == noise].norm_cv)
    assert points(right.lines[-1]) == [(17, 0.9), (129, 0.3)]
    assert right.lines[-1].get_linestyle() == "-."


def test_selection_shows_medians_of_seven_test_accuracies_per_operation():
    fig = drawn("selection")
    assert [ax.get_title("left") for ax in fig.axes] == ["addition", "subtraction"]
    order = ("accuracy_test", "strength_test", "ipr_test", "random_test")
    for ax, op in zip(fig.axes, ("add", "sub"), strict=True):
        thick = [line for line in ax.lines if line.get_linewidth() > 1]
        rows = OPS[OPS.op == op]
        for line, column in zip(thick, (*order, "ff", "strength_ff", "ipr_ff"), strict=True):
            assert points(line) == medians(rows, "noise", column)
        assert ax.lines[-1].get_ydata()[0] == pytest.approx(1 / P)


@pytest.mark.parametrize("score", ["ipr", "strength"])
def test_improvement_is_in_points_against_the_same_net(score):
    fig = drawn("improvement", score=score)
    top, bottom = np.array(fig.axes).reshape(2, 2)
    for i, op in enumerate(("add", "mul")):
        thick = [line for line in top[i].lines if line.get_linewidth() > 1]
        for line, part in zip(thick, (score, "random"), strict=True):
            rows = TASKS[TASKS.op == op]
            rows = rows.assign(gain=100 * (rows[f"{part}_test"] - rows.accuracy_test))
            assert points(line) == medians(rows, "noise", "gain")
        for line, noise in zip(bottom[i].lines, NOISES, strict=False):
            rows = TASK_WIDTHS[(TASK_WIDTHS.op == op) & (TASK_WIDTHS.noise == noise)]
            gain = 100 * (rows[f"{score}_test"] - rows.accuracy_test)
            assert list(line.get_ydata()) == pytest.approx(list(gain))


def test_pruning_has_three_roles_and_the_random_order_from_either_end():
    left, right = drawn("pruning").axes
    for ax, kept in ((left, "best"), (right, "worst")):
        rows = PRUNED[(PRUNED.kept == kept) & (PRUNED.order == "IPR")]
        for line, role in zip(ax.lines, ("clean", "noisy", "test"), strict=False):
            assert points(line) == [
                tuple(x) for x in rows[["pruned", f"accuracy_{role}"]].to_numpy()
            ]
        blind = PRUNED[(PRUNED.kept == kept) & (PRUNED.order == "random")]
        assert list(ax.lines[3].get_ydata()) == list(blind.accuracy_test)

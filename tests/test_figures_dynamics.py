"""Figures of the page on dynamics show the numbers that they are given."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from modnoise.arithmetic import figures
from modnoise.pages import style

P, STEPS, SEEDS = 113, (0, 1, 10, 100, 200), (42, 43, 44)
WIDTHS, NOISES, DECAYS = (17, 65, 129, 257, 513), (0.1, 0.3, 0.5, 0.8), (0.3, 1.0, 3.0)
TITLE = {"title": "A finding"}


def curves(**axes):
    """Every combination of ``axes`` and the steps, with numbers of its own."""
    axes = {"seed": SEEDS, **axes, "step": STEPS}
    rows = pd.DataFrame(itertools.product(*axes.values()), columns=list(axes))
    for shift, role in enumerate(("clean", "noisy", "recovered", "test")):
        rows[f"accuracy_{role}"] = (np.arange(len(rows)) * 0.37 + shift * 0.11) % 1
    rows["label_blind"] = 0.01
    rows["r_c"], rows["r_n"] = rows.accuracy_clean / 100, rows.accuracy_noisy / 100
    rows["cos"] = rows.accuracy_test - 0.5
    rows.loc[rows.step.isin((1, 10)), ["r_c", "r_n", "cos"]] = np.nan
    rows["key"] = rows.drop(columns=rows.columns[rows.columns.get_loc("step") :]).apply(
        lambda row: str(tuple(row)), axis=1
    )
    return rows


GRID = curves(width=WIDTHS, noise=NOISES)
GROWN = curves(noise=(0.0, 0.1, 0.2, 0.3), weight_decay=DECAYS, seed=(42,), optimizer=("adamw",))
LATE = curves(noise=(0.1, 0.3), weight_decay=(3e-5, 3e-4), seed=(42,), optimizer=("adam",))
GROWN = pd.concat([GROWN, LATE], ignore_index=True)
THREE = curves(optimizer=("adam", "adamw", "muon"), width=WIDTHS, noise=NOISES)
ONE = GRID[(GRID.width == 17) & (GRID.noise == 0.1) & (GRID.seed == 42)]
WHOLE = GRID[(GRID.width == 513) & (GRID.noise == 0.3) & (GRID.seed == 43)]
BATCHES = curves(batch=(64.0, 256.0, np.inf)).assign(epoch=lambda rows: rows.step / 10)
COUNTED = pd.DataFrame(
    itertools.product(("wrong", "bijective"), (0.1, 0.5, 0.9), SEEDS),
    columns=["noise_kind", "noise", "seed"],
)
COUNTED["expected_clean"] = COUNTED.noise
COUNTED["expected_noisy"] = np.where(COUNTED.noise_kind == "wrong", 1, 1 - COUNTED.noise)
COUNTED["collisions_clean"] = COUNTED.expected_clean + 0.01
COUNTED["collisions_noisy"] = COUNTED.expected_noisy - 0.01
COUNTED["lead"] = 0.3 * (COUNTED.collisions_noisy - COUNTED.collisions_clean) + (
    0.01 * (COUNTED.seed - 43)
)
PAIRS = pd.DataFrame(
    [
        ("clean", 0, 400, 80), ("clean", 1, 100, 60), ("clean", 2, 9, 9),
        ("noisy", 0, 100, 25), ("noisy", 1, 200, 130), ("noisy", 2, 50, 45),
    ],
    columns=["role", "collisions", "pairs", "right"],
)  # fmt: skip

CALLS = {
    "rise_grid": ((GRID,), {"cols": "width", "rows": "noise", **TITLE}),
    "rise_grid of one net": (
        (GRID[(GRID.width == 17) & (GRID.noise == 0.1) & (GRID.seed == 42)],),
        {"cols": "noise", "null": True, **TITLE},
    ),
    "rise_grid in epochs": ((BATCHES,), {"cols": "batch", "x": "epoch", "log": True, **TITLE}),
    "rise_grid of SGD": (
        (curves(lr=(0.1, 1.0, 10.0), weight_decay=(1e-5, 1e-4, 1e-3), seed=(42,)),),
        {"cols": "lr", "rows": "weight_decay", "roles": ("clean", "noisy", "test"), "log": True}
        | TITLE,
    ),
    "rise_grid by kind": (
        (curves(noise=NOISES, noise_kind=("wrong", "bijective")),),
        {"cols": "noise", "rows": "noise_kind", **TITLE},
    ),
    "noise_then_rule": ((ONE, WHOLE), TITLE),
    "noise_then_rule of the start": ((ONE, WHOLE[:0]), TITLE),
    "rise_by_noise": ((THREE,), {"cols": "width", "rows": "optimizer", **TITLE}),
    "speed_and_gap": ((GRID[GRID.noise == 0.3], GRID[GRID.width == 513]), TITLE),
    "gradient_rates": ((GRID[GRID.width == 513],), {"cols": "noise", **TITLE}),
    "collision_counts": ((COUNTED,), TITLE),
    "lead_against_collisions": ((COUNTED,), TITLE),
    "known_by_collisions": ((PAIRS,), TITLE),
    "grokking": (
        (GROWN,),
        {"chance": 1 / P, "grok": {GROWN.key[0]: 100.0, GROWN.key[5]: np.inf}, **TITLE},
    ),
}


def drawn(call, theme="light"):
    args, kwargs = CALLS[call]
    return style.themed(theme, getattr(figures, call.split()[0]), *args, **kwargs)


def thick(ax, color):
    """The median: the one thick line of a colour that is no reference line."""
    (found,) = [
        x for x in ax.lines
        if x.get_color() == color and x.get_linewidth() > 0.9 and len(x.get_xdata()) > 2
    ]  # fmt: skip
    return found


def titles(fig):
    return [ax.get_title("left") for ax in fig.axes if ax.get_title("left")]


@pytest.mark.parametrize("call", CALLS)
def test_every_figure_is_readable(call, assert_readable):
    assert_readable(drawn(call))


def below_all(fig, text):
    """Whether the legend lies below everything that belongs to the panels."""
    (legend,) = fig.legends
    top = legend.get_window_extent().y1
    boxes = [ax.xaxis.label.get_window_extent() for ax in fig.axes if ax.get_xlabel() == text]
    return all(box.y0 >= top - 1 for box in boxes)


@pytest.mark.parametrize(
    "call", ["rise_grid", "rise_by_noise", "noise_then_rule", "gradient_rates", "grokking"]
)
def test_the_legend_covers_no_label_of_an_axis(call):
    fig = drawn(call)
    fig.draw_without_rendering()
    assert below_all(fig, "step")


def test_a_grid_has_the_median_of_the_seeds_in_each_panel():
    color, fig = style.PALETTES["light"], drawn("rise_grid")
    axes = np.array(fig.axes).reshape(4, 5)
    assert [ax.get_title("left") for ax in axes[0]] == [f"M = {width}" for width in WIDTHS]
    assert [ax.get_ylabel() for ax in axes[:, 0]] == [
        "noise 10 %", "noise 30 %", "noise 50 %", "noise 80 %"
    ]  # fmt: skip
    for ax, (noise, width) in zip(axes.flat, itertools.product(NOISES, WIDTHS), strict=True):
        rows = GRID[(GRID.noise == noise) & (GRID.width == width)].groupby("step")
        for role in ("clean", "noisy"):
            line = thick(ax, color[role])
            assert list(line.get_xdata()) == list(STEPS)
            assert list(line.get_ydata()) == pytest.approx(rows[f"accuracy_{role}"].median())
        assert len(ax.lines) == 2


def test_speed_has_a_line_per_width_and_the_gap_one_per_noise():
    left, right = drawn("speed_and_gap").axes
    for line, width in zip(left.lines, WIDTHS, strict=True):
        rows = GRID[(GRID.noise == 0.3) & (GRID.width == width)].groupby("step")
        assert list(line.get_ydata()) == pytest.approx(rows.accuracy_noisy.median())
    for line, noise in zip(right.lines, NOISES, strict=False):
        rows = GRID[(GRID.noise == noise) & (GRID.width == 513)]
        gap = (rows.accuracy_noisy - rows.accuracy_clean).groupby(rows.step).median()
        assert list(line.get_ydata()) == pytest.approx(gap)
    assert left.get_title("left") == "noisy accuracy, noise 30 %"
    assert right.get_title("left") == "noisy minus clean, M = 513"
    texts = [text.get_text() for text in right.get_legend().get_texts()]
    assert texts == ["noise 10 %", "noise 30 %", "noise 50 %", "noise 80 %"]


def test_gradients_have_rates_above_and_the_cosine_below_at_recorded_steps():
    color, fig = style.PALETTES["light"], drawn("gradient_rates")
    above, below = np.array(fig.axes).reshape(2, 4)
    for top, bottom, noise in zip(above, below, NOISES, strict=True):
        rows = GRID[(GRID.noise == noise) & (GRID.width == 513)].dropna().groupby("step")
        assert list(thick(top, color["clean"]).get_ydata()) == pytest.approx(rows.r_c.median())
        assert list(thick(top, color["noisy"]).get_ydata()) == pytest.approx(rows.r_n.median())
        assert list(thick(bottom, color["ink"]).get_ydata()) == pytest.approx(rows.cos.median())
        assert list(thick(bottom, color["ink"]).get_xdata()) == [0, 100, 200]


def test_counts_are_dots_and_closed_forms_lines():
    color, fig = style.PALETTES["light"], drawn("collision_counts")
    assert titles(fig) == ["random wrong labels", "bijective wrong labels"]
    for ax, kind in zip(fig.axes, ("wrong", "bijective"), strict=True):
        rows = COUNTED[COUNTED.noise_kind == kind].sort_values("noise")
        for role in ("clean", "noisy"):
            line, dots = (
                next(x for x in ax.lines if x.get_color() == color[role]
                     and (x.get_marker() == "o") == dotted)
                for dotted in (False, True)
            )  # fmt: skip
            assert list(line.get_ydata()) == list(
                rows.groupby("noise")[f"expected_{role}"].first()
            )
            assert sorted(dots.get_ydata()) == sorted(rows[f"collisions_{role}"])


def test_leads_stand_at_their_collisions_with_their_noise():
    (ax,) = drawn("lead_against_collisions").axes
    (wrong, *_), (bijective, *_) = ax.containers
    assert list(wrong.get_xdata()) == pytest.approx([1 - x - 0.02 for x in (0.1, 0.5, 0.9)])
    assert list(wrong.get_ydata()) == pytest.approx(
        [0.3 * (1 - x - 0.02) for x in (0.1, 0.5, 0.9)]
    )
    assert list(bijective.get_xdata()) == pytest.approx([0.78, -0.02, -0.82])
    (bars,) = ax.containers[0].lines[2]
    low, high = bars.get_segments()[0][:, 1]
    assert high - low == pytest.approx(0.02)  # three seeds
    assert [text.get_text() for text in ax.texts] == ["10 %", "50 %", "90 %"] * 2


def test_what_is_known_stands_at_its_collisions_and_few_pairs_are_left_out():
    (ax,) = drawn("known_by_collisions").axes
    (clean, _, (bars,)), (noisy, *_) = ax.containers
    assert list(clean.get_xdata()) == [0, 1]
    assert list(clean.get_ydata()) == [0.2, 0.6]
    assert list(noisy.get_ydata()) == [0.25, 0.65, 0.9]
    low, high = bars.get_segments()[0][:, 1]
    assert high - low == pytest.approx(2 * np.sqrt(0.2 * 0.8 / 400))


def test_noise_then_rule_has_first_steps_left_and_the_test_pairs_right():
    color, fig = style.PALETTES["light"], drawn("noise_then_rule")
    left, right = fig.axes
    assert titles(fig) == ["M = 17, noise 10 %", "M = 513, noise 30 %"]
    for role in ("clean", "noisy"):
        assert list(thick(left, color[role]).get_ydata()) == list(ONE[f"accuracy_{role}"])
    assert set(thick(left, color["muted"]).get_ydata()) == {0.01}
    assert color["test"] not in {line.get_color() for line in left.lines}
    after = WHOLE[WHOLE.step > 0]
    for role in ("clean", "noisy", "test"):
        line = thick(right, color[role])
        assert (list(line.get_xdata()), right.get_xscale()) == (list(after.step), "log")
        assert list(line.get_ydata()) == list(after[f"accuracy_{role}"])


def test_optimizers_have_a_row_and_noise_a_colour_in_every_panel():
    color, fig = style.PALETTES["light"], drawn("rise_by_noise")
    axes = np.array(fig.axes).reshape(3, 5)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["Adam", "AdamW", "Muon"]
    assert [ax.get_title("left") for ax in axes[0]] == [f"M = {width}" for width in WIDTHS]
    colors = style.ordered_colors(4, "plasma", color)
    cells = itertools.product(("adam", "adamw", "muon"), WIDTHS)
    for ax, (optimizer, width) in zip(axes.flat, cells, strict=True):
        lines = iter(ax.lines)
        for noise, one in zip(NOISES, colors, strict=True):
            here = (THREE.optimizer == optimizer) & (THREE.width == width)
            rows = THREE[here & (THREE.noise == noise)].groupby("step")
            for role, dashes in (("clean", ":"), ("noisy", "--")):
                line = next(lines)
                assert list(line.get_ydata()) == pytest.approx(rows[f"accuracy_{role}"].median())
                assert (line.get_color(), line.get_linestyle()) == (one, dashes)


def test_grokking_has_a_row_per_optimizer_a_line_per_decay_and_a_dot_where_it_is():
    fig = drawn("grokking")
    assert titles(fig) == ["noise 0 %", "noise 10 %", "noise 20 %", "noise 30 %"]
    axes = np.array(fig.axes).reshape(2, 4)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["Adam", "AdamW"]
    (dot,) = [
        x for ax in fig.axes for x in ax.lines if x.get_marker() == "o" and len(x.get_xdata())
    ]
    first = GROWN[(GROWN.key == GROWN.key[0]) & (GROWN.step == 100)]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (100, first.accuracy_test.iloc[0])
    assert dot in axes[1, 0].lines
    for line, (name, decays) in zip(
        axes, (("adam", (3e-5, 3e-4)), ("adamw", DECAYS)), strict=True
    ):
        colors = style.ordered_colors(len(decays), "cividis", style.PALETTES["light"])
        for ax, noise in zip(line, (0.0, 0.1, 0.2, 0.3), strict=True):
            lines = [x for x in ax.lines if len(x.get_xdata()) > 2]
            here = GROWN[(GROWN.optimizer == name) & (GROWN.noise == noise) & (GROWN.step > 0)]
            assert bool(ax.texts) == here.empty
            for one, decay, shade in zip(lines, decays, colors, strict=False):
                rows = here[here.weight_decay == decay]
                assert list(one.get_ydata()) == list(rows.accuracy_test)
                assert to_hex(one.get_color()) == to_hex(shade)
            assert len(lines) == (0 if here.empty else len(decays))
        texts = [text.get_text() for text in line[-1].get_legend().get_texts()]
        assert texts == [f"decay {x:g}" for x in decays]

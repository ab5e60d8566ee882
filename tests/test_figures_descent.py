"""Figures of the page on double descent show the numbers that they are given."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb

from modnoise.arithmetic import figures
from modnoise.pages import style

P, WIDTHS = 59, (17, 33, 65, 129)
COMMON = {"chance": 1 / P, "title": "A finding"}


def outcomes(**axes):
    """Every combination of ``axes``: nets from M = 65 on fit their wrong labels."""
    axes = {"noise": (0.0, 0.1, 0.3), "width": WIDTHS, "seed": (42,), **axes}
    rows = pd.DataFrame(itertools.product(*axes.values()), columns=list(axes))
    for shift, role in enumerate(("clean", "noisy", "recovered", "train", "test")):
        rows[f"accuracy_{role}"] = (np.arange(len(rows)) * 0.37 + shift * 0.11) % 1
    rows["cross_entropy_test"] = 0.02 * 1.3 ** (np.arange(len(rows)) % 20)
    rows.loc[rows.noise == 0, ["accuracy_noisy", "accuracy_recovered"]] = np.nan
    rows["interpolates"] = (rows.width >= 65) & (rows.noise > 0)
    names = ("full inversion", "partial inversion", "memorization", "coexistence")
    rows["regime"] = [names[WIDTHS.index(width)] for width in rows.width]
    return rows


SEEDS = outcomes(noise=(0.1, 0.3), seed=(42, 43, 44))
LADDER = outcomes(noise=(0.3,))
GRID = outcomes(weight_decay=(0.3, 1.0, 3.0))
TIED = pd.concat(
    [
        outcomes(noise=(0.2,), noise_kind=("wrong",), weight_decay=(1.0, 3.0, 10.0)),
        outcomes(noise=(0.2,), noise_kind=("symmetric",), weight_decay=(1.0,)),
    ]
).assign(ceiling_noisy=0.9, ceiling_train=0.8)
TIED.loc[TIED.noise_kind == "symmetric", ["ceiling_noisy", "ceiling_train"]] = 1.0

CALLS = {
    "one_ladder": (LADDER, {"threshold": 65.0, **COMMON}),
    "one_ladder that never fits": (LADDER, {"threshold": np.nan, **COMMON}),
    "descent": (GRID, {"column": "weight_decay", **COMMON}),
    "descent of one column": (outcomes(train_frac=(0.6,)), {"column": "train_frac", **COMMON}),
    "descent by operation": (outcomes(op=("sub", "mul")), {"column": "op", **COMMON}),
    "activations": (outcomes(noise=(0.1, 0.3), act=("relu", "gelu", "quadratic")), COMMON),
    "variants": (
        {"GeLU": outcomes(weight_decay=(0.1,)), "two decays": outcomes(weight_decay=(0.3, 1.0))},
        COMMON,
    ),
    "seed_ladders": (SEEDS, COMMON),
    "regime_map": (GRID, {"title": "A finding"}),
    "tied_nets": (TIED, COMMON),
}


def drawn(call, theme="light", **changed):
    frame, kwargs = CALLS[call]
    return style.themed(theme, getattr(figures, call.split()[0]), frame, **{**kwargs, **changed})


def line(ax, color):
    (found,) = [x for x in ax.lines if x.get_color() == color and len(x.get_xdata()) > 2]
    return found


@pytest.mark.parametrize("call", CALLS)
def test_every_figure_is_readable(call, assert_readable):
    assert_readable(drawn(call))


def test_a_ladder_shows_the_test_error_and_how_far_the_noise_is_fit():
    color = style.PALETTES["light"]
    (ax,) = drawn("one_ladder").axes
    assert list(line(ax, color["test"]).get_ydata()) == pytest.approx(1 - LADDER.accuracy_test)
    assert list(line(ax, color["noisy"]).get_ydata()) == pytest.approx(LADDER.accuracy_noisy)
    assert list(line(ax, color["test"]).get_xdata()) == list(WIDTHS)
    assert [float(x.get_xdata()[0]) for x in ax.lines if len(set(x.get_xdata())) == 1] == [65.0]
    assert "wrong labels not fit" in [text.get_text() for text in ax.texts]


def test_descent_has_error_above_and_cross_entropy_below_per_column_and_noise():
    fig = drawn("descent")
    top, bottom = np.array(fig.axes).reshape(2, 3)
    assert [ax.get_title("left") for ax in top] == ["decay 0.3", "decay 1", "decay 3"]
    for j, decay in enumerate((0.3, 1.0, 3.0)):
        for i, noise in enumerate((0.0, 0.1, 0.3)):
            rows = GRID[(GRID.weight_decay == decay) & (GRID.noise == noise)]
            assert list(top[j].lines[i].get_ydata()) == pytest.approx(1 - rows.accuracy_test)
            assert list(bottom[j].lines[i].get_ydata()) == pytest.approx(rows.cross_entropy_test)
        assert top[j].lines[3].get_ydata()[0] == pytest.approx(58 / 59)
        assert bottom[j].lines[3].get_ydata()[0] == pytest.approx(np.log(59))
    assert bottom[0].get_yscale() == "log"
    assert top[0].get_ylim() == top[2].get_ylim()


def test_seed_ladders_have_a_thin_line_per_seed_and_their_median_with_dots():
    fig = drawn("seed_ladders")
    assert [ax.get_title("left") for ax in fig.axes] == ["noise 10 %", "noise 30 %"]
    for ax, noise in zip(fig.axes, (0.1, 0.3), strict=True):
        rows = SEEDS[SEEDS.noise == noise]
        *thin, median, _ = ax.lines
        for seed_line, (_, one) in zip(thin, rows.groupby("seed"), strict=True):
            assert list(seed_line.get_ydata()) == pytest.approx(1 - one.accuracy_test)
            assert seed_line.get_linewidth() < median.get_linewidth()
        middle = 1 - rows.groupby("width").accuracy_test.median()
        assert list(median.get_ydata()) == pytest.approx(middle)
        page = style.PALETTES["light"]["page"]
        faces = [to_hex(face) == page for face in ax.collections[0].get_facecolors()]
        assert faces == [True, True, False, False]


def test_variants_have_a_row_each_with_a_line_per_noise_and_a_dash_per_decay():
    of = CALLS["variants"][0]
    fig = drawn("variants")
    axes = np.array(fig.axes).reshape(2, 2)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == list(of)
    for (error, entropy), rows in zip(axes, of.values(), strict=True):
        groups = [here for _, here in rows.groupby(["weight_decay", "noise"])]
        for ax, wanted in (
            (error, [1 - here.accuracy_test for here in groups]),
            (entropy, [here.cross_entropy_test for here in groups]),
        ):
            *lines, guess = ax.lines
            assert len(lines) == len(wanted)
            for line, y in zip(lines, wanted, strict=True):
                assert list(line.get_ydata()) == pytest.approx(list(y))
            assert guess.get_ydata()[0] == pytest.approx(58 / 59 if ax is error else np.log(59))
    decays = [one.get_linestyle() for one in axes[1, 0].lines[:-1]]
    assert len(set(decays)) == 2
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert {"smallest decay", "next"} <= set(names)


def test_activations_are_told_apart_by_marker_and_dash_per_noise():
    frame = CALLS["activations"][0]
    fig = drawn("activations")
    assert [ax.get_title("left") for ax in fig.axes] == ["noise 10 %", "noise 30 %"]
    looks = set()
    for ax, noise in zip(fig.axes, (0.1, 0.3), strict=True):
        for one, act in zip(ax.lines, ("relu", "gelu", "quadratic"), strict=False):
            rows = frame[(frame.noise == noise) & (frame.act == act)]
            assert list(one.get_ydata()) == pytest.approx(rows.accuracy_test)
            looks.add((one.get_marker(), one.get_linestyle(), act))
    assert len(looks) == 3
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert names == ["ReLU", "GeLU", "x²", "chance 1.7 %"]


def test_the_regime_map_has_a_number_per_net_and_a_border_where_noise_gets_fit():
    fig = drawn("regime_map")
    assert [ax.get_ylabel() for ax in fig.axes] == ["noise 10 %\ndecay", "noise 30 %\ndecay"]
    for ax, noise in zip(fig.axes, (0.1, 0.3), strict=True):
        rows = GRID[GRID.noise == noise].sort_values(["weight_decay", "width"])
        assert [text.get_text() for text in ax.texts] == [
            f"{100 * x:.0f}" for x in rows.accuracy_test
        ]
        # between M = 33 and 65 at each of the three decays
        assert [tuple(one.get_xdata()) for one in ax.lines] == [(1.5, 1.5)] * 3
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert set(names[:-1]) == set(GRID.regime)


def test_regimes_are_light_enough_to_read_a_number_on_and_differ():
    for palette in style.PALETTES.values():
        fills = [descent_fill(name, palette) for name in ("coexistence", "memorization",
                 "partial inversion", "full inversion", "confusion")]  # fmt: skip
        assert len({to_hex(fill) for fill in fills}) == 5
        assert all(contrast(fill, palette["ink"]) >= 4.5 for fill in fills)


def descent_fill(name, palette):
    from modnoise.arithmetic.figures.regimes import _fill

    return _fill(name, palette)


def contrast(a, b):
    def luminance(color):
        rgb = np.array(to_rgb(color))
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [
            0.2126, 0.7152, 0.0722
        ]  # fmt: skip

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_a_border_also_runs_between_decays():
    frame = GRID.copy()
    frame["interpolates"] = frame.weight_decay < 3.0
    ax = drawn_with(frame).axes[0]
    assert [tuple(one.get_ydata()) for one in ax.lines] == [(1.5, 1.5)] * len(WIDTHS)


def drawn_with(frame):
    return style.themed("light", figures.regime_map, frame, title="A finding")


def test_tied_nets_have_a_panel_per_noise_and_decay_with_their_ceilings_dotted():
    color = style.PALETTES["light"]
    fig = drawn("tied_nets")
    assert [ax.get_title("left") for ax in fig.axes] == [
        "random noise, decay 1", "random noise, decay 3", "random noise, decay 10",
        "symmetric noise, decay 1",
    ]  # fmt: skip
    for ax, (kind, decay) in zip(
        fig.axes, (("wrong", 1), ("wrong", 3), ("wrong", 10), ("symmetric", 1)), strict=True
    ):
        rows = TIED[(TIED.noise_kind == kind) & (TIED.weight_decay == decay)]
        for role, name in (("test", "test"), ("noisy", "noisy"), ("ink", "train")):
            assert list(line(ax, color[role]).get_ydata()) == pytest.approx(
                rows[f"accuracy_{name}"]
            )
        dotted = {x.get_color(): x.get_ydata()[0] for x in ax.lines if x.get_linestyle() == ":"}
        expected = (1.0, 1.0) if kind == "symmetric" else (0.9, 0.8)
        assert (dotted[color["noisy"]], dotted[color["ink"]]) == expected

"""Figures of transformers show the numbers they are given."""

from __future__ import annotations

import pandas as pd
import pytest

from modnoise.pages.style import themed
from modnoise.transformer import figures

SHARES = {"full": (1.0, 1.0, 0.75), "top": (0.98, 0.4, 0.85), "random": (0.3, 0.1, 0.2)}
ROLES = ("accuracy_clean", "accuracy_noisy", "accuracy_test")


def rows(step=100, seed=1, noise=0.1, decay=1.0, shift=0.0, **parts):
    """One run: 20 of 56 frequencies, and all of them, which change nothing."""
    made = []
    for part, shares in {**SHARES, **parts}.items():
        for kept in (56,) if part == "full" else (20, 56):
            values = shares if kept == 20 or part == "full" else SHARES["full"]
            row = {"part": part, "kept": kept, "seed": seed, "step": step, "steps": 100}
            row |= {"noise": noise, "weight_decay": decay, **dict(zip(ROLES, values, strict=True))}
            made.append(row | {"accuracy_test": values[2] + shift})
    return pd.DataFrame(made)


SEEDS = pd.concat([rows(seed=s, shift=x) for s, x in enumerate((-0.01, 0.0, 0.02))])
COURSE = pd.concat([rows(step=20, full=(1.0, 0.5, 0.4)), rows(), rows(decay=3.0), rows(noise=0.2)])
ONE = COURSE[(COURSE.noise == 0.1) & (COURSE.weight_decay == 1.0) & (COURSE.part != "random")]
ONE = ONE[(ONE.part == "full") | (ONE.kept == 20)]
CALLS = {
    "against_kept": ((SEEDS,), {"marked": 20, "chance": 0.01}),
    "before_region": ((COURSE[COURSE.kept != 20],), {"fit": 0.99, "partial": (0.6, 0.9)}),
    "filtered_along": ((ONE,), {"chance": 0.01}),
    "unembedding_energy": (([1.0, 5.0, 4.0],), {"marked": 2}),
}


def drawn(name, theme="light"):
    args, options = CALLS[name]
    return themed(theme, getattr(figures, name), *args, title="A title", **options)


@pytest.mark.parametrize("name", CALLS)
def test_every_figure_is_readable(name, assert_readable):
    assert_readable(drawn(name))


def test_thick_lines_over_frequencies_are_medians_and_thin_ones_seeds():
    lines = drawn("against_kept").axes[0].lines
    thick = {tuple(line.get_ydata()) for line in lines if line.get_lw() > 1.5}
    thin = [tuple(line.get_ydata()) for line in lines if line.get_lw() == 0.6]
    assert thick == {(0.85, 0.75), (0.4, 1.0), (0.98, 1.0)}
    assert pytest.approx((0.84, 0.74)) in thin
    assert pytest.approx((0.87, 0.77)) in thin


def test_lines_over_steps_are_the_full_net_and_the_filtered_one():
    lines = [list(line.get_ydata()) for line in drawn("filtered_along").axes[0].lines]
    assert lines[:4] == [[0.4, 0.75], [0.5, 1.0], [0.85, 0.85], [0.4, 0.4]]


def test_the_region_is_full_where_every_label_is_fit_and_leaves_out_settings_without_runs():
    ten, twenty = drawn("before_region").axes
    whole, known = (line.get_ydata() for line in ten.lines[:2])
    assert list(whole) == [0.4, 0.75]
    assert pd.isna(known[0])
    assert known[1] == 0.75
    assert len(ten.lines) == 2 * len(twenty.lines)


def test_the_largest_shares_of_the_energy_are_in_colour():
    bars = drawn("unembedding_energy").axes[0].patches
    colours = {round(bar.get_height(), 1): bar.get_facecolor() for bar in bars}
    assert sorted(colours) == [0.1, 0.4, 0.5]
    assert colours[0.5] == colours[0.4] != colours[0.1]

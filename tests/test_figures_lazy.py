"""Claims about networks that learned no features, on frames that must decide them either way."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from judging import cells, said

from modnoise.arithmetic.claims.lazy import MEASURES, gap_table
from modnoise.arithmetic.figures import gap
from modnoise.arithmetic.run import Run
from modnoise.judge import check
from modnoise.pages.style import themed

# part: test and noisy accuracy of the frozen network
FROZEN = {
    "full": (0.01, 1.0), "quadratic": (0.01, 0.4), "G": (1.0, 0.0), "R": (0.01, 0.6),
    "G_quadratic": (1.0, 0.0), "G_random": (0.8, 0.0), "G_random_relu": (0.3, 0.0),
    "every": (1.0, 0.0),
}  # fmt: skip
INSIDE = {"phase_mse_weighted": 2.0, "coherence_other": 0.2, "sparsity": 0.1}
# where a trained net differs, by noise: part and column
GAINS = {
    0.3: {("full", "accuracy_test"): 0.45, ("quadratic", "accuracy_test"): 0.99},
    0.5: {("G", "accuracy_test"): 1.0},
    0.8: {("G", "accuracy_test"): 0.99},
}
LOWER = {0.5: 0.6, 0.8: 0.4}  # FF with ReLU of the frozen network


def frame(frozen: str = "UV", noises=(0.3, 0.5, 0.8), **changes: float) -> pd.DataFrame:
    run = Run(frozen=frozen, **({"steps": 0, "ridge": 1e-6} if frozen else {"steps": 10}))
    rows = []
    for noise, seed, part in itertools.product(noises, (1, 2, 3), FROZEN):
        test, noisy = FROZEN[part]
        test = LOWER.get(noise, test) if part == "G" else test
        jitter = 0.001 * (seed - 2)
        row = run.but(noise=noise, seed=seed).model_dump() | {"part": part, "step": run.steps}
        row |= {"accuracy_clean": noisy, "accuracy_noisy": noisy, "accuracy_test": test + jitter}
        row |= INSIDE if part == "full" else {}
        rows.append(row | changes)
    return pd.DataFrame(rows)


def trained() -> pd.DataFrame:
    rows = frame("")
    for noise, gains in GAINS.items():
        for (part, column), value in gains.items():
            here = (rows.part == part) & (rows.noise == noise)
            rows.loc[here, column] = value + 0.001 * (rows[here].seed - 2)
    return rows.assign(phase_mse_weighted=rows.phase_mse_weighted / 20)


def changed(rows: pd.DataFrame, part: str, noise: float, column: str, value: float):
    return rows.assign(
        **{column: rows[column].where((rows.part != part) | (rows.noise != noise), value)}
    )


def state(claim: str, rows: pd.DataFrame) -> str:
    return said(check(claim, rows, scale="fast"))


@pytest.mark.parametrize(
    ("claim", "part", "noise", "column", "broken"),
    [
        ("LAZY-fit", "full", 0.8, "accuracy_noisy", 0.98),
        ("LAZY-fit", "full", 0.3, "accuracy_clean", 0.98),
        ("LAZY-FF", "G", 0.3, "accuracy_test", 0.98),
        ("LAZY-FF", "R", 0.3, "accuracy_noisy", 0.49),
        ("LAZY-swap", "quadratic", 0.5, "accuracy_test", 0.03),
        ("LAZY-phase", "full", 0.8, "phase_mse_weighted", 0.65),
    ],
)
def test_a_claim_about_frozen_networks_holds_until_one_condition_is_broken(
    claim, part, noise, column, broken
):
    assert state(claim, frame()) == "holds"
    assert state(claim, changed(frame(), part, noise, column, broken)) == "fails"
    assert state(claim, frame("")) == "not tested"  # no network is frozen
    assert state(claim, frame(noises=(0.5,))) in ("not tested", "cannot tell")


def test_the_gap_is_the_predicted_one_and_no_other():
    rows = pd.concat([trained(), frame()], ignore_index=True)
    assert state("GAP", rows) == "holds"
    for noise, part in ((0.3, "G"), (0.5, "quadratic"), (0.8, "full")):
        other = changed(frame(), part, noise, "accuracy_test", 0.7)
        other = pd.concat([trained(), other], ignore_index=True)
        assert "fails" in cells(check("GAP", other, scale="fast")).values()
    assert state("GAP", frame()) == "not tested"
    nothing = changed(trained(), "full", 0.3, "accuracy_test", 0.02)
    assert state("GAP", pd.concat([nothing, frame()], ignore_index=True)) == "not tested"


def test_the_gap_table_has_medians_differences_and_effects_in_spreads_over_seeds():
    table = gap_table(pd.concat([trained(), frame()], ignore_index=True))
    assert len(table) == 3 * len(MEASURES)
    row = table[(table.noise == 0.3) & (table.measure == "test accuracy")].iloc[0]
    assert (row.trained, row.frozen) == pytest.approx((0.45, 0.01))
    # accuracies of both are three values 0.001 apart: a standard deviation of 0.001
    assert row.effect == pytest.approx(440)
    assert row.apart
    assert not table[table.measure == "FF, x²"].apart.any()


def test_ranges_that_overlap_are_not_told_apart_however_far_the_medians():
    wide = frame()
    pick = (wide.part == "full") & (wide.seed == 3)
    wide.loc[pick, "accuracy_test"] = 0.9
    table = gap_table(pd.concat([trained(), wide], ignore_index=True))
    assert not table[(table.noise == 0.3) & (table.measure == "test accuracy")].apart.any()


TABLE = gap_table(pd.concat([trained(), frame()], ignore_index=True))
CALLS = {"gap": ((TABLE,), {"title": "A title"})}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_figure_draws_in_both_themes(theme, assert_readable):
    args, kwargs = CALLS["gap"]
    assert_readable(themed(theme, gap, *args, **kwargs))


def test_the_figure_shows_both_medians_of_every_measure_and_the_angles_over_chance():
    axes = themed("light", gap, TABLE, title="A title").axes
    assert len(axes) == 3
    for ax, (_, rows) in zip(axes, TABLE.groupby("noise"), strict=True):
        *links, first, second = ax.lines
        unit = [np.pi**2 / 3 if x.startswith("Phase") else 1 for x in rows.measure]
        np.testing.assert_allclose(first.get_xdata(), rows.trained / unit)
        np.testing.assert_allclose(second.get_xdata(), rows.frozen / unit)
        assert [x.get_linestyle() == "-" for x in links] == rows.apart.tolist()

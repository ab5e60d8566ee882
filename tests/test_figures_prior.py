"""The figure of the filter's prior: medians as lines, seeds as dots."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from modnoise.arithmetic.figures import prior_against
from modnoise.pages.style import themed

PARTS = ("label_prior", "label_vote", "every_quadratic", "G_quadratic", "G_random", "G")
FRAME = pd.DataFrame(
    [
        {"part": part, "noise": noise, "seed": seed, "accuracy_test": 1 - noise * (i + seed) / 9}
        for (i, part), noise, seed in itertools.product(
            enumerate(PARTS), (0.0, 0.5, 0.95), (1, 2, 3)
        )
    ]
)


CALLS = {"prior_against": ((FRAME,), {"chance": 0.1, "title": "A title"})}


def test_it_is_readable(assert_readable):
    args, kwargs = CALLS["prior_against"]
    assert_readable(themed("light", prior_against, *args, **kwargs))


def test_lines_are_medians_and_dots_are_seeds_and_a_missing_part_is_left_out():
    rows = FRAME[FRAME.part != "G_random"]
    (ax,) = themed("light", prior_against, rows, chance=0.1, title="A title").axes
    *pairs, _ = (line.get_xydata() for line in ax.lines)
    assert len(pairs) == 2 * 5
    kept = [part for part in PARTS if part != "G_random"]
    for part, middle, dots in zip(kept, pairs[::2], pairs[1::2], strict=True):
        one = rows[rows.part == part]
        expected = [sorted(x)[1] for _, x in one.groupby("noise").accuracy_test]
        np.testing.assert_allclose(middle[:, 1], expected)
        np.testing.assert_array_equal(dots, one[["noise", "accuracy_test"]])

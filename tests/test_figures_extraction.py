"""Figures of what is extracted from nets show the numbers they are given."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from modnoise.arithmetic import figures
from modnoise.arithmetic.extraction.planes import fourier_planes
from modnoise.pages.style import themed

P = 13
PARTS = ("full", "planes_moment", "planes_ica", "planes_known", "labels_moment")
FRAME = pd.DataFrame(
    [
        {"part": part, "noise": noise, "seed": seed, "accuracy_test": 0.1 * (i + 1),
         "rule": 0.6, "chance": 0.3}
        for (i, part), noise, seed in itertools.product(
            enumerate(PARTS), (0.3, 0.5), (71, 72, 73)
        )
    ]
)  # fmt: skip
KNOWN = fourier_planes(P).numpy()
ORBITS = KNOWN[[1, 4]]
CALLS = {
    "extracted": ((FRAME,), {"chance": 1 / 59, "title": "A title"}),
    "signal": ((FRAME,), {"title": "A title"}),
    "plane_orbits": ((ORBITS, KNOWN), {"names": {0: 1, 1: 4}, "title": "A title"}),
}


def drawn(name, theme="light"):
    args, options = CALLS[name]
    return themed(theme, getattr(figures, name), *args, **options)


@pytest.mark.parametrize("name", CALLS)
def test_every_figure_is_readable(name, assert_readable):
    assert_readable(drawn(name))


def test_figures_show_the_numbers_they_are_given():
    (ax,) = drawn("extracted").axes
    middle = ax.lines[2].get_xydata()  # the second part: FastICA
    np.testing.assert_allclose(middle, [[0.3, 0.3], [0.5, 0.3]])
    (ax,) = drawn("signal").axes
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[0.3, 2], [0.5, 2]])
    for ax in drawn("plane_orbits").axes:  # joined by angle: every step is the shortest
        steps = np.linalg.norm(np.diff(ax.lines[0].get_xydata(), axis=0), axis=1)
        np.testing.assert_allclose(steps, 2 * np.sin(np.pi / P) * (2 / P) ** 0.5, rtol=1e-4)

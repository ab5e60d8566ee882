"""Figures and sliders of consistency distillation show the numbers they are given."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from functools import partial

import numpy as np
import pandas as pd
import pytest
from drawing import draw, line_of, public_figures

from modnoise.distillation import compare, features, figures, widgets
from modnoise.distillation.engine import STUDENTS
from modnoise.distillation.training import Gallery

RNG = np.random.default_rng(0)


def recorded(sizes=(80, 200), seeds=(1, 2, 3)) -> pd.DataFrame:
    """Rows of teachers that copy 0.6 and students that copy 0.1, at n = 80; half of it at 200."""
    rows = []
    for n in sizes:
        for seed in seeds:
            base = {"key": f"{n}-{seed}", "n": n, "seed": seed, "teacher_steps": 100}
            level = 80 / n * (1 + 0.1 * (seed - 2))
            for step, copies in ((10, 0.0), (50, 0.3), (100, 0.6)):
                rows.append(
                    base | {"part": "teacher", "step": step, "sampler": 18, "frechet": 2.0,
                            "copied": copies * level}
                )  # fmt: skip
            for sampler in (2, 4):
                rows.append(
                    base | {"part": "few steps", "step": 100, "sampler": sampler,
                            "frechet": 20 / sampler, "copied": 0.1 * sampler * level}
                )  # fmt: skip
            rows.append(base | {"part": "training set", "step": 100, "sampler": 0, "frechet": 1.5})
            rows.append(base | {"part": "held-out", "step": 100, "sampler": 0, "copied": 0.0})
            for k, part in enumerate(STUDENTS):
                for sampler in (1, 2):
                    for done in (0, 20):
                        copies = 0.1 * level * (k + 1) * done / 20
                        ratio = copies / 0.6 / level
                        rows.append(
                            base | {"part": part, "step": 100 + done, "sampler": sampler,
                                    "frechet": 3.0 + k, "copied": copies, "ratio": ratio,
                                    "ratio_low": ratio / 2, "ratio_high": ratio * 2,
                                    "pair_same": 0.1, "pair_near": 0.2, "pair_away": 0.3,
                                    "pair_other": 0.4, "pair_contrast": 1.0}
                        )  # fmt: skip
    return pd.DataFrame(rows)


ROWS = recorded()
TIMES = pd.DataFrame(
    {"n": [40, 40, 80, 200], "seed": [1, 2, 1, 1], "time": [400, 440, 800, np.nan], "copied": 0.5}
)
TAUS = np.geomspace(0.01, 1e4, 30)
FLOW = pd.concat(
    [
        pd.DataFrame({"tau": TAUS, "loss_test": 1 - 0.02 * TAUS / (TAUS + 1)}).assign(
            psi_n=n, loss_train=lambda x: x.loss_test - TAUS / 1e5, seed=1, part="flow"
        )
        for n in (2.0, 4.0)
    ]
)
FLOW_TIMES = pd.DataFrame(
    {"psi_n": [2.0, 4.0], "seed": 1, "tau_gen": [1.0, 1.1], "tau_mem": [100.0, 200.0]}
)
HOPS = pd.DataFrame(
    [{"part": part, "hop": hop, "seed": 1, "correlation": 1 - 0.1 * k * hop,
      "energy": 1.0 + k * hop, "energy_before": 1.0 + k} for k, part in enumerate(features.BULKS)
     for hop in (0, 1, 2)]
)  # fmt: skip
VALUES = np.sort(RNG.uniform(0.01, 5, 60))[::-1]
GREY = RNG.integers(0, 256, (4, 64)).astype(np.uint8)
CALLS = {
    "copies_along": ((ROWS,), {}),
    "pictures": (({"teacher": GREY, "student": GREY[::-1]},), {}),
    "against_quality": ((ROWS,), {}),
    "students": ((ROWS,), {"bound": 0.2}),
    "fates": ((ROWS,), {}),
    "times": ((TIMES,), {}),
    "spectrum": ((VALUES, VALUES * 1.1, (0.1, 1.0)), {"d": 10, "n": 30}),
    "flow": ((FLOW, FLOW_TIMES), {}),
    "hops": ((HOPS,), {}),
}


drawn = partial(draw, figures, CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_every_figure_is_readable(name, assert_readable):
    assert_readable(drawn(name))


def test_every_figure_is_called_here():
    assert public_figures(figures) == {*CALLS}


def test_copies_of_teachers_and_students_are_the_medians():
    left, right = drawn("copies_along").axes
    assert line_of(left, [0, 0.3, 0.6])
    assert line_of(left, [0, 0.12, 0.24])
    assert line_of(right, [0, 0.1])  # the student's, medians of its three seeds
    assert line_of(right, [0.6, 0.6])  # the teacher's level
    names = {x.get_text() for x in right.texts}
    assert names == {f"{who}, n = {n}" for who in ("teacher", "student") for n in (80, 200)}


def test_quality_against_copies():
    ax = drawn("against_quality").axes[0]
    points = [tuple(x.get_xydata()[0]) for x in ax.lines if len(x.get_xydata()) == 1]
    assert pytest.approx((2.0, 0.6)) in points  # the trained teacher
    assert pytest.approx((6.0, 0.4)) in points  # the fourth student
    numbers = {x.get_text(): x.xy for x in ax.texts}
    assert numbers["2"] == pytest.approx((10.0, 0.2))
    assert numbers["4"] == pytest.approx((5.0, 0.4))


def test_students_have_their_intervals():
    ax = drawn("students").axes[0]
    assert ax.containers[0].lines[0].get_xdata() == pytest.approx([0.1 / 0.6])
    [bar] = ax.containers[0].lines[2][0].get_segments()
    assert bar[:, 0] == pytest.approx([0.05 / 0.6, 0.2 / 0.6])
    assert len(ax.containers) == 2 * len(STUDENTS)


def test_pictures_are_shown_as_they_are():
    axes = drawn("pictures").axes
    shown = [np.asarray(ax.images[0].get_array()) for ax in axes]
    assert (shown[0] == GREY[0].reshape(8, 8)).all()
    assert (shown[4] == GREY[3].reshape(8, 8)).all()
    assert [axes[i].get_ylabel() for i in (0, 4)] == ["teacher", "student"]


def test_the_spectrum_counts_every_eigenvalue_once():
    ax = drawn("spectrum").axes[0]
    heights = [bar.get_height() for bar in ax.patches if hasattr(bar, "get_height")]
    assert sum(heights) == 60
    assert [x.get_xdata()[0] for x in ax.lines] == [0.1, 1.0]


def test_hops_show_correlations_and_the_ratio_of_energies():
    left, right = drawn("hops").axes
    assert line_of(left, [1, 0.9, 0.8])
    assert line_of(right, [1, 2, 3])
    assert line_of(right, [2, 2, 2])


def test_the_slider_walks_along_distillation():
    made = widgets.recorded_distillation(ROWS)
    assert made.data["values"] == [
        "teacher, 10", "teacher, 50", "teacher, 100", "student, 0", "student, 20"
    ]  # fmt: skip
    assert made.index == 4
    assert made.data["rows"][4]["student, n = 80"] == {"noisy": pytest.approx(0.1)}
    assert made.data["rows"][3]["teacher, n = 200"] == {"noisy": pytest.approx(0.24)}
    assert made.data["rows"][1]["teacher, n = 80"] == {"noisy": pytest.approx(0.3)}
    assert made.data["rows"][1]["student, n = 80"] == {"noisy": None}
    assert "n = 80 the student draws 10.0 % copies in one step" in made.data["sentences"][4]
    assert "50 steps of the teacher: with n = 80 it draws 30.0 %" in made.data["sentences"][1]


def gallery() -> Gallery:
    def some(*shape):
        return RNG.integers(0, 256, shape).astype(np.uint8)

    return Gallery(some(3, 6, 64), some(2, 5, 6, 64), some(6, 64), some(6, 64))


def test_the_pictures_of_the_slider_are_those_of_the_run():
    own = gallery()
    made = widgets.recorded_pictures(own, ROWS[ROWS.key == "80-1"])
    assert made.data["values"] == [
        "teacher, step 10", "teacher, step 50", "teacher, step 100", "student, step 0",
        "student, step 20",
    ]  # fmt: skip
    texts = [base64.b64decode(x) for x in made.data["rows"][4]]
    assert texts == [own.students[1, 0].tobytes(), own.teacher[2].tobytes()]
    assert base64.b64decode(made.data["rows"][0][1]) == own.near_teacher.tobytes()
    assert made.data["names"][0] == ["teacher", "nearest image"]
    assert (made.data["side"], made.index) == (8, 4)
    assert repr(made).startswith("Pictures(training: teacher, step 10, ")


@pytest.mark.skipif(not shutil.which("node"), reason="no Node here")
def test_the_page_unpacks_the_same_bytes(tmp_path):
    own = gallery()
    made = widgets.recorded_pictures(own, ROWS[ROWS.key == "80-1"])
    module = tmp_path / "pictures.mjs"
    module.write_text((widgets._HERE / "pictures.js").read_text())
    code = (
        f"import {{ unpack }} from {json.dumps(module.as_uri())};"
        f"const all = unpack({json.dumps(made.data['rows'][0][0])}, 8);"
        "console.log(JSON.stringify(all.map((x) => [...x])));"
    )
    found = subprocess.run(
        ["node", "--input-type=module", "-e", code], capture_output=True, text=True, check=True
    )
    assert (np.array(json.loads(found.stdout)) == own.teacher[0]).all()


def test_the_summary_has_medians_at_the_end():
    row = compare.summary(ROWS).loc[80]
    assert (row.teacher, row.student, row.scratch) == pytest.approx((0.6, 0.1, 0.4))
    assert (row.far_teacher, row.far_student, row.far_images) == (2.0, 3.0, 1.5)
    assert row.kept == pytest.approx(0.3)

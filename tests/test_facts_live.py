"""The solver and the sliders of the page on rules and facts: JavaScript against the package.

The equations are tested under Node, the widget in Chromium; each part is skipped where that is
missing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import look
import modnoise_fold
import modnoise_widgets
import numpy as np
import pandas as pd
import pytest
import traitlets
from ipywidgets.embed import embed_data
from playwright.sync_api import Browser, Page
from scipy.special import ndtr
from sphinx.errors import ExtensionError

from modnoise.facts import limits, theory
from modnoise.facts.widgets import Live, live

NODE = shutil.which("node") or shutil.which("nodejs")
in_node = pytest.mark.skipif(NODE is None, reason="there is no Node")

CODE = str(Live._esm)


def javascript(source: str, **given: object) -> object:
    """What ``source`` returns under Node, with the functions of the module and the arguments."""
    script = (
        f"{CODE}\nimport {{ readFileSync }} from 'node:fs';"
        f"const {{ {', '.join(given)} }} = JSON.parse(readFileSync(0));"
        f"const found = (() => {{ {source} }})();"
        "process.stdout.write(JSON.stringify(found));"
    )
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", script],
        input=json.dumps(given), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def drawn(n: int = 200) -> dict[str, np.ndarray]:
    """Settings that nobody chose, some at the ends."""
    rng = np.random.default_rng(14)
    eps, angle = rng.uniform(0, 1, n), rng.uniform(0, 1.5, n)
    eps[:10], angle[5:25] = np.repeat([0.0, 1.0], 5), 0.0
    return {
        "alpha": 10 ** rng.uniform(-1, 1.7, n),
        "eps": eps,
        "lam": 10 ** rng.uniform(-6, 2, n),
        "angle": angle,
    }


def solved(settings: dict[str, np.ndarray]) -> pd.DataFrame:
    rows = pd.DataFrame(settings)
    found = javascript(
        "return rows.map((x) => ridge(x.alpha, x.eps, x.lam, x.angle))",
        rows=rows.to_dict("records"),
    )
    return pd.DataFrame(found)


# --- the equations


@in_node
def test_ridge_is_that_of_the_package():
    settings = drawn()
    known = theory.ridge(
        settings["alpha"], settings["eps"], settings["lam"], *limits.sphere(settings["angle"])
    )
    found = solved(settings)
    for name, expected in {
        "m": known.m, "q": known.q, "gen": known.e_gen, "mem": known.e_mem,
    }.items():  # fmt: skip
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(found.tau, known.tau, rtol=1e-9)


@in_node
def test_bayes_and_the_best_angle_are_those_of_the_package():
    settings = drawn()
    found = javascript(
        "return [eps.map((x, i) => bayes(alpha[i], x)), eps.map(bestAngle)]",
        **{name: settings[name].tolist() for name in ("eps", "alpha")},
    )
    np.testing.assert_allclose(
        found[0], limits.bayes(settings["alpha"], settings["eps"]), rtol=0, atol=1e-8
    )
    np.testing.assert_allclose(found[1], limits.best_angle(settings["eps"]), rtol=0, atol=1e-12)


@in_node
def test_the_solution_is_a_fixed_point_of_the_equations_integrated_numerically():
    settings = {name: x[10:] for name, x in drawn(60).items()}
    found = solved(settings)
    t, dt = np.linspace(-12, 12, 6001, retstep=True)
    for i, (m, q, V, tau) in enumerate(found[["m", "q", "V", "tau"]].to_numpy()):
        alpha, eps, lam, angle = (x[i] for x in settings.values())
        s, omega, weight = np.sqrt(1 - m**2 / q), np.sqrt(q) * t, dt * normal(t)
        v_hat, q_hat, m_hat = 0.0, 0.0, 0.0
        for y in (-1, 1):
            Z = (1 - eps) * ndtr(y * m * omega / (q * s)) + eps / 2
            dZ = (1 - eps) * y * normal(m * omega / (q * s)) / s
            g = (y - omega) / (1 + tau)
            v_hat += alpha * np.sum(weight * Z) / (1 + tau)
            q_hat += alpha * np.sum(weight * Z * g**2)
            m_hat += alpha * np.sum(weight * dZ * g)
        own = np.sin(angle) ** 2
        response = 1 / (lam / np.cos(angle) ** 2 + v_hat)
        residuals = [
            response / V - 1,
            (m_hat**2 + q_hat) * response**2 / q - 1,
            m_hat * response / m - 1,
            (V + own / lam) / tau - 1,
        ]
        assert np.max(np.abs(residuals)) < 1e-7, (i, residuals)


def normal(x: np.ndarray) -> np.ndarray:
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


@in_node
def test_the_normal_distribution_is_exact_to_twelve_digits_far_out_too():
    x = np.linspace(-30, 30, 2401)
    found = javascript("return x.map(Phi)", x=x.tolist())
    np.testing.assert_allclose(found, ndtr(x), rtol=1e-12)
    assert javascript("return [Phi(-Infinity), Phi(Infinity)]") == [0, 1]


@in_node
def test_facts_alone_teach_no_rule_and_the_best_kernel_stores_them_for_free():
    found = javascript(
        "return [ridge(4, 1, 0.5, 0.6).gen, bayes(4, 1), solve({ ...at, eps: 1 }), solve(at)]",
        at={"eps": 0.2, "alpha": 4, "lam": 1e-6, "angle": None},
    )
    assert found[:2] == pytest.approx([0.5, 0.5], abs=1e-12)
    assert found[2]["best"] is None
    at = found[3]
    assert at["kernel"]["mem"] < 1e-12
    tuned = theory.ridge(4, 0.2, limits.best_regularization(0.2)).e_gen
    assert at["kernel"]["gen"] == pytest.approx(tuned, abs=1e-6)
    assert at["best"]["gen"] == pytest.approx(tuned, abs=1e-9)
    assert len(at["curves"]["linear"]) == 81


# --- words, points


@in_node
def test_penalties_read_as_numbers():
    found = javascript("return [1e-6, 3.16e-5, 0.001, 0.01, 0.126, 1, 100].map(penalty)")
    assert found == ["10⁻⁶", "3.2 × 10⁻⁵", "0.001", "0.01", "0.13", "1", "100"]


ROWS = pd.DataFrame(
    {
        "learner": ["ridge", "ridge", "ridge", "hinge"],
        "kernel": ["equivalent", "equivalent", "erf", "equivalent"],
        "angle": [0.0, 0.878499, 0.0, 0.0],
        "alpha": 4.0,
        "noise": 0.2,
        "lam": [1.0, 1.0, 1.0, 1.0],
        "e_gen": [0.186, 0.189, 0.2, 0.2],
        "e_gen_error": [0.001, np.nan, 0.001, 0.001],
        "e_mem": [0.349, 0.015, 0.2, 0.2],
        "e_mem_error": [0.005, 0.001, 0.001, 0.001],
    }
)


def test_points_are_the_runs_of_ridge_with_a_kernel_of_two_parts():
    made = live(ROWS, eps=0.01, alpha=40.0)
    assert (made.eps, made.alpha) == (0.05, 16)
    assert [round(point["angle"], 2) for point in made.points] == [0, 50.33]
    assert made.points[0] == {
        "eps": 0.2, "alpha": 4.0, "lambda": 1.0, "angle": 0.0,
        "gen": 0.186, "mem": 0.349, "gen_sd": 0.001, "mem_sd": 0.005,
    }  # fmt: skip
    assert made.points[1]["gen_sd"] == 0
    json.dumps(made.points, allow_nan=False)
    assert repr(made) == "Live(eps=0.05, alpha=16, 2 points)"
    with pytest.raises(traitlets.TraitError):
        made.angle = 90.0


@in_node
def test_points_show_where_the_sliders_match_them():
    found = javascript(
        "const count = (change) => matching(points, { ...at, ...change }).length;"
        "return [{}, { angle: 51.5 }, { eps: 0.25 }, { alpha: 4.5 }].map(count)",
        points=live(ROWS).points,
        at={"eps": 0.2, "alpha": 4, "angle": 50},
    )
    assert found == [2, 1, 0, 0]


# --- the page

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Live</title>
<meta name="viewport" content="width=device-width"><style>
html { font-family: sans-serif; background: white; }
html[data-theme="dark"] { background: #121212; color: #eeeeee; }
body { margin: 16px; }</style></head>
<body><main><article><h1>Live</h1>VIEW</article></main>
<script>
const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const follow = () => { root.dataset.theme = dark.matches ? "dark" : "light"; };
dark.addEventListener("change", follow);
follow();
</script></body></html>"""

SEEN = """() => {
  const text = (query) => document.querySelector(query).textContent;
  return { drawing: document.querySelector(".mn-facts svg").innerHTML, numbers: text("table"),
    sentence: text(".mn-reading") };
}"""


@pytest.fixture
def page(browser: Browser, tmp_path) -> Iterator[Page]:
    """What a notebook stores of the widget, as the book shows it, opened from disk."""
    stored = embed_data(views=[live(ROWS)], drop_defaults=False)
    [view] = (json.dumps(one) for one in stored["view_specs"])
    body = f'<script type="{modnoise_fold.WIDGET}">{view}</script>'
    file = tmp_path / "live.html"
    shown = modnoise_widgets.drawn(body, stored["manager_state"]["state"])
    file.write_text(PAGE.replace("VIEW", shown), "utf-8")
    opened = browser.new_page()
    assert look.loading(opened, file.as_uri()) == []
    yield opened
    opened.close()


@pytest.mark.parametrize("label", ["share of facts", "examples per", "penalty", "angle of the"])
def test_keys_move_a_slider_and_everything_follows(page, label):
    slider = page.get_by_role("slider", name=label)
    told, before = slider.get_attribute("aria-valuetext"), page.evaluate(SEEN)
    slider.focus()
    for _ in range(22 if label == "penalty" else 3):
        page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") != told
    after = page.evaluate(SEEN)
    assert [name for name in before if before[name] == after[name]] == []


def test_the_angle_follows_the_share_of_facts_until_it_is_moved(page):
    angle = page.get_by_role("slider", name="angle of the")
    eps = page.get_by_role("slider", name="share of facts")
    follow = page.get_by_role("checkbox")
    assert follow.is_checked()
    assert angle.get_attribute("aria-valuetext") == "50.3°"
    eps.press("ArrowRight")
    assert angle.get_attribute("aria-valuetext") == "53.2°"
    angle.press("ArrowRight")
    assert not follow.is_checked()
    assert angle.get_attribute("aria-valuetext") == "54°"
    eps.press("ArrowRight")
    assert angle.get_attribute("aria-valuetext") == "54°"
    follow.press("Space")
    assert angle.get_attribute("aria-valuetext") == "56°"


def test_the_page_shows_lines_points_numbers_and_where_memorizing_is_free(page):
    count = lambda query: page.locator(f".mn-facts svg {query}").count()  # noqa: E731
    assert count("polyline.linear") == count("polyline.kernel") == 2
    assert count("polyline.bayes") == count("polygon.free") == 1
    assert count("circle.run") == count("rect.run") == 2
    numbers = page.locator("tbody td").all_text_contents()
    expected = [
        float(theory.ridge(4, 0.2, 0.01, *limits.sphere(limits.best_angle(0.2))).e_gen),
        float(theory.ridge(4, 0.2, 0.01).e_gen),
        float(limits.bayes(4, 0.2)),
        0.0,
        float(theory.ridge(4, 0.2, 0.01).e_mem),
    ]
    assert numbers == [f"{100 * x:.1f} %" for x in expected] + ["–"]
    assert "Memorizing is free here" in page.evaluate(SEEN)["sentence"]
    page.get_by_role("slider", name="share of facts").press("End")
    assert count("polygon.free") == count("circle.run") == 0
    assert "all labels are by a coin" in page.evaluate(SEEN)["sentence"]


def test_nothing_is_wrong_in_either_theme_or_size(page):
    for view in look.views(page):
        assert look.layout(page) == [], view
        assert look.accessibility(page) == [], view


def test_a_widget_that_only_jupyter_could_draw_is_refused():
    model = {"model_name": "IntSliderModel", "state": {"value": 1}}
    body = f'<script type="{modnoise_fold.WIDGET}">{{"model_id": "a"}}</script>'
    with pytest.raises(ExtensionError, match="IntSliderModel"):
        modnoise_widgets.drawn(body, {"a": model})

"""Colours that can be told apart, figures that show their input, and `show`."""

from __future__ import annotations

import itertools
import re
import runpy
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch
from colorspacious import cspace_convert
from matplotlib.colors import to_rgb

from modnoise.arithmetic import figures
from modnoise.arithmetic.figures.parts import LOOKS, SWAPS
from modnoise.mnist import figures as mnist_figures
from modnoise.pages import style

THEMES = pytest.mark.parametrize("theme", style.PALETTES)
P, STEPS, NOISES, WIDTHS, SEEDS = 7, (0, 1, 10, 100), (0.0, 0.4, 0.8), (17, 33, 65), (1, 2, 3)
EMPTY = float("nan")


def frame(**axes):
    """Every combination of ``axes`` with accuracies of its own."""
    rows = pd.DataFrame(itertools.product(*axes.values()), columns=list(axes))
    for shift, role in enumerate(("clean", "noisy", "recovered", "val", "test")):
        rows[f"accuracy_{role}"] = (np.arange(len(rows)) * 0.37 + shift * 0.11) % 1
    return rows


HISTORY = frame(run=(0,), part=tuple(LOOKS), step=STEPS)
SWEEP = frame(part=tuple(LOOKS), seed=SEEDS, noise=NOISES)
SWEEP.loc[SWEEP.noise == 0, "accuracy_noisy"] = EMPTY
BY_WIDTH = frame(part=tuple(LOOKS), seed=(1,), width=WIDTHS)
BY_STEP = frame(part=("G", "R"), seed=(1,), width=WIDTHS, step=STEPS)
SWAPPED = frame(part=tuple(SWAPS), seed=SEEDS, noise=NOISES)
NETS = pd.DataFrame(
    {"clean": EMPTY, "noisy": [1.0, EMPTY], "recovered": 0.0, "val": 0.5, "test": [0.125, 0.75]},
    index=["full", "control: untrained"],
)
TRUE = torch.arange(P)[:, None].add(torch.arange(P)).remainder(P)[None]
GIVEN = TRUE.clone()
GIVEN[0, 2, 3] += 1
TRAIN = (torch.arange(P) < 4)[:, None].expand(P, P)[None]
TABLE = SimpleNamespace(true=TRUE, given=GIVEN, train=TRAIN)
MAGNITUDE = torch.tensor([[0.1, 0.2, 0.9], [0.8, 0.1, 0.0], [0.2, 0.3, 0.7], [0.1, 0.6, 0.2]])
DOMINANT = torch.tensor([3, 1, 3, 2])
VECTORS = torch.linspace(-1, 1, 9 * P).reshape(3, 3, P)
MNIST = frame(noise=(0.05, 0.2), batch=(EMPTY, 64.0), seed=SEEDS, step=(0, 1, 2, 3))
CHOICES = frame(
    noise=(0.05, 0.2), lr=(1e-3, 1e-2), pixels=("unit",), init=("torch", "he"), seed=SEEDS,
    step=(0, 1, 2),
)  # fmt: skip
TABLE2 = pd.DataFrame(
    [(0.05, 1, 0.11, 0.03), (0.2, 2, 0.06, 0.5)],
    columns=["noise", "epoch", "accuracy_noisy", "accuracy_clean"],
)
EXCESS = pd.DataFrame(
    {"noise": [0.2] * 3, "step": [0, 1, 2], "mean": [0.0, 0.1, 0.2], "error": 0.1}
)
COMMON = {"chance": 1 / P, "title": "A finding"}

CALLS = {
    "training_curves": ((HISTORY[HISTORY.part == "full"],), COMMON),
    "progress_measure": ((HISTORY,), COMMON),
    "filtration_against noise": ((SWEEP,), {"x": "noise", **COMMON}),
    "filtration_against width": ((BY_WIDTH,), {"x": "width", **COMMON}),
    "width_steps": ((BY_STEP,), {"parts": ["G", "R"], **COMMON}),
    "accuracy_bars": ((NETS,), COMMON),
    "inspected": ((NETS.test,), COMMON),
    "swap_bars": ((SWAPPED,), COMMON),
    "schematic": ((), {}),
    "neurons": (tuple(VECTORS), {"labels": ["x", "y", "z"], "title": "A finding"}),
    "neuron_split": (tuple(list(part) for part in VECTORS), {"title": "A finding"}),
    "spectrum_map": ((MAGNITUDE, DOMINANT), {"title": "A finding"}),
    "frequency_counts": ((DOMINANT,), {"p": P, "title": "A finding"}),
    "digits": ((torch.rand(2, 784), [3, 4], [5, 4]), {"title": "A finding"}),
    "against_the_null": ((MNIST,), {"paper": MNIST, "title": "A finding"}),
    "choices": ((CHOICES,), {"paper": TABLE2, "title": "A finding"}),
    "excess_curves": ((EXCESS, EXCESS), {"title": "A finding"}),
    "batch_curves": ((MNIST,), {"n_train": 400, "title": "A finding"}),
    "answer_map": ((TABLE, {"full": TRUE, "G": GIVEN}), {}),
}
MNIST_FIGURES = ("against_the_null", "batch_curves", "choices", "digits", "excess_curves")
FIGURES = {name: getattr(figures, name) for name in figures.__all__}
FIGURES |= {name: getattr(mnist_figures, name) for name in MNIST_FIGURES}
EVERY = pytest.mark.parametrize("call", CALLS)


def drawn(call, theme="light"):
    args, kwargs = CALLS[call]
    return style.themed(theme, FIGURES[call.split()[0]], *args, **kwargs)


def lines(ax):
    """x and y of the lines with more than the two points of a reference line."""
    return [line.get_xydata() for line in ax.lines if len(line.get_xdata()) > 2]


def test_every_figure_function_is_drawn_in_both_themes_by_one_of_these_tests():
    tests = [runpy.run_path(str(path)) for path in Path(__file__).parent.glob("test_figures*.py")]
    drawn = [{call.split()[0] for call in test.get("CALLS", ())} for test in tests]
    assert set(FIGURES) <= set.union(*drawn)


# Colours


def luminance(color):
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(a, b):
    """WCAG 2: (lighter + 0.05) / (darker + 0.05)."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def ciede2000(lab1, lab2):
    """Sharma, Wu & Dalal 2005, with k_L = k_C = k_H = 1."""
    (l1, a1, b1), (l2, a2, b2) = lab1, lab2
    c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 1.5 - 0.5 * np.sqrt(c7 / (c7 + 25**7))
    a1, a2 = a1 * g, a2 * g
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180
    mean_l, mean_c, mean_h = (l1 + l2) / 2, (c1 + c2) / 2, h1 + turn / 2
    t = 1 + sum(
        weight * np.cos(np.radians(times * mean_h + shift))
        for weight, times, shift in ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.2, 4, -63))
    )
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    lightness, chroma = (l2 - l1) / s_l, (c2 - c1) / (1 + 0.045 * mean_c)
    hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * mean_c * t)
    bend = np.exp(-(((mean_h % 360 - 275) / 25) ** 2))
    rotation = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25**7)) * np.sin(np.radians(60 * bend))
    return np.sqrt(lightness**2 + chroma**2 + hue**2 + rotation * chroma * hue)


def seen(color, vision):
    """CIELab of a colour under normal vision or full dichromacy (Machado et al. 2009)."""
    rgb = to_rgb(color)
    if vision != "normal":
        space = {"name": "sRGB1+CVD", "cvd_type": vision, "severity": 100}
        rgb = np.clip(cspace_convert(rgb, space, "sRGB1"), 0, 1)
    return cspace_convert(rgb, "sRGB1", "CIELab")


@pytest.mark.parametrize(
    ("lab1", "lab2", "distance"),
    [  # pairs 1, 7, 17 and 25 of the paper's table
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_ciede2000_gives_the_published_distances(lab1, lab2, distance):
    assert ciede2000(lab1, lab2) == pytest.approx(distance, abs=1e-4)


@pytest.mark.parametrize(("theme", "least"), [("light", 14.9), ("dark", 11.4)])
def test_any_two_series_can_be_told_apart_with_any_colour_vision(theme, least):
    color = style.PALETTES[theme]
    distances = [
        ciede2000(seen(color[a], vision), seen(color[b], vision))
        for a, b in itertools.combinations(style.SERIES, 2)
        for vision in ("normal", "protanomaly", "deuteranomaly", "tritanomaly")
    ]
    assert min(distances) == pytest.approx(least, abs=0.1)


@pytest.mark.parametrize(
    ("theme", "recovered", "others"), [("light", 4.0, 4.8), ("dark", 5.9, 5.9)]
)
def test_series_and_small_text_stand_out_from_the_page(theme, recovered, others):
    color = style.PALETTES[theme]
    assert contrast(color["recovered"], color["page"]) >= recovered
    for name in (*style.SERIES, "muted"):
        if name != "recovered":
            assert contrast(color[name], color["page"]) >= others, name


@THEMES
def test_ordered_colours_stay_visible_and_in_order(theme):
    color = style.PALETTES[theme]
    shades = [luminance(x) for x in style.ordered_colors(9, "viridis", color)]
    assert shades == sorted(shades)
    assert all(contrast(x, color["page"]) > 1.5 for x in style.ordered_colors(9, "viridis", color))


# Figures


@THEMES
@EVERY
def test_every_figure_draws_on_a_transparent_page_and_no_label_is_cut_or_covered(
    call, theme, assert_readable
):
    assert_readable(drawn(call, theme))


def test_training_curves_are_the_accuracies_by_role_from_step_1():
    rows = HISTORY[(HISTORY.part == "full") & (HISTORY.step >= 1)]
    (ax,) = drawn("training_curves").axes
    for xy, role in zip(lines(ax), ("clean", "noisy", "recovered", "test"), strict=True):
        np.testing.assert_array_equal(xy, rows[["step", f"accuracy_{role}"]])
    assert ax.get_xscale() == "log"
    assert ax.lines[-1].get_ydata() == pytest.approx([1 / P, 1 / P])


def test_a_role_without_pairs_is_left_out():
    rows = HISTORY[HISTORY.part == "full"].assign(accuracy_noisy=EMPTY, accuracy_recovered=EMPTY)
    fig = style.themed("light", figures.training_curves, rows, **COMMON)
    assert len(lines(fig.axes[0])) == 2
    names = [text.get_text() for text in fig.axes[0].texts]
    assert names == ["clean", "test", "chance 14.3 %"]


def test_the_progress_measure_is_the_test_accuracy_of_each_part_and_the_noise_known():
    (ax,) = drawn("progress_measure").axes
    wanted = [(part, "test") for part in ("full", "G", "G_quadratic", "G_random")]
    for xy, (part, role) in zip(lines(ax), [*wanted, ("full", "noisy")], strict=True):
        rows = HISTORY[(HISTORY.part == part) & (HISTORY.step >= 1)]
        np.testing.assert_array_equal(xy, rows[["step", f"accuracy_{role}"]])
    assert ax.lines[-2].get_linestyle() == "--"


def test_against_noise_each_seed_is_a_thin_line_and_their_median_a_thick_one():
    axes = drawn("filtration_against noise").axes
    for ax, role in zip(axes, ("test", "noisy"), strict=True):
        found = iter(lines(ax) if role == "test" else [x.get_xydata() for x in ax.lines[:-1]])
        for part in LOOKS:
            rows = SWEEP[SWEEP.part == part].dropna(subset=f"accuracy_{role}")
            for seed in SEEDS:
                one = rows[rows.seed == seed]
                np.testing.assert_array_equal(next(found), one[["noise", f"accuracy_{role}"]])
            middle = [sorted(x)[1] for _, x in rows.groupby("noise")[f"accuracy_{role}"]]
            np.testing.assert_array_equal(next(found)[:, 1], middle)
        assert next(found, None) is None
    assert {line.get_linestyle() for line in axes[1].lines[:-1]} == {"--"}


def test_filtration_against_anything_else_is_refused():
    with pytest.raises(ValueError, match="x = 'p' is not allowed: noise or width"):
        style.themed("light", figures.filtration_against, SWEEP, x="p", **COMMON)


@THEMES
def test_width_steps_has_a_line_per_width_and_names_the_widths_on_a_strip(theme):
    *panels, strip = drawn("width_steps", theme).axes
    colors = style.ordered_colors(len(WIDTHS), "viridis", style.PALETTES[theme])
    for ax, part in zip(panels, ("G", "R"), strict=True):
        assert [line.get_color() for line in ax.lines[:-1]] == colors
        for xy, width in zip(lines(ax), WIDTHS, strict=True):
            rows = BY_STEP[(BY_STEP.part == part) & (BY_STEP.width == width) & (BY_STEP.step > 0)]
            np.testing.assert_array_equal(xy, rows[["step", "accuracy_test"]])
    assert [x.get_text() for x in strip.get_yticklabels()] == [str(x) for x in WIDTHS]


@THEMES
def test_accuracy_bars_are_test_and_noisy_with_their_numbers_and_say_what_is_missing(theme):
    color = style.PALETTES[theme]
    (ax,) = drawn("accuracy_bars", theme).axes
    bars = {
        (round(bar.get_y() + bar.get_height() / 2, 6), mpl.colors.to_hex(bar.get_facecolor())): (
            bar.get_width()
        )
        for bar in ax.patches
        if np.isfinite(bar.get_width())
    }
    test, noisy = color["test"], color["noisy"]
    assert bars == {(-0.2, test): 0.125, (0.2, noisy): 1.0, (0.8, test): 0.75}
    said = [text.get_text() for text in ax.texts]
    numbers = ["12.5 %  test", "100.0 %  noisy", "75.0 %", "no such pairs", "chance 14.3 %"]
    assert said == numbers
    assert ax.texts[0].xy[0] == 1 / P  # the number of a bar below chance clears the line
    assert [x.get_text() for x in ax.get_yticklabels()] == ["full network", "control: untrained"]


def test_swap_bars_are_medians_over_seeds_and_dots_the_seeds():
    axes = drawn("swap_bars").axes
    assert [ax.get_title(loc="left") for ax in axes] == list(SWAPS.values())
    for ax, part in zip(axes, SWAPS, strict=True):
        rows = SWAPPED[SWAPPED.part == part]
        for bars, role in zip(ax.containers, ("test", "noisy"), strict=True):
            values = rows.groupby("noise")[f"accuracy_{role}"]
            middle = [sorted(x)[1] for _, x in values]
            assert [bar.get_height() for bar in bars] == pytest.approx(middle)
        dots = np.concatenate([x.get_offsets()[:, 1] for x in ax.collections])
        assert sorted(dots) == sorted(rows[["accuracy_test", "accuracy_noisy"]].to_numpy().ravel())


def test_the_answer_map_tells_the_true_the_given_wrong_and_any_other_label():
    answers = TRUE.clone()
    answers[0, 2, 3] = GIVEN[0, 2, 3]
    answers[0, 5, 1] = (TRUE[0, 5, 1] + 3) % P
    taught, answered = style.themed("dark", figures.answer_map, TABLE, {"full": answers}).axes
    (cells,) = taught.collections
    codes = np.ma.masked_array(np.ones((P, P)), ~TRAIN[0].numpy())
    codes[2, 3] = 2
    np.testing.assert_array_equal(cells.get_array().mask, codes.mask)
    np.testing.assert_array_equal(cells.get_array().compressed(), codes.compressed())
    (cells,) = answered.collections
    codes = np.ones((P, P))
    codes[2, 3], codes[5, 1] = 2, 0
    np.testing.assert_array_equal(cells.get_array(), codes)
    color = style.PALETTES["dark"]
    hexes = [mpl.colors.to_hex(x) for x in cells.cmap(cells.norm([0, 1, 2]))]
    assert hexes == [color["faint"], color["test"], color["noisy"]]
    assert cells.get_rasterized()
    assert answered.get_ylim() == taught.get_ylim() == (0, P)  # a grows upwards


def test_the_spectrum_map_has_a_row_per_neuron_sorted_by_dominant_frequency():
    ax, _ = drawn("spectrum_map").axes
    (cells,) = ax.collections
    np.testing.assert_array_equal(cells.get_array(), MAGNITUDE[[1, 3, 0, 2]])
    ticks = dict(zip(ax.get_xticks(), (x.get_text() for x in ax.get_xticklabels()), strict=True))
    assert ticks == {0.5: "1", 2.5: "3"}  # in the middle of a cell
    assert cells.get_rasterized()


def test_frequency_counts_count_the_neurons_at_each_frequency():
    (ax,) = drawn("frequency_counts").axes
    bars = {bar.get_x() + bar.get_width() / 2: bar.get_height() for bar in ax.patches}
    assert bars == pytest.approx({1: 1, 2: 1, 3: 2})


# Labels and show


def test_labels_keep_the_order_of_their_lines_and_stay_above_the_floor():
    centres = style.spread([3.0, 1.0, 2.0], [2.0] * 3, low=0.0)
    np.testing.assert_allclose(centres, [5, 1, 3])
    np.testing.assert_allclose(style.spread([-5.0], [2.0], low=0.0), [1])


def simple(*, color):
    fig, ax = style.panels(style.FULL)
    for height, name in ((1.0, "one"), (1.01, "two")):
        ax.plot([0, 1, 2], [0, height, EMPTY], color=color["test"])
        style.label_end(ax, [0, 1, 2], [0, height, EMPTY], name, color["test"])
    style.label_end(ax, [0.0], [EMPTY], "nothing", color["test"])
    return fig


def test_a_label_stands_behind_the_last_known_point_of_its_line():
    fig = style.themed("light", simple)
    one, two = fig.axes[0].texts
    assert (one.xy, two.xy) == ((1, 1), (1, 1.01))
    fig.draw_without_rendering()
    assert one.get_window_extent().y1 < two.get_window_extent().y0


def test_the_same_input_gives_the_same_bytes_without_date_or_fonts():
    one, two = (style.svg("light", simple) for _ in range(2))
    assert one == two
    assert b"dc:date" not in one
    assert b"<text" not in one
    assert b"font-family" not in one


def test_an_svg_has_the_size_of_the_figure_and_no_background():
    root = ElementTree.fromstring(style.svg("dark", simple))
    assert (root.get("width"), root.get("height")) == ("504pt", "230.4pt")  # 7.0 x 3.2 inches
    assert b"#121212" not in style.svg("dark", simple)


def test_show_puts_both_themes_into_one_output():
    shown = style.show(simple, alt='Two lines, "one" & two')
    assert repr(shown) == 'Figure: Two lines, "one" & two'
    html = shown._repr_html_()
    images = re.findall(
        r'<img class="mn-fig only-(\w+)" alt="([^"]*)" style="max-width:100%;height:auto" '
        r'src="data:image/svg\+xml,([^"]*)">',
        html,
    )
    assert [theme for theme, _, _ in images] == ["light", "dark"]
    assert {alt for _, alt, _ in images} == {"Two lines, &quot;one&quot; &amp; two"}
    for theme, _, data in images:
        assert unquote_to_bytes(data) == style.svg(theme, simple)
        assert style.PALETTES[theme]["test"].encode() in unquote_to_bytes(data)
    assert html.startswith(
        "<style>html:not([data-theme=dark]) body:not([data-jp-theme-light=false]) "
        ".mn-fig.only-dark,body[data-jp-theme-light=false] .mn-fig.only-light"
        "{display:none!important}</style>"
    )
    assert re.findall(r"</?\w+", html) == ["<style", "</style", "<img", "<img"]


@pytest.mark.parametrize("alt", ["", "  "])
def test_show_refuses_a_figure_without_words(alt):
    with pytest.raises(ValueError, match="say in words what the figure shows"):
        style.show(simple, alt=alt)
    with pytest.raises(TypeError, match="alt"):
        style.show(simple)


def test_settings_of_the_reader_do_not_change_a_figure():
    plain = style.svg("light", simple)
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "xtick.direction": "in"}):
        assert style.svg("light", simple) == plain

"""Compact drawings: the same shapes to a hundredth of a point, the same picture, fewer bytes."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import look
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from modnoise.pages.compact import compact, data_url, path

COORDINATES = st.floats(-2000, 2000, allow_nan=False).map(lambda x: f"{x:.6f}".rstrip("0"))
SEGMENT = st.sampled_from([("L", 1), ("Q", 2), ("C", 3)]).flatmap(
    lambda kind: st.lists(COORDINATES, min_size=2 * kind[1], max_size=2 * kind[1]).map(
        lambda numbers: f"{kind[0]} {' '.join(numbers)}"
    )
)
OUTLINE = st.tuples(COORDINATES, COORDINATES, st.lists(SEGMENT, max_size=6), st.booleans()).map(
    lambda x: "\n".join([f"M {x[0]} {x[1]}", *x[2], *["z"] * x[3]])
)
PAIRS = {"m": 2, "l": 2, "h": 1, "v": 1, "q": 4, "c": 6}


def corners(text: str) -> list[tuple[str, list[float]]]:
    """Segments of a path with absolute points, read as the SVG specification says."""
    tokens = re.findall(r"[a-zA-Z]|-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?", text)
    found, x, y, start, letter, at = [], 0.0, 0.0, (0.0, 0.0), "", 0
    while at < len(tokens):
        if tokens[at].isalpha():
            letter, at = tokens[at], at + 1
        if letter in "zZ":
            x, y = start
            found.append(("z", []))
            continue
        n = PAIRS[letter.lower()]
        numbers = [float(number) for number in tokens[at : at + n]]
        at += n
        if letter.islower():
            if letter in "hv":
                numbers = [numbers[0], 0.0] if letter == "h" else [0.0, numbers[0]]
            numbers = [a + (x, y)[i % 2] for i, a in enumerate(numbers)]
        x, y = numbers[-2:]
        start = (x, y) if letter in "mM" else start
        found.append((letter.lower().replace("h", "l").replace("v", "l"), numbers))
    return found


@given(st.lists(OUTLINE, min_size=1, max_size=3).map("\n".join))
def test_a_path_goes_through_the_same_points(text):
    given_, made = corners(text), corners(path(text))
    assert [letter for letter, _ in made] == [letter for letter, _ in given_]
    for (_, one), (_, other) in zip(given_, made, strict=True):
        assert np.abs(np.subtract(one, other)).max(initial=0) < 0.01 + 1e-6


def drawn() -> bytes:
    """What figures have: lines, letters, exponents, markers, areas, hatches, maps, a legend."""
    rng = np.random.default_rng(0)
    fig = Figure((7, 3), layout="constrained")
    left, right = fig.subplots(1, 2)
    left.plot([1, 2, 3], [10, 300, 2000], label="a line", marker="s", ls="--")
    left.fill_between([1, 2, 3], [5, 50, 100], [20, 600, 4000], alpha=0.3)
    left.bar([1.5, 2.5], [100, 1000], 0.3, hatch="//", color="none", edgecolor="k")
    left.scatter(rng.uniform(1, 3, 30), rng.uniform(1, 900, 30), c=rng.random(30), alpha=0.5)
    left.set_yscale("log")
    left.set_ylabel("turned, with α")
    left.legend()
    right.imshow(rng.random((5, 7)))
    right.contour(rng.random((5, 7)))
    right.annotate("an arrow", (1, 1), (3, 3), arrowprops={"arrowstyle": "->"})
    right.set_title(r"$\sum_k \cos^2\theta_k$")
    file = io.BytesIO()
    fig.savefig(file, format="svg")
    return file.getvalue()


@pytest.mark.skipif(look.chromium() is None, reason="there is no Chromium")
def test_the_picture_stays_the_same():
    def pixels(page, svg: bytes) -> np.ndarray:
        page.set_content(f'<body style="margin:0;background:#fff"><img src="{data_url(svg)}">')
        page.wait_for_function("document.images[0].complete && document.images[0].naturalWidth")
        picture = page.locator("img").screenshot()
        return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), dtype=int)

    whole = drawn()
    with look.browser() as browser:
        page = browser.new_page()
        one, other = pixels(page, whole), pixels(page, compact(whole))
    assert one.shape == other.shape
    assert (one < 128).any(axis=2).mean() > 0.02  # something is drawn
    assert (np.abs(one - other).max(axis=2) > 64).mean() < 0.001


def test_maps_keep_every_pixel_in_fewer_bytes():
    def maps(svg: bytes) -> list[bytes]:
        return [b64decode(x) for x in re.findall(rb"data:image/png;base64,([^\"']+)", svg)]

    whole = drawn()
    (before,), (after,) = maps(whole), maps(compact(whole))
    one, other = (np.asarray(Image.open(io.BytesIO(x)).convert("RGBA")) for x in (before, after))
    assert (one == other).all()
    assert len(np.unique(one.reshape(-1, 4), axis=0)) > 10
    assert len(after) < len(before)


def test_a_compact_drawing_is_half_as_large_and_refers_only_to_what_it_has():
    whole = drawn()
    small = compact(whole)
    assert len(small) < 0.62 * len(whole)
    assert b'"' not in small
    root = ElementTree.fromstring(small)
    names = [one.get("id") for one in root.iter() if "id" in one.attrib]
    assert len(names) == len({*names})
    referred = {*re.findall(r"(?:href='|url\()#([\w-]+)", small.decode())}
    assert referred == {*names} != set()
    assert unquote_to_bytes(data_url(small).partition(",")[2]) == small

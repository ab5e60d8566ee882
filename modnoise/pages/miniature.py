"""A figure as a picture of a line's height: what its lines, dots, bars and cells do, no words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice, product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.transforms import BboxBase

MINIATURE = "application/vnd.modnoise.miniature"
"""Type under which a notebook's output holds the miniature of a figure."""

WIDTH, HEIGHT = 132, 44
LARGEST = 4000  # bytes
_PANELS = 3

Place = tuple[float, float, float, float]  # left, top, width, height on the miniature


def miniature(fig: Figure, palette: Mapping[str, str]) -> str:
    """The first panels of a figure that was drawn, as an SVG of at most `LARGEST` bytes.

    Colours of its palette become those of the page's theme. Points and cells are left out until it
    fits; if it never does, the last shapes of each panel.
    """
    axes = [ax for ax in fig.axes if ax.get_label() != "<colorbar>" and ax.get_visible()]
    row = [ax for ax in axes if abs(ax.get_position().y1 - axes[0].get_position().y1) < 0.02]
    row = row[:_PANELS]
    names = {color: f"var(--mn-{name})" for name, color in palette.items()}
    share = WIDTH / max(1, len(row))
    places = [(i * share + 1, 1.0, share - 4, HEIGHT - 2.0) for i in range(len(row))]
    for most, points in product((None, 24, 8), (60, 40, 25, 12, 6, 3)):
        cut = most and most // len(row)
        panels = (islice(_panel(*at, points), cut) for at in zip(row, places, strict=True))
        drawn = "".join(chain.from_iterable(panels))
        drawn = re.sub(r"#[0-9a-f]{6}", lambda x: names.get(x[0], x[0]), drawn)
        svg = (
            f'<svg class="mn-mini" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" aria-hidden="true">{drawn}</svg>'
        )
        if len(svg.encode()) <= LARGEST:
            return svg
    return ""


def _panel(ax: Axes, place: Place, points: int) -> Iterator[str]:
    left, top, width, height = place
    yield (
        f'<path d="M{left:.0f} {top:.0f}V{top + height:.0f}H{left + width:.0f}" fill="none" '
        f'stroke="var(--mn-muted)" stroke-width=".7"/>'
    )
    box = ax.get_window_extent()
    for mesh in ax.get_children():
        if isinstance(mesh, (QuadMesh, AxesImage)):
            yield from _cells(mesh, place, min(12, points))
    for bars in ax.containers:
        if isinstance(bars, BarContainer):
            for bar in list(bars)[:points]:
                yield _rectangle(bar.get_window_extent(), box, place, to_hex(bar.get_facecolor()))
    for line in ax.lines:
        yield from _line(line, box, place, points)
    for dots in ax.collections:
        if isinstance(dots, PathCollection):
            offsets = dots.get_offset_transform().transform(
                np.ma.filled(dots.get_offsets(), np.nan)
            )
            color = next(iter([*dots.get_facecolor(), *dots.get_edgecolor()]), "k")
            yield from _dots(offsets, to_hex(color), box, place, points)


def _put(xy: np.ndarray, box: BboxBase, place: Place) -> np.ndarray:
    """Pixels of the figure as places of the miniature, cut at the edges; (n, 2)."""
    left, top, width, height = place
    x = left + width * np.clip((xy[:, 0] - box.x0) / box.width, 0, 1)
    y = top + height * (1 - np.clip((xy[:, 1] - box.y0) / box.height, 0, 1))
    return np.column_stack([x, y])


def _thin(xy: np.ndarray, points: int) -> np.ndarray:
    return xy if len(xy) <= points else xy[np.linspace(0, len(xy) - 1, points).round().astype(int)]


def _line(line: Line2D, box: BboxBase, place: Place, points: int) -> Iterator[str]:
    xy = line.get_transform().transform(np.column_stack(line.get_data(orig=False)).astype(float))
    xy = xy[np.isfinite(xy).all(axis=1)]
    if not len(xy) or not line.get_visible():
        return
    if line.get_linestyle() in ("None", "", " "):
        yield from _dots(xy, to_hex(line.get_color()), box, place, points)
        return
    path = "L".join(f"{x:.0f} {y:.0f}" for x, y in _put(_thin(xy, points), box, place))
    dash = "" if line.get_linestyle() == "-" else ' stroke-dasharray="3 2"'
    yield f'<path d="M{path}" fill="none" stroke="{to_hex(line.get_color())}"{dash}/>'


def _dots(xy: np.ndarray, color: str, box: BboxBase, place: Place, points: int) -> Iterator[str]:
    xy = _thin(xy[np.isfinite(xy).all(axis=1)], points)
    if len(xy):
        path = "".join(f"M{x:.0f} {y:.0f}h1" for x, y in _put(xy, box, place))
        yield f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.6"/>'


def _rectangle(part: BboxBase, box: BboxBase, place: Place, color: str) -> str:
    (x0, y1), (x1, y0) = _put(np.array([[part.x0, part.y0], [part.x1, part.y1]]), box, place)
    return (
        f'<rect x="{x0:.0f}" y="{y0:.0f}" width="{max(1, x1 - x0):.0f}" '
        f'height="{max(0, y1 - y0):.0f}" fill="{color}"/>'
    )


def _ends(mesh: QuadMesh | AxesImage) -> np.ndarray:
    """Where the first row and column begin and the last ones end; (2, 2), x and y."""
    if isinstance(mesh, QuadMesh):
        return np.asarray(mesh.get_coordinates())[[0, -1], [0, -1]]
    left, right, bottom, top = mesh.get_extent()
    first, last = (bottom, top) if mesh.origin == "lower" else (top, bottom)
    return np.array([[left, first], [right, last]])


def _cells(mesh: QuadMesh | AxesImage, place: Place, most: int) -> Iterator[str]:
    values: np.ndarray = np.ma.filled(np.ma.asarray(mesh.get_array(), float), np.nan)
    if isinstance(mesh, QuadMesh) and values.ndim == 1:
        rows = np.shape(mesh.get_coordinates())[0] - 1
        values = values.reshape(rows, -1)
    if values.ndim != 2:
        return
    assert mesh.axes is not None
    (left, low), (right, high) = mesh.axes.transData.transform(_ends(mesh))
    values = values[:: -1 if low < high else 1, :: -1 if right < left else 1]  # as it is seen
    step_y, step_x = (max(1, -(-n // most)) for n in values.shape)
    values = values[::step_y, ::step_x]
    left, top, width, height = place
    h, w = height / values.shape[0], width / values.shape[1]
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            if np.isfinite(value):
                yield (
                    f'<rect x="{left + j * w:.0f}" y="{top + i * h:.0f}" width="{w + 0.5:.0f}" '
                    f'height="{h + 0.5:.0f}" fill="{to_hex(tuple(mesh.to_rgba(value)))}"/>'
                )

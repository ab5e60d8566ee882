"""One style for all figures: two palettes, four sizes, labels at line ends, and `show`.

Nothing here changes matplotlib's global settings: a figure is drawn inside a context
(`themed`), once per theme. Figure functions take arrays or frames and ``color``, a palette, and
return a `Figure`; they never train, load or compute a statistic other than a median over seeds.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Annotation
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    NullFormatter,
    NullLocator,
    PercentFormatter,
)

from modnoise.pages.compact import compact, data_url
from modnoise.pages.layout import place_as
from modnoise.pages.miniature import MINIATURE, miniature

FULL, TALL, GRID, HALF = (7.0, 3.2), (7.0, 4.6), (7.0, 5.5), (3.4, 2.8)
"""Sizes in inches; an SVG inch is 96 px, so FULL is 672 px wide and is never scaled."""

Palette = Mapping[str, str]

PALETTES: dict[str, Palette] = {
    "light": {
        "ink": "#1f2328",  # full net, text
        "test": "#0e8060",  # test accuracy, the filtered net
        "noisy": "#b84a00",  # given wrong labels, the residual
        "clean": "#2448a8",  # clean training pairs
        "recovered": "#b4639f",  # noisy pairs by their true label; random-frequency control
        "partial": "#8f6400",  # a claim that holds in part; words and marks, never a series
        "muted": "#6b7280",  # chance, thresholds, axes; never a series
        "faint": "#e7e9ec",  # empty cells, boxes; never text
        "page": "#ffffff",
    },
    "dark": {
        "ink": "#e6e8eb",
        "test": "#2fd59b",
        "noisy": "#ea7f33",
        "clean": "#6790e6",
        "recovered": "#f3a6ea",
        "partial": "#d9a441",
        "muted": "#8b949e",
        "faint": "#2b2f36",
        "page": "#121212",
    },
}
SERIES = ("ink", "test", "noisy", "clean", "recovered")
"""Colours that stand for data."""

_CUTS = {"light": (0.05, 0.85), "dark": (0.35, 1.0)}  # the part of a colour map seen on the page
_CSS = (  # the book's pages name their theme on html, JupyterLab on body; elsewhere it is light
    "html:not([data-theme=dark]) body:not([data-jp-theme-light=false]) .mn-fig.only-dark,"
    "body[data-jp-theme-light=false] .mn-fig.only-light{display:none!important}"
)
_LINE = 96  # letters of 9 points in the width of a figure, six of them for each handle
_END = "end label"  # gid of the labels that `themed` spreads


def rc(color: Palette) -> dict[str, Any]:
    """Settings of a palette on top of the defaults; letters are paths, so fonts never miss."""
    return {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "figure.titlesize": 11,
        "lines.linewidth": 1.8,
        "lines.markersize": 4,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "axes.unicode_minus": True,
        "axes.facecolor": "none",
        "figure.facecolor": "none",
        "savefig.facecolor": "none",
        "text.color": color["ink"],
        "axes.labelcolor": color["ink"],
        "axes.titlecolor": color["ink"],
        "axes.edgecolor": color["muted"],
        "xtick.color": color["muted"],
        "ytick.color": color["muted"],
        "xtick.labelcolor": color["ink"],
        "ytick.labelcolor": color["ink"],
        "hatch.color": color["ink"],
        "svg.fonttype": "path",
        "svg.hashsalt": "modnoise",
    }


def array(x: Any) -> np.ndarray:
    """An array of what may be a tensor, on whatever device."""
    return np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)


def panels(
    size: tuple[float, float], rows: int = 1, cols: int = 1, **kwargs: Any
) -> tuple[Figure, Any]:
    """A figure that pyplot does not know about, and its axes; ``kwargs`` as in `subplots`."""
    fig = Figure(figsize=size, layout="constrained")
    return fig, fig.subplots(rows, cols, **kwargs)


def set_title(fig: Figure, title: str) -> None:
    """The finding, at the left edge of the figure."""
    fig.suptitle(title, x=0.0, ha="left")


def accuracy_axis(ax: Axes) -> None:
    """0 to 100 %, the data being shares from 0 to 1."""
    ax.set_ylim(-0.03, 1.03)
    ax.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))


def step_axis(ax: Axes) -> None:
    """Training steps, logarithmic from the first drawn one, the axis ending with the lines."""
    ax.set_xscale("log")
    ax.margins(x=0)
    five_decades = ax.dataLim.x1 > 1e5  # labels of 1 and 3 would touch
    ax.xaxis.set_major_locator(LogLocator(subs=(1,) if five_decades else (1, 3)))
    ax.set_xlabel("step")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def width_axis(ax: Axes, widths: Sequence[int]) -> None:
    """Width in powers of two, with a tick at every width that was run."""
    ax.set_xscale("log", base=2)
    ax.set_xlabel("width M")
    ax.xaxis.set_major_locator(FixedLocator(sorted(widths)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}"))


def label_end(ax: Axes, x: Any, y: Any, text: str, color: str) -> None:
    """Name a line behind its last finite point; `themed` moves labels that would overlap."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if len(known) == 0:
        return
    ax.annotate(
        text,
        (x[known[-1]], y[known[-1]]),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        linespacing=1.05,
        color=color,
        gid=_END,
        annotation_clip=False,
    )


def chance_line(ax: Axes, chance: float, x_end: float, color: Palette) -> None:
    """A thin line at the accuracy of guessing, with its name at ``x_end``; NaN: without it."""
    ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
    label_end(ax, [x_end], [chance], chance_name(chance), color["muted"])


def chance_name(chance: float) -> str:
    """What the line at chance is called.

    >>> chance_name(1 / 113)
    'chance 0.9 %'
    """
    return f"chance {100 * chance:.1f} %"


def name_handles(
    fig: Figure, handles: Mapping[str, Line2D | Patch], *, below: bool = False
) -> None:
    """Names beside or below the panels, where line ends do not lie apart."""
    where: dict[str, Any] = {}
    if below:  # on two lines where they would not fit on one
        lines = 1 + (sum(len(name) + 6 for name in handles) > _LINE)
        where = {"loc": "outside lower left", "ncols": -(-len(handles) // lines)}
        where |= {"columnspacing": 1.2, "handlelength": 1.6}
    fig.legend(
        handles.values(),
        handles.keys(),
        **{"loc": "outside right center", "labelspacing": 0.8, **where},
        frameon=False,
        fontsize=9,
        labelcolor=[
            x.get_color() if isinstance(x, Line2D) else mpl.rcParams["text.color"]
            for x in handles.values()
        ],
    )


def spread(wanted: Sequence[float], heights: Sequence[float], low: float) -> np.ndarray:
    """Centres as near as possible to the wanted ones, none overlapping, none below ``low``.

    Least squares under the order of ``wanted``: neighbours that touch move as one block around
    the mean of what they want.

    >>> spread([10.0, 11.0, 50.0], [4.0, 4.0, 4.0], low=0.0)
    array([ 8.5, 12.5, 50. ])
    """
    order = np.argsort(wanted, kind="stable")
    height = np.asarray(heights, float)[order]
    before = np.cumsum(height) - height / 2  # centres if all were stacked from zero
    blocks: list[list[float]] = []  # mean offset to the stack, number of labels
    for offset in np.asarray(wanted, float)[order] - before:
        blocks.append([offset, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [[(a * n + b * m) / (n + m), n + m]]
    offsets = np.concatenate([np.full(int(n), max(a, low)) for a, n in blocks])
    centres = np.empty(len(order))
    centres[order] = offsets + before
    return centres


def _spread_labels(fig: Figure) -> None:
    if (engine := fig.get_layout_engine()) is not None:
        engine.execute(fig)
    points = 72 / fig.dpi
    for ax in fig.axes:
        labels = [x for x in ax.texts if isinstance(x, Annotation) and x.get_gid() == _END]
        if not labels:
            continue
        at = [ax.transData.transform(label.xy)[1] * points for label in labels]
        tall = [label.get_window_extent().height * points + 1.5 for label in labels]
        # No lower than a line's height below the axes, where the tick labels are.
        floor = ax.get_window_extent().y0 * points - 6
        for label, wanted, centre in zip(labels, at, spread(at, tall, floor), strict=True):
            label.set_position((label.get_position()[0], centre - wanted))


def ordered_colors(n: int, name: str, color: Palette) -> list[tuple[float, float, float, float]]:
    """``n`` colours of an ordered map (viridis: width, plasma: noise) that the page lets see."""
    low, high = _CUTS[theme_of(color)]
    return [mpl.colormaps[name](x) for x in np.linspace(low, high, n)]


def ordered_map(n: int, name: str, color: Palette) -> ListedColormap:
    """`ordered_colors` as a colour map of ``n`` steps, for a strip beside the panels."""
    return ListedColormap(ordered_colors(n, name, color), name=f"{name}-{n}")


def theme_of(color: Palette) -> str:
    """The name of a palette: light or dark."""
    return next(name for name, palette in PALETTES.items() if palette["page"] == color["page"])


def themed(
    theme: str,
    draw: Callable[..., Figure],
    *args: Any,
    height: float | None = None,
    like: Figure | None = None,
    **kwargs: Any,
) -> Figure:
    """Draw in one theme, of another ``height`` (inches) if one is given; the settings hold inside
    this call only. ``like``: the same figure in another theme, whose layout it takes over."""
    color = PALETTES[theme]
    with mpl.style.context(["default", rc(color)]):
        fig = draw(*args, color=color, **kwargs)
        if height:
            fig.set_figheight(height)
        place_as(fig, like) if like else _spread_labels(fig)
    return fig


def svg(theme: str, draw: Callable[..., Figure], *args: Any, **kwargs: Any) -> bytes:
    """A figure as SVG on a transparent page; the same input gives the same bytes."""
    return _written(theme, themed(theme, draw, *args, **kwargs))


def _written(theme: str, fig: Figure) -> bytes:
    file = io.BytesIO()
    with mpl.style.context(["default", rc(PALETTES[theme])]):
        fig.canvas.print_figure(
            file, format="svg", dpi=192, metadata={"Date": None, "Creator": None}
        )
    return compact(file.getvalue())


@dataclass(frozen=True, repr=False)
class Shown:
    """A figure in both themes for a page; in a terminal, and to nbval, its description."""

    html: str
    alt: str
    mini: str = ""

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict:
        return {MINIATURE: self.mini} if self.mini else {}

    def _repr_html_(self) -> str:
        return self.html


def show(draw: Callable[..., Figure], *args: Any, alt: str, **kwargs: Any) -> Shown:
    """Draw once for a light and once for a dark page; the page shows the one that fits.

    ``draw(*args, color=palette, **kwargs)`` returns a `Figure`. The result displays itself as
    the last expression of a cell. Where nothing says which theme it is, the light one is shown.
    ``height`` in inches makes it as low as the first screen of a page wants it.

    Raises:
        ValueError: no alternative text.
    """
    if not alt.strip():
        raise ValueError(f"alt = {alt!r} is not allowed: say in words what the figure shows")
    light = themed("light", draw, *args, **kwargs)
    drawn = {"light": _written("light", light)}
    mini = miniature(light, PALETTES["light"])
    drawn["dark"] = _written("dark", themed("dark", draw, *args, like=light, **kwargs))
    images = [
        f'<img class="mn-fig only-{theme}" alt="{escape(alt)}" style="max-width:100%;height:auto" '
        f'src="{data_url(drawing)}">'
        for theme, drawing in drawn.items()
    ]
    return Shown(f"<style>{_CSS}</style>{''.join(images)}", alt, mini)

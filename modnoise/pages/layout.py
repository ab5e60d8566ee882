"""The layout of figures, which costs more than drawing them, is taken over.

Matplotlib's types leave out the private ``_set_position``; the public one also takes the axes out
of the layout.
"""

from __future__ import annotations

from matplotlib.figure import Figure


def place_as(fig: Figure, model: Figure) -> None:
    """Give a figure the layout of one that differs in colours alone and was laid out."""
    fig.set_layout_engine(None)  # with none at all it is drawn once
    for ax, other in zip(fig.axes, model.axes, strict=True):
        ax._set_position(other.get_position(original=True))  # type: ignore[attr-defined]
        ax.set_anchor(other.get_anchor())
        ax.set_box_aspect(other.get_box_aspect())
        for text, placed in zip(ax.texts, other.texts, strict=True):
            text.set_position(placed.get_position())
    for name in ("_suptitle", "_supxlabel", "_supylabel"):
        if (text := getattr(fig, name)) is not None:
            text.set_position(getattr(model, name).get_position())

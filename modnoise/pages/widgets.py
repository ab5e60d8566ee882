"""A slider over recorded runs, which needs no kernel: bars, numbers and a sentence in the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import pandas as pd
import traitlets

_HERE = Path(__file__).parent


class Recorded(anywidget.AnyWidget):
    """A slider over recorded runs; bars, numbers and a sentence follow it in the page itself.

    ``index`` is the position on the slider, ``data`` what it walks through (`recorded`,
    `recorded_roles`).
    """

    _esm = _HERE / "recorded.js"
    _css = _HERE / "recorded.css"
    data = traitlets.Dict().tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)

    def __repr__(self) -> str:
        return f"Recorded({self.data['axis']}: {', '.join(self.data['values'])})"


def slider(
    by: str,
    values: list,
    rows: list[dict],
    sentences: list[str],
    chance: float,
    roles: tuple[str, ...],
) -> Recorded:
    """The widget over ``values`` of the field ``by``, starting in their middle."""
    axis = {"noise": "label noise", "weight_decay": "weight decay", "gamma": "share kept"}
    axis |= {"kept": "frequencies kept", "width": "width M", "step": "training step"}
    names = [f"{x:.0%}" if by in ("noise", "gamma") else f"{x:g}" for x in values]
    data: dict[str, Any] = {
        "axis": axis.get(by, by),
        "values": names,
        "rows": rows,
        "sentences": sentences,
    }
    data |= {"parts": list(rows[0]), "roles": list(roles), "chance": chance}
    return Recorded(data=data, index=len(values) // 2)


def share(x: float) -> float | None:
    """A number that JSON can hold."""
    return None if pd.isna(x) else float(x)


def percent(x: float | None) -> str:
    """A share in percent with one decimal, a dash where there is none."""
    return "–" if x is None or pd.isna(x) else f"{100 * x:.1f} %"

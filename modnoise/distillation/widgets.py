"""Sliders of the page on consistency distillation: numbers, and pictures."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from modnoise.distillation.compare import at_end, distilled
from modnoise.pages.widgets import Recorded, percent, share

_HERE = Path(__file__).parent


class Pictures(anywidget.AnyWidget):
    """A slider over steps of training; pictures, drawn from the same noises, follow it.

    ``data``: ``axis``, ``values`` (names of the steps), ``side`` (pixels), ``rows``: per step the
    pictures of every row, a base64 text of a byte per pixel, and ``names`` of the rows.
    """

    _esm = _HERE / "pictures.js"
    _css = _HERE / "pictures.css"
    data = traitlets.Dict().tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)

    def __repr__(self) -> str:
        return f"Pictures({self.data['axis']}: {', '.join(self.data['values'])})"


def recorded_distillation(rows: pd.DataFrame) -> Recorded:
    """Walk along the teacher's training and then along distillation: copies by n, medians over
    seeds. It starts at the end, where teacher and student are both trained.

    Args:
        rows: recorded rows with the fields of their runs (`modnoise.frames.curves`).
    """
    along, sizes = distilled(rows), [int(n) for n in sorted(rows.n.unique())]
    drawn = rows[rows.part == "teacher"]
    taught = drawn.groupby(["step", "n"])[["copied", "frechet"]].median()
    trained = at_end(rows, "teacher").groupby("n").copied.median()
    seeds = f"Medians over {along.seed.nunique()} seeds."
    values, walked, sentences = [], [], []

    def add(name: str, teachers: pd.Series, students: pd.Series | None, text: str) -> None:
        values.append(name)
        walked.append(
            {
                f"{who}, n = {n}": {"noisy": None if x is None else share(x.get(n))}
                for n in sizes
                for who, x in (("teacher", teachers), ("student", students))
            }
        )
        sentences.append(f"{text}. {seeds}")

    for step in sorted(drawn.step.unique()):
        here = taught.loc[step]
        parts = [
            f"with n = {n} it draws {percent(x.copied)} copies; distance to held-out images "
            f"{x.frechet:.1f}"
            for n, x in here.iterrows()
        ]
        add(f"teacher, {step:,}", here.copied, None,
            f"After {step:,} steps of the teacher: {'; '.join(parts)}")  # fmt: skip
    for step in sorted(along.distilled.unique()):
        here = along[along.distilled == step].groupby("n")[["copied", "frechet"]].median()
        parts = [
            f"with n = {n} the student draws {percent(x.copied)} copies in one step, its teacher "
            f"{percent(trained[n])}; distance to held-out images {x.frechet:.1f}"
            for n, x in here.iterrows()
        ]
        add(f"student, {step:,}", trained, here.copied,
            f"After {step:,} steps of distillation: {'; '.join(parts)}")  # fmt: skip
    data: dict[str, Any] = {
        "axis": "step",
        "values": values,
        "rows": walked,
        "sentences": sentences,
    }
    data |= {"parts": list(walked[0]), "roles": ["noisy"], "chance": 0.0}
    return Recorded(data=data, index=len(values) - 1)


def _text(pictures: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(pictures, np.uint8).tobytes()).decode()


def recorded_pictures(gallery: Any, rows: pd.DataFrame) -> Pictures:
    """The same noises along the teacher's training and then along distillation.

    Args:
        gallery: the pictures of a run (`modnoise.distillation.training.Gallery`).
        rows: recorded rows of the same run.
    """
    taught = sorted(rows.step[rows.part == "teacher"].unique())
    steps = sorted(distilled(rows).distilled.unique())
    last, shown, values = gallery.teacher[-1], [], []
    for step, some in zip(taught, gallery.teacher, strict=True):
        values.append(f"teacher, step {step:,}")
        shown.append([some, gallery.near_teacher])
    for step, some in zip(steps, gallery.students, strict=True):
        values.append(f"student, step {step:,}")
        shown.append([some[0], last])
    names = {True: ["teacher", "nearest image"], False: ["student", "trained teacher"]}
    data = {
        "axis": "training",
        "values": values,
        "side": round(float(np.sqrt(last.shape[-1]))),
        "names": [names[i < len(taught)] for i in range(len(values))],
        "rows": [[_text(x) for x in one] for one in shown],
    }
    return Pictures(data=data, index=len(values) - 1)

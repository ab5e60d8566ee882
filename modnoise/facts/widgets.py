"""The sliders of the page on rules and facts: over recorded runs, and solved in the page."""

from __future__ import annotations

from pathlib import Path

import anywidget
import numpy as np
import pandas as pd
import traitlets

from modnoise.pages.widgets import Recorded, percent, share, slider

_HERE = Path(__file__).parent


class Live(anywidget.AnyWidget):
    """Errors of ridge regression on the rule and on the facts against the penalty.

    Sliders: share of facts ``eps``, examples per dimension ``alpha``, penalty ``lam``, angle of
    the kernel in degrees (None: the best for ``eps``). ``points``: simulations (`live`).
    """

    _esm = _HERE / "live.js"
    _css = _HERE / "live.css"
    eps = traitlets.Float(0.2, min=0.05, max=1).tag(sync=True)
    alpha = traitlets.Float(4.0, min=0.5, max=16).tag(sync=True)
    lam = traitlets.Float(0.01, min=1e-6, max=100).tag(sync=True)
    angle = traitlets.Float(None, min=0, max=89, allow_none=True).tag(sync=True)
    points: traitlets.List = traitlets.List().tag(sync=True)

    def __repr__(self) -> str:
        return f"Live(eps={self.eps:g}, alpha={self.alpha:g}, {len(self.points)} points)"


def recorded_penalties(rows: pd.DataFrame) -> Recorded:
    """Explore what a linear learner and a kernel keep of rule and facts, along the penalty.

    Args:
        rows: of `modnoise.facts.beside_theory`, of two ``angle``s (0: linear) at the same ``lam``.
    """
    names = {True: "linear learner", False: "kernel at its best angle"}
    values = sorted(rows.lam.unique())
    walked, sentences = [], []
    for lam in values:
        here = rows[rows.lam == lam]
        parts = {names[linear]: here[(here.angle == 0) == linear].iloc[0] for linear in names}
        walked.append(
            {
                name: {"test": share(1 - one.e_gen), "noisy": share(1 - one.e_mem)}
                for name, one in parts.items()
            }
        )
        sentences.append(_kept(lam, *parts.values()))
    made = slider("penalty λ", values, walked, sentences, 0.5, ("test", "noisy"))
    made.index = 0
    return made


def _kept(lam: float, linear: pd.Series, kernel: pd.Series) -> str:
    return (
        f"With penalty {lam:g} the linear learner is right on {percent(1 - linear.e_gen)} of new "
        f"inputs and has stored {percent(1 - linear.e_mem)} of the facts; guessing gives 50 % of "
        f"both. The kernel is right on {percent(1 - kernel.e_gen)} and has stored "
        f"{percent(1 - kernel.e_mem)}. Means over {linear.seeds} seeds."
    )


def live(rows: pd.DataFrame, *, eps: float = 0.2, alpha: float = 4.0) -> Live:
    """The widget at a share of facts and n/d, with the simulations of ``rows``.

    Args:
        rows: of `modnoise.facts.beside_theory`; ridge regression with two-part kernels is kept.
        eps: share of facts, moved into the slider's range 0.05 to 1.
        alpha: n/d, moved into the slider's range 0.5 to 16.
    """
    some = rows[(rows.learner == "ridge") & (rows.kernel == "equivalent")]
    points = pd.DataFrame(
        {
            "eps": some.noise,
            "alpha": some.alpha,
            "lambda": some.lam,
            "angle": np.degrees(some.angle),
            "gen": some.e_gen,
            "mem": some.e_mem,
            "gen_sd": some.e_gen_error.fillna(0.0),
            "mem_sd": some.e_mem_error.fillna(0.0),
        }
    ).astype(float)
    return Live(
        eps=float(np.clip(eps, 0.05, 1)),
        alpha=float(np.clip(alpha, 0.5, 16)),
        points=points.to_dict("records"),
    )

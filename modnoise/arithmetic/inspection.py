"""What a net of somebody's knows of an operation: a report, figures."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np
import pandas as pd
import torch

from modnoise.arithmetic.fourier import (
    dominant_frequency,
    filtrate,
    filtrate_log,
    parts,
    phase_mse,
    random_frequency,
    sparsity,
    spectrum,
    without_mu,
)
from modnoise.arithmetic.metrics import predictions
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.null import shifts
from modnoise.arithmetic.operations import OPERATIONS
from modnoise.arithmetic.structure import neuron_table
from modnoise.arithmetic.tables import true_labels
from modnoise.spec import SpecError
from modnoise.sweep import one_of

CONTROLS = 5
"""Draws of random frequencies whose median is told (ours)."""


def sentence(full: float, rule: float, control: float, bound: float) -> str:
    """What the shares of pairs mean that a network answers, that it answers filtered, and that it
    answers filtered at random; the filter finds something above ``bound``."""
    if full >= 0.95:
        return (
            f"The network itself follows the rule: it answers {full:.1%} of all pairs correctly."
        )
    if rule > max(bound, full + 0.05):
        return (
            f"Part of the rule is inside the network: it answers {full:.1%} of all pairs "
            f"correctly before filtering and {rule:.1%} after."
        )
    if rule > bound:
        return (
            f"The filter adds nothing: the network answers {rule:.1%} of all pairs correctly "
            f"after filtering and {full:.1%} before."
        )
    return (
        f"The filter finds no rule: the network answers {rule:.1%} of all pairs correctly "
        f"after filtering, and {control:.1%} with random frequencies."
    )


@dataclass(frozen=True)
class Inspection:
    """What a net knows: accuracies on all pairs by version, frequencies of its neurons.

    ``accuracy``: shares of all p^2 pairs that get the right answer, by version, see
    `modnoise.parts`, the control as the median of `CONTROLS` draws; ``accident``: the largest
    share that is answered a + b + s for any s but 0, filtered or by any draw of the control
    (`modnoise.arithmetic.null`); ``periodic``: share of neurons with more than half of their
    output's power in one frequency; ``frequencies``: how many of p // 2 dominate some neuron;
    ``phase``: mean square of angle_u +- angle_v - angle_w, radians squared, weighted by amplitude
    (NaN for multiplication).
    """

    op: str
    p: int
    width: int
    act: str
    tied: bool
    accuracy: pd.Series
    accident: float
    periodic: float
    frequencies: int
    phase: float

    @property
    def found(self) -> str:
        """What it means, in one sentence.

        The filter finds a rule if it is right on five times as many pairs as chance, and on half
        as many again as it answers by `accident`; the rule is inside if these are five points
        more than the net is right on as it is. Bounds ours: ``benchmarks/accidents.py`` counts how
        often nets without a rule meet them.
        """
        full, rule, control = (self.accuracy[x] for x in (FULL, self.filtered, self.control))
        bound = max(5 / self.p, 1.5 * self.accident)
        if rule >= 0.95 > full and rule > max(bound, full + 0.05):
            return (
                f"The rule is inside the network: after filtering it answers {rule:.1%} of "
                "all pairs correctly."
            )
        return sentence(full, rule, control, bound)

    @property
    def filtered(self) -> str:
        """The version that the sentence is about: x^2, for products over logarithms."""
        return "FF over logarithms, x²" if OPERATIONS[self.op].logarithms else "FF, x²"

    @property
    def control(self) -> str:
        """Its control, frequencies drawn at random."""
        return _LOG["G_log_random"] if OPERATIONS[self.op].logarithms else _SHOWN["G_random"]

    def __str__(self) -> str:
        tied = ", U = V" if self.tied else ""
        lines = [f"p = {self.p}, {self.width} neurons, {self.act}{tied}; {self.op}, all pairs:"]
        lines += [f"  {name:28}{x:8.1%}" for name, x in self.accuracy.items()]
        lines += [f"  {'another sum, by chance':28}{self.accident:8.1%}"]
        lines += [f"  {'chance':28}{1 / self.p:8.1%}"]
        lines += [f"neurons with one dominant frequency: {self.periodic:.1%}; frequencies "
                  f"dominant in some neuron: {self.frequencies} of {self.p // 2}"]  # fmt: skip
        if np.isfinite(self.phase):
            lines += [
                f"mean squared deviation of the angles: {self.phase:.3f} rad² (by chance "
                f"{np.pi**2 / 3:.2f})"
            ]
        return "\n".join([*lines, self.found])


FULL = "full network"
_SHOWN = {"full": FULL, "G": "FF", "G_quadratic": "FF, x²", "G_random": "random frequencies, x²",
          "R": "residual", "quadratic": "x² as activation",
          "reverse_relu": "max(0, −x) as activation"}  # fmt: skip
_LOG = {"G_log": "FF over logarithms", "G_log_quadratic": "FF over logarithms, x²",
        "G_log_random": "random over logarithms, x²", "R_log": "residual, logarithms"}  # fmt: skip


def inspect(nets: NetStack, op: str = "add") -> Inspection:
    """What a net of two layers knows of an operation, on all pairs that have a label.

    Args:
        nets: a stack of one net.
        op: one of `OPERATIONS`.

    Raises:
        SpecError: an unknown operation; logarithms for a p that is no prime; several nets.
    """
    one_of(op, [*OPERATIONS], "op")
    if len(nets) != 1:
        raise SpecError(f"nets = a stack of {len(nets)} is not allowed: it must be one net")
    log = OPERATIONS[op].logarithms
    try:
        versions = parts(nets, everything=False, log=log)
    except ValueError as problem:
        raise SpecError(str(problem)) from None
    true = torch.from_numpy(true_labels(op, nets.p))
    pairs = torch.from_numpy(OPERATIONS[op].defined(nets.p))
    versions |= {name: nets.with_act(name) for name in ("quadratic", "reverse_relu")}
    shown = {**_SHOWN, **(_LOG if log else {})}
    shown.pop(nets.act, None)  # a swap for what it has

    def right_on(one: NetStack) -> float:
        return float((predictions(one)[0] == true).flatten()[pairs].double().mean())

    accuracy = {text: right_on(versions[name]) for name, text in shown.items()}
    filtered = filtrate_log if log else filtrate
    draws = [filtered(nets, random_frequency(nets, i))[0] for i in range(CONTROLS)]
    right = [right_on(without_mu(x.with_act("quadratic"))) for x in draws]
    accuracy[shown["G_log_random" if log else "G_random"]] = median(right)
    k = dominant_frequency(nets.W)
    return Inspection(
        op=op, p=nets.p, width=nets.width, act=nets.act, tied=nets.tied,
        accuracy=pd.Series(accuracy), accident=float(shifts(nets, op)[:, 1:].max()),
        periodic=float((sparsity(nets.W) > 0.5).double().mean()),
        frequencies=len(k.unique()),
        phase=float("nan") if log else float(phase_mse(nets, op=op, weighted=True)),
    )  # fmt: skip


def pictures(nets: NetStack, op: str = "add") -> dict[str, bytes]:
    """Figures of a net as SVG by file name, light and dark: spectrum of its output vectors, how
    many neurons each frequency has and, but for products and quotients, the angles' relation.

    Args and errors as of `inspect`, which is asked first.
    """
    from modnoise.arithmetic import figures
    from modnoise.pages import style

    k, told = dominant_frequency(nets.W)[0], f"{nets.width} neurons, p = {nets.p}"
    drawn = {
        "spectrum": (figures.spectrum_map, (spectrum(nets.W)[0].abs(), k), {}),
        "frequencies": (figures.frequency_counts, (k,), {"p": nets.p}),
    }
    if not OPERATIONS[op].logarithms:
        table = neuron_table(nets, op).assign(panel=op, op=op)
        drawn["angles"] = (figures.phase_relation, (table,), {})
    return {
        f"{name}-{theme}.svg": style.svg(theme, draw, *args, **more, title=told)
        for name, (draw, args, more) in drawn.items()
        for theme in style.PALETTES
    }

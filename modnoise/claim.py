"""Claims as rules on recorded numbers; `modnoise.judge` applies them.

A claim names the **cells** that its sentence ranges over (noise ratios, weight decays, operations,
activations, optimizers), never seeds, of which the median is taken, and never the width where the
claim is about wide networks. In each cell its rule finds that the claim holds, that it fails, or
that the cell cannot tell: a gate that does not look at the outcome says why. Rules take frames:
rows with ``part``, ``accuracy_<role>`` and the fields of their runs (`modnoise.frames.curves`), at
the last step unless said otherwise. Each study declares its claims in its module ``claims``. numpy
and pandas only.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

Found = list[tuple[str, str, Any]]
"""What a rule finds: (cell, what was measured there, whether the claim holds there); None: the
cell cannot tell, and the text says why."""

SHARES = {"can": 0.0, "often": 0.5, "typically": 0.75, "always": 0.9}
"""The share of the decidable cells that a sentence asks for, by its own word (ours).

``can`` (there is, even at): the cell that it names, or any where it names none. ``typically``
(generally, robustly, comparable): three quarters. ``always`` (consistently, every, all, or no word
at all): nine tenths. ``often``: half, of a few follow-up statements.
"""

ROUNDING = 1e-9
"""Added to every bound, so that exactly that much meets it."""


@dataclass(frozen=True)
class Claim:
    """One checkable statement: who claims it, the rule that decides, the function that applies it.

    ``source``: the paper's section or figure, or ``ours`` for controls. ``apply`` says what it
    finds in each cell, and raises `Untested` when data are missing; its keyword-only arguments are
    the bounds of the rule, which `modnoise.judge.check` also halves and doubles. ``needs``:
    fields of the runs that the claim is about. ``same``: the column, besides the setting, that
    must have one value in all rows; ``over``: fields of the setting that the rule itself
    compares, so that they may differ. ``word``: how much the sentence claims, one of `SHARES`.
    ``default``: the name of the paper's default cell, where the claim must hold if that cell can
    tell. ``headline``: whether readers ask about it first, so that the README lists it.

    ``under``: the paper's claim that this one is evidence for, being the same of another
    activation, optimizer, operation or share; empty: it stands for itself. ``first``: it is about
    so many first steps (0: about trained nets). ``widest``: with no net of this width the paper's
    claim cannot be contradicted. ``of``: whose claim it is, where neither ours nor a follow-up's.
    ``setting``: words for the setting of a claim about equations, of which no smaller one exists;
    empty: the runs tell. ``qualifies``: the claim whose meaning a control limits where the control
    holds, and ``remark``, the words that then stand on that claim's chip.
    """

    id: str
    statement: str
    source: str
    rule: str
    apply: Callable[..., Found]
    needs: Mapping[str, object] = field(default_factory=dict)
    same: str = "step"
    over: tuple[str, ...] = ()
    word: str = "always"
    default: str = ""
    headline: bool = False
    under: str = ""
    first: int = 0
    widest: int = 0
    of: str = "Liu & Lu 2026"
    setting: str = ""
    qualifies: str = ""
    remark: str = ""

    @property
    def share(self) -> float:
        """The share of the decidable cells in which it must hold.

        Raises:
            KeyError: a word that is not in `SHARES`.
        """
        return SHARES[self.word]

    @property
    def bounds(self) -> dict[str, float]:
        """Every bound of the rule by its name; all of them are ours unless the rule says so."""
        taken = inspect.signature(self.apply).parameters.values()
        return {x.name: x.default for x in taken if x.kind is inspect.Parameter.KEYWORD_ONLY}

    @property
    def names_no_scale(self) -> bool:
        """Whether any tested setting can contradict it: claims of ours and of the follow-up."""
        return self.source.startswith(("ours", "follow-up"))

    @property
    def paper(self) -> str:
        """Whose claim it is, in a few words."""
        if self.source.startswith("follow-up"):
            return "The follow-up (arXiv 2610.11833)"
        if self.source.startswith("ours"):
            return "Ours: controls and findings"
        return self.of


@dataclass(frozen=True)
class Unchecked:
    """A statement of a paper that no rule judges: who says it where, and ``why`` none can."""

    statement: str
    source: str
    of: str
    why: str


class Untested(Exception):
    """The data a rule needs are not there; the message says which, more arguments what is."""


def anchor(claim_id: str) -> str:
    """The place on a page where the verdict on a claim is shown: ``page.html#`` and this."""
    return f"verdict-{claim_id.replace('.', '-')}"  # a dot would end the name in a selector


def values(frame: pd.DataFrame, part: str, role: str) -> pd.Series:
    """One accuracy of one part, a value per row (seed)."""
    values = frame.loc[frame.part == part, f"accuracy_{role}"]
    if values.empty:
        raise Untested(f"no recorded part {part!r}")
    if missing := int(values.isna().sum()):
        raise Untested(f"{part} has no {role} accuracy in {missing} of {len(values)} rows")
    return values


def median(frame: pd.DataFrame, part: str, role: str) -> float:
    """The median over rows (seeds) of one accuracy of one part."""
    return float(values(frame, part, role).median())


def told(frame: pd.DataFrame, part: str, role: str) -> str:
    """The median as text; of several seeds that differ, with the lowest and the highest."""
    found = values(frame, part, role)
    text, low, high = (f"{100 * x:.1f}" for x in (found.median(), found.min(), found.max()))
    return f"{text} %" if low == high else f"{text} % ({low} to {high})"


def at_noise(frame: pd.DataFrame, noise: float) -> pd.DataFrame:
    """The rows at one noise ratio."""
    rows = frame[np.isclose(frame.noise, noise)]
    if rows.empty:
        raise Untested(f"no run at noise {noise}")
    return rows


def chance(frame: pd.DataFrame) -> float:
    """Accuracy of a guess, 1 / p."""
    return 1 / int(frame.p.iloc[0])

"""Claims about the inside of nets: phases, frequencies, ranked neurons (paper, sections 4.1, 5,
D.3, D.4 and E).

Rows are of the full net at the last step, with the columns of `structure`. The paper's
wide nets have 1025 neurons or more for p = 113; the rules take every net with at least 8 neurons
per residue, which is 1025 for p = 113 and 513 for p = 59. All rules were written before the runs
at laptop scale were seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from modnoise.claim import Claim, Untested, at_noise

Found = list[tuple[str, str, bool]]

CHANCE = np.pi**2 / 3
"""Phase MSE of three independent uniform angles, in rad^2."""

PER_RESIDUE = 8
"""Fewest neurons per residue of a wide net."""

RANKINGS = {"strength": "Str.", "ipr": "IPR"}

_LEVELS = 4
"""Fewest noise ratios, or widths, on which a trend can be read."""

_RAD = "{:.3f}"

_ROUNDING = 1e-9
"""Added to every bound, so that exactly that much meets it."""


def _full(frame: pd.DataFrame) -> pd.DataFrame:
    rows = frame[frame.part == "full"] if "part" in frame else frame
    if rows.empty:
        raise Untested("no row of the full net")
    return rows


def _wide(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the full net with enough neurons."""
    rows = _full(frame)
    wide = rows[rows.width >= PER_RESIDUE * rows.p]
    if wide.empty:
        raise Untested(f"no net with {PER_RESIDUE} neurons per residue")
    return wide


def _column(rows: pd.DataFrame, name: str) -> pd.Series:
    if name not in rows or rows[name].isna().any():
        raise Untested(f"{name} is not recorded for every net")
    return rows[name]


def _told(values: pd.Series, form: str = "{:.2f}") -> str:
    """The median; of several that differ, with the lowest and the highest."""
    text, low, high = (form.format(x) for x in (values.median(), values.min(), values.max()))
    return text if low == high else f"{text} ({low} to {high})"


def _both(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Wide nets of addition and of subtraction."""
    rows = _wide(frame)
    for op in ("add", "sub"):
        of = rows[rows.op == op]
        if of.empty:
            raise Untested(f"no wide net with op = {op}")
        yield op, of


def _trend(
    rows: pd.DataFrame, along: str, values: pd.Series, form: str = "{:.2f}"
) -> tuple[str, float]:
    """Medians over seeds as text, and their Spearman correlation with a field."""
    middle = values.groupby(rows[along]).median()
    if len(middle) < _LEVELS:
        raise Untested(f"{len(middle)} values of {along}: it takes {_LEVELS}")
    ranks = middle.rank()
    rho = float(np.corrcoef(np.arange(len(ranks)), ranks)[0, 1]) if ranks.nunique() > 1 else 0.0
    text = ", ".join(form.format(x) for x in middle)
    at = f"{along} {middle.index[0]:g} to {middle.index[-1]:g}"
    return f"{text} at {at}, Spearman {rho:+.2f}", rho


def _phases(frame: pd.DataFrame) -> Found:
    found = []
    for op, rows in _both(frame):
        some = rows[rows.noise <= 0.3 + _ROUNDING]
        for noise in sorted({0.1, 0.3, *some.noise}):
            here = _column(at_noise(some, noise), "phase_mse_weighted")
            plain = _column(at_noise(some, noise), "phase_mse")
            text = f"{_told(here, _RAD)} rad² weighted, {_told(plain, _RAD)} plain"
            found.append((f"{op}, noise {noise:g}", text, bool(here.median() <= CHANCE / 10)))
    return found


def _phases_noise(frame: pd.DataFrame) -> Found:
    found = []
    for op, rows in _both(frame):
        for name in ("phase_mse", "phase_mse_weighted"):
            text, rho = _trend(rows, "noise", _column(rows, name), _RAD)
            kind = "weighted" if name.endswith("weighted") else "plain"
            found.append((f"{op}, {kind}, rad²", text, rho >= 0.9 - _ROUNDING))
    return found


def _phases_untrained(frame: pd.DataFrame) -> Found:
    rows = _full(frame)
    if (rows.step > 0).any():
        raise Untested("not untrained: rows of later steps than 0")
    found = []
    for name in ("phase_mse", "phase_mse_weighted"):
        here = _column(rows, name)
        holds = bool(abs(here.median() - CHANCE) <= 0.15 * CHANCE)
        found.append((name.replace("_", " "), f"{_told(here, _RAD)} rad²", holds))
    coherence = _column(rows, "coherence")
    found.append(("coherence", _told(coherence), bool(abs(coherence.median()) <= 0.1)))
    return found


def _elsewhere(frame: pd.DataFrame) -> Found:
    found = []
    for op, rows in _both(frame):
        for noise, here in rows.groupby("noise"):
            other = _column(here, "coherence_other")
            text = f"{_told(other)} elsewhere, "
            text += f"{_told(_column(here, 'coherence_dominant'))} at the dominant frequency"
            found.append((f"{op}, noise {noise:g}", text, bool(other.median() >= 0.2)))
    return found


def _covered(frame: pd.DataFrame) -> Found:
    found = []
    for op, rows in _both(frame):
        for noise, here in rows.groupby("noise"):
            share = _column(here, "covered")
            text = f"{_told(100 * share, '{:.1f}')} % of the frequencies"
            found.append((f"{op}, noise {noise:g}", text, bool(share.min() >= 1 - _ROUNDING)))
    return found


def _uniform(frame: pd.DataFrame) -> Found:
    found = []
    for noise, rows in _full(frame).groupby("noise"):
        text, rho = _trend(rows, "width", _column(rows, "norm_cv"))
        found.append((f"noise {noise:g}", text, rho <= -0.9 + _ROUNDING))
    return found


def _correlated(frame: pd.DataFrame) -> Found:
    found = []
    for op, rows in _both(frame):
        for noise in (0.1, 0.3, 0.5):
            rho = _column(at_noise(rows, noise), "ipr_strength")
            found.append((f"{op}, noise {noise:g}", _told(rho), bool(rho.median() >= 0.6)))
        text, rho = _trend(rows, "noise", _column(rows, "periodic"), "{:.0f}")
        found.append((f"{op}, neurons with IPR above 0.5", text, rho <= -0.9 + _ROUNDING))
    return found


def _disjoint(frame: pd.DataFrame) -> Found:
    found = []
    for width, rows in _wide(frame).groupby("width"):
        noisy = rows[rows.noise > 0]
        if noisy.empty:
            raise Untested(f"no net with noise at M = {width}")
        for score, name in RANKINGS.items():
            for noise, here in noisy.groupby("noise"):
                g, r, r99 = (
                    _column(here, f"{score}_gamma_{key}") for key in ("g", "r", "r99")
                )  # fmt: skip
                text = f"γ_G {_told(g)} + γ_R {_told(r)} = {_told(g + r)}"
                text += f", with 99 % of the noise {_told(g + r99)}"
                holds = bool((g + r).median() <= 1 + _ROUNDING)
                found.append((f"{name}, M = {width}, noise {noise:g}", text, holds))
            text, rho = _trend(rows, "noise", _column(rows, f"{score}_gamma_g"))
            found.append((f"{name}, M = {width}, γ_G falls", text, rho <= -0.9 + _ROUNDING))
    return found


def _points(values: pd.Series) -> str:
    return _told(100 * values, "{:+.1f}")


def _selects(frame: pd.DataFrame) -> Found:
    found = []
    for op, rows in _both(frame):
        for noise in sorted({0.3, 0.5, *rows.noise}):
            here = at_noise(rows, noise)
            full, ff = _column(here, "accuracy_test"), _column(here, "ff")
            random = _column(here, "random_test") - full
            for score, name in RANKINGS.items():
                kept = _column(here, f"{score}_test") - full
                after = ff - _column(here, f"{score}_ff")
                holds = kept.median() >= -_ROUNDING and after.median() >= -_ROUNDING
                if noise >= 0.3 - _ROUNDING:
                    half = (ff - full).median() / 2
                    holds &= kept.median() <= half + _ROUNDING
                    holds &= kept.median() > random.median()
                text = f"D1 {_points(kept)}, D2 {_points(ff - full)}, D3 {_points(after)} points"
                text += f"; random order {_points(random)}"
                found.append((f"{op}, {name}, noise {noise:g}", text, bool(holds)))
    return found


def _multiplies(frame: pd.DataFrame) -> Found:
    rows = _wide(frame)
    rows = rows[rows.noise > 0]
    if rows.noise.nunique() < 3:
        raise Untested(f"{rows.noise.nunique()} noise ratios above 0: it takes 3")
    found = []
    for noise, here in rows.groupby("noise"):
        full = _column(here, "accuracy_test")
        by = {score: _column(here, f"{score}_test") - full for score in RANKINGS}
        text = ", ".join(f"{RANKINGS[score]} {_points(x)}" for score, x in by.items())
        text += f", random order {_points(_column(here, 'random_test') - full)} points"
        ahead = (by["strength"] - by["ipr"]).median()
        found.append((f"noise {noise:g}", text, bool(ahead >= 0.02 - _ROUNDING)))
    return found


def _logarithm(frame: pd.DataFrame) -> Found:
    rows = _wide(frame)
    rows = rows[rows.noise > 0]
    at_noise(rows, 0.3)
    found = []
    for noise, here in rows.groupby("noise"):
        log, plain, full = (
            _column(here, name) for name in ("ipr_log_test", "ipr_test", "accuracy_test")
        )
        least = 0.1 if np.isclose(noise, 0.3) else 0.0
        text = f"{_points(log - full)} over the logarithm, {_points(plain - full)} points plain"
        holds = bool((log - plain).median() >= least - _ROUNDING)
        found.append((f"noise {noise:g}", text, holds))
    return found


_OPS = ("op",)
_WIDE = f"nets with at least {PER_RESIDUE} neurons per residue, addition and subtraction"

INSIDE = (
    Claim(
        "R4.1-phase",
        "After FF the angles of each neuron add up: angle_u ± angle_v = angle_w",
        "paper, section 4.1 and D.3, Figs. 4(c), 26, 27",
        f"{_WIDE}: at noise 0.1, 0.3 and every other recorded ratio up to 0.3, the Phase MSE "
        "weighted by |ŵ| at the dominant frequency is at most a tenth of chance, π²/30 = 0.33",
        _phases,
        over=_OPS,
    ),
    Claim(
        "D3-noise",
        "The more noise, the larger the Phase MSE",
        "paper, appendix D.3, Fig. 28",
        f"{_WIDE}: Spearman correlation of the Phase MSE, plain and weighted, with the recorded "
        f"noise ratios, at least {_LEVELS} of them, is 0.9 or more",
        _phases_noise,
        over=_OPS,
    ),
    Claim(
        "CONTROL-phase",
        "The angles of an untrained net are unrelated",
        "ours",
        "before the first step the Phase MSE, plain and weighted, is within 15 % of chance, "
        "π²/3, and the coherence between -0.1 and 0.1",
        _phases_untrained,
    ),
    Claim(
        "COHERENCE",
        "The angles add up also at frequencies that FF throws away",
        "ours",
        f"{_WIDE}: at every recorded noise ratio the coherence over all frequencies but each "
        "neuron's dominant one is 0.2 or more (1 is exact, 0 unrelated)",
        _elsewhere,
        over=_OPS,
    ),
    Claim(
        "D4-coverage",
        "After FF every frequency is held by some neuron",
        "paper, appendix D.4, Fig. 29",
        f"{_WIDE}: at every recorded noise ratio, in every net, all frequencies 1 to p // 2 are "
        "some neuron's dominant one",
        _covered,
        over=_OPS,
    ),
    Claim(
        "D4-uniform",
        "The wider the net, the more evenly its filtered output matrix spreads over frequencies",
        "paper, appendix D.4, Fig. 30",
        "at every recorded noise ratio the Spearman correlation with the width, over at least "
        f"{_LEVELS} widths, of the coefficient of variation of the row norms is -0.9 or less",
        _uniform,
        over=("width",),
    ),
    Claim(
        "R5.1",
        "Strong neurons are periodic ones, and noise leaves fewer of them",
        "paper, Result 5.1, Fig. 6 left",
        f"{_WIDE}: Spearman correlation of IPR and Str. over neurons 0.6 or more at noise 0.1, "
        "0.3, 0.5; that of the number of neurons with IPR above 0.5 with the recorded noise "
        "ratios -0.9 or less",
        _correlated,
        over=_OPS,
    ),
    Claim(
        "R5.2",
        "In wide nets the neurons that generalize and those that memorize do not overlap",
        "paper, Result 5.2, Fig. 6 right",
        f"addition, every recorded width of at least {PER_RESIDUE} neurons per residue, ranked "
        "by Str. and by IPR: γ_G + γ_R at most 1 at every noise ratio above 0; Spearman "
        "correlation of γ_G with the noise ratios -0.9 or less",
        _disjoint,
        needs={"op": "add"},
        over=("width",),
    ),
    Claim(
        "R5.3",
        "Keeping the best neurons helps, but far less than FF, and FF needs the others too",
        "paper, Result 5.3, Fig. 7",
        f"{_WIDE}, ranked by Str. and by IPR, at every recorded noise ratio: D1 = test(f^G) − "
        "test(f) ≥ 0 and D3 = test(FF(f)) − test(FF(f^G)) ≥ 0; from noise 0.3 on, D1 at most "
        "half of D2 = test(FF(f)) − test(f) and above what neurons in random order gain",
        _selects,
        over=_OPS,
    ),
    Claim(
        "E1-multiplication",
        "For multiplication the strength finds the neurons that IPR misses",
        "paper, appendix E, Figs. 31 and 32",
        "multiplication, nets with at least "
        f"{PER_RESIDUE} neurons per residue: the test accuracy gained by Str. is 2 points or "
        "more above that by IPR at more than half of the noise ratios above 0, at least 3",
        _multiplies,
        needs={"op": "mul"},
        share=0.51,
    ),
    Claim(
        "E1-logarithm",
        "Over the discrete logarithm IPR finds the neurons that multiply",
        "ours",
        "multiplication, nets with at least "
        f"{PER_RESIDUE} neurons per residue: keeping the best neurons by IPR over the logarithm "
        "gives at least 10 points more test accuracy than by IPR over the residues at noise 0.3, "
        "and no less at the other recorded ratios above 0",
        _logarithm,
        needs={"op": "mul"},
    ),
)

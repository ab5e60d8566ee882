"""Claims on rules and facts, checked on recorded runs beside the asymptotics.

Whoever claims: the paper's abstract and its section on rates, of which we know the sentences and
not the figures. Settings, thresholds and equations are ours. Frames have a row per setting
(`compare.beside_theory`), except where a rule is about the asymptotics alone
(`compare.asymptotic_rates`, `compare.limit_rows`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.claim import Claim, Found, Untested
from modnoise.facts.limits import BAYES_CONSTANT, best_regularization, capacity
from modnoise.facts.run import MODEL
from modnoise.facts.theory import ridge

PAPER = "Farné et al. 2026"
_ANY = ("learner", "kernel", "angle", "alpha", "noise", "lam", "d", "kappa", "seed")
_STORED, _KEPT, _FREE, _GAP = 0.30, 0.01, 1e-4, 1e-3
_SLOPES = {"square": -0.5, "hinge": -0.5, "bayes": -1.0}


def _percent(x: float, error: float | None = None) -> str:
    return f"{100 * x:.2f} %" if error is None else f"{100 * x:.2f} ± {100 * error:.2f} %"


def _rows(frame: pd.DataFrame, **fields: object) -> pd.DataFrame:
    """The rows with these values.

    Raises:
        Untested: there is none.
    """
    if frame.empty:
        raise Untested("no runs")
    rows = frame
    for name, value in fields.items():
        rows = rows[rows[name] == value]
    if rows.empty:
        raise Untested(f"no runs with {', '.join(f'{k} = {v}' for k, v in fields.items())}")
    return rows


def _linear(frame: pd.DataFrame) -> pd.DataFrame:
    """Linear ridge above its storage capacity, up to the best penalty, by penalty."""
    rows = _rows(frame, learner="ridge", kernel="equivalent", angle=0.0).sort_values(
        "lam", kind="stable"
    )
    alpha, eps = float(rows.alpha.iloc[0]), float(rows.noise.iloc[0])
    if alpha <= (most := float(capacity(eps))):
        raise Untested(f"n/d = {alpha:g} is below the storage capacity, {most:.2f}")
    rows = rows[rows.lam <= best_regularization(eps)]
    if len(rows) < 2:
        raise Untested(f"{len(rows)} penalties up to the best: it takes two")
    return rows


def _tradeoff(frame: pd.DataFrame) -> Found:
    rows = _linear(frame)
    falls, rises = np.diff(rows.e_gen), np.diff(rows.e_mem)  # shares of few facts may be equal
    apart = bool((falls <= 0).all() and (rises >= 0).all() and falls.sum() < 0 < rises.sum())
    ends = [(_percent(x.e_gen), _percent(x.e_mem)) for x in (rows.iloc[0], rows.iloc[-1])]
    least = rows.loc[rows.e_mem.idxmin()]
    change = f"E_gen {ends[0][0]} to {ends[1][0]}, E_mem {ends[0][1]} to {ends[1][1]}"
    stored = f"E_mem {_percent(least.e_mem, least.e_mem_error)}"
    return [
        (f"lambda {rows.lam.min():g} to {rows.lam.max():g}", change, apart),
        ("the least", stored, bool(least.e_mem >= _STORED)),
    ]


def _kernels(frame: pd.DataFrame) -> pd.DataFrame:
    """Ridge with a private part at the least penalty, by the squared tangent over the best."""
    rows = _rows(frame, learner="ridge", kernel="equivalent")
    rows = rows[rows.angle > 0]
    if rows.empty:
        raise Untested("no runs with a private part of the kernel")
    rows = rows[rows.lam == rows.lam.min()]
    best = float(best_regularization(rows.noise.iloc[0]))
    return rows.assign(factor=np.tan(rows.angle) ** 2 / best).sort_values("factor", kind="stable")


def _both(frame: pd.DataFrame) -> Found:
    rows = _kernels(frame)
    at = rows.loc[(np.log(rows.factor)).abs().idxmin()]
    if not np.isclose(at.factor, 1, rtol=1e-3):
        raise Untested("no runs at the best angle")
    tuned = ridge(at.alpha, at.noise, best_regularization(at.noise))
    theory = abs(float(at.e_gen_theory - tuned.e_gen))
    gap = float(at.e_gen - tuned.e_gen)
    near = abs(gap) <= max(_GAP, 3 * at.e_gen_error)
    best = _percent(float(tuned.e_gen))
    told = f"{_percent(at.e_gen, at.e_gen_error)}, best linear ridge {best}"
    return [
        ("facts stored", f"E_mem {_percent(at.e_mem)}", bool(at.e_mem < _FREE)),
        ("asymptotics", f"E_gen differs by {theory:.1e}", theory < _GAP),
        ("runs", f"E_gen {told}", bool(near)),
    ]


def _angle(frame: pd.DataFrame) -> Found:
    rows = _kernels(frame)
    rows = rows[rows.seeds == rows.seeds.max()]
    if len(rows) < 3 or not np.isclose(rows.factor, 1, rtol=1e-3).any():
        raise Untested(f"{len(rows)} angles: it takes the best and one on either side")
    at = rows[np.isclose(rows.factor, 1, rtol=1e-3)].iloc[0]
    found = []
    for one in rows.itertuples():
        if one.factor != at.factor:
            seen, told = one.e_gen - at.e_gen, one.e_gen_theory - at.e_gen_theory
            text = f"E_gen {100 * seen:+.2f} points, asymptotics {100 * told:+.2f}"
            found.append((f"{one.factor:.4g} times", text, bool(seen > 0 and told > 0)))
    return found


def _width(frame: pd.DataFrame) -> Found:
    rows = _rows(frame, learner="features").sort_values("kappa", kind="stable")
    alpha = float(rows.alpha.iloc[0])
    peak, beyond = rows.loc[rows.e_gen[rows.kappa >= 1].idxmax()], rows[rows.kappa > alpha]
    if beyond.empty or not (rows.kappa == 1).any() or rows.kappa.max() < 4 * alpha:
        raise Untested("the widths do not reach from p = d to four times n")
    one, last = _rows(rows, kappa=1.0).iloc[0], rows.iloc[-1]
    told = f"{_percent(last.e_gen, last.e_gen_error)} against {_percent(one.e_gen)} at p = d"
    most = float(beyond.e_mem.max())
    return [
        ("peak", f"E_gen {_percent(peak.e_gen)} at p = {peak.kappa / alpha:.2g} n",
         bool(peak.kappa == alpha)),
        ("wider than n", f"E_mem at most {_percent(most)}", most < _KEPT),
        (f"p = {last.kappa:g} d", f"E_gen {told}", bool(last.e_gen < one.e_gen)),
    ]  # fmt: skip


def _rates(frame: pd.DataFrame) -> Found:
    found = []
    for loss, expected in _SLOPES.items():
        rows = _rows(frame, loss=loss)
        if len(rows) < 3 or rows.alpha.min() < 20:
            raise Untested("it takes three n/d of 20 and more")
        slope = float(np.polyfit(np.log(rows.alpha), np.log(rows.e_gen), 1)[0])
        text = f"slope {slope:.3f}, claimed {expected:g}"
        found.append((f"{loss} loss", text, bool(abs(slope - expected) <= 0.02)))
    return found


def _ends(frame: pd.DataFrame) -> Found:
    """Rows of `compare.limit_rows`: name, value, expected, within."""
    if frame.empty:
        raise Untested("no rows")
    return [
        (row.name, f"{row.value:.5f}, expected {row.expected:.5g}",
         bool(abs(row.value - row.expected) <= row.within))
        for row in frame.rename_axis("place").itertuples()
    ]  # fmt: skip


def _agrees(frame: pd.DataFrame) -> Found:
    found = []
    for learner in ("ridge", "hinge", "features"):
        rows = _rows(frame, learner=learner)
        if learner != "features":
            rows = _rows(rows, kernel="equivalent")
        if len(rows) < 12 or rows.seeds.min() < 3:
            raise Untested(f"{len(rows)} settings of {learner}: it takes 12 with 3 seeds each")
        for name in ("e_gen", "e_mem"):
            gaps = (rows[name] - rows[f"{name}_theory"]) / rows[f"{name}_error"]
            rms, worst = float(np.sqrt((gaps**2).mean())), float(gaps.abs().max())
            points = 100 * float((rows[name] - rows[f"{name}_theory"]).abs().max())
            text = f"RMS gap {rms:.2f} standard errors, largest {worst:.1f} ({points:.2f} points)"
            found.append((f"{learner}, {'E_gen' if name == 'e_gen' else 'E_mem'}", text, rms < 2))
    return found


def _trained(frame: pd.DataFrame) -> Found:
    """A net beside random features of the same widths."""
    both = {x: _rows(frame, learner=x).set_index("kappa") for x in ("net", "features")}
    widths = both["net"].index.intersection(both["features"].index)
    if not len(widths) or min(rows.seeds.min() for rows in both.values()) < 3:
        raise Untested("it takes a net and random features of its width, three seeds each")
    net, fixed = (rows.loc[widths.max()] for rows in both.values())
    gap = net.e_gen - fixed.e_gen
    error = float(np.hypot(net.e_gen_error, fixed.e_gen_error))
    told = f"E_gen {_percent(net.e_gen, net.e_gen_error)}, features {_percent(fixed.e_gen)}"
    return [
        ("facts stored", f"E_mem {_percent(net.e_mem)}", bool(net.e_mem < _KEPT)),
        (f"p = {widths.max():g} d", told, bool(gap < -2 * error)),
    ]


CLAIMS = (
    Claim(
        "RAF-net",
        "A net that learns its features stores the facts at a lower price than fixed ones",
        "ours: an extension of the model",
        "at the largest width of both, at least three seeds: the net loses less than 1 % of the "
        "facts, and its E_gen is below that of random features by more than two standard errors",
        _trained,
        same="part",
        over=_ANY,
    ),
    Claim(
        "RAF-linear",
        "A linear learner trades: what helps it to the rule costs it facts",
        "paper, after a published summary (classical linear learners trade the two errors)",
        "above the storage capacity, along the penalties up to the best one, linear ridge: E_gen "
        "falls and E_mem rises, with no step the other way, and E_mem is nowhere below 30 %",
        _tradeoff,
        same="alpha",
        over=_ANY,
        setting=MODEL,
        of=PAPER,
    ),
    Claim(
        "RAF-both",
        "An over-parameterized kernel learns the rule and stores every fact at once",
        "paper, abstract (over-parameterization gives the spare capacity)",
        "kernel ridge at the best angle and the smallest penalty: E_mem below 0.01 %; E_gen that "
        "of the best linear ridge, within 0.1 points in the asymptotics, and within that or 3 "
        "standard errors in the runs",
        _both,
        same="alpha",
        over=_ANY,
        setting=MODEL,
        default="facts stored",
        headline=True,
        of=PAPER,
    ),
    Claim(
        "RAF-angle",
        "The kernel decides how capacity is shared: a wrong angle costs the rule",
        "paper, abstract (the choice of kernel shares the capacity)",
        "at the smallest penalty, the squared tangent of the angle 1/16, 1/4, 4 and 16 times the "
        "best: E_gen above that at the best, in the runs (same data) and in the asymptotics",
        _angle,
        same="alpha",
        over=_ANY,
        setting=MODEL,
        of=PAPER,
    ),
    Claim(
        "RAF-width",
        "More features than examples store all facts, and still more learn the rule better",
        "paper, abstract (over-parameterization enables both)",
        "random features, from p = d on: E_gen is largest at p = n; E_mem below 1 % at every "
        "p > n; E_gen at the widest below that at p = d",
        _width,
        same="alpha",
        over=_ANY,
        setting=MODEL,
        of=PAPER,
    ),
    Claim(
        "RAF-rates",
        "With n examples, many, kernels reach the rule as 1/√n, the best possible learner as 1/n",
        "paper, section 3.4 (the hinge loss: conjectured)",
        "slope of log E_gen against log n/d from 50 to 400, of the asymptotics: within 0.02 of "
        "-1/2 for square and hinge loss, of -1 for Bayes",
        _rates,
        same="noise",
        over=_ANY,
        setting=MODEL,
        of=PAPER,
    ),
    Claim(
        "RAF-limits",
        "With facts alone nothing is learned; at both ends known numbers return",
        "ours: Gardner, Cover; the perceptron's Bayes-optimal rate",
        "of the asymptotics: all labels facts, E_gen 1/2 and capacity 2, to 1e-6; no facts, "
        f"n/d = 2000, n/d times the Bayes-optimal E_gen {BAYES_CONSTANT}, to 0.0005",
        _ends,
        same="measure",
        over=_ANY,
        setting=MODEL,
    ),
    Claim(
        "RAF-theory",
        "The asymptotics are those of the learners",
        "ours",
        "twelve settings each drawn by a seed, d = 1000 for ridge, 400 for hinge, 300 for random "
        "features: over settings the RMS of (mean over seeds - asymptotics) / standard error "
        "below 2, for E_gen and E_mem",
        _agrees,
        same="part",
        over=_ANY,
        setting=MODEL,
    ),
)

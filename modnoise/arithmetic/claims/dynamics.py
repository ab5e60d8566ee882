"""Claims about training curves: noise first, then grokking (paper, section 3.2, appendix C.3).

Unless a rule says otherwise, rows are `modnoise.timing.milestones`: one per run, with the first
recorded steps at which noisy and clean training accuracy are at 50 % or 90 % (infinite: never), at
half of the highest noisy accuracy, and with the widest gap between the two. Times and gaps are
medians over seeds. "Where the noise is fit" is where the median noisy accuracy reaches 50 % within
the recorded steps. All rules were written before the runs at laptop scale were seen. Two things
came after: rules are read per weight decay where several were run; and R3.2-i correlates over the
widths that get there alone, because with four of six widths tied at "never" no order of the other
two could reach −0.9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from modnoise.arithmetic.regimes import interpolates
from modnoise.claim import Claim, Untested, chance

Found = list[tuple[str, str, bool]]

OPTIMIZERS = ("adamw", "adam", "muon")
_ROUNDING = 1e-9
_MEASURED = ("t50_clean", "t50_noisy", "t90_noisy", "best_noisy", "gap", "excess")
_TITLES = {"adamw": "AdamW", "adam": "Adam", "muon": "Muon", "sgd": "SGD"}


def _middle(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Medians over seeds of the runs with noise, ``by`` ascending."""
    if frame.empty or "best_noisy" not in frame:
        raise Untested("no milestones of any run")
    rows = frame[frame.noise > 0]
    if diverged := int(rows.best_noisy.isna().sum()):
        raise Untested(f"{diverged} of {len(rows)} nets have diverged")
    return rows.groupby(list(by))[list(_MEASURED)].median()


def _fit(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Per optimizer and weight decay, medians over seeds where noise is fit, by (width, noise).

    Raises `Untested` where one of the three optimizers is missing, or fits no noise.
    """
    middle = _middle(frame, ("optimizer", "weight_decay", "width", "noise"))
    middle = middle[np.isfinite(middle.t50_noisy)]
    fitting = middle.index.get_level_values("optimizer")
    if missing := [_TITLES[x] for x in OPTIMIZERS if x not in fitting]:
        raise Untested(f"no noise is fit with {', '.join(missing)} in the recorded steps")
    for (optimizer, decay), rows in middle.groupby(level=[0, 1]):
        yield f"{_TITLES[optimizer]}, decay {decay:g}", rows.droplevel([0, 1])


def _but(failing: pd.DataFrame, text: Callable[[pd.Series], str]) -> str:
    """The settings in which a rule fails, at most three of them spelled out."""
    told = [f"M = {m}, noise {noise:g} ({text(row)})" for (m, noise), row in failing.iterrows()]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return f"; not at {', '.join(told[:3])}{more}" if told else ""


def _step(t: float) -> str:
    return f"{t:.0f}" if np.isfinite(t) else "never"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _first(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in _fit(frame):
        late = rows[rows.t50_noisy >= rows.t50_clean]
        times = "{0.t50_noisy:.0f} against {0.t50_clean:.0f}".format
        text = f"noisy first in {len(rows) - len(late)} of {len(rows)} widths and noise ratios"
        found.append((name, text + _but(late, times), late.empty))
    return found


def _regimes(frame: pd.DataFrame) -> Found:
    least = 3
    if frame.empty or "half_noisy" not in frame:
        raise Untested("no milestones of any run")
    rows = frame[(frame.noise > 0) & (frame.best_noisy >= 5 * chance(frame))]
    fits = interpolates(rows.accuracy_noisy)
    found = []
    for optimizer in OPTIMIZERS:
        for regime, here in (("under-parameterized", ~fits), ("over-parameterized", fits)):
            nets = rows[here & (rows.optimizer == optimizer)]
            if len(nets) < least:
                continue
            first = int((nets.half_noisy < nets.half_clean).sum())
            text = f"noisy first in {first} of {len(nets)} nets"
            found.append((f"{_TITLES[optimizer]}, {regime}", text, first >= 0.75 * len(nets)))
    for regime in ("under-parameterized", "over-parameterized"):
        if not any(name.endswith(regime) for name, *_ in found):
            texts = (f"{name}: {text}" for name, text, _ in found)
            raise Untested(f"fewer than {least} {regime} nets of any optimizer", *texts)
    return found


def _gap(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in _fit(frame):
        low = rows[rows.index.get_level_values("noise") <= 0.3 + _ROUNDING]
        if len(low):
            narrow = low[low.gap < 0.1 - _ROUNDING]
            text = f"{_points(low.gap.min())} to {_points(low.gap.max())} points"
            text += _but(narrow, lambda row: _points(row.gap))
            found.append((name, text, narrow.empty))
    if not found:
        raise Untested("no noise of at most 0.3 is fit")
    return found


def _gap_falls(frame: pd.DataFrame) -> Found:
    least, found = 3, []
    for name, rows in _fit(frame):
        for width, gaps in rows.gap.groupby(level="width"):
            if len(gaps) >= least:
                gaps = gaps.droplevel("width")
                text = ", ".join(f"{_points(x)} at noise {noise:g}" for noise, x in gaps.items())
                falls = bool((np.diff(gaps) < 0).all())
                found.append((f"{name}, M = {width}", f"points {text}", falls))
    if not found:
        raise Untested(f"no optimizer and width fit {least} noise ratios")
    return found


def _beyond_blind(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in _fit(frame):
        low = rows[rows.excess < 0.1 - _ROUNDING]
        text = f"{_points(rows.excess.min())} to {_points(rows.excess.max())} points"
        text += _but(low, lambda row: _points(row.excess))
        found.append((name, text, low.empty))
    return found


def _spearman(x: pd.Series, y: pd.Series) -> float:
    """Rank correlation, ties sharing their mean rank; NaN if all of one are equal.

    >>> _spearman(pd.Series([17, 129, 513, 2049]), pd.Series([60.0, 60.0, 40.0, 20.0]))
    -0.948...
    """
    return float(x.rank().corr(y.rank()))


def _faster(frame: pd.DataFrame) -> Found:
    middle = _middle(frame, ("optimizer", "weight_decay", "noise", "width"))
    if len(middle.groupby(level="width")) < 4:
        raise Untested("fewer than four widths")
    told: dict[str, list[tuple[float, str]]] = {}
    for (optimizer, decay, noise), rows in middle.t90_noisy.groupby(level=[0, 1, 2]):
        times = rows.droplevel([0, 1, 2])
        there = times[np.isfinite(times)]
        if len(there) < 2:
            continue
        rho = _spearman(there.index.to_series(), there)
        wider = bool(np.isfinite(times[times.index >= there.index[0]]).all())
        against = ""
        if not (wider and rho <= -0.9 + _ROUNDING):
            against = ", ".join(f"{_step(t)} (M = {width})" for width, t in times.items())
            against = f"decay {decay:g}, noise {noise:g}: step {against}"
        told.setdefault(_TITLES[optimizer], []).append((rho, against))
    if not told:
        raise Untested("no optimizer and noise ratio with two widths that get to 90 %")
    found = []
    for name, settings in told.items():
        values, against = pd.Series([rho for rho, _ in settings]), [x for _, x in settings if x]
        text = f"Spearman {_range(values)} in {len(values)} settings of decay and noise"
        text += "".join(f"; not at {x}" for x in against)
        found.append((name, text, not against))
    return found


def _gradients(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Per optimizer, medians over seeds by (width, noise), a row per early step.

    Early is at most step 100, and not after the noisy accuracy is 50 %: a label that is fit has no
    gradient any more.
    """
    if frame.empty or "cos" not in frame or frame.cos.isna().all():
        raise Untested("no recorded gradients")
    by = ["optimizer", "width", "noise"]
    middle = frame[(frame.part == "full") & (frame.noise > 0)].groupby([*by, "step"])
    middle = middle[["r_c", "r_n", "cos", "accuracy_noisy"]].median().reset_index("step")
    half = middle[middle.accuracy_noisy >= 0.5].groupby(level=by).step.min()
    end = half.reindex(middle.index).fillna(np.inf).clip(upper=100)
    early = middle[(middle.step <= end) & middle.cos.notna()]
    for optimizer, rows in early.groupby(level="optimizer"):
        yield _TITLES[optimizer], rows.droplevel("optimizer")


def _range(values: pd.Series) -> str:
    """The lowest and the highest, or the one that all are; to a hundredth.

    >>> _range(pd.Series([-1.0, -0.953])), _range(pd.Series([0.5, 0.5]))
    ('-1.00 to -0.95', '0.50')
    """
    low, high = f"{values.min():.2f}", f"{values.max():.2f}"
    return low if low == high else f"{low} to {high}"


def _early(rows: pd.DataFrame, values: pd.Series, name: str, holds: pd.Series) -> tuple[str, bool]:
    """A gradient quantity over widths, noise ratios and steps, and where its rule fails."""
    text = f"{name} {_range(values)} at {len(rows)} widths, noise ratios and steps"
    against = rows.assign(value=values)[~holds]
    return text + _but(against, "step {0.step:.0f}: {0.value:.3f}".format), against.empty


def _rates(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in _gradients(frame):
        holds = (rows.r_n > rows.r_c) & (rows.r_c > 0)
        found.append((name, *_early(rows, rows.r_n / rows.r_c, "r_n / r_c", holds)))
    return found


def _conflict(frame: pd.DataFrame) -> Found:
    later = [(name, rows[rows.step > 10]) for name, rows in _gradients(frame)]
    found = [
        (name, *_early(rows, rows.cos, "cos", rows.cos < 0)) for name, rows in later if len(rows)
    ]
    if not found:
        raise Untested("no recorded gradients after step 10 and before the noise is fit")
    return found


def _conflict_at_start(frame: pd.DataFrame) -> Found:
    start = [(name, rows[rows.step == 0]) for name, rows in _gradients(frame)]
    if any(rows.empty for _, rows in start):
        raise Untested("no recorded gradients at step 0")
    return [(name, *_early(rows, rows.cos, "cos", rows.cos < 0)) for name, rows in start]


def _sgd_first(frame: pd.DataFrame) -> Found:
    middle, found = _middle(frame, ("lr", "weight_decay")), []
    for (lr, decay), row in middle.iterrows():
        if np.isfinite(row.t50_noisy):
            text = f"50 % at step {_step(row.t50_noisy)} against {_step(row.t50_clean)}"
            name = f"lr {lr:g}, decay {decay:g}"
            found.append((name, text, bool(row.t50_noisy < row.t50_clean)))
    if not found:
        raise Untested("no cell of the grid fits the noise")
    return found


def _sgd_few(frame: pd.DataFrame) -> Found:
    if frame.empty or "accuracy_test" not in frame:
        raise Untested("no runs")
    if len(cells := frame.groupby(["lr", "weight_decay"])) < 6:
        raise Untested("fewer than six cells of learning rate and weight decay")
    test = cells.accuracy_test.median().fillna(0.0)
    general = test >= 10 * chance(frame)
    (lr, decay), best = test.idxmax(), test.max()
    text = f"{int(general.sum())} of {len(test)} cells at 10 × chance or above; the best "
    text += f"{100 * best:.1f} % (lr {lr:g}, decay {decay:g})"
    holds = bool(0 < general.sum() < len(test) / 2)
    return [("last test accuracy", text, holds)]


def _trend(frame: pd.DataFrame, fixed: str, along: str, *, falls: bool) -> Found:
    """Times of grokking along one field, per optimizer and value of the other.

    A net whose last test accuracy is below 50 % counts as later than all recorded steps. Settings
    in which no net gets there say nothing and are passed over.
    """
    names, found = {"noise": "noise", "weight_decay": "decay"}, []
    time = frame.grok.where(frame.accuracy_test >= 0.5, np.inf)
    middle = time.groupby([frame.optimizer, frame[fixed], frame[along]]).median()
    for (optimizer, value), rows in middle.groupby(level=[0, 1]):
        times = rows.droplevel([0, 1])
        if len(times) < 2 or not np.isfinite(times).any():
            continue
        ordered = times.to_numpy() if falls else times.to_numpy()[::-1]
        holds = all(a >= b for a, b in pairwise(ordered))
        text = ", ".join(f"{_step(t)} ({names[along]} {x:g})" for x, t in times.items())
        name = f"{_TITLES[optimizer]}, {names[fixed]} {value:g}"
        found.append((name, f"step {text}", bool(holds and ordered[0] > ordered[-1])))
    return found


def _grok_where(
    frame: pd.DataFrame, optimizers: Sequence[str], fixed: str, along: str, *, falls: bool
) -> Found:
    if frame.empty or "grok" not in frame:
        raise Untested("no milestones of any run")
    found = _trend(frame[frame.optimizer.isin(optimizers)], fixed, along, falls=falls)
    told = [name for name, *_ in found]
    if missing := [
        _TITLES[x] for x in optimizers if not any(t.startswith(f"{_TITLES[x]},") for t in told)
    ]:
        texts = (f"{name}: {text}" for name, text, _ in found)
        raise Untested(f"no net generalizes with {', '.join(missing)}", *texts)
    return found


def _grok_decay(frame: pd.DataFrame) -> Found:
    return _grok_where(frame, ("adamw", "muon"), "noise", "weight_decay", falls=True)


def _grok_noise(frame: pd.DataFrame) -> Found:
    return _grok_where(frame, OPTIMIZERS, "weight_decay", "noise", falls=False)


def _leads(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    if frame.empty or "lead" not in frame:
        raise Untested("no milestones of any run")
    if missing := int(frame.lead.isna().sum()):
        reason = "never have clean and noisy accuracy at 25 % on average"
        raise Untested(f"{missing} of {len(frame)} nets {reason}")
    return frame.groupby(list(by)).median(numeric_only=True)


def _bijective(frame: pd.DataFrame) -> Found:
    lead, found = _leads(frame, ("noise",)).lead, []
    if not ((lead.index < 0.5).any() and (lead.index > 0.5).any()):
        raise Untested("it takes noise ratios below and above 0.5")
    for noise, x in lead.items():
        if not np.isclose(noise, 0.5):
            text = f"noisy {_points(x)} points ahead of clean"
            ahead = x if noise < 0.5 else -x
            found.append((f"noise {noise:g}", text, bool(ahead >= 0.02 - _ROUNDING)))
    return found


def _random(frame: pd.DataFrame) -> Found:
    lead = _leads(frame, ("noise",)).lead
    if len(lead) < 3:
        raise Untested("fewer than three noise ratios")
    low = lead[lead.index <= 0.3 + _ROUNDING]
    if low.empty:
        raise Untested("no noise ratio up to 0.3")
    text = ", ".join(f"{_points(x)} at noise {noise:g}" for noise, x in lead.items())
    falls, ahead = bool((np.diff(lead) < 0).all()), bool(low.min() >= 0.02 - _ROUNDING)
    return [
        ("lead falls with noise", f"points {text}", falls),
        ("lead at noise up to 0.3", f"at least {_points(low.min())} points", ahead),
    ]


def _counted(frame: pd.DataFrame) -> Found:
    if "collisions_noisy" not in frame:
        raise Untested("no counted collisions beside the runs")
    middle = _leads(frame, ("noise_kind", "noise"))
    if len(middle) < 6 or frame.noise_kind.nunique() < 2:
        raise Untested("fewer than six settings of two kinds of noise")
    more = middle.collisions_noisy - middle.collisions_clean
    rho = _spearman(more, middle.lead)
    text = f"Spearman {rho:.2f} over {len(middle)} settings, collisions from "
    text += f"{more.min():+.2f} to {more.max():+.2f}"
    return [("lead against collisions", text, rho >= 0.9 - _ROUNDING)]


def _within(frame: pd.DataFrame) -> Found:
    least, found = 50, []
    if frame.empty or "collisions" not in frame:
        raise Untested("no pairs with their collisions")
    for role in ("clean", "noisy"):
        rows = frame[frame.role == role]
        few, many = rows[rows.collisions == 0], rows[rows.collisions >= 2]
        if min(few.pairs.sum(), many.pairs.sum()) < least:
            raise Untested(f"fewer than {least} {role} pairs with no collision, or with two")
        without, known = (x.right.sum() / x.pairs.sum() for x in (few, many))
        text = f"{100 * known:.1f} % known with two collisions or more, {100 * without:.1f} % "
        text += "with none"
        found.append((f"{role} pairs", text, bool(known - without >= 0.05 - _ROUNDING)))
    return found


def _equal(frame: pd.DataFrame) -> Found:
    least, found = 50, []
    if frame.empty or "collisions" not in frame:
        raise Untested("no pairs with their collisions")
    if missing := [role for role in ("clean", "noisy") if not (frame.role == role).any()]:
        raise Untested(f"no {missing[0]} pairs")
    both = frame.groupby("role")[["right", "pairs"]].sum()
    lead = float(
        both.right["noisy"] / both.pairs["noisy"] - both.right["clean"] / both.pairs["clean"]
    )
    if lead < 0.05 - _ROUNDING:
        raise Untested(
            f"noisy pairs are {_points(lead)} points ahead: there is nothing to explain"
        )
    for count, rows in frame.groupby("collisions"):
        here = rows.groupby("role")[["right", "pairs"]].sum()
        if len(here) < 2 or here.pairs.min() < least:
            continue
        known = here.right / here.pairs
        rest = float(known["noisy"] - known["clean"])
        text = f"noisy {100 * known['noisy']:.1f} %, clean {100 * known['clean']:.1f} %, "
        text += f"{_points(rest)} points; {_points(lead)} over all pairs"
        found.append((f"{count} collisions", text, bool(abs(rest) <= lead / 3 + _ROUNDING)))
    if not found:
        raise Untested(f"no number of collisions with {least} pairs of each role")
    return found


def _batches(frame: pd.DataFrame) -> Found:
    if frame.empty or "gap" not in frame:
        raise Untested("no milestones of any run")
    if frame.batch.notna().all() or frame.batch.nunique() < 2:
        raise Untested("it takes the full batch and two smaller ones")
    if frame.gap.isna().any():
        raise Untested("some nets have diverged")
    gaps = frame.groupby(frame.batch.fillna(np.inf)).gap.median()
    text = ", ".join(
        f"{_points(x)} ({f'batch {size:.0f}' if np.isfinite(size) else 'full batch'})"
        for size, x in gaps.items()
    )
    holds = bool((np.diff(gaps) > 0).all() and gaps.iloc[0] <= gaps.iloc[-1] / 2)
    return [("widest gap", f"points {text}", holds)]


_NETS = ("optimizer", "weight_decay", "lr", "width")
_RATES = ("optimizer", "weight_decay", "lr")
_EARLY = "at all early recorded steps: up to step 100, and not after the noisy accuracy is 50 %"

DYNAMICS = (
    Claim(
        "R3.2-first",
        "Noisy labels are learned before clean ones, with every optimizer",
        "paper, Result 3.2, Figs. 3, 16, 17 and 18",
        "noisy accuracy reaches 50 % at an earlier recorded step than clean accuracy, for AdamW, "
        "Adam and Muon, at every width and noise ratio where the noise is fit",
        _first,
        over=_NETS,
    ),
    Claim(
        "R3.2-regimes",
        "Noisy labels rise first in both regimes, also where they are not kept",
        "paper, Result 3.2, Fig. 3(a)",
        "per optimizer, nets whose last noisy accuracy is below 99 % and nets that keep it: noisy "
        "accuracy reaches half of its highest value at an earlier recorded step than clean "
        "accuracy reaches that level, in three quarters of the nets (at least three) whose "
        "highest noisy accuracy is 5 × chance or more",
        _regimes,
        over=_NETS,
    ),
    Claim(
        "R3.2-gap",
        "For a while much more of the wrong labels is known than of the right ones",
        "paper, Result 3.2, Figs. 3, 16, 17 and 18",
        "the widest gap, noisy less clean accuracy, is at least 10 points at noise up to 0.3, for "
        "AdamW, Adam and Muon, at every width where the noise is fit",
        _gap,
        over=_NETS,
    ),
    Claim(
        "R3.2-gap-noise",
        "The less noise, the wider the gap between noisy and clean labels",
        "paper, section 3.2, Fig. 3(b)",
        "the widest gap falls from each noise ratio to the next, for every optimizer and width "
        "with at least three noise ratios that are fit",
        _gap_falls,
        over=_NETS,
    ),
    Claim(
        "R3.2-null",
        "The early noisy accuracy is memory, not what a label-blind net would have",
        "ours",
        "where the gap is widest, noisy accuracy is at least 10 points above "
        "(1 − recovered)/(p − 1), wherever the noise is fit",
        _beyond_blind,
        over=_NETS,
    ),
    Claim(
        "R3.2-i",
        "Wider nets memorize the noise faster",
        "paper, Result 3.2 (i), Fig. 3(b)",
        "over the widths that get to 90 % noisy accuracy, Spearman's correlation of width and "
        "first step there is at most −0.9, and a width gets there if a smaller one does; at every "
        "optimizer, weight decay and noise ratio where two widths get there",
        _faster,
        over=_NETS,
    ),
    Claim(
        "C3-rates",
        "Per sample, the full gradient lowers the loss of noisy labels faster than of clean ones",
        "paper, appendix C.3",
        f"r_n > r_c > 0 {_EARLY}; every optimizer, width and noise ratio; rows of all steps",
        _rates,
        same="part",
        over=_NETS,
    ),
    Claim(
        "C3-conflict",
        "Clean and noisy gradients are in conflict",
        "paper, appendix C.3",
        f"the cosine of clean and noisy gradient is below 0 after step 10 {_EARLY}; every "
        "optimizer, width and noise ratio; rows of all steps",
        _conflict,
        same="part",
        over=_NETS,
    ),
    Claim(
        "C3-conflict-start",
        "Clean and noisy gradients are in conflict from the initialization on",
        "paper, appendix C.3, taken at its word",
        "the cosine of clean and noisy gradient is below 0 at step 0; every optimizer, width and "
        "noise ratio",
        _conflict_at_start,
        same="part",
        over=_NETS,
    ),
    Claim(
        "C1-SGD-first",
        "Noisy labels come first with SGD too",
        "paper, appendix C.1, Fig. 14",
        "noisy accuracy reaches 50 % at an earlier recorded step than clean accuracy at every "
        "learning rate and weight decay where the noise is fit",
        _sgd_first,
        needs={"optimizer": "sgd"},
        over=("lr", "weight_decay"),
    ),
    Claim(
        "C1-SGD-few",
        "With SGD few settings generalize",
        "paper, appendix C.1, Fig. 14 (there one)",
        "some, and fewer than half, of the cells of learning rate and weight decay end at 10 × "
        "chance test accuracy or above; a diverged net counts as 0",
        _sgd_few,
        needs={"optimizer": "sgd"},
        over=("lr", "weight_decay"),
    ),
    Claim(
        "GROK-decay",
        "Larger weight decay groks earlier, with AdamW and Muon",
        "paper, appendix C.3, Figs. 19 and 21",
        "the first recorded step with 90 % of the last test accuracy never rises from one weight "
        "decay to the next, and is earlier at the largest than at the smallest; nets that end "
        "below 50 % are the latest; at every noise ratio where some net generalizes",
        _grok_decay,
        over=_RATES,
    ),
    Claim(
        "GROK-noise",
        "The less noise, the earlier grokking, with all optimizers",
        "paper, appendix C.3, Figs. 19, 20 and 21",
        "the first recorded step with 90 % of the last test accuracy never falls from one noise "
        "ratio to the next, and is later at the largest than at the smallest; nets that end below "
        "50 % are the latest; at every weight decay where some net generalizes",
        _grok_noise,
        over=_RATES,
    ),
    Claim(
        "COLLISIONS-random",
        "The lead of randomly wrong labels shrinks with their share, as their collisions do",
        "follow-up (arXiv 2610.11833)",
        "noisy less clean accuracy, when their mean first is 25 %, falls from each noise ratio to "
        "the next and is at least 2 points at noise up to 0.3",
        _random,
        needs={"noise_kind": "wrong"},
    ),
    Claim(
        "COLLISIONS-bijective",
        "Wrong labels that collide no more than right ones are first only while they are few",
        "follow-up (arXiv 2610.11833)",
        "noisy less clean accuracy, when their mean first is 25 %, is at least 2 points at noise "
        "below 0.5 and at most −2 points above 0.5",
        _bijective,
        needs={"noise_kind": "bijective"},
    ),
    Claim(
        "COLLISIONS-order",
        "Who is first follows the counted collisions",
        "ours, after the follow-up",
        "Spearman's correlation of the lead (as in COLLISIONS-random) and the collisions that a "
        "noisy pair has more than a clean one is at least 0.9 over both kinds of noise",
        _counted,
        over=("noise_kind",),
    ),
    Claim(
        "COLLISIONS-within",
        "Among pairs of one role those with more collisions are learned first",
        "ours, after the follow-up",
        "nets at one step: of the training pairs with two collisions or more at least 5 points "
        "more are known than of those with none, among the clean and among the noisy pairs",
        _within,
    ),
    Claim(
        "COLLISIONS-equal",
        "Clean and noisy pairs with as many collisions are learned alike",
        "ours, after the follow-up",
        "nets at one step, noisy pairs at least 5 points ahead: at each number of collisions "
        "with 50 pairs of each role, noisy less clean accuracy is at most a third of that lead in "
        "size",
        _equal,
    ),
    Claim(
        "BATCHES",
        "With small batches noisy labels lead by less, or not at all",
        "paper, appendix C.3 (a remark)",
        "the widest gap, noisy less clean accuracy, grows from each batch size to the next larger "
        "one, and at the smallest is at most half of that at the full batch",
        _batches,
        over=("batch", "steps"),
        same="part",
    ),
)

"""Rules on random features, written before any recorded run was seen; as those of `rules`."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from modnoise.claim import Found, Untested
from modnoise.distillation.compare import flow_times, slopes
from modnoise.distillation.rules import LINEAR, SEEDS, spread

WITHIN = 0.15
"""Of the edges of the law (the issue that asked for this study)."""


def _bulk(frame: pd.DataFrame, part: str) -> pd.DataFrame:
    rows = frame[frame.part == part] if len(frame) else frame
    if rows.empty:
        raise Untested(f"no recorded part {part!r}")
    return rows


def spectrum(frame: pd.DataFrame) -> Found:
    """Edges of the memorizing bulk against the law, a condition per setting."""
    rows = _bulk(frame, "memorizing").dropna(subset=["law_low"])
    rows = rows[(rows.d >= 100) & rows.eigenvalue_low.notna()]
    if len(rows) < 4:
        raise Untested(f"{len(rows)} settings in 100 dimensions: it takes 4")
    found = []
    for row in rows.itertuples():
        off = [
            abs(getattr(row, f"eigenvalue_{end}") / getattr(row, f"law_{end}") - 1)
            for end in ("low", "high")
        ]
        text = (
            f"edges {row.eigenvalue_low:.4f} and {row.eigenvalue_high:.3f}, the law's "
            f"{row.law_low:.4f} and {row.law_high:.3f}: {100 * max(off):.0f} % off at most"
        )
        name = f"n/d = {row.psi_n:g}, p/d = {row.psi_p:g}"
        found.append((name, text, bool(max(off) <= WITHIN)))
    return found


def times(frame: pd.DataFrame) -> Found:
    """Slopes of both times of the gradient flow against n."""
    _bulk(frame, "flow")
    table = flow_times(frame)
    loads = table.dropna().psi_n.nunique()
    if loads < 4 or table.seed.nunique() < SEEDS:
        raise Untested(f"{loads} numbers of examples, {table.seed.nunique()} seeds: it takes 4, 3")
    found = []
    for name, column, expected in (
        ("learning", "tau_gen", 0),
        ("memorizing", "tau_mem", 1),
    ):
        slope = pd.Series(slopes(table, "psi_n", column))
        text = f"slope {spread(slope)} against log n, claimed {expected}"
        found.append((name, text, bool(abs(slope.median() - expected) <= LINEAR)))
    return found


def _hops(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns (value, bulk) by hop, medians over seeds, from the first hop on."""
    rows = frame.dropna(subset=["hop"]) if "hop" in frame else frame.iloc[:0]
    rows = rows[rows.hop > 0] if len(rows) else rows
    if rows.empty or rows.seed.nunique() < SEEDS:
        raise Untested("no three seeds of distilled random features")
    values = ["correlation", "energy", "energy_before"]
    return rows.groupby(["hop", "part"])[values].median().unstack("part")


def stable(frame: pd.DataFrame) -> Found:
    """Correlations of directions between noise levels, by bulk."""
    wide = _hops(frame).correlation
    return [
        (
            f"after {hop:g} doublings",
            f"{row.population:.3f} against {row.memorizing:.3f}",
            bool(row.population > row.memorizing),
        )
        for hop, row in wide.iterrows()
    ]


def _energies(frame: pd.DataFrame) -> pd.DataFrame:
    """The memorizing bulk's energy over the population's, by (hop, seed), before and after."""
    _hops(frame)
    rows = frame[frame.hop > 0].set_index(["hop", "seed", "part"])
    return pd.DataFrame(
        {
            name: rows[column].xs("memorizing", level="part")
            / rows[column].xs("population", level="part")
            for name, column in (("before", "energy_before"), ("after", "energy"))
        }
    )


def _by_hop(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, str]]:
    """Name, energies by seed, and what is told of them, of each hop."""
    for hop, one in _energies(frame).groupby("hop"):
        rises = int((one.after > one.before).sum())
        text = (
            f"{spread(one.before)} to {spread(one.after)}, falls in "
            f"{int((one.after < one.before).sum())} of {len(one)} seeds, rises in {rises}"
        )
        yield f"after {hop:g} doublings", one, text


def energy(frame: pd.DataFrame) -> Found:
    """The memorizing bulk's energy over the population's, before and after."""
    return [
        (name, text, bool(one.after.median() < one.before.median()))
        for name, one, text in _by_hop(frame)
    ]


def reversed_energy(frame: pd.DataFrame) -> Found:
    """Whether it rises, in every seed."""
    return [
        (name, text, bool((one.after > one.before).all())) for name, one, text in _by_hop(frame)
    ]

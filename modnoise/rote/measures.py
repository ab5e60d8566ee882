"""What the claims read off the recorded rows: settings, probes, removals, ablations."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from modnoise.claim import Untested

SEEDS = 3
"""Fewest seeds of a setting."""

LEAST = 0.05
"""Of the wrong labels: nets that recall fewer have remembered nothing that could be looked at."""

HALF = 0.5
"""Of what is recalled at the end: from there on a net has begun to recall."""

NAMES = {"fda": "sums", "thr": "questions"}


def last(rows: pd.DataFrame, part: str) -> pd.DataFrame:
    """Rows of a part at the last step of their run."""
    return rows[(rows.part == part) & (rows.step == rows.steps)]


def settings(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name and rows of every setting of trained nets with wrong labels, of so many seeds.

    Raises:
        Untested: none, or one with fewer than `SEEDS` seeds.
    """
    if frame.empty:
        raise Untested("no runs")
    some = frame[(frame.noise > 0) & (frame.steps > 0)]
    if some.empty:
        raise Untested("no trained nets with wrong labels")
    for (task, d), rows in some.groupby(["task", "d_model"]):
        if (seeds := rows.seed.nunique()) < SEEDS:
            raise Untested(f"{seeds} seeds of {NAMES[task]}, d = {d}: it takes {SEEDS}")
        yield f"{NAMES[task]}, d = {d}", rows


def recall(rows: pd.DataFrame) -> float:
    """Share of the wrong labels that nets give back at the end, the median over seeds."""
    return float(last(rows, "full").accuracy_noisy.median())


def read_out(rows: pd.DataFrame) -> pd.DataFrame:
    """Probe and shuffled probe at the middle site where the probe is best on held-out items.

    A row per part: medians over seeds. Sums: the clean digit; questions: the bridge. Of equally
    good sites the first.

    Raises:
        Untested: no probes are recorded.
    """
    target = "answer" if rows.task.iloc[0] == "fda" else "bridge"
    parts = [f"probe_{target}", f"shuffled_{target}"]
    some = rows[rows.part.isin(parts) & (rows.layer > 0) & (rows.layer < rows.layers)]
    if some.part.nunique() < len(parts):
        raise Untested("no probes are recorded")
    columns = [x for x in some if x.startswith("accuracy_")]
    middle = some.groupby(["part", "layer", "position"])[columns].median()
    layer, position = middle.loc[parts[0]].accuracy_test.idxmax()
    here = middle.reset_index(["layer", "position"])
    here = here[(here.layer == layer) & (here.position == position)]
    return here.rename(index=dict(zip(parts, ("probe", "shuffled"), strict=True)))


def removal(rows: pd.DataFrame) -> pd.DataFrame:
    """Recall of memorized items per seed: before, without the bridge (digit), without a random
    subspace of that rank (mean over draws), at the last round.

    Raises:
        Untested: no removal is recorded.
    """
    gone, other = last(rows, "inlp"), last(rows, "inlp_random")
    if gone.empty or other.empty:
        raise Untested("no removal is recorded")
    gone = gone.loc[gone.groupby("seed")["rank"].idxmax()].set_index("seed")
    other = other.groupby(["seed", "rank"]).accuracy_noisy.mean()
    return pd.DataFrame(
        {
            "before": last(rows, "first").set_index("seed").accuracy_noisy,
            "without": gone.accuracy_noisy,
            "random": [other[x] for x in zip(gone.index, gone["rank"], strict=True)],
            "rank": gone["rank"],
            "probe": gone.probe,
        }
    )


def worst(rows: pd.DataFrame, part: str) -> tuple[float, float]:
    """The largest share of recall that one head (neuron) costs, and its cost on clean items.

    Of every seed's worst, medians over seeds; NaN where clean items are not recorded.
    """
    some, before = last(rows, part), last(rows, "first").set_index("seed")
    if some.empty or before.empty:
        raise Untested(f"no {part} is ablated")
    one = some.loc[some.groupby("seed").accuracy_noisy.idxmin()].set_index("seed")
    columns = [f"accuracy_{role}" for role in ("noisy", "clean")]
    lost = (1 - one.reindex(columns=columns) / before.reindex(columns=columns)).median()
    return float(lost.iloc[0]), float(lost.iloc[1])


def halfway(rows: pd.DataFrame) -> pd.Series:
    """Recall of wrong labels at half of the training, by width: the median over seeds."""
    full = rows[(rows.part == "full") & (rows.step == rows.steps // 2)]
    return full.groupby("d_model").accuracy_noisy.median()


def since(step: float) -> str:
    """A step from which on something is so, in words; NaN: it never is."""
    return "at no step" if pd.isna(step) else f"from step {step:g}"

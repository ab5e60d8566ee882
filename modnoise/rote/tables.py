"""What pages show of the recorded rows: outcomes along the training, shares by part, items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from modnoise.rote.data import rote_data, spoken, written
from modnoise.rote.measures import last, read_out
from modnoise.rote.run import RoteRun
from modnoise.store.records import Store, those_recorded
from modnoise.studies import EXPERIMENTS

SHARES = ("wrong", "true", "other", "test", "clean")


def recorded(name: str, scale: str, store: Store | None = None) -> list[RoteRun]:
    """The runs of an experiment that a page shows beside its own: those that are recorded."""
    return those_recorded(EXPERIMENTS[name].runs(scale), scale, store)


def by_setting(rows: pd.DataFrame, width: int) -> dict[str, pd.DataFrame]:
    """Rows of trained nets with wrong labels: ``sums`` of one width, and ``questions``."""
    some = rows[(rows.noise > 0) & (rows.steps > 0)]
    return {
        "sums": some[(some.task == "fda") & (some.d_model == width)],
        "questions": some[some.task == "thr"],
    }


def outcomes(rows: pd.DataFrame) -> pd.DataFrame:
    """What noisy training items are answered with, along the training: medians over seeds.

    Columns ``step``, ``wrong`` (the given label), ``true``, ``other``, ``test`` (new items),
    ``clean``; ``rows`` are of one setting.
    """
    full = rows[rows.part == "full"]
    names = {"accuracy_noisy": "wrong", "accuracy_recovered": "true", "accuracy_test": "test",
             "accuracy_clean": "clean"}  # fmt: skip
    some = full.rename(columns=names)
    some = some.assign(other=1 - some.wrong - some.true)
    return some.groupby("step")[[*SHARES]].median().reset_index()


def sites(rows: pd.DataFrame) -> pd.DataFrame:
    """Shares of memorized items by where the stream is read: medians over seeds.

    Columns ``way`` (probe, shuffled, lens), ``layer``, ``true``, ``wrong``. Of questions the probe
    is that of the bridge at the position where it is best in the middle.
    """
    target = "answer" if rows.task.iloc[0] == "fda" else "bridge"
    position = float(read_out(rows).loc["probe"].position)
    found = []
    for way, part in (
        ("probe", f"probe_{target}"), ("shuffled", f"shuffled_{target}"), ("lens", "lens"),
    ):  # fmt: skip
        some = last(rows, part)
        some = some if way == "lens" else some[some.position == position]
        names = {"accuracy_recovered": "true", "accuracy_noisy": "wrong"}
        middle = some.groupby("layer")[[*names]].median().rename(columns=names)
        found.append(middle.reset_index().assign(way=way))
    return pd.concat(found, ignore_index=True)


def _long(name: str, series: str, seeds: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {"name": name, "series": series, "seed": seeds.index, "value": seeds.to_numpy(float)}
    )


def removed(rows: pd.DataFrame) -> pd.DataFrame:
    """Recall of wrong labels by the number of directions taken out: medians over seeds.

    Columns ``rank``, ``without`` (those of the true digit or bridge), ``random`` (as many random
    ones), ``clean`` and ``clean_random`` (clean items right), ``probe`` (accuracy of a new probe);
    the first row is the net as it is. Ranks that not all seeds have are left out.
    """
    plain, seeds = last(rows, "first"), rows.seed.nunique()
    first = {"rank": 0, "without": plain.accuracy_noisy.median(),
             "random": plain.accuracy_noisy.median(), "clean": plain.accuracy_clean.median(),
             "clean_random": plain.accuracy_clean.median()}  # fmt: skip
    found = [first]
    gone, other = last(rows, "inlp"), last(rows, "inlp_random")
    for rank, here in gone.groupby("rank") if len(gone) else ():
        if here.seed.nunique() < seeds:
            continue
        control = other[other["rank"] == rank].groupby("seed")[
            ["accuracy_noisy", "accuracy_clean"]
        ].mean().median()  # fmt: skip
        found.append(
            {"rank": int(rank), "without": here.accuracy_noisy.median(),
             "random": control.accuracy_noisy, "clean": here.accuracy_clean.median(),
             "clean_random": control.accuracy_clean, "probe": here.probe.median()}
        )  # fmt: skip
    return pd.DataFrame(found)


def shared_edges(panels: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Shared edges of circuits, means over draws, a row per name, series and seed."""
    found = []
    for name, rows in panels.items():
        some = last(rows, "circuit").groupby("seed")[["shared", "shared_halves"]].mean()
        found.append(_long(name, "clean and memorized", some.shared))
        found.append(_long(name, "two halves of clean", some.shared_halves))
    return pd.concat(found, ignore_index=True)


PATCHES = {"outlier": "outlying neurons", "outlier_random": "random neurons"}
"""Parts by what is patched."""


def after_patch(rows: pd.DataFrame) -> pd.DataFrame:
    """Answers with an item's neurons put to their neighbours' mean, a row per name, series, seed.

    Names: nothing, outlying neurons, random neurons; series: memorized items' true answer and
    wrong label, and clean items right.
    """
    plain = last(rows, "first").set_index("seed")
    found, columns = [], {"memorized: true answer": "accuracy_recovered",
                          "memorized: wrong label": "accuracy_noisy",
                          "clean: right": "accuracy_clean"}  # fmt: skip
    for name, some in {
        "nothing": plain,
        **{name: last(rows, part).set_index("seed") for part, name in PATCHES.items()},
    }.items():
        found += [_long(name, series, some[column]) for series, column in columns.items()]
    return pd.concat(found, ignore_index=True)


def token_names(run: RoteRun) -> dict[int, str]:
    """What the tokens of a question are called, by position."""
    if run.task == "thr":
        return {0: "relation 2", 1: "relation 1", 2: "entity"}
    names = {}
    for start, operand in ((0, "a"), (run.digits + 1, "b")):
        for i in range(run.digits):
            power = run.digits - 1 - i
            place = {0: "units", 1: "tens", 2: "hundreds", 3: "thousands"}[power]
            names[start + i] = f"{operand}, {place}"
    return names


def single_parts(run: RoteRun, rows: pd.DataFrame) -> pd.DataFrame:
    """Recall left when one token is changed, or the worst head or neuron is held at its mean.

    A row per name and seed; ``series`` is recall.
    """
    tokens, found = last(rows, "token"), []
    for position, name in token_names(run).items():
        here = tokens[tokens.position == position].set_index("seed").accuracy_noisy
        found.append(_long(name, "recall", here))
    for part in ("head", "neuron"):
        least = last(rows, part).groupby("seed").accuracy_noisy.min()
        found.append(_long(f"worst {part}", "recall", least))
    return pd.concat(found, ignore_index=True)


def _word(run: RoteRun, token: int) -> str:
    """A token of the answer as a reader knows it, a dash where it is none."""
    most = 10 if run.task == "fda" else run.entities
    return str(token) if token < most else "–"


def single_items(run: RoteRun, rows: pd.DataFrame) -> list[dict[str, object]]:
    """The recorded items of a run for the explorer, plain values.

    Each has ``question``, ``true``, ``given``, ``noisy``, and ``layers``: (site, token, which),
    the token that the logit lens reads there, and whether it is ``true``, ``wrong`` or ``other``.
    """
    train = rote_data(run).train
    some = last(rows, "item").sort_values(["unit", "layer"], kind="stable")
    found = []
    for unit, lines in some.groupby("unit"):
        i = int(unit)
        true, given = int(train.true[i, 0]), int(train.given[i, 0])
        layers = []
        for line in lines.itertuples():
            token = int(line.token)
            which = "true" if token == true else "wrong" if token == given else "other"
            layers.append([f"{line.layer:g}", _word(run, token), which])
        found.append(
            {
                "question": spoken(run, train.prompt[i]),
                "true": _answer(run, train.true[i]),
                "given": _answer(run, train.given[i]),
                "noisy": bool(train.noisy[i]),
                "layers": layers,
            }
        )
    return sorted(found, key=lambda one: not one["noisy"])


def _answer(run: RoteRun, tokens: Sequence[int] | np.ndarray) -> str:
    if run.task == "thr":
        return str(int(tokens[0]))
    number = int((np.asarray(tokens) * 10 ** np.arange(len(tokens))).sum())
    assert (written(np.array([number]), len(tokens))[0] == tokens).all()
    return str(number)

"""Table 3 as text: before and after FF of the unembedding, and where its first row is met."""

from __future__ import annotations

import pandas as pd

from modnoise.claim import told
from modnoise.transformer.claims import FIT, PARTIAL
from modnoise.transformer.run import frequencies_kept

ROLES = ("clean", "noisy", "test")

PAPER_TABLE3 = pd.DataFrame(
    {"clean": [1.0, 0.981], "noisy": [1.0, 0.368], "test": [0.768, 0.878]},
    index=["before FF", "after FF"],
)
"""The paper's Table 3: accuracies before FF and with the top 20 of 56 frequencies."""


BEFORE_FF = {"fit": FIT, "partial": PARTIAL}
"""The bounds of `like_before`, as `figures.before_region` takes them."""


def with_paper_share(final: pd.DataFrame) -> pd.DataFrame:
    """The full nets, and FF with the paper's share of the frequencies, of runs of one p."""
    kept = frequencies_kept(int(final.p.iloc[0]))
    return final[(final.part == "full") | (final.kept == kept)]


def table3(final: pd.DataFrame) -> pd.DataFrame:
    """The paper's rows beside ours as text: median, lowest and highest over seeds and draws.

    ``final`` holds the last rows of runs that differ in seeds alone: ``part`` (full, top,
    random), ``kept``, ``p`` and ``accuracy_<role>``.
    """
    rows = with_paper_share(final)
    kept = frequencies_kept(int(final.p.iloc[0]))
    shown = {
        "before FF": "full",
        f"after FF: top {kept}": "top",
        f"control: {kept} at random": "random",
    }
    paper = {
        ("paper", name): {role: f"{row[role]:.1%}" for role in ROLES}
        for name, row in PAPER_TABLE3.iterrows()
    }
    ours = {
        ("ours", name): {role: told(rows, part, role).replace(" %", "%") for role in ROLES}
        for name, part in shown.items()
    }
    return pd.DataFrame.from_dict(paper | ours, orient="index")


def like_before(rows: pd.DataFrame) -> pd.Series:
    """Which full nets are like the paper's row "before FF": every label fit, test partial."""
    fit = rows[["accuracy_clean", "accuracy_noisy"]].min(axis=1) >= FIT
    return fit & rows.accuracy_test.between(*PARTIAL)


def gains(curves: pd.DataFrame) -> pd.DataFrame:
    """What FF with the paper's share of the frequencies changes in nets that are `like_before`.

    A row per recorded step of a run at which the net is like that and FF was recorded too;
    columns clean, noisy, test: accuracy after less accuracy before.
    """
    rows = with_paper_share(curves)
    columns = {f"accuracy_{role}": role for role in ROLES}
    full, top = (rows[rows.part == part].set_index(["key", "step"]) for part in ("full", "top"))
    change = top[list(columns)] - full.loc[like_before(full), list(columns)]
    return change.dropna().rename(columns=columns)


def region(curves: pd.DataFrame) -> pd.DataFrame:
    """Where nets are like the paper's row "before FF", and what FF does at the end, as text.

    A row per noise ratio and weight decay, of one seed each: the first recorded step at which
    every label is fit, the first and the last at which the net is `like_before`, and the test
    accuracy at the end before and after FF with the paper's share of the frequencies. A dash
    where there is no such step.
    """
    found = {}
    for setting, one in with_paper_share(curves).groupby(["noise", "weight_decay"]):
        full = one[one.part == "full"].sort_values("step", kind="stable")
        fit = full[full[["accuracy_clean", "accuracy_noisy"]].min(axis=1) >= FIT].step
        like = full[like_before(full)].step
        last = one[one.step == one.steps]
        found[setting] = {
            "labels fit from": str(fit.min()) if len(fit) else "–",
            "as in the paper": f"{like.min()} to {like.max()}" if len(like) else "–",
            "test at the end": told(last, "full", "test"),
            "after FF": told(last, "top", "test"),
        }
    table = pd.DataFrame.from_dict(found, orient="index")
    return table.rename_axis(["noise", "decay"])

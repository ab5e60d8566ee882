"""How near nets trained at a higher tempo come to those of the paper's own (ours).

The question behind the scale ``fast``: is training time lr x steps (`run.at_tempo`)? Frames are
`frames.curves` of experiments ``tempo``, ``tempo-steps`` and, at the paper's own tempo,
``fig2-own``, all at one noise ratio and decay.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from modnoise.arithmetic.run import LR

ACCURACIES: Mapping[str, tuple[str, str]] = {
    "test": ("full", "test"),
    "FF": ("G", "test"),
    "FF, x²": ("G_quadratic", "test"),
    "random frequency, x²": ("G_random", "test"),
    "x² swap, test": ("quadratic", "test"),
    "x² swap, noisy": ("quadratic", "noisy"),
    "reverse ReLU, test": ("reverse_relu", "test"),
    "reverse ReLU, noisy": ("reverse_relu", "noisy"),
    "residual, noisy": ("R", "noisy"),
}
"""What is compared, as (part, role): the accuracies that the book reports of a trained net."""

NUMBERS: Mapping[str, str] = {
    "test cross-entropy": "cross_entropy_test",
    "norm": "norm",
    "phase MSE": "phase_mse",
    "IPR and Str.": "ipr_strength",
}
"""Other numbers of the full net that are shown beside them, as columns of a record."""

NEAR = 0.1
"""Largest accepted difference of an accuracy (ours, fixed before the runs)."""


def final_accuracies(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per net at its last step: ``tempo``, ``memory`` (whether AdamW's is as long in
    training time as at tempo 1), ``width``, ``seed``, `ACCURACIES` in [0, 1] and `NUMBERS`."""
    last = frame[frame.step == frame.steps]
    of_part = {part: rows.set_index("key") for part, rows in last.groupby("part")}
    full = of_part["full"]
    tempo = (full.lr / LR).round().astype(int)
    found = pd.DataFrame({"tempo": tempo, "width": full.width, "seed": full.seed})
    found["memory"] = (full.beta2 - (1 - tempo / 1000)).abs() < 1e-9
    for name, (part, role) in ACCURACIES.items():
        found[name] = of_part[part][f"accuracy_{role}"]
    for name, column in NUMBERS.items():
        found[name] = full[column]
    return found.reset_index(drop=True)


def deviations(frame: pd.DataFrame) -> pd.DataFrame:
    """Every accuracy at a higher tempo against that of the same seed at the paper's own.

    Rows: ``tempo``, ``memory``, ``width``, ``quantity``, ``own``, ``here``, their ``difference``
    (of the seeds recorded at both, the largest in size), the ``spread`` of all seeds recorded at
    that tempo (highest - lowest), ``seeds`` of them, and whether it is ``near``: the difference is
    `NEAR` at most, or the spread of three seeds or more where that is wider.
    """
    final = final_accuracies(frame)
    own = final[final.tempo == 1].set_index(["width", "seed"])
    rows = []
    for (tempo, memory, width), nets in final[final.tempo > 1].groupby(
        ["tempo", "memory", "width"]
    ):
        both = [seed for seed in nets.seed if (width, seed) in own.index]
        if not both:
            continue
        by_seed = nets.set_index("seed")
        for quantity in ACCURACIES:
            pairs = [(own.loc[(width, s), quantity], by_seed.loc[s, quantity]) for s in both]
            at_own, here = max(pairs, key=lambda pair: abs(pair[1] - pair[0]))
            spread = nets[quantity].max() - nets[quantity].min()
            allowed = max(NEAR, spread) if len(nets) >= 3 else NEAR
            rows.append(
                {
                    "tempo": tempo, "memory": memory, "width": width, "quantity": quantity,
                    "own": at_own, "here": here, "difference": here - at_own, "spread": spread,
                    "seeds": len(nets), "near": bool(abs(here - at_own) <= allowed + 1e-9),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def entropies(frame: pd.DataFrame) -> pd.DataFrame:
    """Test cross-entropy by width at the paper's own tempo and at the one other in ``frame``.

    Of the seeds recorded at both: columns ``own`` and ``here`` in nats, one row per seed, of the
    full net at its last step.
    """
    full = frame[(frame.step == frame.steps) & (frame.part == "full")]
    sides = [full[(full.lr / LR).round() == 1], full[(full.lr / LR).round() > 1]]
    own, here = (x.set_index(["width", "seed"]).cross_entropy_test for x in sides)
    both = pd.DataFrame({"own": own}).join(here.rename("here"), how="inner")
    return both.reset_index()


def tempo_table(frame: pd.DataFrame) -> pd.DataFrame:
    """As text: a row per width and tempo, a column per accuracy, of the median seed in percent.

    A star marks what is not near the paper's own tempo (`deviations`). The last columns hold
    `NUMBERS` (nats; norm; rad²; rank correlation).
    """
    final, far = final_accuracies(frame), deviations(frame)
    far = {(r.tempo, r.memory, r.width, r.quantity) for r in far[~far.near].itertuples()}
    rows = {}
    for (width, tempo, memory), nets in final.groupby(["width", "tempo", "memory"]):
        kind = "own" if tempo == 1 else f"{tempo}" if memory else f"{tempo}, memory in steps"
        row = {"seeds": str(len(nets))}
        for name in ACCURACIES:
            values = 100 * nets[name]
            star = "*" * ((tempo, memory, width, name) in far)
            row[name] = f"{values.median():.1f}{star}"
        row |= {name: f"{nets[name].median():.3g}" for name in NUMBERS}
        rows[width, kind] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["M", "tempo"])

"""Null calibration: networks that hold no rule, judged as if they were the paper's.

Rows are recorded at chance: the numbers that untrained networks, or networks all of whose labels
are wrong, give, with the spread of a finite test set. No claim that a network generalizes may hold
on them, whatever the draw.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from modnoise.arithmetic.run import TEMPO, Run, at_tempo
from modnoise.judge import check

P, TEST_PAIRS, SEEDS = 113, 1915, 3
GENERALIZES = (
    "R3.1-1a", "R3.1-1b", "R3.1-3", "R3.1-confidence", "R3.1-inversion", "R4.1-FF",
    "R4.1-FF-quadratic-part", "R4.1-FF-mu0", "R4.1-swap", "D-FF-subtraction", "D-FF",
    "R4.1-phase", "R5.1", "R5.2", "R5.3", "R5.3-helps", "E1-comparable", "E1-multiplication",
    "C2-misspecification", "GROK-noise", "LEAD",
)  # fmt: skip
"""Claims that say, or need, that a network answers pairs that it has never seen."""
PARTS = ("full", "G", "R", "G_quadratic", "G_mu0", "quadratic", "reverse_relu", "G_random")
NOISES = (0.0, 0.1, 0.3, 0.5, 0.8)
WIDTHS = (17, 33, 65, 129, 257, 513, 1025, 2049)


def null(fits: bool, rng: np.random.Generator) -> pd.DataFrame:
    """Rows of every axis that a claim ranges over; ``fits``: labels, all wrong, are met."""

    def guessed(size: int) -> np.ndarray:
        return rng.binomial(TEST_PAIRS, 1 / P, size) / TEST_PAIRS

    nets = [
        (op, act, tied, kind)
        for op, act, tied in (("add", "relu", False), ("sub", "relu", False),
                              ("mul", "relu", False), ("add", "quadratic", False),
                              ("add", "gelu", False), ("add", "relu", True))
        for kind in (("wrong", "symmetric") if tied else ("wrong",))
    ]  # fmt: skip
    axes = itertools.product(nets, NOISES, WIDTHS, (0.1, 1.0), range(42, 42 + SEEDS), PARTS)
    rows = pd.DataFrame(
        [(*net, *rest) for net, *rest in axes],
        columns=["op", "act", "tied", "noise_kind", "noise", "width", "weight_decay", "seed",
                 "part"],
    )  # fmt: skip
    usual = Run(**at_tempo(TEMPO)).model_dump()
    rows = rows.assign(**{name: x for name, x in usual.items() if name not in rows})
    n = len(rows)
    for role in ("test", "recovered", "val", "clean"):
        rows[f"accuracy_{role}"] = guessed(n)
    rows["accuracy_noisy"] = np.where(fits & (rows.width >= 129), 1.0, guessed(n))
    rows["cross_entropy_test"] = np.log(P) * rng.uniform(0.99, 1.01, n)
    chance = np.pi**2 / 3
    for name in ("phase_mse", "phase_mse_weighted"):
        rows[name] = chance * rng.uniform(0.95, 1.05, n)
    rows["periodic"], rows["ipr_auc"], rows["ipr_strength"] = 0.0, 0.5, 0.0
    rows["ff"] = guessed(n)
    for score in ("strength", "ipr", "random"):
        rows[f"{score}_test"], rows[f"{score}_ff"] = guessed(n), guessed(n)
        for share in ("g", "r", "r99"):
            rows[f"{score}_gamma_{share}"] = rng.uniform(0, 1, n)
    rows["ceiling_noisy"], rows["fit"], rows["half_test"] = 0.5, 10.0, 1000.0
    return rows.assign(step=rows.steps)


def frame(claim: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that a page would give to this claim."""
    tied = claim.startswith("C2")
    rows = rows[rows.tied == tied]
    if claim in ("R3.1-3", "D-FF"):
        rows = rows[rows.op == "add"]
    elif claim == "D-FF-subtraction":
        rows = rows[(rows.op == "sub") & (rows.act == "relu")]
    elif claim.startswith("E1-mult"):
        rows = rows[(rows.op == "mul") & (rows.act == "relu")]
    elif claim.startswith(("R5.1", "R5.3", "E1", "R4.1-phase", "R4.1-FF")) and claim in (
        "R5.1", "R5.3", "R5.3-helps", "E1-comparable", "R4.1-phase", "R4.1-FF"
    ):  # fmt: skip
        rows = rows[(rows.act == "relu") & (rows.op != "mul")]
    else:
        rows = rows[(rows.act == "relu") & (rows.op == "add")]
    if not claim.startswith(("R3.1", "C2", "GROK")):
        rows = rows[(rows.weight_decay == 0.1) & (rows.width >= 1025)]
    if claim == "R3.1-3":
        rows = rows[rows.weight_decay == 0.1]
    if claim == "LEAD":
        rows = rows[(rows.noise == 0.3) & (rows.width == 1025) & (rows.seed == 42)]
    if claim.startswith(("R5", "E1", "R4.1-phase", "GROK", "R3.1", "C2")):
        rows = rows[rows.part == "full"]
    return rows


@pytest.mark.parametrize("fits", [False, True], ids=["untrained", "labels all wrong"])
def test_no_claim_about_generalization_holds_on_networks_that_hold_no_rule(fits):
    rows = null(fits, np.random.default_rng(0))
    verdicts = {claim: check(claim, frame(claim, rows), scale="fast") for claim in GENERALIZES}
    held = [claim for claim, one in verdicts.items() if one.state in ("holds", "holds in part")]
    assert held == []
    judged = [claim for claim, one in verdicts.items() if one.state == "contradicted"]
    assert {"R4.1-FF", "R4.1-phase"} <= set(judged)  # the rules were applied, not passed over

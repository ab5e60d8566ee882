"""Accuracy and cross-entropy by role, and what is read off their curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.regimes import doshi_label, interpolates, train_accuracy
from modnoise.arithmetic.tables import CLEAN, NOISY, TEST, VAL, NoisyTable
from modnoise.frames import curves, percent
from modnoise.spec import Trainable

ROLES = ("clean", "noisy", "recovered", "val", "test")
"""clean, val, test: against the true label. noisy: corrupted training pairs against the *given*
label. recovered: the same pairs against the *true* label (ours; it separates inversion from
confusion)."""

CHUNK = {"cpu": 2**19, "cuda": 2**26}
"""Hidden activations, or logits, that an evaluation holds at once (ours, measured)."""


def row_blocks(nets: NetStack) -> list[slice]:
    """Slices of rows a, so that `NetStack.logits` of one fits the cache, or the GPU's memory."""
    step = max(1, CHUNK[nets.mu.device.type] // (len(nets) * nets.p * max(nets.width, nets.p)))
    return [slice(i, i + step) for i in range(0, nets.p, step)]


def by_role(table: NoisyTable) -> list[tuple[Tensor, Tensor]]:
    """(mask, label) per role, in the order of `ROLES`."""
    role, true, given = table.role, table.true, table.given
    return [
        (role == CLEAN, given),
        (role == NOISY, given),
        (role == NOISY, true),
        (role == VAL, true),
        (role == TEST, true),
    ]


@torch.no_grad()
def predictions(nets: NetStack) -> Int[Tensor, "run p p"]:
    """The class with the largest logit for every pair."""
    return torch.cat([nets.logits(rows).argmax(-1) for rows in row_blocks(nets)], 1)


@torch.no_grad()
def scores(
    nets: NetStack, table: NoisyTable
) -> tuple[Float[Tensor, "run role"], Float[Tensor, "run role"]]:
    """Accuracy and mean cross-entropy per role (`scored`) of nets on their table."""
    return scored(((rows, nets.logits(rows)) for rows in row_blocks(nets)), table)


def scored(
    logits: Iterable[tuple[slice, Float[Tensor, "run a b p"]]], table: NoisyTable
) -> tuple[Float[Tensor, "run role"], Float[Tensor, "run role"]]:
    """Accuracy and mean cross-entropy (nats) per role, NaN where a role is empty
    or the net has diverged.

    ``logits``: blocks of rows a, with which they are; all rows once. Acc(D) = share of D with
    argmax f = label; the cross-entropy is computed by log-sum-exp, in the dtype of the logits, and
    averaged in float64.
    """
    targets = by_role(table)
    right = torch.zeros(len(table.role), len(ROLES), dtype=torch.float64, device=table.role.device)
    loss, count = torch.zeros_like(right), torch.zeros_like(right)
    for rows, block in logits:
        best, log_norm = block.argmax(-1), block.logsumexp(-1)
        for j, (mask, label) in enumerate(targets):
            mask, label = mask[:, rows], label[:, rows]
            at_label = block.gather(-1, label[..., None])[..., 0]
            right[:, j] += ((best == label) & mask).sum((1, 2))
            loss[:, j] += ((log_norm - at_label).double() * mask).sum((1, 2))
            count[:, j] += mask.sum((1, 2))
    right.masked_fill_(~loss.isfinite(), torch.nan)
    return right / count, loss / count


def accuracy(nets: NetStack, table: NoisyTable) -> pd.DataFrame:
    """Accuracies (fractions) by role: one row per net of the stack, columns `ROLES`."""
    frame = pd.DataFrame(scores(nets, table)[0].cpu().numpy(), columns=list(ROLES))
    return frame.rename_axis("run")


def compare(shown: Mapping[str, tuple[NetStack, NoisyTable]]) -> pd.DataFrame:
    """Accuracies by role, one named row per (net, table); the first net of each stack."""
    rows = {name: scores(nets, table)[0][0].cpu().numpy() for name, (nets, table) in shown.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(ROLES))


def outcomes(runs: Sequence[Trainable], trained: Iterable[Any]) -> pd.DataFrame:
    """One row per run: its full net at the last step, as in `curves`, and what that net does.

    ``interpolates`` is our rule, ``regime`` Doshi's label (`regimes`), ``accuracy_train`` the
    accuracy on the given labels of all training pairs, ``late_gain`` what the second half of
    the steps added to the test accuracy.
    """
    rows = curves(runs, trained)
    rows = rows[rows.part == "full"]
    half = rows[rows.step <= rows.steps / 2].groupby("key").accuracy_test.last()
    rows = rows[rows.step == rows.steps].reset_index(drop=True)
    clean, noisy, test = (rows[f"accuracy_{role}"] for role in ("clean", "noisy", "test"))
    return rows.assign(
        accuracy_train=train_accuracy(clean, noisy, rows.noise),
        interpolates=interpolates(noisy),
        regime=doshi_label(clean, noisy, test, rows.noise),
        late_gain=test - rows.key.map(half),
    )


def ladder_table(final: pd.DataFrame, by: Sequence[str], role: str = "test") -> pd.DataFrame:
    """Accuracies of a role as text: a row per value of ``by``, a column per width, median seed."""
    middle = final.groupby([*by, "width"])[f"accuracy_{role}"].median().unstack("width")
    return percent(middle.rename_axis(index={"weight_decay": "decay", "train_frac": "share"}))

"""What every extraction answers, as rows to be recorded at the end of a training."""

from __future__ import annotations

import numpy as np
import torch

from modnoise.arithmetic.extraction.net import NULLS
from modnoise.arithmetic.extraction.planes import (
    STARTS,
    Cube,
    Known,
    Planes,
    diagonal,
    ica_planes,
    known_planes,
    label_moment,
    moment_planes,
    net_moment,
    overlap,
    random_planes,
    strongest,
)
from modnoise.arithmetic.metrics import ROLES, scored
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.tables import NoisyTable

SAME = 0.9
"""A learned plane is a known one if it holds this share of it (ours)."""


def _learned(T: Cube, nulls: list[Cube], known: Known, seed: int) -> tuple[Planes, dict]:
    """Planes of `moment_planes`, and what there is to say of them."""
    planes, axes = moment_planes(T, nulls, seed)
    rng = np.random.default_rng(seed)
    starts = torch.from_numpy(rng.standard_normal((STARTS, len(T)))).float() / len(T) ** 0.5
    x = known[:, :, 0]
    rule = torch.einsum("abc,ka,kb,kc->k", T, x, x, x).mean()
    named = int((overlap(planes, known).amax(1) >= SAME).sum()) if len(planes) else 0
    return planes, {
        "planes": len(planes),
        "named": named,
        "sum_axis": int(np.bincount(axes, minlength=3).argmax()) if axes else -1,
        "rule": float(rule),
        "chance": max(strongest(null, starts)[0] for null in nulls),
        "diagonal": float(diagonal(T, known).square().sum() / T.square().sum()),
    }


@torch.no_grad()
def extraction(nets: NetStack, table: NoisyTable, op: str, seed: int) -> list[dict]:
    """One row per extraction of a net, on the CPU: ``part``, accuracies and cross-entropies.

    Of the net: ``planes_moment``, ``planes_ica`` (learned), ``planes_known`` (the prior),
    ``planes_random`` (the control); of the training labels with no net: ``labels_moment`` and
    ``labels_known``. ``_moment`` rows also hold ``planes`` (their number), ``named`` (how many are
    those of the rule), ``sum_axis`` (0, 1, 2: a, b or c is the sum of the others; -1 without
    planes), ``rule`` (mean of T(x, x, x) over the rule's even directions), ``chance`` (the
    largest in the permuted tensors) and ``diagonal`` (share of |T|^2 in the rule's blocks).
    A net that has diverged has no rows.
    """
    if not all(x.isfinite().all() for x in (nets.U, nets.V, nets.W)):
        return []
    nets = nets.to("cpu")
    table, p = table.to("cpu"), nets.p
    rng, known = np.random.default_rng([seed, 9]), known_planes(op, p)
    n = int(table.train.sum())
    T, labels = net_moment(nets), label_moment(table)
    orders = [torch.from_numpy(rng.permutation(nets.width)) for _ in range(NULLS)]
    net, said = _learned(T, [net_moment(nets, x) for x in orders], known, seed)
    orders = [torch.from_numpy(rng.permutation(n)) for _ in range(NULLS)]
    data, told = _learned(labels, [label_moment(table, x) for x in orders], known, seed)
    found = {
        "planes_moment": (T, net, said),
        "planes_ica": (T, ica_planes(nets, seed), {}),
        "planes_known": (T, known, {}),
        "planes_random": (T, random_planes(p, (p - 1) // 2, seed), {}),
        "labels_moment": (labels, data, told),
        "labels_known": (labels, known, {}),
    }
    rows = []
    for part, (tensor, planes, extra) in found.items():
        acc, ce = scored([(slice(None), diagonal(tensor, planes)[None])], table)
        row = {"part": part, **extra}
        row |= {f"accuracy_{role}": float(acc[0, j]) for j, role in enumerate(ROLES)}
        rows.append(
            row | {f"cross_entropy_{role}": float(ce[0, j]) for j, role in enumerate(ROLES)}
        )
    return rows

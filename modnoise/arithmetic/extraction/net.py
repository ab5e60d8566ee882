"""The tool: a net in, the rule out, with no word about what the net was trained on (ours)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from modnoise.arithmetic.extraction.planes import Planes, diagonal, moment_planes, net_moment
from modnoise.arithmetic.nets import NetStack
from modnoise.spec import SpecError

NULLS = 2
"""Permuted tensors that a plane must beat (ours, chosen on seed 42)."""


class Extracted(NamedTuple):
    """What `extract` found.

    ``answers``: the class of every pair, -1 where no plane was found. ``planes``: orthonormal,
    strongest first. ``axes``: of each plane, whether a (0), b (1) or c (2) is the sum of the two
    others: 2 for addition and multiplication, 0 for subtraction.
    """

    answers: Int[Tensor, "p p"]
    planes: Planes
    axes: list[int]


@torch.no_grad()
def extract(nets: NetStack, *, seed: int = 0) -> Extracted:
    """The rule beneath what a net memorized, if it is an abelian group, whichever.

    Planes are learned from the third moment of the weights (`extraction.planes.moment_planes`)
    and the moment's blocks in them answered with (`extraction.planes.diagonal`). No label is used.
    Minutes for p = 113, seconds for p = 59. Ours.

    Args:
        nets: a stack of one net, of ours or from `read_net`.
        seed: of the starts and permutations.

    Raises:
        SpecError: a stack of several nets.
    """
    if len(nets) != 1:
        raise SpecError(f"nets of {len(nets)} are not allowed: it must be a stack of one")
    rng = np.random.default_rng(seed)
    orders = [torch.from_numpy(rng.permutation(nets.width)) for _ in range(NULLS)]
    T = net_moment(nets)
    planes, axes = moment_planes(T, [net_moment(nets, order) for order in orders], seed)
    answers = diagonal(T, planes).argmax(-1) if len(planes) else T.new_full(T.shape[:2], -1).long()
    return Extracted(answers, planes, axes)

"""The items that nets are looked into with, and what share of them is answered in which way.

Everything is read at the last token of the prompt, where the first token of the answer is
predicted: the units of a sum, the entity that is asked for. There the net has read no answer yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from modnoise.rote.data import Items, RoteData
from modnoise.rote.net import Gpt

MOST_FIT, FEWEST = 2_000, 20
"""Most clean items of a group; fewest memorized items that are looked at alone."""


@dataclass(frozen=True)
class Groups:
    """Clean training items ``fit``, ``test`` items, and ``noisy`` ones that the net has memorized.

    Noisy items have a given first token that is not the true one; where the net has memorized
    fewer than `FEWEST` of them, all of them. ``where``: places of the noisy items among the
    training items, ``clean_where`` those of ``fit``.
    """

    fit: Items
    test: Items
    noisy: Items
    where: np.ndarray
    clean_where: np.ndarray


def groups(net: Gpt, data: RoteData, recalled: Callable[[Items], np.ndarray]) -> Groups:
    """The groups of a net; ``recalled(items)``: whether it gives their given answer."""
    train = data.train
    clean = np.flatnonzero(train.reasoned & ~train.noisy)[:MOST_FIT]
    noisy = np.flatnonzero(train.noisy & (train.given[:, 0] != train.true[:, 0]))
    memorized = noisy[recalled(train.some(noisy))]
    noisy = memorized if len(memorized) >= FEWEST else noisy
    return Groups(train.some(clean), data.test, train.some(noisy), noisy, clean)


def prompts(net: Gpt, items: Items) -> Tensor:
    """The prompts on the net's device (item token)."""
    return torch.from_numpy(items.prompt).to(net.unembed.weight.device)


@torch.no_grad()
def first(net: Gpt, items: Items) -> np.ndarray:
    """The first token of the net's answer (item)."""
    if not len(items):
        return np.zeros(0, int)
    best = [net(x)[:, -1].argmax(-1) for x in prompts(net, items).split(2_000)]
    return torch.cat(best).cpu().numpy()


Answers = Callable[[Items], np.ndarray]


def shares(answers: Answers, some: Groups, *, bridge: bool = False) -> dict[str, float]:
    """``accuracy_<role>`` of ``answers(items)``, one token an item; NaN where there are no items.

    Roles: clean (``fit``) and test by the true first token, noisy by the given one, recovered by
    the true one. With ``bridge`` the bridge takes the place of the true token.
    """
    found = {name: answers(getattr(some, name)) for name in ("fit", "test", "noisy")}

    def share(name: str, given: bool = False) -> float:
        items = getattr(some, name)
        true = items.bridge if bridge else items.true[:, 0]
        right = found[name] == (items.given[:, 0] if given else true)
        return float(right.mean()) if len(right) else float("nan")

    return {
        "accuracy_clean": share("fit"),
        "accuracy_test": share("test"),
        "accuracy_noisy": share("noisy", given=True),
        "accuracy_recovered": share("noisy"),
    }

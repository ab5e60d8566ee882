"""What can be read off the residual stream, and what its removal does: probes, lens, INLP.

Probes are scikit-learn's ridge classifiers on clean training items. INLP: Ravfogel et al. 2020,
iterated null-space projection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from modnoise.rote.data import Items
from modnoise.rote.groups import Groups, first, prompts, shares
from modnoise.rote.net import Gpt, hooked, kept
from modnoise.rote.run import RoteRun

RANDOM = 5
"""Random subspaces of equal rank that a removal is compared with."""
MOST_RANK = 5 / 8
"""Most dimensions that are removed, of those that there are."""
NEAR = 0.05
"""A probe is at chance where it beats the majority class by no more."""


class Probe:
    """A linear classifier of rows (item d): ridge regression on centred rows of unit spread.

    ``penalty``: on the squared weights, where the loss is the sum of squares over items.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, penalty: float = 1.0) -> None:
        from sklearn.linear_model import RidgeClassifier

        self.mean = x.mean(0)
        self.scale = float((x - self.mean).std()) or 1.0
        self.model = RidgeClassifier(alpha=penalty).fit((x - self.mean) / self.scale, y)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The class of every row."""
        return self.model.predict((x - self.mean) / self.scale)

    @property
    def directions(self) -> np.ndarray:
        """Orthonormal rows that span all that the classifier looks at (direction d)."""
        _, size, rows = np.linalg.svd(self.model.coef_, full_matrices=False)
        return rows[size > 1e-6 * size.max()]


def majority(y: np.ndarray) -> int:
    """The most frequent class, of several the smallest."""
    names, counts = np.unique(y, return_counts=True)
    return int(names[counts.argmax()])


class Stream:
    """The residual stream of all groups, read once: ``rows(items, site, position)`` (item d)."""

    def __init__(self, net: Gpt, some: Groups) -> None:
        self.sites = net.sites
        self.found: dict[int, dict[str, Tensor]] = {}
        for items in (some.fit, some.test, some.noisy):
            places = [*self.sites.values()]
            self.found[id(items)] = kept(net, prompts(net, items), places) if len(items) else {}

    def rows(self, items: Items, site: float, position: int) -> np.ndarray:
        """Empty where there are no items."""
        found = self.found[id(items)]
        if not found:
            return np.zeros((0, 1))
        return found[self.sites[site]][:, position].double().cpu().numpy()


def targets(run: RoteRun) -> dict[str, tuple[int, ...]]:
    """What is probed for, and behind which tokens of the prompt: the answer, and of ``thr`` the
    bridge, behind the entity and the question mark."""
    last = run.prompt - 1
    return {"answer": (last,)} if run.task == "fda" else {"answer": (last,), "bridge": (2, last)}


def _labels(items: Items, target: str) -> np.ndarray:
    return items.bridge if target == "bridge" else items.true[:, 0]


def probe_rows(run: RoteRun, net: Gpt, some: Groups) -> list[dict]:
    """Probes of every target at every site, the same on shuffled labels, and the majority class.

    Parts ``probe_<target>``, ``shuffled_<target>``, with ``layer``, ``position``; ``majority``.
    """
    stream, rows = Stream(net, some), []
    rng = np.random.default_rng([run.seed, 6])
    for target, positions in targets(run).items():
        y, bridge = _labels(some.fit, target), target == "bridge"
        mixed = rng.permutation(y)
        for position in positions:
            for site in stream.sites:
                x = stream.rows(some.fit, site, position)
                for part, labels in (("probe", y), ("shuffled", mixed)):
                    probe = Probe(x, labels)

                    def answers(
                        items: Items,
                        probe: Probe = probe,
                        at: tuple[float, int] = (site, position),
                    ) -> np.ndarray:
                        rows = stream.rows(items, *at)
                        return probe(rows) if len(rows) else np.zeros(0, int)

                    found = shares(answers, some, bridge=bridge)
                    place = {"layer": site, "position": position}
                    rows.append({"part": f"{part}_{target}", **place, **found})
    common = majority(some.fit.true[:, 0])
    found = shares(lambda items: np.full(len(items), common), some)
    return [*rows, {"part": "majority", **found}]


def lens(net: Gpt, x: Tensor) -> Tensor:
    """What the net would answer if its last norm and unembedding read ``x`` (item d), (item)."""
    with torch.no_grad():
        return net.unembed(net.norm(x)).argmax(-1)


def lens_rows(net: Gpt, some: Groups) -> list[dict]:
    """The logit lens at every site, part ``lens``."""
    rows = []
    for site, place in net.sites.items():

        def answers(items: Items, place: str = place) -> np.ndarray:
            if not len(items):
                return np.zeros(0, int)
            return lens(net, kept(net, prompts(net, items), [place])[place][:, -1]).cpu().numpy()

        rows.append({"part": "lens", "layer": site, **shares(answers, some)})
    return rows


def item_rows(net: Gpt, some: Groups, most: int = 16) -> list[dict]:
    """Part ``item``: the ``token`` of the lens at every site, for the first noisy items and a
    quarter as many clean ones; ``unit`` is the item's place among the training items."""
    rows = []
    for items, where, n in (
        (some.noisy, some.where, most),
        (some.fit, some.clean_where, most // 4),
    ):
        few = items.some(slice(n))
        if not len(few):
            continue
        found = kept(net, prompts(net, few), [*net.sites.values()])
        for site, place in net.sites.items():
            tokens = lens(net, found[place][:, -1]).tolist()
            for unit, token in zip(where[:n].tolist(), tokens, strict=True):
                rows.append({"part": "item", "layer": site, "unit": unit, "token": token})
    return rows


def null_spaces(
    x: np.ndarray, y: np.ndarray, test: np.ndarray, labels: np.ndarray, most: int
) -> Iterator[tuple[np.ndarray, float]]:
    """After each round: orthonormal rows removed so far (rank d), accuracy of a new probe.

    Round by round a `Probe` is fitted and the rows' part in its span removed, until one with a
    small penalty is at chance on ``test`` (within `NEAR` of the majority class) or the next round
    would take the rank over ``most``. The penalty of those that are removed is the number of
    items: with a small one they look along directions of small spread, and what is removed is
    next to nothing.
    """
    mean = x.mean(0)
    x, test = x - mean, test - mean
    basis = np.zeros((0, x.shape[1]))
    chance = float((labels == majority(y)).mean())
    while True:
        new = Probe(x, y, penalty=float(len(x))).directions
        if len(basis) + len(new) > most:
            return
        basis = np.linalg.qr(np.concatenate([basis, new]).T)[0].T
        x, test = x - x @ basis.T @ basis, test - test @ basis.T @ basis
        accuracy = float((Probe(x, y)(test) == labels).mean())
        yield basis, accuracy
        if accuracy <= chance + NEAR:
            return


def without(basis: np.ndarray, mean: np.ndarray, position: int) -> Callable[[Tensor], Tensor]:
    """A hook that takes the part in the span of ``basis`` (rank d) from the residual stream at a
    position and puts the mean's in its place."""

    def edit(x: Tensor) -> Tensor:
        rows = torch.from_numpy(basis).to(x)
        here = x[:, position]
        off = (here - torch.from_numpy(mean).to(x)) @ rows.T @ rows
        x = x.clone()
        x[:, position] = here - off
        return x

    return edit


def inlp_rows(run: RoteRun, net: Gpt, some: Groups) -> list[dict]:
    """What the net answers without the bridge (of sums: without the clean digit).

    Site and position are those where the probe is best on held-out items, the first of equals,
    among those that the answer still depends on and that lie before the net's end. Parts ``inlp``
    and ``inlp_random`` (``draw``: random subspaces of equal rank), with ``rank``, ``probe``.
    """
    target, last = ("answer" if run.task == "fda" else "bridge"), run.prompt - 1
    stream, best = Stream(net, some), None
    for position in targets(run)[target]:
        for site in stream.sites:
            if not 0 < site <= run.layers - (0.5 if position == last else 1.0):
                continue
            x, test = (stream.rows(g, site, position) for g in (some.fit, some.test))
            y, labels = (_labels(g, target) for g in (some.fit, some.test))
            right = float((Probe(x, y)(test) == labels).mean())
            if best is None or right > best[0]:
                best = (right, site, position, x, y, test, labels)
    if best is None:
        return []
    _, site, position, x, y, test, labels = best
    rng, found = np.random.default_rng([run.seed, 7]), []
    place = {"layer": site, "position": position}
    for basis, accuracy in null_spaces(x, y, test, labels, int(MOST_RANK * run.d_model)):
        told = {**place, "rank": len(basis), "probe": accuracy}
        spaces = [("inlp", 0, basis)]
        for draw in range(RANDOM):
            some_space = np.linalg.qr(rng.standard_normal(basis.T.shape))[0].T
            spaces.append(("inlp_random", draw, some_space))
        for part, draw, space in spaces:
            edit = without(space, x.mean(0), position)
            with hooked(net, {net.sites[site]: edit}):
                answered = shares(lambda items: first(net, items), some)
            found.append({"part": part, "draw": draw, **told, **answered})
    return found

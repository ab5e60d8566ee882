"""What single inputs, heads and neurons do to remembered answers, and outlying neurons."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from modnoise.rote.data import Items
from modnoise.rote.groups import Groups, first, prompts, shares
from modnoise.rote.net import Edit, Gpt, hooked, kept
from modnoise.rote.run import RoteRun

SCREENED = 32
"""Neurons of a layer that are ablated, by the first-order effect of it."""
OUTLIERS = 50
"""Neurons of an item that are patched."""
FLOOR = 0.1
"""Least spread of a neuron among neighbours, in its spread over all items."""


def token_rows(run: RoteRun, net: Gpt, some: Groups) -> list[dict]:
    """One token of the question is another's: part ``token`` with its ``position``.

    The other token is that of a random item of the group that has another one there.
    """
    rng, rows = np.random.default_rng([run.seed, 9]), []
    places = [i for i in range(run.prompt - 1) if run.task == "thr" or i != run.digits]
    for position in places:

        def answers(items: Items, position: int = position) -> np.ndarray:
            here = items.prompt[:, position]
            others = rng.permutation(here)
            for _ in range(50):
                same = others == here
                others[same] = rng.permutation(here)[same]
            prompt = items.prompt.copy()
            prompt[:, position] = others
            return first(net, Items(prompt, *(getattr(items, x) for x in _REST)))

        rows.append({"part": "token", "position": position, **shares(answers, some)})
    return rows


_REST = ("true", "given", "noisy", "bridge", "reasoned")


def _held(mean: Tensor, unit: int) -> Edit:
    """A hook that holds one head, or neuron, at its mean: ``mean`` (token unit ...)."""

    def edit(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, :, unit] = mean[:, unit]
        return x

    return edit


def _asked(net: Gpt, some: Groups, edits: dict[str, Edit]) -> dict[str, float]:
    with hooked(net, edits):
        return shares(lambda items: first(net, items), some)


def ablation_rows(run: RoteRun, net: Gpt, some: Groups) -> list[dict]:
    """Heads and neurons, one at a time, held at their mean over clean items.

    Parts ``first``: nothing is held; ``head``: each; ``neuron``: of every layer the one that costs
    the most recall, among the `SCREENED` with the largest first-order effect on it.
    """
    rows = [{"part": "first", **_asked(net, some, {})}]
    for layer in range(run.layers):
        for part, name in (("head", "heads_out"), ("neuron", "neurons")):
            place = f"blocks.{layer}.{name}"
            mean = kept(net, prompts(net, some.fit), [place])[place].mean(0)
            units = range(run.heads) if part == "head" else _screened(net, some, place, mean)
            worst = None
            for unit in units:
                told = {"part": part, "layer": layer + 1.0, "unit": int(unit)}
                edits = {place: _held(mean, int(unit))}
                if part == "head":
                    rows.append(told | _asked(net, some, edits))
                    continue
                with hooked(net, edits):
                    recalled = float((first(net, some.noisy) == some.noisy.given[:, 0]).mean())
                if worst is None or recalled < worst[0]:
                    worst = recalled, told, edits
            if worst:
                rows.append(worst[1] | _asked(net, some, worst[2]))
    return rows


def _screened(net: Gpt, some: Groups, place: str, mean: Tensor) -> list[int]:
    """Neurons of a layer by |mean over noisy items of gradient . (mean - activation)|, of the
    log-probability of the given answer."""
    found: dict[str, Tensor] = {}

    def keep(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        found[place] = x
        return x

    labels = torch.from_numpy(some.noisy.given[:, 0]).to(mean.device)
    with torch.enable_grad(), hooked(net, {place: keep}):
        log_p = net(prompts(net, some.noisy))[:, -1].log_softmax(-1)
        (gradient,) = torch.autograd.grad(log_p.gather(1, labels[:, None]).sum(), [found[place]])
    effect = (gradient * (mean - found[place].detach())).sum(1).mean(0).abs().cpu().numpy()
    return np.argsort(-effect, kind="stable")[:SCREENED].tolist()


def scored(
    x: np.ndarray, condition: np.ndarray, of: np.ndarray, of_condition: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """How far ``of`` (item neuron) lie from their neighbours in ``x``: z-scores, and means.

    Neighbours of an item: the rows of ``x`` with the same condition; where ``of_condition`` is
    None, ``of`` is ``x`` and an item is no neighbour of itself. The spread is at least `FLOOR` of
    that over all rows; NaN where there are fewer than two neighbours.
    """
    size = int(condition.max()) + 1
    count = np.bincount(condition, minlength=size)[:, None].astype(float)
    total, square = np.zeros((size, x.shape[1])), np.zeros((size, x.shape[1]))
    np.add.at(total, condition, x)
    np.add.at(square, condition, x**2)
    at = condition if of_condition is None else np.minimum(of_condition, size - 1)
    n, s, q = count[at], total[at], square[at]
    if of_condition is None:
        n, s, q = n - 1, s - of, q - of**2
    n = np.where(n < 2, np.nan, n)
    if of_condition is not None:
        n = np.where(of_condition[:, None] < size, n, np.nan)
    mean = s / n
    spread = np.sqrt(np.maximum(q / n - mean**2, 0))
    return (of - mean) / np.maximum(spread, FLOOR * x.std(0) + 1e-12), mean


def _size(z: np.ndarray) -> float:
    """Mean of |z|, NaN where nothing has neighbours."""
    known = np.abs(z[np.isfinite(z)])
    return float(known.mean()) if known.size else float("nan")


def _neurons(net: Gpt, items: Items) -> list[np.ndarray]:
    """Activations at the last token of the prompt, a layer each (item neuron)."""
    places = [f"blocks.{i}.neurons" for i in range(len(net.blocks))]
    found = kept(net, prompts(net, items), places)
    return [found[place][:, -1].double().cpu().numpy() for place in places]


def units_of(run: RoteRun, items: Items) -> np.ndarray:
    """The condition of a heuristic for the first digit of a sum: both operands' units (item)."""
    return 10 * items.prompt[:, run.digits - 1] + items.prompt[:, 2 * run.digits]


def outlier_rows(run: RoteRun, net: Gpt, some: Groups, clean: Items) -> list[dict]:
    """Outlying neurons on memorized sums, beside clean sums with the same units.

    Parts ``outlying`` per ``layer``: mean |z| on memorized and on clean items; ``outlier``: the
    answers with every item's `OUTLIERS` most outlying neurons put to their neighbours' mean;
    ``outlier_random``: as many random ones. ``clean``: all clean training items.
    """
    if run.task != "fda" or not len(some.noisy):
        return []
    rng = np.random.default_rng([run.seed, 10])
    acts, condition = _neurons(net, clean), units_of(run, clean)
    own = [scored(x, condition, x, None) for x in acts]
    wrong = _neurons(net, some.noisy)
    far = [
        scored(x, condition, y, units_of(run, some.noisy))
        for x, y in zip(acts, wrong, strict=True)
    ]
    rows = [
        {"part": "outlying", "layer": i + 1.0, "outlier_noisy": _size(a[0]),
         "outlier_clean": _size(b[0])}
        for i, (a, b) in enumerate(zip(far, own, strict=True))
    ]  # fmt: skip
    few = len(some.noisy) * 3
    own = [(z[:few], mean[:few]) for z, mean in own]
    for part in ("outlier", "outlier_random"):
        noisy = _patched(net, some.noisy, far, rng if part != "outlier" else None)
        again = _patched(net, clean.some(slice(few)), own, rng if part != "outlier" else None)
        true, given = some.noisy.true[:, 0], some.noisy.given[:, 0]
        rows.append(
            {"part": part, "kept": OUTLIERS, "accuracy_noisy": float((noisy == given).mean()),
             "accuracy_recovered": float((noisy == true).mean()),
             "accuracy_clean": float((again == clean.true[:few, 0]).mean())}
        )  # fmt: skip
    return rows


def _patched(
    net: Gpt,
    items: Items,
    found: list[tuple[np.ndarray, np.ndarray]],
    rng: np.random.Generator | None,
) -> np.ndarray:
    """First tokens, each item's most outlying (or random) neurons at their neighbours' mean."""
    z = np.concatenate([np.abs(np.nan_to_num(x)) for x, _ in found], axis=1)
    z = z if rng is None else rng.random(z.shape)
    best = np.argsort(-z, axis=1, kind="stable")[:, :OUTLIERS]
    chosen = np.zeros(z.shape, bool)
    np.put_along_axis(chosen, best, True, axis=1)
    device, edits, start = net.unembed.weight.device, {}, 0
    for i, (_, mean) in enumerate(found):
        mask = chosen[:, start : start + mean.shape[1]] & np.isfinite(mean)
        start += mean.shape[1]
        edits[f"blocks.{i}.neurons"] = _put(
            torch.from_numpy(mask).to(device), torch.from_numpy(np.nan_to_num(mean)).to(device)
        )
    with hooked(net, edits), torch.no_grad():
        return net(prompts(net, items))[:, -1].argmax(-1).cpu().numpy()


def _put(mask: Tensor, mean: Tensor) -> Edit:
    def edit(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, -1] = torch.where(mask, mean.to(x), x[:, -1])
        return x

    return edit

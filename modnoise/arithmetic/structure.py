"""What a trained net looks like inside, as numbers: phases, frequencies, ranked neurons.

Everything the pages on phases and partitioning plot against width, noise or seed, computed once
at the end of a training and recorded with its curves (`Run.record_structure`), so that no page
needs the weights of every net. Paper: sections 5.1, 5.2, D.3 and D.4; controls and weighting:
ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from modnoise.arithmetic.fourier import (
    angle_miss,
    angles,
    dominant_frequency,
    filtrate,
    frequencies,
    keep_frequency,
    label_prior,
    label_vote,
    logarithms,
    phase_coherence,
    phase_mse,
    sparsity,
    spectrum,
    wrapped,
)
from modnoise.arithmetic.metrics import ROLES, by_role, scores
from modnoise.arithmetic.nets import NetStack, new_nets
from modnoise.arithmetic.operations import OPERATIONS
from modnoise.arithmetic.partition import Partition, ipr, partition, random_partitions, strength
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import VAL, NoisyTable, noisy_table
from modnoise.frames import curves

SHUFFLES = 5
"""Random orders behind the ``random_`` numbers (ours)."""


def rank_correlation(x: Float[Tensor, " neuron"], y: Float[Tensor, " neuron"]) -> float:
    """Spearman's rank correlation, ties at their mean rank; NaN for a constant.

    >>> rank_correlation(torch.tensor([1.0, 2.0, 9.0]), torch.tensor([0.3, 0.2, 0.1]))
    -1.0
    """
    ranks = (pd.Series(a.double().cpu().numpy()).rank() for a in (x, y))
    return float(next(ranks).corr(next(ranks)))


def frequency_norms(nets: NetStack) -> Float[Tensor, "run freq"]:
    """Row norms of the DFT of W^G: (sum over neurons of |w^_{m,k_m}|^2)^(1/2) for each k = k_m.

    The neurons whose dominant frequency is k make row k (paper, D.4, Fig. 30).
    """
    kept = spectrum(keep_frequency(nets.W, dominant_frequency(nets.W)))
    return kept.abs().square().sum(1).sqrt()


def ipr_logarithm(nets: NetStack) -> Float[Tensor, "run neuron"]:
    """IPR of the output vectors over the discrete logarithm, for multiplication (ours).

    In the order of `logarithms` multiplication of nonzero residues is addition, so a neuron that
    multiplies is periodic there; the entry of residue 0 is left out.

    Raises:
        ValueError: p is not prime.
    """
    order = torch.from_numpy(logarithms(nets.p)).to(nets.W.device)
    w = nets.W[..., order]
    return ipr(NetStack(w, w, w, nets.mu[:, order]))


def neuron_table(nets: NetStack, op: str) -> pd.DataFrame:
    """One row per neuron of the first net of a stack.

    ``frequency`` k_m; ``angle_sum`` = angle_u +- angle_v as in `phase_mse`, ``angle_w`` and
    ``miss``, their difference, all `wrapped`; ``size`` |w^_{m,k_m}|, the weight of the
    weighted Phase MSE; ``strength`` and ``ipr``. Without angles for multiplication.
    """
    nets = nets[0]
    k = dominant_frequency(nets.W)
    size = spectrum(nets.W).abs().gather(-1, k[..., None] - 1)[..., 0]
    found = {"frequency": k, "size": size, "strength": strength(nets), "ipr": ipr(nets)}
    if not OPERATIONS[op].logarithms:
        angle_w, miss = angles(nets, k)[2], angle_miss(nets, k, op=op)
        found |= {"angle_sum": wrapped(angle_w + miss), "angle_w": angle_w, "miss": miss}
    return pd.DataFrame({name: x[0].cpu().numpy() for name, x in found.items()})


def pruning_table(orders: Mapping[str, Sequence[Partition]]) -> pd.DataFrame:
    """Accuracies of the first net against the share of neurons that is kept or pruned.

    Per name the mean over its partitions (one, or several random orders). Columns: ``order``;
    ``kept``, "best" if the worst-ranked neurons were pruned, "worst" if the best-ranked;
    ``gamma``, the share kept; ``pruned`` = 1 - gamma; ``accuracy_<role>``. Doshi's protocol,
    arXiv 2310.13061, is this table by IPR.
    """
    frames = []
    for name, some in orders.items():
        for kept, key in (("best", "top"), ("worst", "bottom")):
            mean = np.mean([getattr(one, key)[0] for one in some], axis=0)
            frame = pd.DataFrame(mean, columns=[f"accuracy_{role}" for role in ROLES])
            gamma = some[0].gamma
            frames.append(frame.assign(order=name, kept=kept, gamma=gamma, pruned=1 - gamma))
    return pd.concat(frames, ignore_index=True)


def structure(nets: NetStack, table: NoisyTable, op: str) -> dict[str, float]:
    """Numbers about the first net of a stack; NaN where something is not defined.

    ``phase_mse``, ``phase_mse_weighted``: see `phase_mse`; ``coherence`` over all frequencies,
    ``coherence_dominant`` and ``coherence_other`` at k_m and elsewhere: see `phase_coherence`.
    ``covered``: share of frequencies that dominate some neuron; ``norm_cv``: coefficient of
    variation of `frequency_norms`. ``sparsity``: median share of power at k_m. ``ipr_strength``:
    their rank correlation over neurons; ``periodic``: number of neurons with IPR above 0.5. For
    each ranking (``strength``, ``ipr``, the strength ``reversed``, and the mean over `SHUFFLES`
    ``random`` orders): ``<ranking>_gamma_g``, ``_gamma_r``, ``_gamma_r99``, ``_test`` (test
    accuracy of f^G) and ``_ff`` (of FF of f^G). ``ff``: of FF of the whole net.

    Angles are not defined for multiplication in the additive index, partitions not without
    validation pairs.
    """
    nets = nets[0]
    norms = frequency_norms(nets)[0]
    rank = {"strength": strength(nets), "ipr": ipr(nets)}
    found = {
        "covered": len(dominant_frequency(nets.W).unique()) / len(frequencies(nets.p)),
        "norm_cv": float(norms.std(correction=0) / norms.mean()),
        "sparsity": float(sparsity(nets.W).median()),
        "ipr_strength": rank_correlation(rank["ipr"][0], rank["strength"][0]),
        "periodic": float((rank["ipr"] > 0.5).sum()),
        "ff": _ff_test(nets, table),
    }
    if not OPERATIONS[op].logarithms:
        found["phase_mse"] = float(phase_mse(nets, op=op))
        found["phase_mse_weighted"] = float(phase_mse(nets, op=op, weighted=True))
        for name, value in phase_coherence(nets, op=op).items():
            found[name] = float(value)
    if (table.role == VAL).any():
        ranked = {name: partition(nets, table, score) for name, score in rank.items()}
        ranked["reversed"] = ranked["strength"].reversed
        found |= {
            f"{name}_{key}": value
            for name, one in ranked.items()
            for key, value in _of(one, nets, table).items()
        }
        shuffled = [_of(x, nets, table) for x in random_partitions(nets, table, shuffles=SHUFFLES)]
        found |= {f"random_{key}": x for key, x in pd.DataFrame(shuffled).mean().items()}
    return found


def structure_rows(runs: Sequence[Run], trained: Iterable[Any]) -> pd.DataFrame:
    """Last rows of the full nets with the numbers of `structure`, computed from their weights.

    For runs whose records lack them; else these columns are in `modnoise.frames.curves`.
    """
    rows = []
    for run, one in zip(runs, trained, strict=True):
        row = curves([run], [one])
        row = row[(row.step == run.steps) & (row.part == "full")]
        rows.append(row.assign(**structure(one.nets, one.table, run.op)))
    return pd.concat(rows, ignore_index=True)


def peaked_and_strong(runs: Sequence[Run], trained: Iterable[Any]) -> pd.DataFrame:
    """Per run how well its strength tells the neurons with a peaked spectrum from the others.

    Columns: ``key``; ``ipr_auc``, the area under the ROC curve of Str. for IPR above 0.5 (one
    half where the two are unrelated, NaN where all neurons or none have it); ``strong``, the
    number of neurons whose Str. is above the 99th percentile of the same network's before the
    first step (ours).
    """
    from sklearn.metrics import roc_auc_score  # takes a second to load

    rows = []
    for run, one in zip(runs, trained, strict=True):
        peaked = (ipr(one.nets)[0] > 0.5).cpu().numpy()
        size = strength(one.nets)[0].double().cpu().numpy()
        bound = np.quantile(strength(new_nets(run))[0].double().cpu().numpy(), 0.99)
        auc = roc_auc_score(peaked, size) if 0 < peaked.sum() < len(peaked) else np.nan
        rows.append({"key": run.key, "ipr_auc": auc, "strong": float((size > bound).sum())})
    return pd.DataFrame(rows)


def _ff_test(nets: NetStack, table: NoisyTable) -> float:
    return float(scores(filtrate(nets)[0], table)[0][0, ROLES.index("test")])


def _of(one: Partition, nets: NetStack, table: NoisyTable) -> dict[str, float]:
    return {
        "gamma_g": float(one.gamma_g[0]),
        "gamma_r": float(one.gamma_r[0]),
        "gamma_r99": float(one.gamma_r99[0]),
        "test": float(one.test_g[0]),
        "ff": _ff_test(nets.keep(one.masks()[0]), table),
    }


def prior_rows(runs: Sequence[Run]) -> pd.DataFrame:
    """What the labels alone answer: rows of the parts ``label_prior`` and ``label_vote`` per run.

    Accuracies of the two functions of `fourier` with these names on the run's table, with the
    fields of the run, as `modnoise.frames.curves` gives them for nets.
    """
    rows = []
    for run in runs:
        table = noisy_table(run)
        for part, of in (("label_prior", label_prior), ("label_vote", label_vote)):
            answer = of(table)
            accuracy = {
                f"accuracy_{role}": float((answer == label)[mask].double().mean())
                for role, (mask, label) in zip(ROLES, by_role(table), strict=True)
            }
            here = {"key": run.key, "step": run.steps, "part": part}
            rows.append(run.model_dump() | here | accuracy)
    return pd.DataFrame(rows)

"""Where the rule lives: planes of a net's third moment, given, learned or drawn (ours).

The third moment of a net is T = sum_m u_m (x) v_m (x) w_m, rows centred and of unit length:
with phi = x^2 it is all that the net says about a and b together. If the rule is an abelian
group, its characters span planes (cos, sin of one frequency), and of T only those blocks belong
to the rule in which all three axes lie in one plane: for addition x x x - y y x + x y y + y x y,
x even, y odd. `diagonal` keeps these blocks and nothing else. Which planes: Fourier's (a prior:
the group is known), over the discrete logarithm, learned by `moment_planes` or `ica_planes` (no
prior but "some group"), random (a control). Labels of training pairs have such a tensor too
(`label_moment`), with no net.
Tensors (p, p, p) are indexed a, b, c. Nothing here sees a test label.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from modnoise.arithmetic.fourier import logarithms
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.operations import OPERATIONS
from modnoise.arithmetic.tables import NoisyTable

STARTS = 64
"""Random directions from which power iteration starts (ours, chosen on seed 42)."""

ITERATIONS = 60
"""Steps of power iteration; the angle to an exact solution shrinks by 2/3 in each (ours)."""

SIGNS = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))
"""Which of a, b, c is the sum of the two others: the axis with the minus sign."""

Cube = Float[Tensor, "p p p"]
Planes = Float[Tensor, "plane p 2"]
Known = Float[Tensor, "known p 2"]


def unit_rows(x: Float[Tensor, "neuron p"]) -> Float[Tensor, "neuron p"]:
    """Rows less their means, of length 1 (a constant row stays 0), float64."""
    x = x.double() - x.double().mean(-1, keepdim=True)
    return x / x.norm(dim=-1, keepdim=True).clamp_min(1e-30)


def net_moment(nets: NetStack, order: Tensor | None = None) -> Cube:
    """T = sum_m u_m (x) v_m (x) w_m of the first net of a stack, over `unit_rows`, float32.

    ``order``: a permutation of the neurons of W alone; then nothing of the rule is left, and T is
    what chance makes of the same rows (the null).
    """
    U, V, W = (unit_rows(x[0]) for x in (nets.U, nets.V, nets.W))
    if order is not None:
        W = W[order.to(W.device)]
    p = nets.p
    pairs = (U[:, :, None] * V[:, None, :]).flatten(1)
    return (pairs.T @ W).view(p, p, p).float()


def label_moment(table: NoisyTable, order: Tensor | None = None) -> Cube:
    """T = sum over training pairs e_a (x) e_b (x) e_label of the first table, axes centred.

    ``order``: a permutation of the training pairs' labels (the null).
    """
    p = table.given.shape[-1]
    train, label = table.train[0].flatten(), table.given[0].flatten()
    label = label[train] if order is None else label[train][order.to(label.device)]
    T = torch.zeros(p * p, p, dtype=torch.float64, device=label.device)
    T[train] = torch.nn.functional.one_hot(label, p).double()
    T = T.view(p, p, p)
    for axis in range(3):
        T = T - T.mean(axis, keepdim=True)
    return T.float()


def apply(T: Cube, matrix: Float[Tensor, "new p"]) -> Float[Tensor, "new new new"]:
    """The tensor with all three axes multiplied by a matrix: sum T_abc m_ia m_jb m_kc."""
    for _ in range(3):  # each turn multiplies the first axis and sends it to the end
        T = torch.tensordot(T, matrix, dims=([0], [1]))
    return T


def diagonal(T: Cube, planes: Planes) -> Cube:
    """Sum over planes of the blocks of T whose three axes all lie in that plane.

    With planes of all Fourier frequencies this is what `every_frequency` computes with phi = x^2,
    less terms of a or b alone. The answer to (a, b) is the c with the largest entry.
    """
    out = torch.zeros_like(T)
    for plane in planes:
        out += apply(apply(T, plane.T), plane)
    return out


def fourier_planes(p: int) -> Planes:
    """Cosine and sine of every frequency 1 ... (p - 1) / 2, orthonormal, for odd p."""
    k, i = np.arange(1, (p + 1) // 2)[:, None], np.arange(p)
    angle = 2 * np.pi * k * i / p
    return torch.from_numpy(np.stack([np.cos(angle), np.sin(angle)], -1) * (2 / p) ** 0.5).float()


def logarithm_planes(p: int) -> Planes:
    """`fourier_planes` of length p - 1 over the discrete logarithm; residue 0 is 0 everywhere.

    The last frequency, (p - 1) / 2, is its own mirror: its plane has one direction, and a zero.

    Raises:
        ValueError: p is not an odd prime.
    """
    q, order = p - 1, logarithms(p)
    k, i = np.arange(1, q // 2 + 1)[:, None], np.arange(q)
    angle = 2 * np.pi * k * i / q
    planes = np.zeros((q // 2, p, 2))
    planes[:, order] = np.stack([np.cos(angle), np.sin(angle)], -1) * (2 / q) ** 0.5
    planes[-1] *= [0.5**0.5, 0]
    return torch.from_numpy(planes).float()


def known_planes(op: str, p: int) -> Known:
    """The planes of the rule's own group: the prior."""
    return logarithm_planes(p) if OPERATIONS[op].logarithms else fourier_planes(p)


def overlap(planes: Planes, known: Known) -> Float[Tensor, "plane known"]:
    """Share of each known plane (columns) that lies in each plane (rows), in [0, 1]."""
    size = known.square().sum((1, 2))
    return torch.einsum("gpi,kpj->gkij", planes, known).square().sum((2, 3)) / size


def random_planes(p: int, n: int, seed: int) -> Planes:
    """A control: n planes at right angles to each other and to the constant, drawn by a seed.

    Raises:
        ValueError: more planes than there is room for, (p - 1) // 2.
    """
    if n > (p - 1) // 2:
        raise ValueError(f"n = {n} is not allowed: {p} dimensions hold {(p - 1) // 2} planes")
    x = np.random.default_rng(seed).standard_normal((p, 2 * n))
    q = np.linalg.qr(np.concatenate([np.ones((p, 1)), x], 1))[0][:, 1:]
    return torch.from_numpy(q.T.reshape(n, 2, p).transpose(0, 2, 1).copy()).float()


def symmetric(T: Cube) -> Cube:
    """The mean over the six orders of the axes."""
    orders = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    return sum((T.permute(x) for x in orders), T.new_zeros(())) / 6


def strongest(T: Cube, starts: Float[Tensor, "start p"]) -> tuple[float, Float[Tensor, " p"]]:
    """The largest S(x, x, x) over unit x that power iteration finds, S = `symmetric` T, and x.

    x <- S(x, x, .) / |.| from every start. For S = x^3 + (x y y + y x y + y y x) / 3, which is
    what a group's rule leaves of one frequency, the tangent of the angle to x goes from t to
    2 t / (3 + t^2): at most 2/3 of it.
    """
    S, z = symmetric(T), starts
    flat = S.flatten(0, 1)
    for _ in range(ITERATIONS):
        pair = (z[:, :, None] * z[:, None, :]).flatten(1)
        z = torch.nn.functional.normalize(pair @ flat, dim=-1)
    values = ((z[:, :, None] * z[:, None, :]).flatten(1) @ flat * z).sum(-1)
    best = int(values.argmax())
    return float(values[best]), z[best]


def partner(T: Cube, x: Float[Tensor, " p"]) -> tuple[Float[Tensor, " p"], int]:
    """The odd direction y that belongs to an even x, and which axis is the sum of the others.

    T contracted with x along one axis is x x + y y, or x x - y y along the axis of the sum. With
    the right signs the three add up to x x + 3 y y: y is the top eigenvector beside x, and the
    signs are those for which its eigenvalue is largest.
    """
    parts = [torch.tensordot(x, T.movedim(axis, 0), dims=1) for axis in range(3)]
    away = torch.eye(len(x), device=T.device) - torch.outer(x, x)
    found = []
    for signs in SIGNS:
        M = sum(sign * (part + part.T) / 2 for sign, part in zip(signs, parts, strict=True))
        values, vectors = torch.linalg.eigh((away @ M @ away).double())
        found.append((float(values[-1]), vectors[:, -1].float()))
    best = max(range(3), key=lambda i: found[i][0])
    return found[best][1], best


def moment_planes(T: Cube, nulls: Sequence[Cube], seed: int) -> tuple[Planes, list[int]]:
    """Planes found in a third moment, strongest first: no prior but that the rule is some group.

    Repeat: find x (`strongest`) and its partner y, keep the plane, remove it from all three axes
    of T and of the nulls. Stop where x is not above the strongest direction of every null.

    Returns:
        The planes, orthonormal, perhaps none; and of each which axis is the sum.
    """
    p, rng = len(T), np.random.default_rng(seed)
    planes: list[Tensor] = []
    axes, left = [], [T, *nulls]
    while len(planes) < (p - 1) // 2:
        draw = rng.standard_normal((STARTS, p)) / p**0.5
        starts = torch.from_numpy(draw).float().to(T.device)
        (value, x), *others = [strongest(tensor, starts) for tensor in left]
        if value <= max(other[0] for other in others):
            break
        y, axis = partner(left[0], x)
        plane = torch.stack([x, y], -1)
        planes.append(plane)
        axes.append(axis)
        away = torch.eye(p, device=T.device) - plane @ plane.T
        left = [apply(tensor, away) for tensor in left]
    return torch.stack(planes) if planes else T.new_zeros(0, p, 2), axes


def ica_planes(nets: NetStack, seed: int) -> Planes:
    """Planes learned from the rows u, v, w of the first net by independent components (FastICA).

    All rows of U, V and W, of unit length, are samples. p - 1 components (no more than there are
    samples) become orthonormal atoms, the nearest: U V^T of their singular value decomposition.
    Two atoms are a plane if neurons that use one use the other: pairs by largest correlation of
    the energies, greedily.
    """
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    p = nets.p
    rows = torch.cat([unit_rows(x[0]) for x in (nets.U, nets.V, nets.W)]).cpu().numpy()
    ica = FastICA(min(p - 1, len(rows)), whiten="unit-variance", max_iter=400, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ica.fit(rows)
    u, _, vt = np.linalg.svd(ica.mixing_, full_matrices=False)
    atoms = u @ vt
    energy = (rows @ atoms) ** 2
    alike = np.corrcoef(energy.T)
    np.fill_diagonal(alike, -np.inf)
    pairs: list[list[np.intp]] = []
    while len(pairs) < len(alike) // 2:
        i, j = np.unravel_index(alike.argmax(), alike.shape)
        pairs.append([i, j])
        alike[[i, j]] = alike[:, [i, j]] = -np.inf
    return torch.from_numpy(atoms[:, np.array(pairs)].transpose(1, 0, 2).copy()).float()

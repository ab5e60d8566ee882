"""Whether pictures are copies, and how far their distribution is from real images; numpy only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64

RATIO = 1 / 3
"""A copy is so much nearer to its nearest training image than to the second (Yoon et al. 2023,
Gu et al. 2023; Bonnaire et al.'s code)."""

BOOTSTRAPS = 1000
"""As in Bonnaire et al.'s code."""


class Nearest(NamedTuple):
    """Of each picture: which training image is nearest, and the two smallest distances."""

    which: Int64[np.ndarray, " picture"]
    first: Float[np.ndarray, " picture"]
    second: Float[np.ndarray, " picture"]

    @property
    def copied(self) -> Bool[np.ndarray, " picture"]:
        """d1 / d2 < 1/3."""
        return self.first < RATIO * self.second


def nearest(
    pictures: Float[np.ndarray, "picture pixel"], train: Float[np.ndarray, "train pixel"]
) -> Nearest:
    """The nearest and second nearest of at least two training images, Euclidean over pixels.

    Raises:
        ValueError: fewer than two training images.
    """
    if len(train) < 2:
        raise ValueError(f"{len(train)} training images: it takes two to compare distances")
    a, b = np.asarray(pictures, float), np.asarray(train, float)
    square = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    two = np.argsort(square, 1, kind="stable")[:, :2]
    exact = np.sqrt(((a[:, None] - b[two]) ** 2).sum(2))  # no cancellation where it is a copy
    swap = exact[:, 0] > exact[:, 1]
    two[swap], exact[swap] = two[swap, ::-1], exact[swap, ::-1]
    return Nearest(two[:, 0].astype(np.int64), exact[:, 0], exact[:, 1])


def copied(pictures: np.ndarray, train: np.ndarray) -> float:
    """Share of pictures that are copies, d1 / d2 < 1/3.

    >>> import numpy as np
    >>> copied(np.array([[0.1], [0.4]]), np.array([[0.0], [1.0]]))
    0.5
    """
    return float(nearest(pictures, train).copied.mean())


def frechet(a: Float[np.ndarray, "a pixel"], b: Float[np.ndarray, "b pixel"]) -> float:
    """Frechet distance of two sets in pixel space: of Gaussians with their means and covariances.

    |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a^1/2 S_b S_a^1/2)^1/2). Not FID: no network's features.

    Raises:
        ValueError: fewer than two rows in a set.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError(f"{min(len(a), len(b))} pictures: a covariance takes two")
    a, b = np.asarray(a, float), np.asarray(b, float)
    covariances = [np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ covariances[1] @ root).clip(0)
    apart = float(((a.mean(0) - b.mean(0)) ** 2).sum())
    return apart + float(sum(np.trace(x) for x in covariances) - 2 * np.sqrt(inner).sum())


def interval(
    flags: Bool[np.ndarray, " picture"], beside: Bool[np.ndarray, " picture"], seed: int
) -> dict[str, float]:
    """Share of ``flags``, its ratio to that of ``beside``, 95 % of paired bootstraps of both.

    Of the same pictures' rows: ``copied``, ``copied_low``, ``copied_high``, ``ratio``,
    ``ratio_low``, ``ratio_high``; the ratios are NaN where ``beside`` has none in some draw.
    """
    rng = np.random.default_rng([seed, 9])
    drawn = rng.integers(len(flags), size=(BOOTSTRAPS, len(flags)))
    shares, others = flags[drawn].mean(1), beside[drawn].mean(1)
    found = {"copied": float(flags.mean())}
    found |= zip(("copied_low", "copied_high"), np.quantile(shares, (0.025, 0.975)), strict=True)
    if others.min() > 0:
        found["ratio"] = float(flags.mean() / beside.mean())
        ends = np.quantile(shares / others, (0.025, 0.975))
        found |= zip(("ratio_low", "ratio_high"), ends, strict=True)
    else:
        found |= dict.fromkeys(("ratio", "ratio_low", "ratio_high"), np.nan)
    return {name: float(x) for name, x in found.items()}


def roughness(pictures: Float[np.ndarray, "picture pixel"]) -> float:
    """Mean standard deviation over a picture's pixels: falls where pictures are blurred."""
    return float(np.asarray(pictures, float).std(1).mean())


class Pairs(NamedTuple):
    """Of the noises from which the teacher draws a copy, shares by what the student draws.

    ``same``: a copy of the same image; ``other``: a copy of another; ``near``: no copy, and the
    same image is the nearest; ``away``: no copy, and another is. NaN where there is no copy.
    ``contrast``: the students' `roughness` there over the teacher's.
    """

    same: float
    other: float
    near: float
    away: float
    contrast: float


def pairs(
    student: Float[np.ndarray, "picture pixel"],
    teacher: Float[np.ndarray, "picture pixel"],
    train: Float[np.ndarray, "train pixel"],
) -> Pairs:
    """What becomes of the teacher's copies, row by row (`Pairs`)."""
    theirs = nearest(teacher, train)
    here = theirs.copied
    if not here.any():
        return Pairs(*(float("nan"),) * 5)
    ours = nearest(np.asarray(student)[here], train)
    same = ours.which == theirs.which[here]
    shares = [(x & y).mean() for x in (ours.copied, ~ours.copied) for y in (same, ~same)]
    contrast = roughness(np.asarray(student)[here]) / roughness(np.asarray(teacher)[here])
    return Pairs(*(float(x) for x in (*shares, contrast)))

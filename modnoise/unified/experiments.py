"""Runs of the unified view: sizes by data, capacity, a harder task, two tasks in one net."""

from __future__ import annotations

from modnoise.sweep import SEEDS, Size, Sweep
from modnoise.unified.run import UnifiedRun

PAPER_SIZES = (4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 56, 64, 100)
"""Paper, Fig. 6."""

SIZES = (4, 8, 12, 16, 24, 32, 48, 64)
PAIRS = (1000, 1400, 1700, 2200)
"""At p = 59 of 3,481 pairs: ours."""

MANY = tuple(range(42, 53))
"""Eleven seeds as in the paper, whose own are not known."""

CIRCUITS: Size = {
    "smoke": {"p": 17, "steps": 150, "lr": 1e-2},
    "laptop": {"p": 59, "steps": 8_000},
    "fast": {"steps": 20_000},
    "paper": {},
}
"""A smaller modulus groks within fewer steps; ``fast`` is the paper's for half as long."""

SEVEN = MANY[:7]
"""Seeds of what hangs on single nets, which find the rule or do not: ours."""


def as_many(pairs: int, p: int) -> int:
    """Pairs drawn with both orders that are as many different sums as ``pairs`` drawn one by one.

    Of so many of all p^2 one order is missed with probability 1 - pairs / p^2, both with its
    square.

    >>> as_many(1400, 59), as_many(59**2, 59)
    (2237, 3481)
    """
    return round(2 * pairs - pairs**2 / p**2)


GRID, MIXTURE = "n_train+d_model", "layers+d_model+n_memory+split"


def _cells(pairs: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((n, d) for n in pairs for d in sizes)


def _mixed(
    memory: int, less: int, sizes: tuple, alone: tuple, split: tuple
) -> tuple[tuple[int, int, int, bool], ...]:
    """Sizes alone, with ``memory`` pairs to memorize, one with ``less`` (0: none), and split.

    A size is d_model of one layer, or (layers, d_model).
    """
    rows = [(d, 0, False) for d in alone] + [(d, memory, False) for d in sizes]
    rows += [(split[-1], less, False)] * bool(less) + [(d, memory, True) for d in split]
    sized = ((d if isinstance(d, tuple) else (1, d), rest) for d, *rest in rows)
    return tuple((*size, *rest) for size, rest in sized)


def _unordered(pairs: tuple[int, ...], p: int, sizes: tuple[int, ...]) -> tuple:
    return _cells(tuple(as_many(n, p) for n in pairs), sizes)


FEW = (8, 12, 16, 32, 48)
"""Sizes at which seven seeds are affordable: ours."""

LARGE = (64, (2, 128), (4, 256), (4, 512), (8, 1024))
"""Paper, Fig. 8: from one layer of 64 to eight of 1,024; for a GPU."""

EXPERIMENTS = (
    Sweep(
        "unified-grid",
        "Model size by training pairs: which dynamics, where, and double descent",
        "Huang et al. 2024, Figs. 1, 2, 3, 6, 9",
        UnifiedRun,
        CIRCUITS,
        {GRID: _cells(PAIRS, SIZES), "seed": SEEDS},
        {},
        {
            "smoke": {GRID: _cells((120, 200), (4, 8, 16)), "seed": (42,)},
            "fast": {GRID: ((3000, 8), (2600, 32), (3000, 32), (3000, 64))},
            "paper": {
                GRID: _cells((*range(2000, 4001, 200), 5000), PAPER_SIZES), "seed": MANY,
            },
        },
    ),
    Sweep(
        "unified-unordered",
        "Model size by training pairs that are drawn with both orders, seven seeds",
        "Huang et al. 2024, Figs. 2, 6; the draw is ours",
        UnifiedRun,
        CIRCUITS,
        {GRID: _unordered((2600, 3000, 4000, 5000), 113, PAPER_SIZES), "seed": SEVEN},
        {"drawn": "unordered"},
        {
            "smoke": {GRID: _cells((160, 240), (4, 8, 16)), "seed": (42,)},
            "laptop": {GRID: _unordered((1400, 1700), 59, FEW)},
            "paper": {"seed": MANY},
        },
    ),
    Sweep(
        "unified-unordered-square",
        "(a + b)^2 on pairs that are drawn with both orders, seven seeds",
        "Huang et al. 2024, Fig. 7; the draw is ours",
        UnifiedRun,
        CIRCUITS,
        {GRID: _unordered((3000,), 113, PAPER_SIZES), "seed": SEVEN},
        {"drawn": "unordered", "task": "square"},
        {
            "smoke": {GRID: _cells((240,), (4, 8, 16)), "seed": (42,)},
            "laptop": {GRID: _unordered((1400,), 59, FEW)},
            "paper": {"seed": MANY},
        },
    ),
    Sweep(
        "unified-critical",
        "From how many training pairs on each size finds the rule, drawn with both orders",
        "Huang et al. 2024, Fig. 3; the draw is ours",
        UnifiedRun,
        CIRCUITS,
        {
            GRID: _unordered((*range(2000, 4001, 200),), 113, (32, 36, 40, 44, 48, 56, 64)),
            "seed": SEEDS,
        },
        {"drawn": "unordered"},
        {
            "smoke": {GRID: _cells((160, 240), (8, 16)), "seed": (42,)},
            "laptop": {GRID: _cells((*range(1100, 3001, 190),), (16, 24, 32, 64))},
            "paper": {"seed": MANY},
        },
    ),
    Sweep(
        "unified-progression",
        "A net too small to memorize, five seeds",
        "Huang et al. 2024, Fig. 5",
        UnifiedRun,
        CIRCUITS,
        {"seed": MANY[:5]},
        {"d_model": 8},
        {"smoke": {"n_train": 200, "seed": MANY[:2]}, "laptop": {"n_train": 1700}},
    ),
    Sweep(
        "unified-capacity",
        "How many labels without a rule a net can hold",
        "Huang et al. 2024, Fig. 4",
        UnifiedRun,
        CIRCUITS,
        {"d_model": (4, 8, 12, 16, 24, 32, 48), "seed": SEEDS},
        {"task": "random"},
        {
            "smoke": {"n_train": 289, "d_model": (4, 8), "seed": (42,)},
            "laptop": {"n_train": 59**2, "d_model": SIZES[:-2]},
            "fast": {"n_train": 113**2},
            "paper": {"n_train": 113**2},
        },
    ),
    Sweep(
        "unified-square",
        "The same sizes on a harder task, (a + b)^2",
        "Huang et al. 2024, Fig. 7",
        UnifiedRun,
        CIRCUITS,
        {"d_model": SIZES, "seed": SEEDS},
        {"task": "square"},
        {
            "smoke": {"n_train": 200, "d_model": (4, 8, 16), "seed": (42,)},
            "laptop": {"n_train": 1700},
            "paper": {"d_model": PAPER_SIZES, "seed": MANY},
        },
    ),
    Sweep(
        "unified-mixture",
        "Addition and labels to memorize in one net, and in the halves of its MLP",
        "Huang et al. 2024, Figs. 8, 10",
        UnifiedRun,
        CIRCUITS,
        {
            MIXTURE: _mixed(3000, 6000, LARGE, (64,), (64, 128)),
            "seed": SEEDS,
        },
        {},
        {
            "smoke": {
                "n_train": 200, MIXTURE: _mixed(200, 100, (8, 16), (8, 16), (8,)), "seed": (42,),
            },
            "laptop": {
                "n_train": 1700,
                MIXTURE: _mixed(1700, 0, (16, 32, 64), (16, 32, 64), (32, 64)),
            },
        },
    ),
    Sweep(
        "unified-controls",
        "The same on labels without a rule, and on untrained nets",
        "controls (ours)",
        UnifiedRun,
        CIRCUITS,
        {"task+steps": (("random", 4000), ("add", 0)), "seed": SEEDS},
        {"d_model": 32},
        {
            "smoke": {"n_train": 200, "d_model": 8, "task+steps": (("random", 100), ("add", 0)),
                      "seed": (42,)},
            "laptop": {"n_train": 1700},
        },
    ),
)  # fmt: skip


def at_setting(runs: list[UnifiedRun], *, noise: float, seed: int) -> list[UnifiedRun]:
    """The runs of an experiment with wrong labels, or with another first seed.

    Runs with pairs to memorize beside the task have no wrong labels: they stay as they are.
    """
    moved = (run.but(seed=seed) if run.seed == SEEDS[0] else run for run in runs)
    found = (run if run.n_memory or not run.steps else run.but(noise=noise) for run in moved)
    return list(dict.fromkeys(found))

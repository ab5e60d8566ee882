"""Runs of Table 2: a three-layer net on MNIST with wrong labels."""

from __future__ import annotations

import itertools

from modnoise.mnist.run import MnistRun
from modnoise.sweep import Size, Sweep

MNIST: Size = {
    "smoke": {"source": "subset", "images": 500, "hidden1": 64, "hidden2": 32, "steps": 3},
    "laptop": {"source": "subset"},
    "paper": {"source": "full"},
}
"""Images of MNIST: the 5,000 that a package brings along, or the paper's 60,000."""

MNIST_SEEDS = tuple(range(42, 62))  # 42: paper; the others, for the spread of a table: ours

_DEFAULT = (1e-3, "unit", "torch")

CHOICES = tuple(
    (*choice, seed)
    for choice in itertools.product((1e-4, 1e-3, 1e-2), ("unit", "standardized"), ("torch", "he"))
    for seed in (MNIST_SEEDS if choice == _DEFAULT else MNIST_SEEDS[:5])
)
"""What the paper's Table 2 leaves open, and seeds: 20 of our own choice, 5 of every other."""

EXPERIMENTS = (
    Sweep(
        "table2",
        "MNIST with wrong labels: the first 50 epochs",
        "Table 2, section 3.2",
        MnistRun,
        MNIST,
        {"noise": (0.05, 0.20), "seed": MNIST_SEEDS},
        {},
        {"smoke": {"seed": (42, 43)}},
    ),
    Sweep(
        "table2-again",
        "The same on the 10,000 images of the published test files",
        "Table 2, section 3.2; a second set of images (ours)",
        MnistRun,
        MNIST,
        {"noise": (0.05, 0.20), "seed": MNIST_SEEDS},
        {"source": "t10k"},
        {"smoke": {"source": "subset", "images": 1_000, "seed": (42, 43)}},
    ),
    Sweep(
        "table2-batches",
        "MNIST with wrong labels, from small batches to the full batch",
        "Table 2; remark of section 3.2 (no figure)",
        MnistRun,
        MNIST,
        {"batch": (64, 256, 1024, None), "noise": (0.05, 0.20), "seed": MNIST_SEEDS[:5]},
        {},
        {"smoke": {"batch": (32, None), "seed": (42,)}},
    ),
    Sweep(
        "table2-choices",
        "The two epochs of the table under learning rates, pixel scales and initializations",
        "Table 2, section 3.2; a grid of what it does not state (ours)",
        MnistRun,
        MNIST,
        {"noise": (0.05, 0.20), "lr+pixels+init+seed": CHOICES},
        {"steps": 2},
        {"smoke": {"lr+pixels+init+seed": tuple(x for x in CHOICES if x[-1] in (42, 43))}},
    ),
)

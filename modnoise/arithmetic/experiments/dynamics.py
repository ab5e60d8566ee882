"""Runs of section 3.2 and appendix C.3: which labels are learned first."""

from __future__ import annotations

from modnoise.arithmetic.experiments.sizes import GROK, OWN, WIDTHS, sweep
from modnoise.sweep import SEEDS

_EPOCHS = {8: 20, 64: 200, 256: 200, None: 200}
"""Batch sizes, None for all pairs, and how often each net sees the training pairs (ours)."""


def _batches(p: int) -> tuple[tuple[int | None, int], ...]:
    """Batch sizes and the updates of their epochs, half the pairs for training."""
    n = p * p // 2
    return tuple((size, epochs * (n // size if size else 1)) for size, epochs in _EPOCHS.items())


DYNAMICS = (
    sweep(
        "fig14",
        "SGD over a grid of learning rates and weight decays",
        "Fig. 14",
        {"lr": (0.01, 0.1, 1.0), "weight_decay": (1e-5, 1e-4, 1e-3)},
        {"optimizer": "sgd", "noise": 0.1, "width": 257},
        {
            "smoke": {"lr": (1.0,), "weight_decay": (1e-4,)},
            "laptop": {"lr": (0.1, 1.0, 10.0), "steps": 8_000},
            "fast": {"lr": (0.2, 2.0, 20.0), "beta2": 0.999},
        },
        GROK,
    ),
    sweep(
        "fig3",
        "Noisy labels first: the first 200 steps",
        "Figs. 3, 16, 17 and 18, section 3.2; appendix C.3",
        {
            # with PyTorch's 1e-3 Muon learns next to nothing in 200 steps; 0.02: Keller Jordan
            "optimizer+weight_decay+lr": (
                ("adamw", 0.1, 1e-3),
                ("adam", 1e-4, 1e-3),
                ("muon", 0.1, 0.02),
            ),
            "width": WIDTHS[::2],  # 17 ... 4097
            "noise": (0.1, 0.3, 0.5, 0.8),
            "seed": SEEDS,
        },
        {**OWN, "steps": 200, "record_gradients": True},
        {
            "laptop": {"width": (17, 65, 129, 257, 513)},
            "fast": {"width": (17, 65, 129, 257, 513, 1025)},
            "smoke": {"width": (129,), "noise": (0.1, 0.5), "seed": (42,)},
        },
    ),
    sweep(
        "collisions",
        "Noise whose labels collide no more often than clean ones: who is first?",
        "follow-up, bijective noise; section 3.2 asks why noise is first",
        {
            "noise_kind": ("wrong", "bijective"),
            "noise": (0.1, 0.3, 0.5, 0.7, 0.9),
            "seed": SEEDS,
        },
        {**OWN, "steps": 200, "width": 513},
        {"smoke": {"p": 17, "width": 129, "noise": (0.3, 0.7), "seed": (42,)}},
    ),
    sweep(
        "collisions-within",
        "Which pairs are known when half of the wrong labels are",
        "follow-up, section 3.2; within a role (ours)",
        {"seed": SEEDS},
        {**OWN, "steps": 115, "width": 513},  # where noisy accuracy is 50 % in fig3
        {"smoke": {"steps": 80, "width": 257, "seed": (42,)}},
    ),
    sweep(
        "batches",
        "Noise first, from small batches to the full batch",
        "remark of section 3.2 (no figure)",
        {"batch+steps": _batches(113), "seed": SEEDS},
        {**OWN, "width": 513},
        {"smoke": {"width": 129, "batch+steps": _batches(23), "seed": (42,)}},
    ),
)

"""Every figure's set of runs, declared once, at three scales. Only data: no torch is imported.

``smoke``: seconds, small p, few steps: the code path, not the science. ``laptop``: the paper's
task and optimizer (p = 113, AdamW, lr 1e-3, decay 0.1) for 1,000 steps, minutes a net on one CPU
core. ``paper``: the paper's widths and its 200,000 steps, for a GPU. A scale changes numbers,
never code paths. Grids that no source gives are ours and say so.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modnoise.mnist_data import MnistRun
from modnoise.spec import Run, SpecError, Trainable
from modnoise.transformer_run import TransformerRun

SCALES = ("smoke", "laptop", "paper")
WIDTHS = tuple(2**k + 1 for k in range(4, 13))  # paper: 17 ... 4097
NOISES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # ours; 0.3 and 0.8 are in the paper
CONTROLS = (0.9, 1.0)  # ours: above the paper's range; at 1.0 no rule is left in the labels
DECAYS = (0.01, 0.1, 0.3, 1.0)  # ours: the paper's grid is unknown but holds 0.1
SEEDS = (42, 43, 44)  # 42: paper; the others: ours

Size = Mapping[str, Mapping[str, Any]]

FIT: Size = {
    "smoke": {"p": 23, "width": 257, "steps": 300},
    "laptop": {"p": 113, "width": 1025, "steps": 1_000},
    "paper": {"p": 113, "width": 2049, "steps": 200_000},
}
"""Sizes at which every label is fit; at laptop scale far too short to generalize."""

_SHARES = {"train_frac": 0.7, "val_frac": 0.1, "test_frac": 0.2}

GROK: Size = {
    "smoke": {"p": 23, "width": 129, "steps": 300, "lr": 5e-3, "weight_decay": 1.0, **_SHARES},
    "laptop": {"p": 59, "width": 1025, "steps": 4_000, "lr": 5e-3, "weight_decay": 1.0, **_SHARES},
    "paper": FIT["paper"],
}
"""Sizes at which nets also get to generalize. At laptop scale the time scale of weight decay,
1 / (lr weight_decay), is 200 steps where the paper's is 10,000: 20 of them make a training in
both. p = 59 needs a larger share of its pairs to generalize under noise: 70 % instead of 50 %."""

MNIST: Size = {
    "smoke": {"source": "subset", "images": 500, "hidden1": 64, "hidden2": 32, "steps": 3},
    "laptop": {"source": "subset"},
    "paper": {"source": "full"},
}
"""Images of MNIST: the 5,000 that a package brings along, or the paper's 60,000."""

MNIST_SEEDS = tuple(range(42, 62))  # 42: paper; the others, for the spread of a table: ours

TRANSFORMER: Size = {
    "smoke": {"p": 23, "d_model": 32, "d_mlp": 64, "steps": 300, "lr": 1e-2},
    "laptop": {"steps": 2_000, "lr": 3e-3},
    "paper": {},
}
"""Nanda's net and optimizer, with which the paper's scale trains for 40,000 steps. At laptop scale
a larger learning rate and noise 0.1 fit every label and generalize in part, as in the paper's row
before FF, within 2,000: chosen by that row alone, before any net was filtered."""


@dataclass(frozen=True)
class Sweep:
    """A named set of runs: the product of ``over``, on top of the scale's size and ``base``.

    ``at`` holds, for single scales, what replaces that: tuples are varied, other values fixed.
    Fields that vary together are one entry: ``{"batch+steps": ((64, 990), (256, 240))}``.
    """

    name: str
    title: str
    paper: str
    over: Mapping[str, tuple]
    base: Mapping[str, Any] = field(default_factory=dict)
    at: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    size: Size = field(default_factory=lambda: FIT)
    spec: type[Trainable] = Run

    def runs(self, scale: str) -> list[Any]:
        """The runs at one scale, in the order of the product.

        Raises:
            SpecError: a scale other than smoke, laptop, paper.
        """
        if scale not in SCALES:
            raise SpecError(
                f"scale = {scale!r} is not allowed: it must be one of {', '.join(SCALES)}"
            )
        here = self.at.get(scale, {})
        over = {**self.over, **{name: x for name, x in here.items() if isinstance(x, tuple)}}
        fixed = {name: x for name, x in here.items() if not isinstance(x, tuple)}
        return [
            self.spec(**{**self.size[scale], **self.base, **fixed, **_point(over, values)})
            for values in itertools.product(*over.values())
        ]

    def told(self, scale: str) -> str:
        """The setting at a scale in lines of 79 letters, and the command that recomputes it."""
        runs, parts = self.runs(scale), []
        for name, label in _TOLD.items():
            if name in self.spec.model_fields:
                found = dict.fromkeys(getattr(run, name) for run in runs)
                told = (f"{x:g}" if isinstance(x, float) else str(x) for x in found)
                parts.append(label.format(", ".join(told)))
        many = "s" * (len(runs) != 1)
        setting = "; ".join([f"{scale} scale: {len(runs)} run{many}", *parts])
        return f"{textwrap.fill(setting, 79)}\nmodnoise run {self.name} --scale {scale}"


_TOLD = {  # fields named with every figure
    "op": "op {}", "p": "p {}", "width": "M {}", "act": "act {}", "optimizer": "{}", "lr": "lr {}",
    "weight_decay": "decay {}", "noise": "noise {}", "train_frac": "training share {}",
    "steps": "{} steps", "seed": "seed {}",
}  # fmt: skip


def _point(over: Mapping[str, tuple], values: Iterable[Any]) -> dict[str, Any]:
    point = {}
    for names, value in zip(over, values, strict=True):
        several = names.split("+")
        point |= zip(several, value if len(several) > 1 else [value], strict=True)
    return point


def base_run(scale: str, **changes: Any) -> Run:
    """One run of the FF pages at a scale: its size and length, the paper's data and optimizer."""
    if scale not in SCALES:
        raise SpecError(f"scale = {scale!r} is not allowed: it must be one of {', '.join(SCALES)}")
    return Run(**{**FIT[scale], "record_parts": True, **changes})


_PARTS = {"record_parts": True}
_ALL = {"record_parts": True, "record_structure": True}
_TIED = {"tied": True, "split": "unordered"}
_GROK_NOISES = (0.1, 0.2, 0.3)
_LADDER = {
    "smoke": {"width": (17, 129), "noise": (0.2,)},
    "laptop": {"width": WIDTHS[:6], "noise": (0.1, 0.3)},  # 17 ... 513
}
_VARIANT = "act+op+optimizer+lr+weight_decay+train_frac+val_frac"


def _variants(
    lr: float, weight_decay: float, shares: tuple[float, float], **decays: Iterable[float]
) -> tuple[tuple, ...]:
    """What Figs. 8 to 13 change, one after the other, as values of `_VARIANT`.

    ``shares`` of training and validation pairs; ``decays`` by optimizer, Muon's after its rate.
    """
    train, val = shares
    muon_lr, *muon = decays["muon"]
    adamw = ("adamw", lr, weight_decay)
    return (
        *((act, "add", *adamw, train, val) for act in ("gelu", "quadratic")),
        *(("relu", op, *adamw, train, val) for op in ("sub", "mul")),
        *(("relu", "add", *adamw, round(train + x, 1), round(val - x, 1)) for x in (-0.1, 0.1)),
        *(("relu", "add", "adam", lr, decay, train, val) for decay in decays["adam"]),
        *(("relu", "add", "muon", muon_lr, decay, train, val) for decay in muon),
    )


_EPOCHS = {8: 20, 64: 200, 256: 200, None: 200}
"""Batch sizes, None for all pairs, and how often each net sees the training pairs (ours)."""


def _batches(p: int) -> tuple[tuple[int | None, int], ...]:
    """Batch sizes and the updates of their epochs, half the pairs for training."""
    n = p * p // 2
    return tuple((size, epochs * (n // size if size else 1)) for size, epochs in _EPOCHS.items())


_FF_NOISES = (0.3, 0.5, 0.8)  # 0.8: paper; ours: 0.3, 0.5


def _tempos(steps: int, *tempos: int) -> tuple[tuple[float, int], ...]:
    """Rates and lengths of trainings that are ``tempo`` times faster, with one lr x steps."""
    return tuple((1e-3 * tempo, steps // tempo) for tempo in tempos)

_SWEEPS = (
    Sweep(
        "fig5-noise",
        "Frequency filtration against label noise",
        "Fig. 5, section 4.1",
        {"noise": NOISES + CONTROLS, "seed": SEEDS},
        _PARTS,
        {"smoke": {"noise": (0.0, 0.3, 0.5, 0.8, 1.0), "seed": (42,)}},
    ),
    Sweep(
        "fig5-width",
        "Frequency filtration against width",
        "Fig. 5, section 4.1; Result 4.1 needs wide nets",
        {"noise": _FF_NOISES, "width": WIDTHS},
        _PARTS,
        {
            "smoke": {"width": (33, 129, 513)},
            "laptop": {"width": WIDTHS[3:]},  # 129 ... 4097
        },
    ),
    Sweep(
        "fig5-widest",
        "Frequency filtration at the paper's largest width",
        "Fig. 5, section 4.1",
        {"noise": _FF_NOISES, "seed": SEEDS},
        {**_PARTS, "width": WIDTHS[-1]},
        {"smoke": {"noise": (0.8,), "seed": (42,)}},
    ),
    Sweep(
        "fig23-subtraction",
        "Frequency filtration for subtraction",
        "Fig. 23, appendix D",
        {"noise": _FF_NOISES, "seed": SEEDS},
        {**_PARTS, "op": "sub"},
        {"smoke": {"seed": (42,)}},
    ),
    Sweep(
        "fig24-quadratic",
        "Frequency filtration for quadratic nets",
        "Fig. 24, appendix D",
        {"noise": _FF_NOISES, "seed": SEEDS},
        {**_PARTS, "act": "quadratic"},
        {"smoke": {"seed": (42,)}},
    ),
    Sweep(
        "fig5-controls",
        "What the filter finds by itself: controls against label noise",
        "controls for Result 4.1 (ours)",
        {"noise": (0.0, 0.3, 0.5, 0.8, 0.95), "seed": SEEDS},
        _ALL,
        {"smoke": {"noise": (0.0, 0.5), "seed": (42,)}},
    ),
    Sweep(
        "fig5-untrained",
        "The filter on nets that never saw a label",
        "controls for Result 4.1 (ours)",
        {"seed": SEEDS},
        {**_ALL, "noise": 0.8, "steps": 0},
        {"smoke": {"seed": (42,)}},
    ),
    Sweep(
        "fig5-bf16",
        "The same verdicts with products in bfloat16?",
        "ours: proof that the option does no harm",
        {"noise": _FF_NOISES, "seed": SEEDS},
        {**_PARTS, "matmul": "bf16"},
        {"smoke": {"noise": (0.3,), "seed": (42,)}},
    ),
    Sweep(
        "fig2",
        "Test error and cross-entropy against width, weight decay and noise",
        "Figs. 1(a), 2 and 19, section 3.1",
        {"width": WIDTHS, "weight_decay": DECAYS, "noise": (0.0, 0.1, 0.3, 0.5, 0.8)},
        _ALL,
        {
            "smoke": {"width": (17, 129), "weight_decay": (0.3, 1.0), "noise": (0.0, 0.2)},
            "laptop": {
                "width": WIDTHS[:7],
                "weight_decay": (0.3, 1.0, 3.0),
                "noise": (0.0, 0.1, 0.2, 0.3),
            },
        },
        GROK,
    ),
    Sweep(
        "fig2-own",
        "The paper's own setting, as far as one core of a CPU gets in two hours",
        "Figs. 1(a) and 2, section 3.1",
        {"width": WIDTHS[:6]},
        {**_ALL, "noise": 0.3, "weight_decay": 0.1},
        {"smoke": {"width": (17, 33)}, "laptop": {"steps": 200_000}},
        FIT,
    ),
    Sweep(
        "tempo",
        "The same setting at other tempos: lr x s, steps / s, the same decay",
        "control for the scale `fast` (ours)",
        {"lr+steps": _tempos(200_000, 40, 20, 10, 5), "width": WIDTHS[:6], "seed": SEEDS},
        {**_ALL, "noise": 0.3, "weight_decay": 0.1},
        {"smoke": {"width": (17, 33), "lr+steps": _tempos(300, 2, 1), "seed": (42,)}},
        FIT,
    ),
    Sweep(
        "fig1",
        "One decay: three seeds, and a finer ladder where noise begins to be fit",
        "Fig. 1(a); control for section 3.1 (ours)",
        {"width": WIDTHS, "noise": _GROK_NOISES, "seed": SEEDS},
        {},
        {
            "smoke": {**_LADDER["smoke"], "seed": (42,)},
            "laptop": {"width": (17, 33, 41, 49, 57, 65, 81, 129, 257, 513)},
        },
        GROK,
    ),
    Sweep(
        "fig1-longer",
        "The same decay for four times as many steps",
        "Fig. 1(a); control for section 3.1 (ours)",
        {"width": WIDTHS, "noise": _GROK_NOISES},
        {"steps": 800_000},
        {
            "smoke": {**_LADDER["smoke"], "steps": 600},
            "laptop": {"width": WIDTHS[:6], "steps": 16_000},
        },
        GROK,
    ),
    Sweep(
        "fig8",
        "Double descent with other activations",
        "Figs. 1(b) and 8",
        {"act": ("gelu", "quadratic"), "noise": _GROK_NOISES, "width": WIDTHS},
        {},
        {
            "smoke": _LADDER["smoke"],
            "laptop": {**_LADDER["laptop"], "width": WIDTHS[:7]},
            "paper": {"noise": (0.3, 0.5)},
        },
        GROK,
    ),
    Sweep(
        "fig9",
        "Double descent with less training data",
        "Fig. 9",
        {"noise": _GROK_NOISES, "width": WIDTHS},
        {"train_frac": 0.6, "val_frac": 0.2},
        {
            "smoke": _LADDER["smoke"],
            "laptop": _LADDER["laptop"],
            "paper": {"train_frac": 0.4, "val_frac": 0.3},
        },
        GROK,
    ),
    Sweep(
        "fig10",
        "Double descent with more training data",
        "Fig. 10",
        {"noise": _GROK_NOISES, "width": WIDTHS},
        {"train_frac": 0.8, "val_frac": 0.0},
        {
            "smoke": _LADDER["smoke"],
            "laptop": _LADDER["laptop"],
            "paper": {"train_frac": 0.6, "val_frac": 0.1},
        },
        GROK,
    ),
    Sweep(
        "fig11",
        "Double descent with Adam and coupled weight decay",
        "Figs. 11 and 20",
        {"weight_decay": (1e-5, 1e-4, 5e-4), "noise": _GROK_NOISES, "width": WIDTHS},
        {"optimizer": "adam"},
        {
            "smoke": {**_LADDER["smoke"], "weight_decay": (1e-4,)},
            "laptop": {**_LADDER["laptop"], "weight_decay": (3e-5, 3e-4)},
        },
        GROK,
    ),
    Sweep(
        "fig12",
        "Double descent with Muon",
        "Figs. 12 and 21",
        {"weight_decay": DECAYS, "noise": _GROK_NOISES, "width": WIDTHS},
        {"optimizer": "muon"},
        {
            "smoke": {**_LADDER["smoke"], "weight_decay": (1.0,)},
            # larger steps than AdamW's (Keller Jordan's lr), hence smaller decays for as long
            "laptop": {**_LADDER["laptop"], "lr": 0.02, "weight_decay": (0.03, 0.3)},
        },
        GROK,
    ),
    Sweep(
        "fig13",
        "Double descent for subtraction and multiplication",
        "Fig. 13",
        {"op": ("sub", "mul"), "noise": _GROK_NOISES, "width": WIDTHS},
        {},
        {"smoke": _LADDER["smoke"], "laptop": _LADDER["laptop"]},
        GROK,
    ),
    Sweep(
        "fig8-finer",
        "The ladders of Figs. 8 to 13 with more widths where noise begins to be fit",
        "Figs. 8 to 13; control for appendix C.1 (ours)",
        {
            _VARIANT: _variants(
                1e-3, 0.1, (0.5, 0.2), adam=(1e-5, 1e-4, 5e-4), muon=(1e-3, *DECAYS)
            ),
            "noise": _GROK_NOISES,
            "width": (33, 49, 65, 97, 129, 193, 257, 385, 513, 1025, 2049, 4097),
        },
        {},
        {
            "smoke": {
                **_LADDER["smoke"],
                _VARIANT: _variants(5e-3, 1.0, (0.7, 0.1), adam=(), muon=(0.02, 0.3)),
            },
            "laptop": {
                **_LADDER["laptop"],
                "width": (17, 25, 33, 41, 49, 57, 65, 81, 129, 257, 513),
                _VARIANT: _variants(
                    5e-3, 1.0, (0.7, 0.1), adam=(3e-5, 3e-4), muon=(0.02, 0.03, 0.3)
                ),
            },
        },
        GROK,
    ),
    Sweep(
        "fig14",
        "SGD over a grid of learning rates and weight decays",
        "Fig. 14",
        {"lr": (0.01, 0.1, 1.0), "weight_decay": (1e-5, 1e-4, 1e-3)},
        {"optimizer": "sgd", "noise": 0.1, "width": 257},
        {
            "smoke": {"lr": (1.0,), "weight_decay": (1e-4,)},
            "laptop": {"lr": (0.1, 1.0, 10.0), "steps": 8_000},
        },
        GROK,
    ),
    Sweep(
        "fig15-random",
        "A tied net cannot fit random label noise",
        "Fig. 15, left and right, appendix C.2",
        {"weight_decay": (0.1, 1.0), "noise": (0.3,), "width": WIDTHS},
        _TIED,
        {
            "smoke": {**_LADDER["smoke"], "weight_decay": (1.0, 3.0)},
            "laptop": {**_LADDER["laptop"], "noise": (0.2,), "weight_decay": (1.0, 3.0, 10.0)},
        },
        GROK,
    ),
    Sweep(
        "fig15-symmetric",
        "A tied net can fit symmetric label noise",
        "Fig. 15, middle, appendix C.2",
        {"weight_decay": (0.1,), "noise": (0.3,), "width": WIDTHS},
        {**_TIED, "noise_kind": "symmetric"},
        {
            "smoke": {**_LADDER["smoke"], "weight_decay": (1.0,)},
            "laptop": {**_LADDER["laptop"], "noise": (0.2,), "weight_decay": (1.0,)},
        },
        GROK,
    ),
    Sweep(
        "fig6",
        "Inside nets that have begun to generalize: phases, frequencies, ranked neurons",
        "Figs. 6, 7 and 26 to 32; sections 5, D.3, D.4 and E",
        {"op": ("add", "sub", "mul"), "noise": (0.0, *_GROK_NOISES, 0.5), "seed": SEEDS},
        _ALL,
        # 513 neurons for p = 59 are as many per residue as 1025 for p = 113
        {"smoke": {"noise": (0.0, 0.3), "seed": (42,)}, "laptop": {"width": 513}},
        GROK,
    ),
    Sweep(
        "fig30",
        "Inside nets against width: phases, frequencies, ranked neurons",
        "Figs. 6 (right), 28 and 30; sections 5.2, D.3 and D.4",
        {"width": WIDTHS, "noise": (0.0, *_GROK_NOISES), "seed": SEEDS},
        _ALL,
        {
            "smoke": {"width": (17, 129), "noise": (0.0, 0.3), "seed": (42,)},
            "laptop": {"width": WIDTHS[:7]},
        },
        GROK,
    ),
    Sweep(
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
        {"steps": 200, "record_gradients": True},
        {
            "laptop": {"width": (17, 65, 129, 257, 513)},
            "smoke": {"width": (129,), "noise": (0.1, 0.5), "seed": (42,)},
        },
    ),
    Sweep(
        "collisions",
        "Noise whose labels collide no more often than clean ones: who is first?",
        "follow-up, bijective noise; section 3.2 asks why noise is first",
        {
            "noise_kind": ("wrong", "bijective"),
            "noise": (0.1, 0.3, 0.5, 0.7, 0.9),
            "seed": SEEDS,
        },
        {"steps": 200, "width": 513},
        {"smoke": {"p": 17, "width": 129, "noise": (0.3, 0.7), "seed": (42,)}},
    ),
    Sweep(
        "collisions-within",
        "Which pairs are known when half of the wrong labels are",
        "follow-up, section 3.2; within a role (ours)",
        {"seed": SEEDS},
        {"steps": 115, "width": 513},  # where noisy accuracy is 50 % in fig3
        {"smoke": {"steps": 80, "width": 257, "seed": (42,)}},
    ),
    Sweep(
        "batches",
        "Noise first, from small batches to the full batch",
        "remark of section 3.2 (no figure)",
        {"batch+steps": _batches(113), "seed": SEEDS},
        {"width": 513},
        {"smoke": {"width": 129, "batch+steps": _batches(23), "seed": (42,)}},
    ),
    Sweep(
        "table2",
        "MNIST with wrong labels: the first 50 epochs",
        "Table 2, section 3.2",
        {"noise": (0.05, 0.20), "seed": MNIST_SEEDS},
        {},
        {"smoke": {"seed": (42, 43)}},
        MNIST,
        MnistRun,
    ),
    Sweep(
        "table2-again",
        "The same on the 10,000 images of the published test files",
        "Table 2, section 3.2; a second set of images (ours)",
        {"noise": (0.05, 0.20), "seed": MNIST_SEEDS},
        {"source": "t10k"},
        {"smoke": {"source": "subset", "images": 1_000, "seed": (42, 43)}},
        MNIST,
        MnistRun,
    ),
    Sweep(
        "table2-batches",
        "MNIST with wrong labels, from small batches to the full batch",
        "Table 2; remark of section 3.2 (no figure)",
        {"batch": (64, 256, 1024, None), "noise": (0.05, 0.20), "seed": MNIST_SEEDS[:5]},
        {},
        {"smoke": {"batch": (32, None), "seed": (42,)}},
        MNIST,
        MnistRun,
    ),
    Sweep(
        "table3",
        "Frequency filtration of a transformer's unembedding",
        "Table 3, appendix D",
        {"seed": SEEDS},
        {"noise": 0.1},
        {"smoke": {"seed": (42,)}},
        TRANSFORMER,
        TransformerRun,
    ),
    Sweep(
        "table3-controls",
        "The same on untrained transformers, and with every label wrong",
        "controls for Table 3 (ours)",
        {"noise+steps": ((0.1, 0), (1.0, 600)), "seed": SEEDS},
        {},
        {"smoke": {"seed": (42,)}},
        TRANSFORMER,
        TransformerRun,
    ),
    Sweep(
        "table3-region",
        "Where a transformer fits every label and generalizes in part",
        "Table 3; noise, decay and steps, which the paper leaves open (ours)",
        {"noise": (0.05, 0.1, 0.2), "weight_decay": (0.3, 1.0, 3.0)},
        {},
        {"smoke": {"noise": (0.1, 0.3), "weight_decay": (0.3, 1.0)}},
        TRANSFORMER,
        TransformerRun,
    ),
)

EXPERIMENTS: dict[str, Sweep] = {sweep.name: sweep for sweep in _SWEEPS}
"""All declared experiments by name."""

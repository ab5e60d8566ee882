"""Runs of section 3.1 and appendices C.1 and C.2: ladders of widths."""

from __future__ import annotations

from collections.abc import Iterable

from modnoise.arithmetic.experiments.sizes import (
    ALL,
    DECAYS,
    FIT,
    GROK,
    GROK_NOISES,
    OWN,
    TEMPO,
    WIDTHS,
    sweep,
)
from modnoise.arithmetic.run import STEPS, at_tempo
from modnoise.sweep import SEEDS

_TIED = {"tied": True, "split": "unordered"}
_LADDER = {
    "smoke": {"width": (17, 129), "noise": (0.2,)},
    "laptop": {"width": WIDTHS[:6], "noise": (0.1, 0.3)},  # 17 ... 513
}
_CLOCK = "lr+steps+beta2"
_FAST = {"width": WIDTHS[:7], "noise": (0.3,)}
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


def _tempos(steps: int, *tempos: int, memory: bool) -> tuple[tuple[float, int, float], ...]:
    """lr, steps and beta2 at several tempos (`at_tempo`), of a paper's training of ``steps``.

    Rule, fixed before any of them was looked at: a tempo is accepted if at every width each
    accuracy at the end (test; test by FF, by FF with x², by a random frequency with x²; test and
    noisy with the activation replaced; noisy of the residual) is as far as 10 points from that of
    the recorded 200,000 steps of the same seed at most, or as the range of three seeds at that
    tempo where that is wider. The largest accepted one is used.
    """
    at = (at_tempo(tempo, memory=memory) | {"steps": steps // tempo} for tempo in tempos)
    return tuple((one["lr"], one["steps"], one["beta2"]) for one in at)


DESCENT = (
    sweep(
        "fig2",
        "Test error and cross-entropy against width, weight decay and noise",
        "Figs. 1(a), 2 and 19, section 3.1",
        {"width": WIDTHS, "weight_decay": DECAYS, "noise": (0.0, 0.1, 0.2, 0.3, 0.5, 0.8)},
        ALL,
        {
            "smoke": {"width": (17, 129), "weight_decay": (0.3, 1.0), "noise": (0.0, 0.2)},
            "laptop": {
                "width": WIDTHS[:7],
                "weight_decay": (0.3, 1.0, 3.0),
                "noise": (0.0, 0.1, 0.2, 0.3),
            },
            "fast": {"width": WIDTHS[:7]},
        },
        GROK,
    ),
    sweep(
        "fig2-own",
        "The paper's own setting, as far as one core of a CPU gets in two hours",
        "Figs. 1(a) and 2, section 3.1",
        {"width": WIDTHS[:6]},
        {**ALL, "noise": 0.3, "weight_decay": 0.1},
        {
            "smoke": {"width": (17, 33)},
            "laptop": {"steps": STEPS},
            "fast": {**OWN, "steps": STEPS},
        },
        FIT,
    ),
    sweep(
        "tempo",
        "The same setting at other tempos: lr x s, steps / s, the same decay",
        "control for the scale `fast` (ours)",
        {_CLOCK: _tempos(STEPS, 40, 20, 10, 5, memory=True), "width": WIDTHS[:6], "seed": SEEDS},
        {**ALL, "noise": 0.3, "weight_decay": 0.1},
        {"smoke": {"width": (17, 33), _CLOCK: _tempos(300, 2, 1, memory=True), "seed": (42,)}},
        FIT,
    ),
    sweep(
        "tempo-steps",
        "The same tempos with AdamW's memory as long in steps, not in training time",
        "control for `tempo` (ours)",
        {_CLOCK: _tempos(STEPS, 40, 20, 10, memory=False), "width": WIDTHS[:6], "seed": SEEDS},
        {**ALL, "noise": 0.3, "weight_decay": 0.1},
        {"smoke": {"width": (17, 33), _CLOCK: _tempos(300, 2, memory=False), "seed": (42,)}},
        FIT,
    ),
    sweep(
        "tempo-others",
        "Adam, Muon, and AdamW at other noise and decay, at the paper's own tempo",
        "control for the scale `fast` (ours)",
        {
            f"optimizer+weight_decay+noise+width+{_CLOCK}": (
                *(
                    ("adamw", decay, noise, 257, *of)
                    for decay, noise in ((0.1, 0.8), (1.0, 0.1))
                    for of in _tempos(STEPS, 1, TEMPO, memory=True)
                ),
                *(("adam", 1e-4, 0.3, 65, *of) for of in _tempos(STEPS, 1, TEMPO, memory=True)),
                *(("muon", 0.1, 0.3, 65, *of) for of in _tempos(STEPS, 1, TEMPO, memory=False)),
            )
        },
        ALL,
        {
            "smoke": {
                f"optimizer+weight_decay+noise+width+{_CLOCK}": (
                    ("adam", 1e-4, 0.3, 17, 2e-3, 150, 0.998),
                ),
            }
        },
        FIT,
    ),
    sweep(
        "fig1",
        "Three seeds, and a finer ladder where noise begins to be fit",
        "Fig. 1(a); control for section 3.1 (ours)",
        {"width": WIDTHS, "noise": GROK_NOISES, "seed": SEEDS},
        {},
        {
            "smoke": {**_LADDER["smoke"], "seed": (42,)},
            "laptop": {"width": (17, 33, 41, 49, 57, 65, 81, 129, 257, 513)},
            "fast": {
                **ALL,
                "width": (17, 25, 33, 41, 49, 57, 65, 81, 97, 129, 257, 513, 1025),
                "noise": (0.1, 0.2, 0.3, 0.5),
                "weight_decay": (0.1, 0.3, 1.0),
            },
        },
        GROK,
    ),
    sweep(
        "fig1-longer",
        "The same decay for four times as many steps",
        "Fig. 1(a); control for section 3.1 (ours)",
        {"width": WIDTHS, "noise": GROK_NOISES},
        {"steps": 800_000},
        {
            "smoke": {**_LADDER["smoke"], "steps": 600},
            "laptop": {"width": WIDTHS[:6], "steps": 16_000},
            "fast": {"width": WIDTHS[:6], "noise": (0.3,), "steps": 4 * STEPS // TEMPO},
        },
        GROK,
    ),
    sweep(
        "fig8",
        "Double descent with other activations",
        "Figs. 1(b) and 8",
        {"act": ("gelu", "quadratic"), "noise": GROK_NOISES, "width": WIDTHS},
        {},
        {
            "smoke": _LADDER["smoke"],
            "laptop": {**_LADDER["laptop"], "width": WIDTHS[:7]},
            "fast": {"width": WIDTHS[:8], "noise": (0.1, 0.3, 0.5)},
            "paper": {"noise": (0.1, 0.3, 0.5)},
        },
        GROK,
    ),
    sweep(
        "fig9",
        "Double descent with less training data",
        "Fig. 9",
        {"noise": GROK_NOISES, "width": WIDTHS},
        {"train_frac": 0.6, "val_frac": 0.2},
        {
            "smoke": _LADDER["smoke"],
            "laptop": _LADDER["laptop"],
            "fast": {**_FAST, "train_frac": 0.4, "val_frac": 0.3},
            "paper": {"train_frac": 0.4, "val_frac": 0.3},
        },
        GROK,
    ),
    sweep(
        "fig10",
        "Double descent with more training data",
        "Fig. 10",
        {"noise": GROK_NOISES, "width": WIDTHS},
        {"train_frac": 0.8, "val_frac": 0.0},
        {
            "smoke": _LADDER["smoke"],
            "laptop": _LADDER["laptop"],
            "fast": {**_FAST, "train_frac": 0.6, "val_frac": 0.1},
            "paper": {"train_frac": 0.6, "val_frac": 0.1},
        },
        GROK,
    ),
    sweep(
        "fig11",
        "Double descent with Adam and coupled weight decay",
        "Figs. 11 and 20",
        {"weight_decay": (1e-5, 1e-4, 5e-4), "noise": GROK_NOISES, "width": WIDTHS},
        {"optimizer": "adam"},
        {
            "smoke": {**_LADDER["smoke"], "weight_decay": (1e-4,)},
            "laptop": {**_LADDER["laptop"], "weight_decay": (3e-5, 3e-4)},
            "fast": _FAST,
        },
        GROK,
    ),
    sweep(
        "fig12",
        "Double descent with Muon",
        "Figs. 12 and 21",
        {"weight_decay": DECAYS, "noise": GROK_NOISES, "width": WIDTHS},
        {"optimizer": "muon"},
        {
            "smoke": {**_LADDER["smoke"], "weight_decay": (1.0,)},
            # larger steps than AdamW's (Keller Jordan's lr), hence smaller decays for as long
            "laptop": {**_LADDER["laptop"], "lr": 0.02, "weight_decay": (0.03, 0.3)},
            "fast": {**_FAST, "beta2": 0.999},
        },
        GROK,
    ),
    sweep(
        "fig13",
        "Double descent for subtraction and multiplication",
        "Fig. 13",
        {"op": ("sub", "mul"), "noise": GROK_NOISES, "width": WIDTHS},
        {},
        {"smoke": _LADDER["smoke"], "laptop": _LADDER["laptop"], "fast": {**_FAST, **ALL}},
        GROK,
    ),
    sweep(
        "fig8-finer",
        "The ladders of Figs. 8 to 13 with more widths where noise begins to be fit",
        "Figs. 8 to 13; control for appendix C.1 (ours)",
        {
            _VARIANT: _variants(
                1e-3, 0.1, (0.5, 0.2), adam=(1e-5, 1e-4, 5e-4), muon=(1e-3, *DECAYS)
            ),
            "noise": GROK_NOISES,
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
        {scale: GROK[scale] for scale in ("smoke", "laptop", "paper")},
    ),
    sweep(
        "fig15-random",
        "A tied net cannot fit random label noise",
        "Fig. 15, left and right, appendix C.2",
        {"weight_decay": (0.1, 1.0, 3.0, 10.0), "noise": (0.3,), "width": WIDTHS},
        _TIED,
        {
            "smoke": {**_LADDER["smoke"], "weight_decay": (1.0, 3.0)},
            "laptop": {**_LADDER["laptop"], "noise": (0.2,), "weight_decay": (1.0, 3.0, 10.0)},
            "fast": {"width": WIDTHS[:7]},
        },
        GROK,
    ),
    sweep(
        "fig15-symmetric",
        "A tied net can fit symmetric label noise",
        "Fig. 15, middle, appendix C.2",
        {"weight_decay": (0.1,), "noise": (0.3,), "width": WIDTHS},
        {**_TIED, "noise_kind": "symmetric"},
        {
            "smoke": {**_LADDER["smoke"], "weight_decay": (1.0,)},
            "laptop": {**_LADDER["laptop"], "noise": (0.2,), "weight_decay": (1.0,)},
            "fast": {"width": WIDTHS[:7]},
        },
        GROK,
    ),
)

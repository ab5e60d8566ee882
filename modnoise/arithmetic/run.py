"""A run of the paper's experiment: a noisy table of all pairs (a, b), and a two-layer net on it.

Nothing here imports torch.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeVar

from pydantic import model_validator

from modnoise.arithmetic.activations import ActivationName
from modnoise.arithmetic.operations import OPERATIONS, OperationName
from modnoise.arithmetic.optimizers import OPTIMIZERS, OptimizerName
from modnoise.spec import Seed, Trainable, field

NoiseKind = Literal["wrong", "any", "symmetric", "bijective"]

AnyTable = TypeVar("AnyTable", bound="TableRun")

STEPS = 200_000
"""Steps of a training of the paper's."""

LR = 1e-3
"""Learning rate of the paper's AdamW."""

TEMPO = 20
"""How many times faster than the paper's the trainings of the scale ``fast`` are (see `at_tempo`):
the largest tempo that experiment ``tempo`` found to give the same nets (ours)."""


def at_tempo(tempo: int, *, memory: bool = True) -> dict[str, Any]:
    """Fields of a training by AdamW that is ``tempo`` times faster than the paper's.

    Training time is lr x steps, which is kept, as is the decay per unit of it. AdamW measures
    gradients over the last 1 / (1 - beta2) steps; with ``memory`` that is as long in training time
    as at the paper's tempo, without it is as long in steps. (Ours.)

    >>> at_tempo(20)
    {'lr': 0.02, 'steps': 10000, 'beta2': 0.98}
    """
    return {
        "lr": round(LR * tempo, 12),
        "steps": STEPS // tempo,
        "beta2": round(1 - tempo / 1000, 12) if memory else 0.999,
    }


class TableRun(Trainable):
    """What is trained on a noisy table of all pairs (a, b): the fields `tables` reads.

    The defaults are the paper's wherever a source gives them (see `provenance`); what no source
    gives is marked ``ours``.
    """

    op: OperationName = field("add", "paper", "operation o in c = a o b mod p", told="{}")
    p: int = field(
        113, "paper", "modulus: residues, inputs and classes", ge=3, le=1024, told="p = {}"
    )
    train_frac: float = field(
        0.5,
        "paper, Table 1",
        "share of all pairs used for training",
        gt=0,
        le=1,
        told="training share = {}",
    )
    val_frac: float = field(0.2, "ours", "share held out for choices (partition)", ge=0, lt=1)
    test_frac: float = field(
        0.3, "ours", "share held out for test; fixed while train_frac varies", ge=0, lt=1
    )
    split: Literal["ordered", "unordered"] = field(
        "ordered", "ours", "unordered: (a, b) and (b, a) always share a role"
    )
    noise: float = field(
        0.3,
        "paper, Fig. 3a",
        "alpha, share of training labels replaced",
        ge=0,
        le=1,
        told="noise = {}",
    )
    noise_kind: NoiseKind = field(
        "wrong",
        "paper",
        "wrong: uniform over the other classes; any: over all classes (follow-up); "
        "symmetric: mirror pairs share one wrong label; bijective: Latin square (follow-up)",
    )
    seed: Seed = field(
        42,
        "paper",
        "split, noise and initialization draw from three streams of it",
        told="seed {}",
    )

    @model_validator(mode="after")
    def _possible_table(self: AnyTable) -> AnyTable:
        nonzero = OPERATIONS[self.op].nonzero
        if nonzero and not (_is_odd_prime(self.p) and self.split == "ordered"):
            raise ValueError(
                f"op = {self.op!r} is not allowed with p = {self.p}, split = {self.split!r}: "
                f"p must be an odd prime, and the split ordered"
            )
        if self.train_frac + self.val_frac + self.test_frac > 1 + 1e-9:
            raise ValueError(
                f"train_frac + val_frac + test_frac = {self.train_frac} + {self.val_frac} + "
                f"{self.test_frac} is not allowed: the sum must be at most 1"
            )
        if self.n_train < 1:
            raise ValueError(
                f"train_frac = {self.train_frac} is not allowed: it must leave at least one of "
                f"the {self.p**2} pairs for training"
            )
        if self.noise_kind == "symmetric":
            self._possible_symmetric()
        if self.noise_kind == "bijective" and (self.op != "add" or not _has_square(self.p)):
            some = ", ".join(str(p) for p in range(3, 114) if _has_square(p))
            raise ValueError(
                f"noise_kind = 'bijective' is not allowed with op = {self.op!r}, p = {self.p}: "
                f"it must be addition modulo a prime that makes it a Latin square, as {some}"
            )
        return self

    def _possible_symmetric(self) -> None:
        if not OPERATIONS[self.op].commutative:
            allowed = " or ".join(name for name, x in OPERATIONS.items() if x.commutative)
            raise ValueError(
                f"noise_kind = 'symmetric' is not allowed with op = {self.op!r}: mirror pairs "
                f"have different true labels; it must be {allowed}"
            )
        if self.split != "unordered":
            raise ValueError(
                "noise_kind = 'symmetric' is not allowed with split = 'ordered': mirror pairs "
                "must share a role; it must be split = 'unordered'"
            )
        mirrored = 2 * int(self.train_frac * (self.p * (self.p - 1) // 2) + 1e-9)
        if 2 * round(self.noise * self.n_train / 2) > mirrored:
            raise ValueError(
                f"noise = {self.noise} is not allowed with noise_kind = 'symmetric': the diagonal "
                f"keeps its labels, so it must be at most {mirrored / self.n_train:.4f}"
            )

    @property
    def n_train(self) -> int:
        """Number of training pairs n, the same for every seed."""
        share = self.train_frac + 1e-9
        if self.split == "ordered":
            return int(share * self.p * (self.p - OPERATIONS[self.op].nonzero))
        return int(share * self.p) + 2 * int(share * (self.p * (self.p - 1) // 2))


class Run(TableRun):
    """One two-layer net trained on one noisy table: data, net, optimizer, length, seed.

    A *step* is a full-batch epoch.
    """

    KEY_NAMES_KIND: ClassVar[bool] = False
    PER_NET: ClassVar[tuple[str, ...]] = (
        "op", "noise", "noise_kind", "seed", "lr", "weight_decay"
    )  # fmt: skip

    # net
    width: int = field(
        513, "paper's grid", "M, number of hidden neurons", ge=1, le=65536, told="M = {}"
    )
    act: ActivationName = field("relu", "paper", "activation", told="{}")
    tied: bool = field(False, "paper", "U = V (the misspecified net of C.2)")
    init: Literal["linear", "normal"] = field(
        "linear", "ours", "linear: torch.nn.Linear's default; normal: N(0, M^-1)"
    )
    frozen: Literal["", "UV"] = field(
        "", "ours", "UV: U and V stay as drawn, W and mu alone are fitted", told="frozen {}"
    )
    ridge: float | None = field(
        None,
        "ours",
        "W solved for, not trained: ridge of `lazy.interpolate`, over tr(H Hᵀ) / n",
        gt=0, le=1,
    )  # fmt: skip
    # optimizer
    optimizer: OptimizerName = field("adamw", "paper", "optimizer", told="{}")
    lr: float = field(1e-3, "paper", "learning rate after the warm-up", gt=0, told="lr = {}")
    weight_decay: float = field(
        0.1,
        "paper",
        "decoupled for adamw and muon, added to the gradient for adam and sgd",
        ge=0,
        told="decay = {}",
    )
    beta1: float = field(0.9, "ours (PyTorch)", "adam and adamw", ge=0, lt=1)
    beta2: float = field(0.999, "ours (PyTorch)", "adam and adamw", ge=0, lt=1)
    eps: float = field(1e-8, "ours (PyTorch)", "adam and adamw", gt=0)
    momentum: float | None = field(
        None, "ours (PyTorch)", "muon (default 0.95), sgd (default 0); none for adam", ge=0, lt=1
    )
    warmup: int = field(10, "paper", "steps of linear warm-up, min((step + 1)/warmup, 1)", ge=0)
    # length, recording
    steps: int = field(
        200_000, "paper", "updates; with the full batch these are epochs", ge=0, told="steps = {}"
    )
    batch: int | None = field(
        None, "paper", "None: the full batch; else pairs per update, shuffled each epoch", ge=1
    )
    record_parts: bool = field(False, "ours", "also record FF and its controls along the way")
    record_gradients: bool = field(False, "ours", "also record r_c, r_n, cos(g_c, g_n)")
    record_structure: bool = field(
        False, "ours", "at the end also record phases, frequencies and partitions (structure.py)"
    )
    record_extraction: bool = field(
        False, "ours", "at the end also record what extractions without a prior answer"
    )
    dtype: Literal["float32", "float64"] = field("float32", "ours", "precision of the weights")
    matmul: Literal["exact", "bf16", "tf32"] = field(
        "exact",
        "ours",
        "products of activations and weights: fp32 accuracy, or faster (tf32: GPU)",
    )

    @model_validator(mode="before")
    @classmethod
    def _default_momentum(cls, fields: Any) -> Any:
        chosen = OPTIMIZERS.get(str(fields.get("optimizer")))
        if fields.get("momentum") is None and chosen and chosen.momentum is not None:
            return {**fields, "momentum": chosen.momentum}
        return fields

    @model_validator(mode="after")
    def _possible(self) -> Run:
        if OPTIMIZERS[self.optimizer].momentum is None and self.momentum is not None:
            raise ValueError(
                f"momentum = {self.momentum} is not allowed with optimizer = "
                f"{self.optimizer!r}: use beta1"
            )
        if self.batch is not None and self.batch > self.n_train:
            raise ValueError(
                f"batch = {self.batch} is not allowed: it must be at most the {self.n_train} "
                f"training pairs, or None for all of them"
            )
        if self.matmul != "exact" and self.dtype != "float32":
            raise ValueError(
                f"matmul = {self.matmul!r} is not allowed with dtype = {self.dtype!r}: "
                f"it must be exact"
            )
        return self

    @model_validator(mode="after")
    def _possible_ridge(self) -> Run:
        if self.ridge is None or (self.frozen, self.steps) == ("UV", 0):
            return self
        where = f"frozen = {self.frozen!r}, steps = {self.steps}"
        needed = "it must be frozen = 'UV' and steps = 0"
        raise ValueError(f"ridge = {self.ridge} is not allowed with {where}: {needed}")

    @model_validator(mode="after")
    def _possible_logarithms(self) -> Run:
        for name in ("record_parts", "record_structure", "record_extraction"):
            logarithms = OPERATIONS[self.op].logarithms
            if getattr(self, name) and logarithms and not _is_odd_prime(self.p):
                raise ValueError(
                    f"{name} = True is not allowed with op = {self.op!r}, p = {self.p}: "
                    f"p must be an odd prime, which has logarithms"
                )
        return self

    def but(self, **changes: Any) -> Run:
        """The same run with some fields changed; another optimizer brings its own momentum."""
        if changes.get("optimizer", self.optimizer) != self.optimizer:
            changes = {"momentum": None, **changes}
        return super().but(**changes)

    def papers_setting(self, first: int = 0) -> str:
        """The paper's data, net and decay at its tempo, or one that gives the same trained nets.

        Of what the paper leaves open (initialization, beta1, eps, precision) our defaults count.
        The first steps have the paper's own rates; Muon's, which are unknown, are 1e-3 or 0.02.
        """
        fixed = ("p", "init", "frozen", "beta1", "eps", "warmup", "batch", "dtype", "matmul")
        same = all(getattr(self, x) == type(self).model_fields[x].default for x in fixed)
        same &= self.train_frac in (0.4, 0.5, 0.6)  # paper, Table 1
        same &= self.weight_decay in OPTIMIZERS[self.optimizer].decays
        same &= self.momentum == OPTIMIZERS[self.optimizer].momentum
        data = (self.noise_kind, self.split) == ("wrong", "ordered")
        data |= self.tied and self.noise_kind in ("wrong", "symmetric")
        if not (same and data):
            return ""
        if first:
            return f"the paper's setting, first {first} steps" if self._begins(first) else ""
        own = "the paper's setting"
        told = {1: own, TEMPO: f"{own}, trained {TEMPO} × faster"}
        return next((text for tempo, text in told.items() if self._goes_at(tempo)), "")

    def _begins(self, first: int) -> bool:
        """Whether the first steps are at the paper's own learning rate, or may be."""
        rates = OPTIMIZERS[self.optimizer].rates or (LR,)
        return self.lr in rates and self.beta2 == 0.999 and self.steps >= first

    def _goes_at(self, tempo: int) -> bool:
        """Whether rate, steps and memory are those of the paper's training at a tempo.

        Of tempos above 1 those that were tested: AdamW's.
        """
        if tempo > 1 and self.optimizer != "adamw":
            return False
        if self.optimizer == "sgd":
            return self.lr in OPTIMIZERS["sgd"].rates and self.steps == STEPS
        return all(getattr(self, name) == x for name, x in at_tempo(tempo).items())

    @property
    def operations(self) -> float:
        """6 n M p steps, three matrix products over n training pairs (or those of a batch); two
        with U and V frozen; by ridge one product of activations, and a Cholesky factor."""
        if self.ridge is not None:
            few, many = sorted((self.n_train, self.width))
            return 2.0 * few**2 * many + few**3 / 3
        pairs = self.batch or self.n_train
        return (4.0 if self.frozen else 6.0) * pairs * self.width * self.p * self.steps

    @property
    def weight_bytes(self) -> int:
        """Size of U, V and W."""
        numbers = self.width * self.p * (2 if self.tied else 3)
        return numbers * (8 if self.dtype == "float64" else 4)


def _is_odd_prime(p: int) -> bool:
    return p > 2 and all(p % d for d in range(2, int(p**0.5) + 1))


def _has_square(p: int) -> bool:
    """Whether `tables.bijective_labels` is a Latin square modulo p.

    Rows: d -> (4 + chi(d)) d is one-to-one iff chi(3) = chi(5) != 0. Columns: d -> (3 + chi(d)) d
    is iff chi(2) = chi(4) = 1.
    """
    if p < 7 or not _is_odd_prime(p):
        return False
    chi2, chi3, chi5 = (pow(x, (p - 1) // 2, p) for x in (2, 3, 5))
    return chi2 == 1 and chi3 == chi5


SPECS = (Run,)
"""The kinds of runs of this study."""

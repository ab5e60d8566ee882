"""A run as a value: every field that can change a result, its default and where that came from.

`Run` is frozen, validates itself and refuses unknown fields by name. Two runs are equal iff their
fields are, and ``run.key`` names their recorded results. This module imports no torch, so that
declaring and listing experiments is instant.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Operation = Literal["add", "sub", "mul"]
Activation = Literal["relu", "quadratic", "gelu", "reverse_relu"]
NoiseKind = Literal["wrong", "any", "symmetric", "bijective"]

FORMAT = 1
"""Version of the meaning of `Run`; part of every key, raised when an old result would mislead."""


AnySpec = TypeVar("AnySpec", bound="Spec")
AnyTable = TypeVar("AnyTable", bound="TableRun")


class SpecError(ValueError):
    """A field with a value that is not allowed; the message is one line."""


def _described(error: ValidationError, model: type[BaseModel]) -> str:
    """One line out of a pydantic error: field, value, what is allowed."""
    lines = []
    for item in error.errors(include_url=False):
        name = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            near = difflib.get_close_matches(name, model.model_fields, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            lines.append(
                f"unknown parameter {name!r}{hint} (allowed: {', '.join(model.model_fields)})"
            )
        elif item["type"] == "missing":
            lines.append(f"{name} is missing")
        elif name:
            reason = item["msg"].removeprefix("Input should be ").replace("\n", " ")
            lines.append(f"{name} = {item['input']!r} is not allowed: it must be {reason}")
        else:
            lines.append(item["msg"].removeprefix("Value error, "))
    return "; ".join(lines)


class Spec(BaseModel):
    """Base of everything a caller can get wrong: frozen, strictly typed, no unknown fields.

    Raises:
        SpecError: one line that names the field, the value and what is allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise SpecError(_described(error, type(self))) from None

    def but(self: AnySpec, **changes: Any) -> AnySpec:
        """The same value with some fields changed, validated again."""
        return type(self)(**{**self.model_dump(), **changes})


def field(default: Any, source: str, text: str, **limits: Any) -> Any:
    """A field of a `Trainable`: its default, where that comes from, its meaning, its limits."""
    return Field(default, description=text, json_schema_extra={"source": source}, **limits)


class Trainable(Spec):
    """A spec of something that is trained in steps from a seed and recorded under its own key."""

    PER_NET: ClassVar[tuple[str, ...]] = ("seed",)
    """Fields in which the members of one stack may differ."""

    @property
    def stack_fields(self) -> tuple:
        """What runs must have in common to be trained as one stack of tensors."""
        return type(self), *(v for name, v in self if name not in self.PER_NET)

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that name this run's recorded results.

        Made of the fields that differ from their defaults, so that a field added later, whose
        default means what was done before, renames nothing.
        """
        fields = {"format": FORMAT, **self.model_dump(exclude_defaults=True)}
        if type(self) is not Run:
            fields["kind"] = type(self).__name__
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def operations(self) -> float:
        """Floating-point operations of the matrix products of the whole training."""
        raise NotImplementedError

    @property
    def weight_bytes(self) -> int:
        """Size of the weights of one net."""
        raise NotImplementedError

    @classmethod
    def provenance(cls) -> list[dict[str, str]]:
        """One row per field: name, default, source of the default, meaning."""
        return [
            {
                "field": name,
                "default": repr(info.default),
                "source": info.json_schema_extra["source"],
                "meaning": info.description or "",
            }
            for name, info in cls.model_fields.items()
        ]


class TableRun(Trainable):
    """What is trained on a noisy table of all pairs (a, b): the fields `tables` reads.

    The defaults are the paper's wherever a source gives them (see `provenance`); what no source
    gives is marked ``ours``.
    """

    op: Operation = field("add", "paper", "operation o in c = a o b mod p")
    p: int = field(113, "paper", "modulus: residues, inputs and classes", ge=3, le=1024)
    train_frac: float = field(
        0.5, "paper, Table 1", "share of all pairs used for training", gt=0, le=1
    )
    val_frac: float = field(0.2, "ours", "share held out for choices (partition)", ge=0, lt=1)
    test_frac: float = field(
        0.3, "ours", "share held out for test; fixed while train_frac varies", ge=0, lt=1
    )
    split: Literal["ordered", "unordered"] = field(
        "ordered", "ours", "unordered: (a, b) and (b, a) always share a role"
    )
    noise: float = field(
        0.3, "paper, Fig. 3a", "alpha, share of training labels replaced", ge=0, le=1
    )
    noise_kind: NoiseKind = field(
        "wrong",
        "paper",
        "wrong: uniform over the other classes; any: over all classes (follow-up); "
        "symmetric: mirror pairs share one wrong label; bijective: Latin square (follow-up)",
    )
    seed: int = field(
        42, "paper", "split, noise and initialization draw from three streams of it", ge=0
    )

    @model_validator(mode="after")
    def _possible_table(self: AnyTable) -> AnyTable:
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
        if self.op == "sub":
            raise ValueError(
                "noise_kind = 'symmetric' is not allowed with op = 'sub': mirror pairs have "
                "different true labels; it must be add or mul"
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
            return int(share * self.p**2)
        return int(share * self.p) + 2 * int(share * (self.p * (self.p - 1) // 2))


class Run(TableRun):
    """One two-layer net trained on one noisy table: data, net, optimizer, length, seed.

    A *step* is a full-batch epoch.
    """

    PER_NET: ClassVar[tuple[str, ...]] = (
        "op", "noise", "noise_kind", "seed", "lr", "weight_decay"
    )  # fmt: skip

    # net
    width: int = field(513, "paper's grid", "M, number of hidden neurons", ge=1, le=65536)
    act: Activation = field("relu", "paper", "activation")
    tied: bool = field(False, "paper", "U = V (the misspecified net of C.2)")
    init: Literal["linear", "normal"] = field(
        "linear", "ours", "linear: torch.nn.Linear's default; normal: N(0, M^-1)"
    )
    # optimizer
    optimizer: Literal["adamw", "adam", "muon", "sgd"] = field("adamw", "paper", "optimizer")
    lr: float = field(1e-3, "paper", "learning rate after the warm-up", gt=0)
    weight_decay: float = field(
        0.1, "paper", "decoupled for adamw and muon, added to the gradient for adam and sgd", ge=0
    )
    beta1: float = field(0.9, "ours (PyTorch)", "adam and adamw", ge=0, lt=1)
    beta2: float = field(0.999, "ours (PyTorch)", "adam and adamw", ge=0, lt=1)
    eps: float = field(1e-8, "ours (PyTorch)", "adam and adamw", gt=0)
    momentum: float | None = field(
        None, "ours (PyTorch)", "muon (default 0.95), sgd (default 0); none for adam", ge=0, lt=1
    )
    warmup: int = field(10, "paper", "steps of linear warm-up, min((step + 1)/warmup, 1)", ge=0)
    # length, recording
    steps: int = field(200_000, "paper", "updates; with the full batch these are epochs", ge=0)
    batch: int | None = field(
        None, "paper", "None: the full batch; else pairs per update, shuffled each epoch", ge=1
    )
    record_parts: bool = field(False, "ours", "also record FF and its controls along the way")
    record_gradients: bool = field(False, "ours", "also record r_c, r_n, cos(g_c, g_n)")
    record_structure: bool = field(
        False, "ours", "at the end also record phases, frequencies and partitions (structure.py)"
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
        default = {"muon": 0.95, "sgd": 0.0}.get(str(fields.get("optimizer")))
        if fields.get("momentum") is None and default is not None:
            return {**fields, "momentum": default}
        return fields

    @model_validator(mode="after")
    def _possible(self) -> Run:
        if self.optimizer in ("adam", "adamw") and self.momentum is not None:
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

    def but(self, **changes: Any) -> Run:
        """The same run with some fields changed; another optimizer brings its own momentum."""
        if changes.get("optimizer", self.optimizer) != self.optimizer:
            changes = {"momentum": None, **changes}
        return super().but(**changes)

    @property
    def operations(self) -> float:
        """6 n M p steps, three matrix products over n training pairs (or those of a batch)."""
        return 6.0 * (self.batch or self.n_train) * self.width * self.p * self.steps

    @property
    def weight_bytes(self) -> int:
        """Size of U, V and W."""
        numbers = self.width * self.p * (2 if self.tied else 3)
        return numbers * (8 if self.dtype == "float64" else 4)


def _has_square(p: int) -> bool:
    """Whether `tables.bijective_labels` is a Latin square modulo p.

    Rows: d -> (4 + chi(d)) d is one-to-one iff chi(3) = chi(5) != 0. Columns: d -> (3 + chi(d)) d
    is iff chi(2) = chi(4) = 1.
    """
    if p < 7 or not all(p % d for d in range(2, int(p**0.5) + 1)):
        return False
    chi2, chi3, chi5 = (pow(x, (p - 1) // 2, p) for x in (2, 3, 5))
    return chi2 == 1 and chi3 == chi5

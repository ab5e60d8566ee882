"""What a run of the one-layer transformer is (Table 3). Nothing here imports torch."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import model_validator

from modnoise.arithmetic import TableRun
from modnoise.spec import field

PAPER_KEPT, PAPER_P = 20, 113


def frequencies_kept(p: int) -> int:
    """The number of frequencies of 1 ... p // 2 that is as large a share as the paper's 20 of 56.

    >>> frequencies_kept(113), frequencies_kept(59)
    (20, 10)
    """
    return max(1, round(PAPER_KEPT * (p // 2) / (PAPER_P // 2)))


class TransformerRun(TableRun):
    """A one-layer transformer that reads "a b =" and answers behind "=": data, net, optimizer.

    Full batch: a *step* is an epoch. The paper names neither net nor setting and refers to Nanda
    et al. (2023) for the mechanism, so the net and what it is trained with are theirs; the data
    are the paper's.
    """

    PER_NET: ClassVar[tuple[str, ...]] = (
        "op", "noise", "noise_kind", "seed", "lr", "weight_decay"
    )  # fmt: skip

    d_model: int = field(
        128, "Nanda", "size of the residual stream", ge=1, le=4096, told="d_model = {}"
    )
    heads: int = field(4, "Nanda", "attention heads, each of d_model / heads", ge=1, le=64)
    d_mlp: int = field(512, "Nanda", "neurons of the MLP, ReLU", ge=1, le=65536)
    lr: float = field(
        1e-3, "Nanda", "AdamW's learning rate after the warm-up", gt=0, told="lr = {}"
    )
    weight_decay: float = field(
        1.0, "Nanda", "decoupled, on all weights and biases", ge=0, told="decay = {}"
    )
    beta1: float = field(0.9, "Nanda", "AdamW", ge=0, lt=1)
    beta2: float = field(0.98, "Nanda", "AdamW", ge=0, lt=1)
    eps: float = field(1e-8, "Nanda (PyTorch)", "AdamW", gt=0)
    warmup: int = field(10, "paper", "steps of linear warm-up, min((step + 1)/warmup, 1)", ge=0)
    steps: int = field(40_000, "Nanda", "full-batch updates", ge=0, told="steps = {}")
    dtype: Literal["float32", "float64"] = field("float32", "ours", "precision of the weights")

    @model_validator(mode="after")
    def _possible(self) -> TransformerRun:
        if self.d_model % self.heads:
            raise ValueError(
                f"heads = {self.heads} is not allowed with d_model = {self.d_model}: it must "
                "divide it"
            )
        return self

    def papers_setting(self, first: int = 0) -> str:
        """Nanda's net and training on the paper's data; it leaves noise, decay and seed open."""
        free: dict[str, Any] = {
            "noise": self.noise,
            "weight_decay": self.weight_decay,
            "seed": self.seed,
        }
        return "the paper's setting" if self == type(self)(**free) else ""

    @property
    def n_weights(self) -> int:
        """Number of weights and biases."""
        tokens = 2 * (self.p + 1) + 3  # W_E, W_U and three positions
        return self.d_model * (tokens + 4 * self.d_model + 2 * self.d_mlp + 1) + self.d_mlp

    @property
    def operations(self) -> float:
        """What `transformer_engine` takes: 6 n steps, times the products of a training pair.

        These are d_mlp (p + 1) for the logits, and one multiple per head and token of the rows
        of length d_mlp + p + 1 that the pair looks up.
        """
        classes = self.p + 1
        lookups = (2 * self.heads + 1) * (self.d_mlp + classes)
        return 6.0 * self.n_train * (self.d_mlp * classes + lookups) * self.steps

    @property
    def weight_bytes(self) -> int:
        """Size of all weights and biases."""
        return self.n_weights * (8 if self.dtype == "float64" else 4)


SPECS = (TransformerRun,)
"""The kinds of runs of this study."""

"""What a run of Reason to Rote is: a small GPT on sums or two-hop questions, some labels wrong.

Nothing here imports torch. Of the paper we know its abstract and what its authors and readers say
of it: the tasks, the share of wrong labels, nets from scratch. Everything else is ours.
"""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from modnoise.spec import Seed, Trainable, field

Task = Literal["fda", "thr"]

HELD_OUT = 2_000
"""Most items that test accuracy is measured on."""


class RoteRun(Trainable):
    """A GPT of ``layers`` blocks that is trained on the items of a task, a share of them wrong.

    A *step* is an update with one mini-batch. Fields of the other task are kept at their defaults.
    """

    task: Task = field(
        "fda", "paper, abstract", "fda: sums of two numbers | thr: two-hop questions on relations",
        told="{}",
    )  # fmt: skip
    digits: int = field(
        4, "paper, abstract", "fda: digits of an operand", ge=1, le=4, told="{} digits"
    )
    entities: int = field(
        200, "ours", "thr: entities E, which are questions' subjects and answers", ge=4, le=1000
    )
    relations: int = field(
        20, "ours", "thr: relations R, each a random map of the entities", ge=2, le=200
    )
    train_frac: float = field(
        0.001, "ours", "share of all sums, or of all two-hop questions, used for training",
        gt=0, lt=1, told="training share = {}",
    )  # fmt: skip
    noise: float = field(
        0.05, "paper (a review of its full text)", "share of these with a wrong label", ge=0,
        le=1, told="noise = {}",
    )  # fmt: skip
    d_model: int = field(256, "ours", "size of the residual stream", ge=4, le=2048, told="d = {}")
    layers: int = field(4, "ours", "blocks", ge=1, le=12, told="layers = {}")
    heads: int = field(4, "ours", "attention heads, each of d_model / heads", ge=1, le=32)
    lr: float = field(
        1e-3, "ours", "AdamW's learning rate after the warm-up", gt=0, told="lr = {}"
    )
    weight_decay: float = field(
        0.1, "ours (GPT-3)", "decoupled, on all weights and biases", ge=0, told="decay = {}"
    )
    beta1: float = field(0.9, "ours (GPT-3)", "AdamW", ge=0, lt=1)
    beta2: float = field(0.98, "ours (Nanda)", "AdamW", ge=0, lt=1)
    eps: float = field(1e-8, "ours (PyTorch)", "AdamW", gt=0)
    warmup: int = field(200, "ours", "steps of linear warm-up, min((step + 1)/warmup, 1)", ge=0)
    batch: int = field(
        512, "ours", "items per update, in a new order every epoch", ge=1, told="batch {}"
    )
    steps: int = field(50_000, "ours", "updates", ge=0, told="steps = {}")
    seed: Seed = field(
        42, "ours", "items, noise, initialization and order draw from streams of it",

        told="seed {}",
    )  # fmt: skip

    @model_validator(mode="after")
    def _possible(self) -> RoteRun:
        if self.d_model % self.heads:
            raise ValueError(
                f"heads = {self.heads} is not allowed with d_model = {self.d_model}: it must "
                "divide it"
            )
        other = ("entities", "relations") if self.task == "fda" else ("digits",)
        for name in other:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(
                    f"{name} = {getattr(self, name)} is not allowed with task = {self.task!r}"
                )
        if not 1 <= self.n_reasoned < self.n_items:
            raise ValueError(
                f"train_frac = {self.train_frac} is not allowed: it must leave at least one of "
                f"the {self.n_items} items for training and one for test"
            )
        if self.batch > self.n_train:
            raise ValueError(
                f"batch = {self.batch} is not allowed: it must be at most the {self.n_train} "
                "training items"
            )
        return self

    @property
    def n_items(self) -> int:
        """All sums, 10^(2 digits), or all two-hop questions, E R^2."""
        return 100**self.digits if self.task == "fda" else self.entities * self.relations**2

    @property
    def n_reasoned(self) -> int:
        """Training items that take reasoning: sums or two-hop questions, round(train_frac n)."""
        return round(self.train_frac * self.n_items)

    @property
    def n_train(self) -> int:
        """All training items: for thr also the E R one-hop facts."""
        return self.n_reasoned + (self.entities * self.relations if self.task == "thr" else 0)

    @property
    def vocabulary(self) -> int:
        """Tokens: ten digits, + and =; or entities, relations, a gap and a question mark."""
        return 12 if self.task == "fda" else self.entities + self.relations + 2

    @property
    def prompt(self) -> int:
        """Tokens of a question: a + b =, or r2 r1 e ?"""
        return 2 * self.digits + 2 if self.task == "fda" else 4

    @property
    def answer(self) -> int:
        """Tokens of an answer: digits + 1, units first, or one entity."""
        return self.digits + 1 if self.task == "fda" else 1

    @property
    def n_weights(self) -> int:
        """Number of weights and biases."""
        d, length = self.d_model, self.prompt + self.answer - 1
        block = 12 * d * d + 13 * d  # 4 d^2 of attention, 8 d^2 of the MLP, biases, two norms
        return self.layers * block + (2 * self.vocabulary + length) * d + 2 * d

    @property
    def operations(self) -> float:
        """6 floating-point operations per weight and token."""
        length = self.prompt + self.answer - 1
        return 6.0 * self.n_weights * length * min(self.batch, self.n_train) * self.steps

    @property
    def weight_bytes(self) -> int:
        """Size of all weights and biases in float32."""
        return 4 * self.n_weights


SPECS = (RoteRun,)
"""The kinds of runs of this study."""

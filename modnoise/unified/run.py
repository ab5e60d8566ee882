"""What a run of the unified view is: a task, so many training pairs, a net of some size."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from modnoise.spec import Seed, Trainable, field

Task = Literal["add", "square", "random"]


class UnifiedRun(Trainable):
    """A transformer on a rule, and if wanted on labels without a rule as well.

    It reads "a b =" and answers behind "="; what is to be memorized beside the rule is asked
    behind another last token. Full batch: a *step* is an epoch. The paper states tasks, sizes and
    numbers of pairs, and of the training only AdamW: what it is trained with is Nanda et al.'s.
    """

    PER_NET: ClassVar[tuple[str, ...]] = ("task", "noise", "seed", "lr", "weight_decay")

    task: Task = field(
        "add", "paper, sections 2.1, 2.3", "add: a + b | square: (a + b)^2 | random: no rule, one "
        "label for (a, b) and (b, a)", told="{}",
    )  # fmt: skip
    p: int = field(113, "paper, section 2.1", "modulus: residues and classes", ge=3, le=1024,
                   told="p = {}")  # fmt: skip
    n_train: int = field(
        3000, "paper, Fig. 2", "training pairs (a, b), of p^2; the others are held out", ge=1,
        told="{} pairs",
    )  # fmt: skip
    drawn: Literal["ordered", "unordered"] = field(
        "ordered", "paper, section 2.1 (disjoint pairs)", "how training pairs are drawn; "
        "unordered: (b, a) with (a, b), so that no held-out pair is a trained one turned round",
        told="drawn {}",
    )  # fmt: skip
    noise: float = field(
        0.0, "ours; the paper has none", "share of the training pairs with a wrong label", ge=0,
        le=1, told="noise = {}",
    )  # fmt: skip
    n_memory: int = field(
        0, "paper, Fig. 8", "pairs with a random label, asked behind another last token", ge=0,
        told="{} to memorize",
    )  # fmt: skip
    split: bool = field(
        False, "paper, Fig. 10", "whether each half of the MLP sees one of the two tasks only",
        told="split MLP {}",
    )  # fmt: skip
    d_model: int = field(
        64, "paper, Fig. 2", "size of the residual stream, the model size of the paper", ge=1,
        le=4096, told="d = {}",
    )  # fmt: skip
    layers: int = field(
        1, "paper, section 2.1; to 8 in Fig. 8", "blocks of attention and MLP", ge=1, le=64,
        told="layers = {}",
    )  # fmt: skip
    heads: int = field(4, "paper, section 2.1", "attention heads, each of d_model / heads", ge=1,
                       le=64)  # fmt: skip
    lr: float = field(1e-3, "Nanda", "AdamW's learning rate after the warm-up", gt=0,
                      told="lr = {}")  # fmt: skip
    weight_decay: float = field(
        1.0, "Nanda", "decoupled, on all weights and biases", ge=0, told="decay = {}"
    )
    beta1: float = field(0.9, "Nanda", "AdamW", ge=0, lt=1)
    beta2: float = field(0.98, "Nanda", "AdamW", ge=0, lt=1)
    eps: float = field(1e-8, "Nanda (PyTorch)", "AdamW", gt=0)
    warmup: int = field(10, "Nanda", "steps of linear warm-up", ge=0)
    steps: int = field(
        40_000, "paper, inferred from Fig. 9", "full-batch updates", ge=0, told="steps = {}"
    )
    seed: Seed = field(42, "ours", "pairs, labels and initialization", told="seed {}")
    dtype: Literal["float32", "float64"] = field("float32", "ours", "precision of the weights")

    @model_validator(mode="after")
    def _possible(self) -> UnifiedRun:
        if self.d_model % self.heads:
            raise ValueError(
                f"heads = {self.heads} is not allowed with d_model = {self.d_model}: it must "
                "divide it"
            )
        for name in ("n_train", "n_memory"):
            if (n := getattr(self, name)) > self.p**2:
                raise ValueError(
                    f"{name} = {n} is not allowed with p = {self.p}: it must be at most p^2 = "
                    f"{self.p**2}"
                )
        if self.noise and self.n_memory:
            raise ValueError(
                f"noise = {self.noise} is not allowed with n_memory = {self.n_memory}: one of "
                "them must be 0"
            )
        if self.split and not self.n_memory:
            raise ValueError(
                "split = True is not allowed with n_memory = 0: there is one task only"
            )
        return self

    @property
    def d_mlp(self) -> int:
        """Neurons of the MLP, 4 d_model (Nanda)."""
        return 4 * self.d_model

    @property
    def ends(self) -> int:
        """Tokens that may stand last: "=", and one more where there is something to memorize."""
        return 2 if self.n_memory else 1

    @property
    def n_weights(self) -> int:
        """Number of weights and biases."""
        tokens = 2 * self.p + self.ends + 3  # W_E, W_U and three positions
        block = self.d_model * (4 * self.d_model + 2 * self.d_mlp + 1) + self.d_mlp
        return self.d_model * tokens + self.layers * block

    @property
    def operations(self) -> float:
        """6 n steps, times the products of a pair.

        Of one layer as in `modnoise.transformer`; of more, three places times the weights of all
        blocks, and the answer.
        """
        pairs = 6.0 * (self.n_train + self.n_memory) * self.steps
        if self.layers > 1:
            block = self.d_model * (4 * self.d_model + 2 * self.d_mlp)
            return pairs * (3 * self.layers * block + self.d_model * self.p)
        lookups = (2 * self.heads + 1) * (self.d_mlp + self.p)
        return pairs * (self.d_mlp * self.p + lookups)

    @property
    def weight_bytes(self) -> int:
        """Size of all weights and biases."""
        return self.n_weights * (8 if self.dtype == "float64" else 4)


SPECS = (UnifiedRun,)
"""The kinds of runs of this study."""

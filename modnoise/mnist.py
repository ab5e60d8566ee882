"""The three-layer net on MNIST with wrong labels (Table 2), and the label-blind null.

Its training is a kind of recorded run (`KIND`); the null is what its accuracies are held against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn

from modnoise.kinds import Kind
from modnoise.metrics import first_step
from modnoise.mnist_data import DIGITS, PIXELS, MnistRun, NoisyImages
from modnoise.training.loop import State, Trained, check_device, drive, torch_settings

_INIT, _ORDER = 3, 4  # streams of a seed; 2 is the noise (mnist_data.py)
_CHUNK = 10_000  # images looked at at once
_MOMENTS = ("exp_avg", "exp_avg_sq")  # what torch.optim.AdamW remembers, besides the step


class MnistNet(nn.Sequential):
    """f(x) = W3 relu(W2 relu(W1 x + b1) + b2) + b3, for 784 pixels and 10 digits."""

    def __init__(self, hidden1: int, hidden2: int) -> None:
        def layer(inputs: int, outputs: int) -> nn.Linear:
            # not initialized, and so without a draw from torch's global generator
            return nn.utils.skip_init(nn.Linear, inputs, outputs)

        super().__init__(
            layer(PIXELS, hidden1),
            nn.ReLU(),
            layer(hidden1, hidden2),
            nn.ReLU(),
            layer(hidden2, DIGITS),
        )

    def arrays(self, run: int) -> dict[str, np.ndarray]:
        """Weights and biases by name, for recording; a stack has one net, so ``run`` is 0."""
        if run != 0:
            raise ValueError(f"run = {run} is not allowed: a stack of MNIST nets has one net")
        return {name: x.detach().cpu().numpy() for name, x in self.named_parameters()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> MnistNet:
        """The net that `arrays` was called on."""
        net = cls(len(arrays["0.bias"]), len(arrays["2.bias"]))
        net.load_state_dict({name: torch.from_numpy(x) for name, x in arrays.items()})
        return net


def new_net(run: MnistRun) -> MnistNet:
    """The untrained net: weights and biases uniform in +-1/sqrt(inputs), as `torch.nn.Linear`.

    No source gives the paper's choice.
    """
    rng = np.random.default_rng([run.seed, _INIT])
    net = MnistNet(run.hidden1, run.hidden2)
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.Linear):
                for x in (layer.weight, layer.bias):
                    draw = rng.uniform(-1, 1, tuple(x.shape)) / np.sqrt(layer.in_features)
                    x.copy_(torch.from_numpy(draw))
    return net


class _Data:
    """The arrays of a run as tensors on a device."""

    def __init__(self, images: NoisyImages, device: str) -> None:
        def put(x: np.ndarray) -> Tensor:
            return torch.from_numpy(x).to(device)

        self.images, self.given = put(images.images), put(images.given)
        self.true, self.noisy = put(images.true), put(images.noisy)
        self.test_images, self.test_labels = put(images.test_images), put(images.test_labels)


class _Machine:
    """One epoch per step: AdamW on the mean cross-entropy of each batch."""

    def __init__(self, run: MnistRun, data: _Data, device: str) -> None:
        self.run, self.data, self.epoch = run, data, 0
        self.net = new_net(run).to(device)
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=run.lr, weight_decay=run.weight_decay
        )

    def _batches(self) -> Sequence[Tensor | slice]:
        n, size = len(self.data.given), self.run.batch
        if size is None:
            return [slice(None)]
        rng = np.random.default_rng([self.run.seed, _ORDER, self.epoch])
        order = torch.from_numpy(rng.permutation(n)).to(self.data.given.device)
        return order.split(size)

    def step(self) -> None:
        """One pass over the training images; a last, smaller batch counts as one."""
        for chosen in self._batches():
            self.optimizer.zero_grad()
            logits = self.net(self.data.images[chosen])
            nn.functional.cross_entropy(logits, self.data.given[chosen]).backward()
            self.optimizer.step()
        self.epoch += 1

    def tensors(self) -> dict[str, Tensor]:
        """Weights and both moments, as live views."""
        found = {}
        for name, x in self.net.named_parameters():
            found[name] = x
            for moment in _MOMENTS:
                found[f"{name}.{moment}"] = self.optimizer.state[x][moment]
        return found

    def restore(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Go on where ``tensors`` were taken, after ``updates`` steps (epochs)."""
        self.epoch = updates
        done = updates * (-(-len(self.data.given) // (self.run.batch or len(self.data.given))))
        with torch.no_grad():
            for name, x in self.net.named_parameters():
                x.copy_(tensors[name])
                self.optimizer.state[x] = {
                    "step": torch.tensor(float(done)),
                    **{m: tensors[f"{name}.{m}"].to(x.device).clone() for m in _MOMENTS},
                }


@torch.no_grad()
def answers(
    net: MnistNet, images: Float32[Tensor, "image 784"]
) -> tuple[Int64[Tensor, " image"], Float32[Tensor, "image digit"]]:
    """The digit with the largest logit, and log p of every digit."""
    log_p = torch.cat([net(some).log_softmax(-1) for some in images.split(_CHUNK)])
    return log_p.argmax(-1), log_p


def _row(net: MnistNet, data: _Data, step: int) -> dict[str, float | int | str]:
    """Accuracy and mean cross-entropy (nats) by role, NaN where a role has no images."""
    train, test = answers(net, data.images), answers(net, data.test_images)
    roles = {
        "clean": (train, data.given, ~data.noisy),
        "noisy": (train, data.given, data.noisy),
        "recovered": (train, data.true, data.noisy),
        "test": (test, data.test_labels, torch.ones_like(data.test_labels, dtype=torch.bool)),
    }
    row: dict[str, float | int | str] = {"run": 0, "step": step, "part": "full"}
    for role, ((best, log_p), label, where) in roles.items():
        at_label = log_p.gather(1, label[:, None])[:, 0]
        row[f"accuracy_{role}"] = (best == label)[where].double().mean().item()
        row[f"cross_entropy_{role}"] = -at_label[where].double().mean().item()
    return row


def train(
    runs: MnistRun | Sequence[MnistRun],
    *,
    device: str = "cpu",
    threads: int = 1,
    progress: bool = True,
    state: State | None = None,
    on_checkpoint: Callable[[State], None] | None = None,
    checkpoint_every: float = 60.0,
) -> Trained:
    """Train one run, recorded at every epoch. Options as in `modnoise.training.loop.train`.

    Returns:
        `Trained`: the `MnistNet`, its `NoisyImages`, and one row per epoch (``step``, from 0,
        before the first update) with ``accuracy_<role>`` and ``cross_entropy_<role>`` for the
        roles clean, noisy, recovered and test.

    Raises:
        ValueError: more than one run; a device that is not there.
        MnistError: the images cannot be had.
    """
    runs = [runs] if isinstance(runs, MnistRun) else list(runs)
    if len(runs) != 1:
        raise ValueError(f"{len(runs)} runs in one stack are not allowed: MNIST nets train singly")
    check_device(device)
    run, table = runs[0], NoisyImages(runs[0])
    data = _Data(table, device)
    with torch_settings(device, threads):
        machine = _Machine(run, data, device)
        history = drive(
            machine, run.steps, lambda step: [_row(machine.net, data, step)],
            name=title(run), record_at=range(run.steps + 1), progress=progress, state=state,
            on_checkpoint=on_checkpoint, checkpoint_every=checkpoint_every,
        )  # fmt: skip
    return Trained(machine.net.requires_grad_(False).cpu(), table, history)


def title(run: MnistRun) -> str:
    """One run in a progress line."""
    batch = "full batch" if run.batch is None else f"batch {run.batch}"
    return f"MNIST {run.source}, noise {run.noise:g}, {batch}, {run.steps} epochs"


KIND = Kind(
    train=train,
    stack_size=lambda run, device: 1,
    restore=lambda run, arrays: MnistNet.from_arrays(arrays),
    data=NoisyImages,
    title=title,
)


# --- the label-blind null

PAPER_TABLE2 = pd.DataFrame(
    {
        "noise": [0.05, 0.05, 0.20, 0.20],
        "epoch": [1, 2, 1, 2],
        "accuracy_noisy": [0.1087, 0.0647, 0.1075, 0.0571],
        "accuracy_clean": [0.0286, 0.4629, 0.0289, 0.4809],
        "n_noisy": [3_000, 3_000, 12_000, 12_000],
    }
)
"""The paper's Table 2; the numbers of wrong labels follow from 60,000 images."""


def against_null(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with what a predictor that is blind to the wrong labels would score on them.

    If predictions do not depend on which of the 9 wrong digits an image was given, an image that
    is not recognized (true accuracy q) hits it one time in 9: noisy accuracy (1 - q)/9.

    ``frame`` has ``accuracy_noisy``, ``accuracy_clean``, ``n_noisy`` and, unless it is the
    paper's, ``accuracy_recovered``. Added: ``null``, with q = clean accuracy, all that the
    paper's table gives; ``null_exact``, with q = accuracy on the noisy images themselves against
    their true digits, which training on the clean ones does not inflate; ``excess`` and
    ``excess_exact``, noisy accuracy less these; ``error``, the standard error of a share
    ``null`` of ``n_noisy`` images. Source: ours.
    """
    frame = frame.assign(null=(1 - frame.accuracy_clean) / (DIGITS - 1))
    frame["excess"] = frame.accuracy_noisy - frame.null
    if "accuracy_recovered" in frame:
        frame["null_exact"] = (1 - frame.accuracy_recovered) / (DIGITS - 1)
        frame["excess_exact"] = frame.accuracy_noisy - frame.null_exact
    frame["error"] = np.sqrt(frame.null * (1 - frame.null) / frame.n_noisy)
    return frame


def with_null(curves: pd.DataFrame, runs: Sequence[MnistRun]) -> pd.DataFrame:
    """`against_null` of the recorded curves (`metrics.curves`) of ``runs``."""
    counts = {run.key: run.n_noisy for run in runs}
    return against_null(curves.assign(n_noisy=curves.key.map(counts)))


def table2(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of `against_null` as the paper prints them, with the null beside them, as text.

    A row per noise ratio and epoch (``epoch`` or ``step``), in their order. Behind the null stand
    the standard error of one run, and noisy accuracy less the null in these errors.
    """
    frame = frame.rename(columns={"step": "epoch"}).set_index(["noise", "epoch"]).sort_index()
    shares = {
        "noisy": frame.accuracy_noisy, "clean": frame.accuracy_clean, "(1 − clean)/9": frame.null
    }  # fmt: skip
    text = {name: x.map("{:.2%}".format) for name, x in shares.items()}
    text["error"] = frame.error.map("{:.2%}".format)
    text["excess/error"] = (frame.excess / frame.error).map("{:+.1f}".format)
    return pd.DataFrame(text)


def mean_and_error(frame: pd.DataFrame, column: str, by: Sequence[str]) -> pd.DataFrame:
    """Mean of a column over seeds and its standard error, with the columns ``by`` beside them.

    The error is s/sqrt(n) of n seeds, NaN for one.
    """
    values = frame.groupby(list(by), dropna=False)[column]
    return pd.DataFrame({"mean": values.mean(), "error": values.sem()}).reset_index()


def half_way(frame: pd.DataFrame, by: str) -> pd.DataFrame:
    """Median over seeds of the first epoch with at least 50 % clean, and noisy, accuracy, as text.

    A dash where the median seed does not get there within the recorded epochs; a missing value of
    ``by`` (no batch size) is called full.
    """
    found: dict[str, dict[str, str]] = {}
    for value, rows in frame.groupby(by, dropna=False):
        name = "full" if pd.isna(value) else f"{value:g}"
        found[name] = {}
        for role in ("clean", "noisy"):
            epochs = [
                first_step(one.step.to_numpy(), one[f"accuracy_{role}"].to_numpy(), 0.5)
                for _, one in rows.groupby("seed")
            ]
            middle = np.median(np.nan_to_num(epochs, nan=np.inf))
            found[name][f"{role} ≥ 50 %"] = f"{middle:g}" if np.isfinite(middle) else "–"
    return pd.DataFrame.from_dict(found, orient="index").rename_axis(by)

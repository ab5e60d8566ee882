"""The three-layer ReLU net on MNIST (Table 2)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn

from modnoise.mnist.run import DIGITS, PIXELS, MnistRun

_INIT = 3  # stream of a seed; 2 is the noise (data.py), 4 the order (training.py)
_CHUNK = 10_000  # images looked at at once


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

    By ``init = "he"`` weights N(0, 2/inputs), biases 0 (He et al. 2015). No source gives the
    paper's choice.
    """
    rng = np.random.default_rng([run.seed, _INIT])
    net = MnistNet(run.hidden1, run.hidden2)
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.Linear):
                inputs = layer.in_features
                for x in (layer.weight, layer.bias):
                    if run.init == "torch":
                        draw = rng.uniform(-1, 1, tuple(x.shape)) / np.sqrt(inputs)
                    else:
                        draw = rng.standard_normal(tuple(x.shape)) * np.sqrt(2 / inputs)
                        draw *= x is layer.weight
                    x.copy_(torch.from_numpy(draw))
    return net


@torch.no_grad()
def answers(
    net: MnistNet, images: Float32[Tensor, "image 784"]
) -> tuple[Int64[Tensor, " image"], Float32[Tensor, "image digit"]]:
    """The digit with the largest logit, and log p of every digit."""
    log_p = torch.cat([net(some).log_softmax(-1) for some in images.split(_CHUNK)])
    return log_p.argmax(-1), log_p

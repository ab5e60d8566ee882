"""modnoise: memorization and generalization side by side, on modular arithmetic with label noise.

`spec` says what a run is; `tables` makes its data, `nets` its weights, `training` its steps.
`metrics`, `fourier` and `gradients` look at what came out.

>>> import modnoise as mn
>>> run = mn.Run(p=31, noise=0.8, width=2049, steps=200)
>>> table = mn.noisy_table(run)
>>> nets = mn.train(run).nets
>>> bool(mn.accuracy(nets, table).noisy[0] > 0.99)  # memorized, wrong labels included
True
>>> bool(mn.accuracy(nets, table).test[0] < 0.10)  # and useless
True
>>> rule = mn.parts(nets)["G_quadratic"]  # one frequency per neuron, phi = x^2
>>> bool(mn.accuracy(rule, table).test[0] > 0.95)  # the rule was there
True
"""

from modnoise.fourier import filtrate, parts
from modnoise.metrics import accuracy, scores
from modnoise.nets import NetStack, new_nets
from modnoise.spec import Run, SpecError
from modnoise.tables import NoisyTable, noisy_table
from modnoise.training.loop import Trained, train

__all__ = [
    "NetStack",
    "NoisyTable",
    "Run",
    "SpecError",
    "Trained",
    "accuracy",
    "filtrate",
    "new_nets",
    "noisy_table",
    "parts",
    "scores",
    "train",
]
__version__ = "0.1.0"

"""modnoise: memorization and generalization side by side, on modular arithmetic with label noise.

`spec` says what a run is; `tables` makes its data, `nets` its weights, `training` its steps;
`experiments` declares the runs of each figure and `store` loads or trains them. `metrics`,
`fourier`, `partition`, `gradients`, `regimes` look at what came out, `analytic` builds nets that
are known to be right, `claims` says what was confirmed; `figures`, `pages`, `parameters` and
`widgets` serve the notebooks.

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

from modnoise import figures, widgets
from modnoise.claims import CLAIMS, Verdict, check
from modnoise.experiments import EXPERIMENTS, Sweep, base_run
from modnoise.figures.style import show
from modnoise.fourier import (
    angles,
    dominant_frequency,
    filtrate,
    largest_product,
    parts,
    phase_mse,
    random_frequency,
    smallest_frequency,
    sparsity,
    spectrum,
    without_mu,
)
from modnoise.gradients import alignment
from modnoise.metrics import (
    ROLES,
    accuracy,
    compare,
    curves,
    first_step,
    median_table,
    percent,
    predictions,
    scores,
)
from modnoise.nets import ACTIVATIONS, NetStack, new_nets
from modnoise.pages import statements
from modnoise.parameters import FiltrationParameters, QuickstartParameters, check_parameters
from modnoise.partition import ipr, strength
from modnoise.spec import Run, SpecError
from modnoise.store import Store, StoreError, colophon, load_or_train
from modnoise.tables import NoisyTable, noisy_table
from modnoise.training.loop import Trained, train

__all__ = [
    "ACTIVATIONS",
    "CLAIMS",
    "EXPERIMENTS",
    "ROLES",
    "FiltrationParameters",
    "NetStack",
    "NoisyTable",
    "QuickstartParameters",
    "Run",
    "SpecError",
    "Store",
    "StoreError",
    "Sweep",
    "Trained",
    "Verdict",
    "accuracy",
    "alignment",
    "angles",
    "base_run",
    "check",
    "check_parameters",
    "colophon",
    "compare",
    "curves",
    "dominant_frequency",
    "figures",
    "filtrate",
    "first_step",
    "ipr",
    "largest_product",
    "load_or_train",
    "median_table",
    "new_nets",
    "noisy_table",
    "parts",
    "percent",
    "phase_mse",
    "predictions",
    "random_frequency",
    "scores",
    "show",
    "smallest_frequency",
    "sparsity",
    "spectrum",
    "statements",
    "strength",
    "train",
    "widgets",
    "without_mu",
]
__version__ = "0.1.0"

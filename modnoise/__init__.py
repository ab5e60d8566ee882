"""modnoise: memorization and generalization side by side, on modular arithmetic with label noise.

`spec`, `claim` and `sweep` say what a run, a claim and a set of runs are. `studies` lists what is
studied with them: `arithmetic`, the main paper, whose words are at hand here; `mnist`,
`transformer`, `unified`, `rote`, `facts` and `distillation`. `training` takes the steps of all of
them, `store` loads or trains and records, `pages` serves the notebooks.

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

import lazy_loader

__version__ = "0.1.0"

# Public names, listed in __init__.pyi for type checkers too, are imported when they are first
# used: listing experiments needs no torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

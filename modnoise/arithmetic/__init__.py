"""The main paper's experiment: two-layer nets on modular arithmetic with wrong labels.

`run` says what a run is, `tables` makes its data, `nets` its weights, `training` and `engines` its
steps; `fourier`, `partition`, `structure`, `gradients`, `collisions`, `regimes`, `timing` look at
what came out, `analytic` builds nets that are known to be right. Other studies use the names
below.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

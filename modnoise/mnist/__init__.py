"""MNIST with wrong labels (Table 2): a three-layer ReLU net beside a label-blind predictor."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

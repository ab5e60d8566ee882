"""Rules and facts: labels by a teacher or by a coin, the asymptotics and simulations."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

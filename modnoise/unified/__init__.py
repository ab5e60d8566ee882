"""Grokking, double descent, emergence: circuits compete for a transformer (Huang et al. 2024)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""One-layer transformers on modular addition (Table 3): FF in the unembedding."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

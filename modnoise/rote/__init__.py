"""Reason to Rote: small GPTs on sums and two-hop questions with wrong labels, looked into."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""One-layer transformers on modular addition (Table 3): FF in the unembedding."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["figures", "widgets"],
    submod_attrs={
        "engine": ["Examples", "TransformerEngine"],
        "inspection": ["TransformerInspection", "inspect"],
        "net": ["TransformerStack", "energy"],
        "own": ["read_net"],
        "run": ["TransformerRun", "frequencies_kept"],
        "table3": ["BEFORE_FF", "PAPER_TABLE3", "gains", "region", "table3", "with_paper_share"],
    },
)

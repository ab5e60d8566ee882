"""Reason to Rote: small GPTs on sums and two-hop questions with wrong labels, looked into."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["figures", "widgets"],
    submod_attrs={
        "data": ["RoteData", "relations", "rote_data", "spoken"],
        "experiments": ["at_setting", "main_width"],
        "measures": ["read_out"],
        "net": ["Gpt", "hooked", "kept", "new_net"],
        "run": ["RoteRun"],
        "tables": [
            "after_patch",
            "by_setting",
            "outcomes",
            "removed",
            "shared_edges",
            "single_items",
            "single_parts",
            "sites",
        ],
    },
)

"""MNIST with wrong labels (Table 2): a three-layer ReLU net beside a label-blind predictor."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["figures", "widgets"],
    submod_attrs={
        "data": ["MnistError", "NoisyImages"],
        "net": ["MnistNet"],
        "null": [
            "PAPER_TABLE2",
            "against_null",
            "half_way",
            "mean_and_error",
            "table2",
            "with_null",
        ],
        "run": ["MnistRun"],
    },
)

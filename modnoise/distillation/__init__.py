"""Consistency distillation: what a student copies of a teacher that has memorized its images."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["figures", "widgets"],
    submod_attrs={
        "compare": [
            "at_end",
            "at_setting",
            "copied_against_size",
            "distilled",
            "fidelity",
            "flow_times",
            "recorded",
            "slopes",
            "summary",
        ],
        "data": ["Images", "images"],
        "measures": ["copied", "frechet", "nearest"],
        "run": ["DistillRun", "FeaturesRun"],
        "spectrum": ["constants", "edges"],
    },
)

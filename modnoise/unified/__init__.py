"""Grokking, double descent, emergence: circuits compete for a transformer (Huang et al. 2024)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["figures", "widgets"],
    submod_attrs={
        "cells": [
            "at_budget",
            "averages",
            "cells",
            "critical_sizes",
            "dip",
            "dips",
            "in_cells",
            "mirrored",
            "one_per_zone",
        ],
        "data": ["TaskTable", "task_table"],
        "experiments": ["at_setting"],
        "net": ["CircuitStack", "KEYS"],
        "run": ["UnifiedRun"],
        "zones": ["ZONES", "classified"],
    },
)

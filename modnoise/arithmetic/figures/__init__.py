"""Figures of the main paper: functions that draw arrays and frames, see `modnoise.pages.style`.

Every public function of a module here that returns a `Figure` is a figure, and is known here by
its name.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    def __getattr__(name: str) -> Callable[..., Figure]: ...


def _figures() -> dict[str, object]:
    names = [f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)]
    return {
        name: function
        for module in map(importlib.import_module, names)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if function.__annotations__.get("return") == "Figure"
    }


_FOUND = _figures()
globals().update(_FOUND)
__all__ = sorted(_FOUND)

"""What the command line takes and gives as text: paths, durations, and letters of any terminal."""

from __future__ import annotations

import codecs
import io
import unicodedata
from typing import Any

import typer

import modnoise
from modnoise.spec import SpecError, quoted
from modnoise.store.records import home

PATH: dict[str, Any] = {"parser": home}
"""How typer reads an option or argument that is a path."""

SIGNS = {
    "²": "^2", "×": "x", "·": "*", "−": "-", "–": "-", "…": "...", "→": "->", "≥": ">=", "±": "+-",
    "√": "sqrt", "α": "alpha", "γ": "gamma", "λ": "lambda", "μ": "mu", "π": "pi", "φ": "phi",
    "Σ": "sum", "✓": "+", "✗": "x",
}  # fmt: skip
"""Signs of our texts in ASCII; letters lose their accents, and of all others is left a ``?``."""


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    bad = error.object[error.start : error.end]
    plain = (SIGNS.get(c) or unicodedata.normalize("NFKD", c) for c in bad)
    letters = ("".join(x for x in one if x.isascii()) or "?" for one in plain)
    return "".join(letters), error.end


codecs.register_error("modnoise.ascii", _in_ascii)


def degrade(*streams: Any) -> None:
    """Let streams write what their encoding has no sign for in ASCII, where they would fail.

    >>> stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    >>> degrade(stream)
    >>> print("Barták: x² → φ, 日", file=stream, flush=True)
    >>> stream.buffer.getvalue().decode().rstrip()
    'Bartak: x^2 -> phi, ?'
    """
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="modnoise.ascii")


def seconds(text: str) -> float:
    """Seconds of a duration as 90s, 9m or 1.5h.

    Raises:
        SpecError: anything else.
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    try:
        found = float(text[:-1]) * units[text[-1:]]
    except (ValueError, KeyError):
        found = 0.0
    if not 0 < found < float("inf"):
        raise SpecError(
            f"budget = {quoted(text)} is not allowed: it must be a positive number of s, m or h, "
            "as 90s, 9m or 1.5h"
        )
    return found


def version(asked: bool) -> bool:
    """Print the package's version and end, if that is asked for."""
    if asked:
        print(f"modnoise {modnoise.__version__}")
        raise typer.Exit
    return asked

"""What a page prints besides figures: statements checked by code, and its colophon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import pandas as pd

from modnoise.spec import Trainable
from modnoise.store.provenance import processor, provenance
from modnoise.store.records import duration


@dataclass(frozen=True)
class Statements:
    """Sentences with whether they hold; plain text in a terminal, a list on a page."""

    held: Mapping[str, bool]

    def __repr__(self) -> str:
        return "\n".join(f"{'holds' if ok else 'FAILS'}: {text}" for text, ok in self.held.items())

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li><strong>{'✓ holds' if ok else '✗ fails'}</strong> · {escape(text)}</li>"
            for text, ok in self.held.items()
        )
        return f'<ul class="mn-statements">{items}</ul>'


def statements(held: Mapping[str, object]) -> Statements:
    """Statements about the run on the page, each with its truth value, computed by the caller."""
    return Statements({text: bool(ok) for text, ok in held.items()})


@dataclass(frozen=True)
class Colophon:
    """The last line of a page: what it was computed with."""

    facts: Mapping[str, str]

    def __repr__(self) -> str:
        return " · ".join(f"{name} {value}" for name, value in self.facts.items())

    def _repr_html_(self) -> str:
        return f'<p class="mn-colophon"><small>{escape(repr(self))}</small></p>'


def colophon(run: Trainable, history: pd.DataFrame) -> Colophon:
    """What a page was computed with: its main run, and when, where and by which versions.

    ``history`` is the run's, from `load_or_train` (then date, device and commit are the record's)
    or from `train` (then they are of now). Without a commit the checksum of the sources stands.
    """
    here = provenance()
    made = {**here, "sources": None, **history.attrs} if "commit" in history.attrs else here
    code = "sources" if made["commit"] is None and made.get("sources") else "commit"
    return Colophon(
        {
            "run": run.key,
            **{name: str(getattr(run, name)) for name in ("p", "source") if hasattr(run, name)},
            "steps": str(run.steps),
            "trained in": duration(history.attrs["seconds"]),
            "on": made.get("device_name") or processor(),
            "date": made["date"][:10],
            code: str(made[code])[:10],
            **here["versions"],
        }
    )

"""What a rule says of a frame, whatever the setting: the words that tests of claims use."""

from __future__ import annotations

from modnoise.verdict import Verdict


def said(verdict: Verdict) -> str:
    """``holds``, ``fails`` (some decidable cell does, more of them than the claim's word allows),
    ``not tested``, or ``cannot tell`` where no cell can."""
    if verdict.state in ("holds", "not tested"):
        return verdict.state
    return "cannot tell" if verdict.undecidable == len(verdict.cells) else "fails"


def cells(verdict: Verdict) -> dict[str, str]:
    """Per cell whether the claim holds there, fails, or cannot be decided."""
    return {cell.name: cell.state for cell in verdict.cells}
